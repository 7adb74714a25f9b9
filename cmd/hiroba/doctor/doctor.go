// Package doctor finds out why people cannot get into rooms, or get in and see nobody: it looks at the machine, at the
// settings, and at a running server from the outside, and names each fault with its fix.
//
// It changes nothing. It sends packets to the server's own addresses only, but for what it is asked to ask by URL.
package doctor

import (
	"context"
	"net/netip"
	"net/url"
	"time"
)

// Config is what is known before looking.
type Config struct {
	// Server is what the server says of itself; nil when there is none, because it could not be started either.
	Server *Server
	// StartErr is why none could be started.
	StartErr error
	// Trusted are those of --trusted-proxies.
	Trusted []netip.Prefix
	// Listen and AdminListen are the settings of these names.
	Listen, AdminListen string
	// PublicIPs are those of --public-ip.
	PublicIPs []netip.Addr
	// Sockets is how many connections the server must bear.
	Sockets int
	// TURN is false with --turn off.
	TURN bool
	// GSO is false with --udp-gso off.
	GSO bool
	// Certificate says where the certificate comes from.
	Certificate Certificate
	// DataDir is the data folder, and DataDirFault why it cannot be used. DataDir is empty when nothing is kept.
	DataDir      string
	DataDirFault error
	// URL is what people type to get here, perhaps through a reverse proxy; nil leaves that out.
	URL *url.URL
	// STUN is a server that is asked what this machine's address is, as host:port; empty leaves that out.
	STUN string
	// Clock is an HTTP server whose Date is compared; nil leaves that out.
	Clock *url.URL
	// Root is where /proc, /sys and /.dockerenv are found: "/" but in tests.
	Root string
	// Now is the clock.
	Now func() time.Time
}

// Server is what a running server says of itself, on its admin port.
type Server struct {
	Version string `json:"version"`
	// Trial is true for a server that was started for the examination and ends with it.
	Trial bool `json:"-"`
	// Port is that of --listen, both for TCP and for UDP.
	Port uint16 `json:"port"`
	// Local are the addresses of its media sockets.
	Local []netip.Addr `json:"local"`
	// Announced are the addresses that clients are told: Local, or --public-ip in their place.
	Announced []netip.Addr `json:"announced"`
	// OpenFiles is how many files and sockets the process may have.
	OpenFiles uint64 `json:"openFiles"`
	// Token makes the server tell what it takes a request for: see Seen. It is good for some minutes.
	Token string `json:"token"`
	// Username and Credential are for the TURN server, and empty without one.
	Username   string `json:"username,omitempty"`
	Credential string `json:"credential,omitempty"`
}

// timeout bounds each question over the network.
const timeout = 3 * time.Second

// Examine runs all checks. It takes some seconds when answers are missing.
func Examine(ctx context.Context, cfg Config) *Report {
	r := &Report{}
	checkSockets(r, cfg)
	checkAdmin(r, cfg)
	checkAddresses(ctx, r, cfg)
	checkReach(ctx, r, cfg)
	checkTURN(ctx, r, cfg)
	cfg.Certificate.check(r, cfg.Now())
	checkClock(ctx, r, cfg)
	checkDataDir(r, cfg)
	checkBuffers(r, cfg)
	checkSegmentation(r, cfg)
	checkConntrack(r, cfg)
	checkOpenFiles(r, cfg)
	checkContainer(r, cfg)
	checkTrusted(r, cfg.Trusted)
	checkURL(ctx, r, cfg)
	return r
}

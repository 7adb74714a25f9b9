// Package forwarded says who really sent a request, and whether it travelled encrypted. Reverse proxies tell both in
// headers, and so can anybody else: only what a trusted proxy says is believed.
package forwarded

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// headers are what proxies add. Any of them means that the TCP peer is not the client.
var headers = []string{
	"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip",
}

// maxHop is longer than any address with zone and port that a proxy writes.
const maxHop = 128

// Client is the far end of a request.
type Client struct {
	// Addr is the client's address, as far as it can be told. Invalid when it cannot.
	Addr netip.Addr
	// Loopback is true when the client itself, not only a proxy, is on this machine.
	Loopback bool
	// Forwarded is true when a proxy stands between, as far as it says so.
	Forwarded bool
	// Encrypted is true when the request came by TLS, here or at a trusted proxy. False means that nobody said so: many
	// proxies end TLS and do not mention it.
	Encrypted bool
}

// Of reads the client from a request. Of the proxies, those on this machine are trusted, and those in the given networks.
func Of(r *http.Request, trusted []netip.Prefix) Client {
	peer := peerOf(r)
	forwarded := slices.ContainsFunc(headers, func(h string) bool { return r.Header.Get(h) != "" })
	if !forwarded {
		return Client{Addr: peer, Loopback: peer.IsLoopback(), Encrypted: r.TLS != nil}
	}
	return Client{
		Forwarded: true,
		Addr:      farthest(peer, r.Header.Values("X-Forwarded-For"), trusted),
		Encrypted: r.TLS != nil || (IsTrusted(peer, trusted) && allEncrypted(r.Header.Values("X-Forwarded-Proto"))),
	}
}

// farthest walks the hops of X-Forwarded-For. Each proxy appends whom it talked to. From the right, the first who is none
// of ours is the client; what stands further left is hearsay.
func farthest(peer netip.Addr, values []string, trusted []netip.Prefix) netip.Addr {
	addr := peer
	hops := strings.Split(strings.Join(values, ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !IsTrusted(addr, trusted) {
			break
		}
		next, ok := hopAddress(strings.TrimSpace(hop))
		if !ok {
			break
		}
		addr = next
	}
	return addr
}

// hopAddress reads one hop. Some proxies add the port, and some write IPv6 in brackets without one.
func hopAddress(hop string) (netip.Addr, bool) {
	if len(hop) > maxHop {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(hop)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	if addr = addr.Unmap().WithZone(""); addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}, false
	}
	return addr, true
}

// allEncrypted reads X-Forwarded-Proto. Where several proxies have their say, all of them must have seen TLS.
func allEncrypted(values []string) bool {
	for _, proto := range strings.Split(strings.Join(values, ","), ",") {
		switch strings.ToLower(strings.TrimSpace(proto)) {
		case "https", "wss": // Traefik says wss of a WebSocket
		default:
			return false
		}
	}
	return true
}

// peerOf is the other end of the TCP connection; invalid when it is no IP address, as in tests without sockets.
func peerOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// IsTrusted reports whether an address is that of a proxy whose words count: one on this machine, or in the given networks.
func IsTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	return a.IsLoopback() || slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

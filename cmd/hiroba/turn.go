package main

import (
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"time"

	"hiroba/room"
	"hiroba/sfu/turn"
	"hiroba/signaling/certs"
	"hiroba/signaling/protocol"
)

// The values of --turn.
const turnOff = "off"

// relays tells clients of the TURN server: by the address that they got here by, since that works for them.
type relays struct {
	server *turn.Server
	// port is that of --listen, for those who came through a proxy, which passes on nothing else.
	port uint16
	// certificates is nil with --tls off.
	certificates certs.Source
	// domains are what the certificate is surely for.
	domains []string
}

// iceServers implements room.Config.ICEServers.
//
// TURN over UDP is served too, but clients are not told of it: Chromium uses one socket for ICE and for TURN, and takes all that
// comes from the address of a TURN server for TURN. Since that is also the address of our media, nothing else would arrive.
func (r *relays) iceServers(now time.Time, who protocol.ParticipantID, by room.Reached) []protocol.ICEServer {
	if by.Host == "" || isLoopback(by.Host) { // nothing stands between
		return nil
	}
	port := r.port
	if by.Direct {
		port = by.Port
	}
	scheme, host := r.way(by.Host)
	at := net.JoinHostPort(host, strconv.Itoa(int(port)))
	username, credential := r.server.Issue(now, string(who))
	return []protocol.ICEServer{{URLs: []string{scheme + at + "?transport=tcp"}, Username: username, Credential: credential}}
}

// way chooses between TLS and not, and the host for it. TURN goes inside of TLS where the certificate is for the host: that
// somebody opened a page in spite of a warning is no reason for a browser to take the certificate for media. Else it goes
// without, and so it does with --tls lan, whose authority not everybody has been told to trust. The port takes both.
func (r *relays) way(came string) (scheme, host string) {
	if _, isLAN := r.certificates.(*certs.LAN); r.certificates == nil || isLAN {
		return "turn:", came
	}
	for _, host := range append([]string{came}, r.domains...) {
		pair, err := r.certificates.Certificate(&tls.ClientHelloInfo{ServerName: host})
		if err == nil && pair.Leaf.VerifyHostname(host) == nil {
			return "turns:", host
		}
	}
	return "turn:", came
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

package sfu

import (
	"net/netip"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/turn"
)

// Transport is how a client is reached.
type Transport string

// The transports.
const (
	// TransportNone is before ICE has found one.
	TransportNone Transport = "none"
	// TransportUDP is a UDP socket of the media port.
	TransportUDP Transport = "udp"
	// TransportTCP is a connection of the client's (RFC 6544).
	TransportTCP Transport = "tcp"
	// TransportTURN is the server's own relay, by whatever the client speaks to it.
	TransportTURN Transport = "turn"
)

// Transport is how the client is reached now.
func (p *Peer) Transport() Transport {
	t, _ := p.via.Load().(Transport)
	return t
}

// transportOf tells how the client is reached through a pair of candidates.
func transportOf(pair *webrtc.ICECandidatePair) Transport {
	switch {
	case pair == nil || pair.Local == nil || pair.Remote == nil:
		return TransportNone
	case pair.Local.Protocol == webrtc.ICEProtocolTCP:
		return TransportTCP
	}
	if ip, err := netip.ParseAddr(pair.Remote.Address); err == nil && turn.IsRelayed(ip) {
		return TransportTURN
	}
	return TransportUDP
}

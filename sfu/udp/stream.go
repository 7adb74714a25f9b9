package udp

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/pion/ice/v4"
)

// PeerStreams is one PeerConnection's share of the connections that carry ICE over TCP (RFC 6544). It implements ice.TCPMux.
// It has no life of its own: what it has is the PeerMux's.
type PeerStreams struct{ peer *PeerMux }

var _ ice.TCPMux = PeerStreams{}

// Streams is the share of the PeerConnection in connections.
func (p *PeerMux) Streams() PeerStreams { return PeerStreams{p} }

// GetConnByUfrag implements ice.TCPMux: the connection of an ICE agent with the local username fragment at a local address.
func (s PeerStreams) GetConnByUfrag(ufrag string, _ bool, local net.IP) (net.PacketConn, error) {
	at, ok := netip.AddrFromSlice(local)
	if !ok {
		return nil, fmt.Errorf("%w: %v", ErrNotLocal, local)
	}
	i := s.peer.mux.streamAt(at)
	if i < 0 {
		return nil, fmt.Errorf("%w: %v", ErrNotLocal, local)
	}
	return s.peer.connAt(i, ufrag)
}

// RemoveConnByUfrag implements ice.TCPMux.
func (s PeerStreams) RemoveConnByUfrag(ufrag string) { s.peer.RemoveConnByUfrag(ufrag) }

// Close implements ice.TCPMux. It does nothing.
func (s PeerStreams) Close() error { return nil }

// StreamDestination is Destination for the client of a connection.
func (p *PeerMux) StreamDestination(remote netip.AddrPort) (*Destination, bool) {
	return p.destination(remote, true)
}

// streamAt is the index of the local address that takes connections to addr; -1 where there is none.
func (m *Mux) streamAt(addr netip.Addr) int {
	addr = addr.Unmap().WithZone("")
	return slices.IndexFunc(m.locals, func(l *local) bool {
		return l.stream && l.addr.Addr().Unmap().WithZone("") == addr
	})
}

// listenStreams adds to each local address one for connections to a port.
func (m *Mux) listenStreams(port uint16) {
	if port == 0 {
		return
	}
	for _, l := range slices.Clone(m.locals) {
		m.locals = append(m.locals, &local{
			mux: m, index: len(m.locals), addr: netip.AddrPortFrom(l.addr.Addr(), port), stream: true,
			links: map[string]*link{}, routes: map[netip.AddrPort]*route{},
		})
	}
}

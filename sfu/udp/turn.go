package udp

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// TURN takes what clients say to a TURN server: its requests and indications, and ChannelData (RFC 8656).
type TURN interface {
	// HandleTURN gets a datagram that came to a local address. It keeps nothing of b, and does not wait.
	HandleTURN(local, from netip.AddrPort, b []byte)
}

// turnServer lets an atomic pointer have an interface.
type turnServer struct{ TURN }

// SetTURN hands to s from now on what is for a TURN server. Before, it is dropped.
func (m *Mux) SetTURN(s TURN) { m.turn.Store(&turnServer{s}) }

// LocalAddrs are the addresses of the media port.
func (m *Mux) LocalAddrs() []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, l := range m.locals {
		if !l.stream {
			addrs = append(addrs, l.addr)
		}
	}
	return addrs
}

// WriteTURN sends an answer of the TURN server from a local address. It does not wait.
func (m *Mux) WriteTURN(from, to netip.AddrPort, b []byte) {
	i := slices.IndexFunc(m.locals, func(l *local) bool { return !l.stream && l.addr == from })
	if i >= 0 {
		to = canonical(to)
		sockets := m.locals[i].sockets
		sockets[int(to.Port())%len(sockets)].write(b, to)
	}
}

// isTURN reports whether the STUN message b is a request or indication with a method of TURN (RFC 8656, section 17).
func isTURN(b []byte) bool {
	kind := binary.BigEndian.Uint16(b)
	if kind&0x0100 != 0 { // an answer
		return false
	}
	switch kind &^ 0x0010 {
	case 0x0003, 0x0004, 0x0006, 0x0008, 0x0009: // Allocate, Refresh, Send, CreatePermission, ChannelBind
		return true
	default:
		return false
	}
}

// isChannelData reports whether b, which begins as one, is a whole message of TURN's channels (RFC 8656, section 12.4).
func isChannelData(b []byte) bool {
	return len(b) >= 4 && 4+int(binary.BigEndian.Uint16(b[2:])) <= len(b)
}

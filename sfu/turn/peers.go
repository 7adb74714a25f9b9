package turn

import (
	"net/netip"
	"slices"
)

// peers are the addresses that relays may reach: those of the media port.
type peers struct {
	local  []netip.AddrPort
	public []netip.Addr // stand for the local ones, outside of a NAT
	port   uint16
}

func newPeers(local []netip.AddrPort, public []netip.Addr) peers {
	p := peers{port: local[0].Port()}
	for _, a := range local {
		p.local = append(p.local, netip.AddrPortFrom(plain(a.Addr()), a.Port()))
	}
	for _, a := range public {
		p.public = append(p.public, plain(a))
	}
	return p
}

// plain is an address as it is compared: IPv4 is IPv4 in whatever clothes it comes.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// allow reports whether a client may send to an address at all. Loopback is for clients on this machine.
func (p *peers) allow(client, peer netip.Addr) bool {
	peer = plain(peer)
	if slices.Contains(p.public, peer) {
		return true
	}
	return slices.ContainsFunc(p.local, func(a netip.AddrPort) bool { return a.Addr() == peer }) &&
		(!peer.IsLoopback() || plain(client).IsLoopback())
}

// isLocal reports whether peer is a local address of the media port.
func (p *peers) isLocal(peer netip.AddrPort) bool { return slices.Contains(p.local, peer) }

// isPublic reports whether peer is an address of the media port outside of a NAT.
func (p *peers) isPublic(peer netip.AddrPort) bool {
	return peer.Port() == p.port && slices.Contains(p.public, peer.Addr())
}

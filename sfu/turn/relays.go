package turn

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pion/turn/v5"

	"hiroba/sfu/udp"
)

var (
	errNoRelay = errors.New("no relay left")
	errNoTCP   = errors.New("relays carry datagrams only")
)

// generator makes the relays of allocations for pion.
type generator struct{ server *Server }

var _ turn.RelayAddressGenerator = generator{}

// Validate implements turn.RelayAddressGenerator.
func (generator) Validate() error { return nil }

// AllocatePacketConn implements turn.RelayAddressGenerator.
func (g generator) AllocatePacketConn(cfg turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if cfg.UserID == "" { // pion looks for an even port, which nobody needs any more
		return nil, nil, errNoRelay
	}
	ip := relayed4
	if cfg.Network == "udp6" {
		ip = relayed6
	}
	r := g.server.add(cfg.UserID, ip)
	if r == nil {
		return nil, nil, errNoRelay
	}
	relayed := r.LocalAddr()
	return r, relayed, nil
}

// AllocateListener implements turn.RelayAddressGenerator.
func (generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

// AllocateConn implements turn.RelayAddressGenerator.
func (generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

// add makes a relay; nil if there is no room.
func (s *Server) add(user string, ip netip.Addr) *relay {
	r := s.reserve(user, ip)
	if r == nil {
		return nil
	}
	inlet, ok := s.mux.AttachRelay(r.addr, func(local netip.AddrPort) udp.Flow {
		p := &path{relay: r, local: local}
		p.peer.Store(net.UDPAddrFromAddrPort(local))
		r.paths = append(r.paths, p)
		return p
	})
	if !ok { // the media port is closed
		r.expires.Stop()
		s.remove(r)
		return nil
	}
	r.inlet = inlet
	return r
}

// reserve finds an address for a relay; nil if there is no room.
func (s *Server) reserve(user string, ip netip.Addr) *relay {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[user] >= s.cfg.MaxRelaysPerUser || len(s.relays) >= s.cfg.MaxRelays {
		return nil
	}
	// A port is used again as late as possible. There are more of them than relays.
	addr := netip.AddrPortFrom(ip, s.port)
	for range lastPort {
		if s.port++; s.port < firstPort {
			s.port = firstPort
		}
		if addr = netip.AddrPortFrom(ip, s.port); s.relays[addr] == nil {
			break
		}
	}
	r := &relay{server: s, addr: addr, user: user, ready: make(chan struct{}, 1), done: make(chan struct{})}
	r.expires = time.AfterFunc(maxRelayAge, r.shut)
	s.relays[addr] = r
	s.users[user]++
	return r
}

// remove forgets a relay.
func (s *Server) remove(r *relay) {
	s.mu.Lock()
	delete(s.relays, r.addr)
	if s.users[r.user]--; s.users[r.user] == 0 {
		delete(s.users, r.user)
	}
	owned := r.client.addr.IsValid() && s.clients[r.client] == r
	if owned {
		delete(s.clients, r.client)
		s.byWay[r.transport]--
	}
	s.mu.Unlock()
	if owned && r.client.stream {
		s.streams.settle(r.client.addr, false)
	}
}

// handleCreated notes whose relay one is.
func (s *Server) handleCreated(from, _ net.Addr, _, _, _ string, relayed net.Addr, _ int) {
	_, stream := from.(*net.TCPAddr)
	c := client{stream, addrPortOf(from)}
	transport, here := UDP, true
	if stream {
		transport, here = s.streams.settle(c.addr, true)
	}
	s.tally.allocations[transport].Add(1)
	s.mu.Lock()
	r := s.relays[addrPortOf(relayed)]
	if r != nil {
		r.client, r.transport = c, transport
		s.clients[c] = r
		s.byWay[transport]++
	}
	s.mu.Unlock()
	if r != nil && !here { // the connection ended meanwhile
		r.shut()
	}
}

// hangUp ends the relay of a client that is gone.
func (s *Server) hangUp(c client) {
	s.mu.RLock()
	r := s.clients[c]
	s.mu.RUnlock()
	if r != nil {
		r.shut()
	}
}

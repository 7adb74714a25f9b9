package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
)

// maxRoutes bounds the remote addresses that one PeerConnection owns at one local address. A client has a few: one for each of
// its networks, and those that its NAT gives it in the course of a call.
const maxRoutes = 32

// local is one local address: its sockets, and who talks through it.
type local struct {
	mux     *Mux
	index   int // in mux.locals
	addr    netip.AddrPort
	stream  bool // reached by TCP, and has no sockets
	sockets []*socket

	// gso is off where the system or the network card cannot do it; see lane.refused.
	gso        atomic.Bool
	gsoWorked  atomic.Bool
	gsoRefused atomic.Int32

	mu     sync.RWMutex // guards what follows
	closed bool
	links  map[string]*link // by local username fragment
	routes map[netip.AddrPort]*route
	flows  map[netip.AddrPort]Flow // of the remote addresses that are not reached through the sockets
}

// route is one remote address and who owns it.
type route struct {
	peer   *PeerMux
	remote netip.AddrPort
	flow   Flow  // nil: through the sockets
	link   *link // guarded by local.mu; nil between the links of an ICE restart
	// owned turns false when the route is removed. Copies of the pointer may be kept for longer.
	owned atomic.Bool
	// written is the number of the PeerMux's last datagram to here that was not STUN. pion sends these only through the
	// pair of addresses that ICE selected.
	written atomic.Uint64
}

// canonical is addr as routes know it: the socket says which interface it is at, so that the zone says nothing more.
func canonical(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
}

// listenAt opens the sockets at one address. The first binds alone, which fails if anybody else has the port, and lets
// the others in afterwards.
func (m *Mux) listenAt(addr netip.AddrPort, readers int) (*local, error) {
	if !addr.Addr().IsValid() || addr.Addr().IsUnspecified() || addr.Addr().IsMulticast() {
		return nil, fmt.Errorf("%s is not the address of an interface", addr.Addr())
	}
	l := &local{
		mux: m, index: len(m.locals), addr: addr,
		links: map[string]*link{}, routes: map[netip.AddrPort]*route{},
	}
	for i := range readers {
		s, err := openSocket(l.addr, i == 0)
		if err != nil {
			for _, s := range l.sockets {
				_ = s.conn.Close()
			}
			if op, ok := errors.AsType[*net.OpError](err); ok {
				err = op.Err // the rest says the address again
			}
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, fmt.Errorf("open %s: another process has this port: %w", addr, err)
			}
			return nil, fmt.Errorf("open %s: %w", addr, err)
		}
		l.sockets = append(l.sockets, s)
		if i > 0 {
			continue
		}
		bound, ok := s.conn.LocalAddr().(*net.UDPAddr)
		if !ok {
			panic("udp: the address of a UDP socket is not one")
		}
		l.addr = netip.AddrPortFrom(addr.Addr(), bound.AddrPort().Port()) // where port 0 asked for any
	}
	return l, nil
}

// close ends the sockets and what pion reads of them.
func (l *local) close() error {
	l.mu.Lock()
	l.closed = true
	links := l.links
	l.links, l.routes = map[string]*link{}, map[netip.AddrPort]*route{}
	l.mu.Unlock()
	for _, link := range links {
		link.shut()
	}
	var errs []error
	for _, s := range l.sockets {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(errs...)
}

// target is where a datagram goes.
type target struct {
	peer  *PeerMux // whose Receiver is asked first; nil for STUN and DTLS
	link  *link    // whose pion reads it otherwise; nil: nobody
	turn  bool     // for the TURN server
	known bool     // came from an address that the peer owns
	drop  Drop     // why it goes nowhere, if both are nil
	done  bool     // the Receiver had it
}

// find tells where the datagram b goes (RFC 7983, section 7). l.mu is held for reading.
func (l *local) find(b []byte, from netip.AddrPort) target {
	if len(b) == 0 {
		return target{drop: NoProtocol}
	}
	switch first := b[0]; {
	case first < 4:
		return l.findSTUN(b, from)
	case first >= 20 && first < 64:
		if r := l.routes[from]; r != nil {
			return target{link: r.link, known: true}
		}
	case first >= 64 && first < 80:
		if isChannelData(b) && l.hasTURN() {
			return target{turn: true}
		}
		return target{drop: NoProtocol}
	case first >= 128 && first < 192:
		if r := l.routes[from]; r != nil {
			t := target{link: r.link, known: true}
			if r.peer.receiver != nil {
				t.peer = r.peer
			}
			return t
		}
	default:
		return target{drop: NoProtocol}
	}
	return target{drop: UnknownSource}
}

// findSTUN is find for what begins as STUN does.
func (l *local) findSTUN(b []byte, from netip.AddrPort) target {
	if !isSTUN(b) {
		return target{drop: NoProtocol}
	}
	if isTURN(b) && l.hasTURN() {
		return target{turn: true}
	}
	if fragment := receiverFragment(b); isRequest(b) && fragment != nil {
		link := l.links[string(fragment)] // does not allocate
		if link == nil {
			return target{drop: UnknownUser}
		}
		r := l.routes[from]
		return target{link: link, known: r != nil && r.peer == link.peer}
	}
	if r := l.routes[from]; r != nil {
		return target{link: r.link, known: true}
	}
	return target{drop: UnknownSource}
}

// hasTURN reports whether a TURN server answers here.
func (l *local) hasTURN() bool { return !l.stream && l.mux.turn.Load() != nil }

// claim is called when pion writes through k to remote. It returns the route if the peer of k owns the address now: because
// nobody else did, or because what it writes is the answer to a binding request.
func (l *local) claim(k *link, remote netip.AddrPort, answers bool) *route {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.routes[remote]
	switch {
	case r != nil && r.peer == k.peer:
		if !k.removed {
			r.link = k
		}
		return r
	case k.removed || l.closed, r != nil && !answers:
		return nil
	case r != nil:
		l.remove(r)
	}
	own := &k.peer.ports[l.index].routes
	if len(*own) == maxRoutes {
		l.remove((*own)[0])
	}
	if l.stream && l.flows[remote] == nil { // the connection is gone
		return nil
	}
	r = &route{peer: k.peer, remote: remote, link: k, flow: l.flows[remote]}
	r.owned.Store(true)
	*own = append(*own, r)
	l.routes[remote] = r
	return r
}

// remove takes a route away from its owner. l.mu is held.
func (l *local) remove(r *route) {
	r.owned.Store(false)
	r.link = nil
	delete(l.routes, r.remote)
	own := &r.peer.ports[l.index].routes
	if i := slices.Index(*own, r); i >= 0 {
		*own = slices.Delete(*own, i, i+1)
	}
}

// removeLink forgets a username fragment. The addresses stay with the peer: during an ICE restart media runs on.
// l.mu is held.
func (l *local) removeLink(k *link) {
	if k.removed {
		return
	}
	k.removed = true
	if l.links[k.fragment] == k {
		delete(l.links, k.fragment)
	}
	port := &k.peer.ports[l.index]
	for _, r := range port.routes {
		if r.link == k {
			r.link = nil
		}
	}
	if i := slices.Index(port.links, k); i >= 0 {
		port.links = slices.Delete(port.links, i, i+1)
	}
}

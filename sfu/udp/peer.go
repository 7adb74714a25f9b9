package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
)

var _ ice.UDPMux = (*PeerMux)(nil)

// ErrNotLocal is returned for an address that the Mux does not listen on.
var ErrNotLocal = errors.New("not an address of the media port")

// PeerMux is one PeerConnection's share of the media port. It implements ice.UDPMux. Its methods may be called by any goroutine.
type PeerMux struct {
	mux      *Mux
	receiver Receiver // may be nil
	number   int      // spreads peers over sockets
	ports    []port   // as mux.locals; each guarded by its local.mu

	// written counts what pion sent that was not STUN; see route.written.
	written atomic.Uint64
	// home is the reader that keeps the alarm: the first that had media of this peer.
	home atomic.Pointer[reader]
	// alarm is guarded by home.timers.mu.
	alarm alarm
	// wake is when Wake asked for, on the readers' clocks; 0 is not.
	wake atomic.Int64

	mu     sync.Mutex // held while the Receiver is called
	closed bool
}

// port is what a PeerMux has at one local address.
type port struct {
	links  []*link
	routes []*route // the oldest first
}

// Peer makes the share of a new PeerConnection. If r is nil all its datagrams go to pion. It must be closed: pion does not do it.
func (m *Mux) Peer(r Receiver) *PeerMux {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.peers++
	return &PeerMux{mux: m, receiver: r, number: m.peers, ports: make([]port, len(m.locals))}
}

// GetListenAddresses implements ice.UDPMux.
func (p *PeerMux) GetListenAddresses() []net.Addr {
	var addresses []net.Addr
	for _, a := range p.mux.LocalAddrs() {
		addresses = append(addresses, net.UDPAddrFromAddrPort(a))
	}
	return addresses
}

// GetConn implements ice.UDPMux: it returns the connection of an ICE agent with the local username fragment ufrag at a local
// address. Connections with the same of both share what comes.
func (p *PeerMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("%w: %v", ErrNotLocal, addr)
	}
	at := canonical(udp.AddrPort())
	i := slices.IndexFunc(p.mux.locals, func(l *local) bool { return !l.stream && canonical(l.addr) == at })
	if i < 0 {
		return nil, fmt.Errorf("%w: %v", ErrNotLocal, addr)
	}
	return p.connAt(i, ufrag)
}

// connAt is GetConn at the local address with index i.
func (p *PeerMux) connAt(i int, ufrag string) (net.PacketConn, error) {
	l := p.mux.locals[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.links[ufrag]
	switch {
	case l.closed:
		return nil, net.ErrClosed
	case k != nil && k.peer != p:
		return nil, fmt.Errorf("username fragment %q belongs to another connection", ufrag)
	case k == nil:
		k = newLink(p, l, ufrag)
		l.links[ufrag] = k
		p.ports[i].links = append(p.ports[i].links, k)
	}
	k.refs++
	return newConn(k), nil
}

// RemoveConnByUfrag implements ice.UDPMux.
func (p *PeerMux) RemoveConnByUfrag(ufrag string) {
	for _, l := range p.mux.locals {
		l.mu.Lock()
		if k := l.links[ufrag]; k != nil && k.peer == p {
			l.removeLink(k)
		}
		l.mu.Unlock()
	}
}

// Close implements ice.UDPMux: it gives up all addresses, ends what pion reads, and waits for a running call of the Receiver,
// which is not called again. Destinations stay usable as long as the Mux is open.
func (p *PeerMux) Close() error {
	for i, l := range p.mux.locals {
		l.mu.Lock()
		links := slices.Clone(p.ports[i].links)
		for _, k := range links {
			l.removeLink(k)
		}
		for len(p.ports[i].routes) > 0 {
			l.remove(p.ports[i].routes[0])
		}
		l.mu.Unlock()
		for _, k := range links {
			k.shut()
		}
	}
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	if home := p.home.Load(); home != nil {
		home.timers.cancel(p)
	}
	return nil
}

// Destination finds the way to a remote address of this PeerConnection: one that pion has written to, and that no other has taken
// since. If it was written to from several local addresses, the way is that which pion uses for DTLS.
//
// A Destination remembers what a Sender learnt about the path: ask again only if the address changed.
func (p *PeerMux) Destination(remote netip.AddrPort) (*Destination, bool) {
	return p.destination(remote, false)
}

func (p *PeerMux) destination(remote netip.AddrPort, stream bool) (*Destination, bool) {
	remote = canonical(remote)
	var best *local
	var flow Flow
	var written uint64
	for _, l := range p.mux.locals {
		if l.stream != stream {
			continue
		}
		l.mu.RLock()
		r := l.routes[remote]
		l.mu.RUnlock()
		if r == nil || r.peer != p {
			continue
		}
		if n := r.written.Load(); best == nil || n > written {
			best, flow, written = l, r.flow, n
		}
	}
	if best == nil {
		return nil, false
	}
	return newDestination(best, remote, flow), true
}

// Wake asks for a call of HandleBatch at a time, though nothing came; at once if that has passed. Several wishes merge to the
// earliest. It never waits for the Receiver.
func (p *PeerMux) Wake(at time.Time) {
	if p.receiver == nil {
		return
	}
	due := max(int64(p.mux.sinceStart(at)), 1)
	for {
		old := p.wake.Load()
		if old != 0 && old <= due {
			return
		}
		if p.wake.CompareAndSwap(old, due) {
			break
		}
	}
	sockets := p.mux.locals[0].sockets
	p.homeOr(sockets[p.number%len(sockets)].reader).timers.hurry(p)
}

// homeOr is the reader that keeps the alarm, r if there was none.
func (p *PeerMux) homeOr(r *reader) *reader {
	if p.home.CompareAndSwap(nil, r) {
		return r
	}
	return p.home.Load()
}

// finishBatch asks the Receiver for its next deadline. p.mu is held, and p is open.
func (p *PeerMux) finishBatch(now time.Time, r *reader) {
	if w := p.wake.Load(); w != 0 && w <= int64(p.mux.sinceStart(now)) {
		p.wake.CompareAndSwap(w, 0) // else somebody asked for an even earlier time
	}
	due := p.receiver.HandleBatch(now, r.out())
	p.homeOr(r.keeper).timers.schedule(p, now, due)
}

package turn

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"hiroba/sfu/udp"
)

const (
	// maxRelayBytes bounds what waits in a relay for its client.
	maxRelayBytes = 256 << 10
	// relayOverhead is what a datagram that waits counts in addition, so that many small ones are bounded, too.
	relayOverhead = 64
)

// relay is what an allocation relays through. To pion it is the socket with the relayed address; to the media port it is the
// way to the client.
type relay struct {
	server  *Server
	addr    netip.AddrPort // the relayed address
	user    string
	expires *time.Timer

	paths []*path // one for each local address of the media port

	// client is who has the allocation, once pion has made it, and transport how they speak. Guarded by Server.mu.
	client    client
	transport Transport

	in    sync.Mutex // guards what follows: pion sends from one goroutine, and closes from another
	inlet *udp.Inlet

	mu     sync.Mutex // guards what follows
	closed bool
	queue  []waiting
	bytes  int
	ready  chan struct{} // holds a token if something may be queued
	done   chan struct{}
	once   sync.Once
}

// waiting is a datagram for the client.
type waiting struct {
	*datagram
	from *net.UDPAddr
	came time.Time
}

// path is the way from one local address of the media port to the client. It implements udp.Flow.
type path struct {
	*relay
	local netip.AddrPort
	// peer is the address that the client sends to in order to get there: the local one, or one that stands for it. Answers
	// must come from the same.
	peer atomic.Pointer[net.UDPAddr]
}

var (
	_ udp.Flow       = (*path)(nil)
	_ net.PacketConn = (*relay)(nil)
)

// Send implements udp.Flow.
func (p *path) Send(b []byte) bool {
	d := newDatagram(b)
	if d == nil {
		return false
	}
	cost := len(b) + relayOverhead
	p.mu.Lock()
	if p.closed || p.bytes+cost > maxRelayBytes {
		p.mu.Unlock()
		d.release()
		return false
	}
	p.queue = append(p.queue, waiting{d, p.peer.Load(), time.Now()})
	p.bytes += cost
	p.mu.Unlock()
	p.signal()
	return true
}

// Waiting implements udp.Flow.
func (r *relay) Waiting(now time.Time) (bytes int, age time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return 0, 0
	}
	return r.bytes, max(now.Sub(r.queue[0].came), 0)
}

func (r *relay) signal() {
	select {
	case r.ready <- struct{}{}:
	default:
	}
}

// ReadFrom implements net.PacketConn: what goes to the client.
func (r *relay) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if w, ok := r.pop(); ok {
			n := copy(b, w.bytes())
			w.release()
			return n, w.from, nil
		}
		select {
		case <-r.ready:
		case <-r.done:
			return 0, nil, net.ErrClosed
		}
	}
}

func (r *relay) pop() (waiting, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return waiting{}, false
	}
	w := r.queue[0]
	r.queue[0] = waiting{}
	if r.queue = r.queue[1:]; len(r.queue) == 0 {
		r.queue = nil
	}
	r.bytes -= len(w.bytes()) + relayOverhead
	return w, true
}

// WriteTo implements net.PacketConn: what the client sends to a peer. pion has seen to it that there is a permission for the
// address, but permissions know no ports.
func (r *relay) WriteTo(b []byte, to net.Addr) (int, error) {
	peer := addrPortOf(to)
	peers := &r.server.peers
	local := peer
	r.in.Lock()
	defer r.in.Unlock()
	if r.inlet == nil {
		return 0, net.ErrClosed
	}
	switch {
	case peers.isLocal(peer):
	case peers.isPublic(peer):
		found, ok := r.inlet.Find(peer.Addr().Is6(), b)
		if !ok {
			return len(b), nil // as on a network
		}
		local = found
	default:
		r.server.tally.refuse(ForbiddenPort)
		return len(b), nil
	}
	r.answerAs(local, peer)
	r.inlet.Deliver(local, b)
	return len(b), nil
}

// answerAs makes answers of a local address come from the peer that the client sent to.
func (r *relay) answerAs(local, peer netip.AddrPort) {
	for _, p := range r.paths {
		if p.local == local && addrPortOf(p.peer.Load()) != peer {
			p.peer.Store(net.UDPAddrFromAddrPort(peer))
		}
	}
}

// LocalAddr implements net.PacketConn.
func (r *relay) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(r.addr) }

// SetDeadline implements net.PacketConn. pion does not need it.
func (r *relay) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (r *relay) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (r *relay) SetWriteDeadline(time.Time) error { return nil }

// Close implements net.PacketConn: pion calls it when the allocation ends.
func (r *relay) Close() error {
	r.shut()
	r.in.Lock()
	if r.inlet != nil {
		r.inlet.Close()
		r.inlet.Release()
		r.inlet = nil
		r.in.Unlock()
		r.expires.Stop()
		r.server.remove(r)
		return nil
	}
	r.in.Unlock()
	return nil
}

// shut makes pion end the allocation.
func (r *relay) shut() {
	r.once.Do(func() {
		r.mu.Lock()
		r.closed = true
		for _, w := range r.queue {
			w.release()
		}
		r.queue, r.bytes = nil, 0
		r.mu.Unlock()
		close(r.done)
	})
}

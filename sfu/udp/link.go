package udp

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"

	"hiroba/sfu/packet"
)

const (
	// maxQueue bounds the datagrams that wait for pion: a burst of large keyframes on pion's own media path.
	maxQueue = 512
	// maxUnknownQueue is the part of it for datagrams from addresses that showed nothing yet but a username fragment.
	maxUnknownQueue = 32
)

// link is what an ICE agent reads and writes at one local address: the datagrams for one username fragment.
type link struct {
	peer     *PeerMux
	local    *local
	fragment string
	refs     int  // open conns; guarded by local.mu
	removed  bool // from local.links; guarded by local.mu

	// route is the one that was written to last: mostly the next one too.
	route atomic.Pointer[route]

	ready chan struct{} // holds a token if something may be queued
	done  chan struct{} // closed by shut

	mu     sync.Mutex // guards what follows
	closed bool
	queue  []queued // a ring
	head   int      // where the oldest is
	waits  int      // how many there are
}

// queued is a datagram that waits for pion.
type queued struct {
	packet *packet.Packet
	from   netip.AddrPort
}

func newLink(p *PeerMux, l *local, fragment string) *link {
	return &link{
		peer: p, local: l, fragment: fragment,
		ready: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// push queues a datagram for pion. If it reports true the link has the reference to pkt.
func (k *link) push(pkt *packet.Packet, from netip.AddrPort, known bool) bool {
	limit := maxUnknownQueue
	if known {
		limit = maxQueue
	}
	k.mu.Lock()
	if k.closed || k.waits >= limit {
		k.mu.Unlock()
		return false
	}
	if k.waits == len(k.queue) {
		k.grow()
	}
	k.queue[(k.head+k.waits)%len(k.queue)] = queued{pkt, from}
	k.waits++
	k.mu.Unlock()
	k.signal()
	return true
}

// grow doubles the ring. k.mu is held.
func (k *link) grow() {
	bigger := make([]queued, max(8, 2*len(k.queue)))
	n := copy(bigger, k.queue[k.head:])
	copy(bigger[n:], k.queue[:k.head])
	k.queue, k.head = bigger, 0
}

// pop takes the oldest datagram.
func (k *link) pop() (q queued, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waits == 0 {
		return queued{}, false
	}
	q, k.queue[k.head] = k.queue[k.head], queued{}
	k.head = (k.head + 1) % len(k.queue)
	k.waits--
	if k.waits > 0 {
		k.signal() // for another conn of the same link
	}
	return q, true
}

func (k *link) signal() {
	select {
	case k.ready <- struct{}{}:
	default:
	}
}

// shut ends all reading.
func (k *link) shut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	k.closed = true
	close(k.done)
	for ; k.waits > 0; k.waits-- {
		k.queue[k.head].packet.Release()
		k.head = (k.head + 1) % len(k.queue)
	}
	k.queue = nil
}

// write sends what pion wrote, and notes that the peer talks to this address.
func (k *link) write(b []byte, to netip.AddrPort) {
	to = canonical(to)
	r := k.route.Load()
	if r == nil || r.remote != to || !r.owned.Load() {
		if r = k.local.claim(k, to, isBindingReply(b)); r != nil {
			k.route.Store(r)
		}
	}
	if r != nil && len(b) > 0 && b[0] >= 4 {
		r.written.Store(k.peer.written.Add(1))
	}
	if flow := k.flowTo(r, to); flow != nil {
		k.peer.mux.sendFlow(flow, b)
		return
	}
	if k.local.stream { // the connection is gone
		return
	}
	sockets := k.local.sockets
	sockets[k.peer.number%len(sockets)].write(b, to)
}

// flowTo is how the address to is reached, nil if by a socket; r is the route to it, if the peer owns it.
func (k *link) flowTo(r *route, to netip.AddrPort) Flow {
	if r != nil {
		return r.flow
	}
	return k.local.flowTo(to)
}

// conn is an ICE agent's hold on a link.
type conn struct {
	link   *link
	poke   chan struct{} // holds a token if the deadline changed
	closed chan struct{}
	once   sync.Once

	deadline atomic.Pointer[time.Time]
}

var (
	_ net.PacketConn           = (*conn)(nil)
	_ ice.AddrPortReaderWriter = (*conn)(nil)
)

func newConn(k *link) *conn {
	return &conn{link: k, poke: make(chan struct{}, 1), closed: make(chan struct{})}
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (c *conn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		if c.isClosed() {
			c.link.signal() // this conn may have taken the token of another
			return 0, netip.AddrPort{}, net.ErrClosed
		}
		if q, ok := c.link.pop(); ok {
			n, err := copy(b, q.packet.Bytes()), error(nil)
			if n < len(q.packet.Bytes()) {
				err = io.ErrShortBuffer
			}
			q.packet.Release()
			return n, q.from, err
		}
		if err := c.wait(); err != nil {
			return 0, netip.AddrPort{}, err
		}
	}
}

// wait returns when there may be something to read.
func (c *conn) wait() error {
	var expired <-chan time.Time
	if d := c.deadline.Load(); d != nil && !d.IsZero() {
		left := time.Until(*d)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		timer := time.NewTimer(left)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-c.link.ready:
	case <-c.poke:
	case <-expired:
	case <-c.closed:
	case <-c.link.done:
		return io.EOF
	}
	return nil
}

// WriteToAddrPort implements ice.AddrPortReaderWriter. It never waits: what the system does not take is lost like a datagram on
// the way, and counted.
func (c *conn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if c.isClosed() {
		return 0, io.ErrClosedPipe
	}
	c.link.write(b, to)
	return len(b), nil
}

// ReadFrom implements net.PacketConn.
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, c.netAddr(from), nil
}

// WriteTo implements net.PacketConn.
func (c *conn) WriteTo(b []byte, to net.Addr) (int, error) {
	switch a := to.(type) {
	case *net.UDPAddr:
		return c.WriteToAddrPort(b, a.AddrPort())
	case *net.TCPAddr:
		return c.WriteToAddrPort(b, a.AddrPort())
	default:
		return 0, &net.AddrError{Err: "neither a UDP nor a TCP address", Addr: to.String()}
	}
}

// LocalAddr implements net.PacketConn.
func (c *conn) LocalAddr() net.Addr { return c.netAddr(c.link.local.addr) }

// netAddr is an address with the protocol of the link.
func (c *conn) netAddr(a netip.AddrPort) net.Addr {
	if c.link.local.stream {
		return net.TCPAddrFromAddrPort(a)
	}
	return net.UDPAddrFromAddrPort(a)
}

// SetDeadline implements net.PacketConn. Writing never waits and needs none.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.deadline.Store(&t)
	select {
	case c.poke <- struct{}{}:
	default:
	}
	return nil
}

// SetWriteDeadline implements net.PacketConn.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// Close implements net.PacketConn. The last conn of a link ends it.
func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		k := c.link
		k.local.mu.Lock()
		k.refs--
		last := k.refs == 0
		if last {
			k.local.removeLink(k)
		}
		k.local.mu.Unlock()
		if last {
			k.shut()
		}
	})
	return nil
}

func (c *conn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

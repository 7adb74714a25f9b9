package turn

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxQueue bounds the messages that wait for pion, and maxStrangers is the part of it for those of clients that have no
	// relay.
	maxQueue     = 512
	maxStrangers = 64
)

// arrival is a message that waits for pion.
type arrival struct {
	*datagram
	from net.Addr
}

// socket is what pion reads from and writes to: to it, a UDP socket. Behind it is a local address of the media port, or all
// connections.
type socket struct {
	addr  net.Addr
	write func(b []byte, to netip.AddrPort)
	queue chan arrival
	done  chan struct{}
	once  sync.Once
}

var _ net.PacketConn = (*socket)(nil)

func newSocket(addr net.Addr, write func(b []byte, to netip.AddrPort)) *socket {
	return &socket{addr: addr, write: write, queue: make(chan arrival, maxQueue), done: make(chan struct{})}
}

// offer queues a message if there is room.
func (s *socket) offer(b []byte, from net.Addr, known bool) bool {
	if !known && len(s.queue) >= maxStrangers {
		return false
	}
	d := newDatagram(b)
	if d == nil {
		return false
	}
	select {
	case s.queue <- arrival{d, from}:
		return true
	default:
		d.release()
		return false
	}
}

// put queues a message as soon as there is room. It is false when the socket is closed.
func (s *socket) put(b []byte, from net.Addr) bool {
	d := newDatagram(b)
	if d == nil {
		return false
	}
	select {
	case s.queue <- arrival{d, from}:
		return true
	case <-s.done:
		d.release()
		return false
	}
}

// ReadFrom implements net.PacketConn.
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case a := <-s.queue:
		n := copy(b, a.bytes())
		a.release()
		return n, a.from, nil
	case <-s.done:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (s *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	s.write(b, addrPortOf(to))
	return len(b), nil
}

// LocalAddr implements net.PacketConn.
func (s *socket) LocalAddr() net.Addr { return s.addr }

// Close implements net.PacketConn.
func (s *socket) Close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

// SetDeadline implements net.PacketConn. pion does not need it.
func (s *socket) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (s *socket) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

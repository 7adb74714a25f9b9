package tap

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// leaseQueue is how many datagrams wait for pion, and mediaQueue when media is among them.
	leaseQueue = 32
	mediaQueue = 2048
	// leaseBytes is the largest datagram that is handed to pion.
	leaseBytes = 2048
)

// datagram waits for pion.
type datagram struct {
	buf  *[leaseBytes]byte
	n    int
	from netip.AddrPort
}

// datagrams are the buffers of what waits.
var datagrams = sync.Pool{New: func() any { return new([leaseBytes]byte) }}

// lease is a Socket as one ICE agent sees it. Closing it leaves the socket open.
type lease struct {
	socket *Socket
	queue  chan datagram
	done   chan struct{}
	once   sync.Once
}

func newLease(s *Socket) *lease {
	size := leaseQueue
	if s.options.PassMedia {
		size = mediaQueue
	}
	return &lease{socket: s, queue: make(chan datagram, size), done: make(chan struct{})}
}

// deliver queues a datagram. One too many is lost, as in a network.
func (l *lease) deliver(b []byte, from netip.AddrPort) {
	if len(b) > leaseBytes {
		return
	}
	buf, _ := datagrams.Get().(*[leaseBytes]byte) // the pool has nothing else
	select {
	case l.queue <- datagram{buf, copy(buf[:], b), from}:
	default:
		datagrams.Put(buf)
	}
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (l *lease) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-l.queue:
		n := copy(b, d.buf[:d.n])
		datagrams.Put(d.buf)
		return n, d.from, nil
	case <-l.done:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (l *lease) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return l.socket.conn.writeTo(b, to)
}

// ReadFrom implements net.PacketConn.
func (l *lease) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := l.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (l *lease) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return l.WriteToAddrPort(b, udp.AddrPort())
}

func (l *lease) end() { l.once.Do(func() { close(l.done) }) }

// Close implements net.PacketConn.
func (l *lease) Close() error {
	l.end()
	l.socket.mu.Lock()
	defer l.socket.mu.Unlock()
	delete(l.socket.leases, l)
	return nil
}

// LocalAddr implements net.PacketConn.
func (l *lease) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(l.socket.local) }

// SetDeadline implements net.PacketConn. pion sets deadlines only to abort, and then closes.
func (l *lease) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (l *lease) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (l *lease) SetWriteDeadline(time.Time) error { return nil }

package tap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batch is how many datagrams, or runs of them, one system call takes.
	batch = 16
	// runBytes is the largest run that the kernel hands over.
	runBytes = 1 << 16
	// controlBytes is room for the time, the size of segments and the count of drops.
	controlBytes = 128
	// events is how many sockets one look finds.
	events = 512
	// bufferBytes is what each socket asks for, so that bursts wait until the next look. The kernel may give less.
	bufferBytes = 4 << 20
	// writeWait bounds a write to a full socket, in milliseconds.
	writeWait = 20
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	n      uint32
}

// reader is a goroutine that looks at many sockets.
type reader struct {
	hub  *Hub
	poll int // epoll

	mu        sync.Mutex // guards latencies; held while one socket is read
	latencies latencies

	socketsMu sync.Mutex
	sockets   map[int32]*Socket // by file descriptor

	// Owned by run.
	found    [events]unix.EpollEvent
	messages [batch]mmsghdr
	vectors  [batch]unix.Iovec
	names    [batch]unix.RawSockaddrInet6
	control  [batch][controlBytes]byte
	buffers  []byte
}

func newReader(h *Hub) (*reader, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make epoll: %w", err)
	}
	r := &reader{hub: h, poll: poll, sockets: make(map[int32]*Socket), buffers: make([]byte, batch*runBytes)}
	for i := range r.messages {
		r.vectors[i].Base = &r.buffers[i*runBytes]
		r.vectors[i].SetLen(runBytes)
		m := &r.messages[i].header
		m.Iov = &r.vectors[i]
		m.SetIovlen(1)
		m.Name = (*byte)(unsafe.Pointer(&r.names[i])) //nolint:gosec // the system call wants it
		m.Control = &r.control[i][0]
	}
	return r, nil
}

// run looks at the sockets until the hub closes.
func (r *reader) run() {
	timer := time.NewTimer(r.hub.cfg.Interval)
	defer timer.Stop()
	for {
		began := time.Now()
		r.look()
		timer.Reset(max(0, r.hub.cfg.Interval-time.Since(began)))
		select {
		case <-r.hub.done:
			return
		case <-timer.C:
		}
	}
}

// look reads every socket that has something.
func (r *reader) look() {
	for {
		n, err := unix.EpollWait(r.poll, r.found[:], 0)
		if err != nil || n == 0 {
			return
		}
		more := n == events
		for _, e := range r.found[:n] {
			r.socketsMu.Lock()
			s := r.sockets[e.Fd]
			r.socketsMu.Unlock()
			if s != nil && r.read(s) {
				more = true
			}
		}
		if !more {
			return
		}
		runtime.Gosched()
	}
}

// read takes what a socket has, at most one batch, and reports whether there may be more.
func (r *reader) read(s *Socket) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	c, _ := s.conn.(*rawConn) // there is no other here
	for i := range r.messages {
		m := &r.messages[i].header
		m.Namelen = unix.SizeofSockaddrInet6
		m.SetControllen(controlBytes)
		m.Flags = 0
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(c.fd),
		uintptr(unsafe.Pointer(&r.messages[0])), batch, unix.MSG_DONTWAIT, 0, 0) //nolint:gosec // the system call wants it
	if errno != 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range int(n) {
		r.message(s, i)
	}
	return n == batch
}

// message takes one datagram or run of datagrams.
func (r *reader) message(s *Socket, i int) {
	m := &r.messages[i]
	at, segment, dropped := parseControl(r.control[i][:m.header.Controllen])
	if at == 0 {
		at = time.Now().UnixNano()
	}
	if dropped > 0 {
		s.dropped.Store(uint64(dropped))
	}
	b := r.buffers[i*runBytes:][:m.n]
	from := addrPort(&r.names[i])
	for len(b) > 0 {
		n := len(b)
		if segment > 0 {
			n = min(n, segment)
		}
		s.receive(b[:n], from, at, &r.latencies)
		b = b[n:]
	}
}

// parseControl reads the kernel's notes: when the datagram came in nanoseconds since 1970, the size of the segments of a
// run, and how many datagrams this socket lost so far. What it does not say is 0.
func parseControl(b []byte) (at int64, segment int, dropped uint32) {
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0])) //nolint:gosec // long enough, and the kernel aligns it
		size := int(h.Len)                          //nolint:gosec // checked below
		if size < unix.SizeofCmsghdr || size > len(b) {
			return at, segment, dropped
		}
		data := b[unix.CmsgLen(0):size]
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			at = (*unix.Timespec)(unsafe.Pointer(&data[0])).Nano() //nolint:gosec // long enough
		case h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO && len(data) >= 4:
			segment = int(binary.NativeEndian.Uint32(data))
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			dropped = binary.NativeEndian.Uint32(data)
		}
		b = b[min(len(b), unix.CmsgSpace(size-unix.CmsgLen(0))):]
	}
	return at, segment, dropped
}

func addrPort(name *unix.RawSockaddrInet6) netip.AddrPort {
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name)) //nolint:gosec // the family says so
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), ntohs(v4.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr), ntohs(name.Port))
}

// ntohs is a port as the kernel keeps it, in our order.
func ntohs(port uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&port))[:]) //nolint:gosec // two bytes
}

// open opens a socket and adds it to those that are looked at.
func (r *reader) open(local netip.Addr, options Options) (*Socket, error) {
	family := unix.AF_INET
	if local.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	c := &rawConn{fd: fd, reader: r}
	port, err := c.prepare(local, r.hub.cfg.NoGRO)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	s := newSocket(r.hub, options, c, netip.AddrPortFrom(local, port))
	r.socketsMu.Lock()
	r.sockets[int32(fd)] = s //nolint:gosec // a small number
	r.socketsMu.Unlock()
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)} //nolint:gosec // a small number
	if err := unix.EpollCtl(r.poll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("watch socket: %w", err)
	}
	return s, nil
}

func (r *reader) close() error { return unix.Close(r.poll) }

// conn is what a Socket writes to.
type conn interface {
	writeTo(b []byte, to netip.AddrPort) (int, error)
	close() error
}

// rawConn is a socket outside of Go's own polling, which would wake for each packet.
type rawConn struct {
	fd     int
	reader *reader

	mu     sync.RWMutex // held for reading while the descriptor is written to
	closed bool
}

// prepare binds the socket and sets its options; only binding can fail.
func (c *rawConn) prepare(local netip.Addr, noGRO bool) (port uint16, err error) {
	for _, o := range [][3]int{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, bufferBytes},
	} {
		_ = unix.SetsockoptInt(c.fd, o[0], o[1], o[2])
	}
	if !noGRO {
		_ = unix.SetsockoptInt(c.fd, unix.SOL_UDP, unix.UDP_GRO, 1)
	}
	if err := unix.Bind(c.fd, sockaddr(netip.AddrPortFrom(local, 0))); err != nil {
		return 0, fmt.Errorf("bind socket to %s: %w", local, err)
	}
	bound, err := unix.Getsockname(c.fd)
	if err != nil {
		return 0, fmt.Errorf("read address of socket: %w", err)
	}
	switch bound := bound.(type) {
	case *unix.SockaddrInet4:
		return uint16(bound.Port), nil //nolint:gosec // a port
	case *unix.SockaddrInet6:
		return uint16(bound.Port), nil //nolint:gosec // a port
	default:
		return 0, errors.New("socket has an address of another kind")
	}
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Unmap().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().Unmap().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func (c *rawConn) writeTo(b []byte, to netip.AddrPort) (int, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	address := sockaddr(to)
	for {
		err := unix.Sendto(c.fd, b, 0, address)
		switch {
		case err == nil:
			return len(b), nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			ready := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}} //nolint:gosec // a small number
			if n, err := unix.Poll(ready, writeWait); err == nil && n == 0 {
				return 0, errTimeout
			}
		default:
			return 0, fmt.Errorf("send: %w", err)
		}
	}
}

func (c *rawConn) close() error {
	c.reader.socketsMu.Lock()
	delete(c.reader.sockets, int32(c.fd)) //nolint:gosec // a small number
	c.reader.socketsMu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return unix.Close(c.fd)
}

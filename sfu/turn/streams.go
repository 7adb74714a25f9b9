package turn

import (
	"bufio"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"hiroba/sfu/tcp"
)

const (
	// allocateWithin is how long a connection may be without a relay.
	allocateWithin = 15 * time.Second
	// idleAfter is how long one with a relay may be silent: clients refresh their permissions each four minutes.
	idleAfter = 10 * time.Minute
	// The bounds on connections without a relay, of one address and in all.
	maxHopefulPerAddress, maxHopeful = 64, 1024
	// aheadBytes is how much of what peers sent waits in a connection's own queue. The rest waits in the relay, where it is
	// seen.
	aheadBytes = 32 << 10
	readBytes  = 4096
)

// streams are the clients of TCP and TLS: to pion one socket.
type streams struct {
	server   *Server
	listener net.Listener
	socket   *socket
	lobby    *tcp.Lobby // those without a relay
	running  sync.WaitGroup

	mu     sync.RWMutex // guards what follows
	closed bool
	conns  map[netip.AddrPort]*stream
}

// stream is one connection.
type stream struct {
	conn      net.Conn
	transport Transport
	outbox    *tcp.Outbox
	allocated atomic.Bool
}

func newStreams(s *Server, l net.Listener) *streams {
	all := &streams{
		server: s, listener: l, conns: make(map[netip.AddrPort]*stream),
		lobby: tcp.NewLobby(maxHopefulPerAddress, maxHopeful),
	}
	addr := addrPortOf(l.Addr())
	// It is not known at which address a connection will come, so the family of a relay is that of the client.
	all.socket = newSocket(&net.TCPAddr{IP: net.IPv6unspecified, Port: int(addr.Port())}, all.write)
	return all
}

// acceptLoop takes connections until the listener is closed.
func (s *streams) acceptLoop() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		from := addrPortOf(c.RemoteAddr())
		one := &stream{conn: c, transport: TCP}
		if tcp.Encrypted(c) {
			one.transport = TLS
		}
		if !s.add(from, one) {
			_ = c.Close()
			continue
		}
		s.running.Go(func() { s.serve(from, one) })
	}
}

func (s *streams) add(from netip.AddrPort, one *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !from.IsValid() || s.conns[from] != nil {
		return false
	}
	s.conns[from] = one
	one.outbox = tcp.NewOutbox(one.conn, 0)
	return true
}

// serve reads a connection until it ends, and its relay with it.
func (s *streams) serve(from netip.AddrPort, one *stream) {
	guest := s.lobby.Enter(from.Addr(), func() { _ = one.conn.Close() })
	if guest != nil {
		err := s.read(from, one, guest)
		stayed := s.lobby.Leave(guest)
		switch {
		case !stayed:
			s.server.tally.refuse(Crowded)
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.server.tally.refuse(Idle)
		case errors.Is(err, errNotTURN):
			s.server.tally.refuse(Malformed)
		}
	}
	one.outbox.Close()
	s.mu.Lock()
	delete(s.conns, from)
	s.mu.Unlock()
	s.server.hangUp(client{true, from})
}

func (s *streams) read(from netip.AddrPort, one *stream, guest *tcp.Guest) error {
	r := bufio.NewReaderSize(one.conn, readBytes)
	addr := net.TCPAddrFromAddrPort(from)
	_ = one.conn.SetReadDeadline(time.Now().Add(allocateWithin))
	for settled := false; ; {
		b, err := next(r)
		if err != nil {
			return err
		}
		if !settled && one.allocated.Load() {
			settled = true
			s.lobby.Leave(guest)
		}
		if one.allocated.Load() {
			_ = one.conn.SetReadDeadline(time.Now().Add(idleAfter))
		}
		if !s.socket.put(b, addr) {
			return net.ErrClosed
		}
	}
}

// write sends a message of pion's to a client. What peers sent comes from a goroutine of the client's own, which may wait: that
// lets the rest wait in the relay. Anything else does not wait.
func (s *streams) write(b []byte, to netip.AddrPort) {
	s.mu.RLock()
	one := s.conns[to]
	s.mu.RUnlock()
	if one == nil {
		return
	}
	var err error
	if carriesData(b) {
		err = one.outbox.SendWhenRoom(b, nil, aheadBytes)
	} else {
		err = one.outbox.Send(b, nil)
	}
	if errors.Is(err, tcp.ErrFull) {
		s.server.tally.refuse(QueueFull)
	}
}

// settle notes that a client has a relay, or none any more. It is false if the client is gone.
func (s *streams) settle(from netip.AddrPort, allocated bool) (Transport, bool) {
	s.mu.RLock()
	one := s.conns[from]
	s.mu.RUnlock()
	if one == nil {
		return TCP, false
	}
	one.allocated.Store(allocated)
	patience := allocateWithin
	if allocated {
		patience = idleAfter
	}
	_ = one.conn.SetReadDeadline(time.Now().Add(patience))
	return one.transport, true
}

func (s *streams) count() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.conns)
}

// close hangs up on everybody and waits.
func (s *streams) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for _, one := range s.conns {
		_ = one.conn.Close()
	}
	s.mu.Unlock()
	s.lobby.Close()
	s.running.Wait()
	return err //nolint:wrapcheck // as the listener says it
}

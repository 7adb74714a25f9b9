package main

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// Bounds on connections that have not yet said what they are. Beyond firstWaiting new ones are closed at once.
const (
	firstTimeout = 10 * time.Second
	firstWaiting = 1024
)

// recordHandshake begins every TLS connection (RFC 8446, section 5.1). No request of HTTP begins with it.
const recordHandshake = 22

// splitListener accepts TLS and plain HTTP on one port: the first byte tells. A TLS connection comes out as a *tls.Conn, on
// which net/http then makes the handshake.
type splitListener struct {
	net.Listener

	config  *tls.Config
	ready   chan net.Conn
	waiting chan struct{} // holds a token for each connection that has said nothing
	failed  chan error
	closed  chan struct{}
	close   func() error
}

// splitTLS looks at the connections of a listener until that is closed.
func splitTLS(l net.Listener, config *tls.Config) *splitListener {
	s := &splitListener{
		Listener: l,
		config:   config,
		ready:    make(chan net.Conn),
		waiting:  make(chan struct{}, firstWaiting),
		failed:   make(chan error, 1),
		closed:   make(chan struct{}),
	}
	s.close = sync.OnceValue(func() error {
		close(s.closed)
		return l.Close()
	})
	go s.acceptLoop()
	return s
}

// Accept returns the next connection that has said something.
func (s *splitListener) Accept() (net.Conn, error) {
	select {
	case conn := <-s.ready:
		return conn, nil
	case err := <-s.failed:
		return nil, err
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s *splitListener) Close() error { return s.close() }

func (s *splitListener) acceptLoop() {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			s.failed <- err
			return
		}
		select {
		case s.waiting <- struct{}{}:
			go s.look(conn)
		default:
			conn.Close() //nolint:gosec // it has said nothing
		}
	}
}

// look waits for the first byte of a connection and hands it on.
func (s *splitListener) look(conn net.Conn) {
	first := make([]byte, 1)
	_ = conn.SetReadDeadline(time.Now().Add(firstTimeout)) // a dead connection fails to read anyway
	_, err := conn.Read(first)
	<-s.waiting
	if err != nil {
		conn.Close() //nolint:gosec // nothing was said
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	var known net.Conn = &startedConn{Conn: conn, first: first}
	if first[0] == recordHandshake {
		known = tls.Server(known, s.config)
	}
	select {
	case s.ready <- known:
	case <-s.closed:
		conn.Close() //nolint:gosec // nobody waits for it
	}
}

// startedConn gives back what was read from a connection to look at it.
type startedConn struct {
	net.Conn

	first []byte
}

// Read implements net.Conn.
func (c *startedConn) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

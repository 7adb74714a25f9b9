package tcp

import (
	"crypto/tls"
	"net"
	"sync"
)

// conn is a connection whose first bytes were read already.
type conn struct {
	net.Conn
	head []byte // what was read and not taken yet
	tls  *tls.Conn
	// leave takes the connection out of the lobby that it waits in; nil when it waits in none.
	leave func()
	once  sync.Once // of leave
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.settle()
	return c.Conn.Close() //nolint:wrapcheck // as the connection below says it
}

// settle ends the wait of a connection in a lobby.
func (c *conn) settle() {
	if c.leave != nil {
		c.once.Do(c.leave)
	}
}

// Settled tells the Port that a connection of HTTP has become something that others watch over, such as a WebSocket. Until
// then it counts among those that may have to make room.
func Settled(c net.Conn) {
	if bottom := bottomOf(c); bottom != nil {
		bottom.settle()
	}
}

// bottomOf is what is next to the TCP connection; nil for a connection of no Port.
func bottomOf(c net.Conn) (bottom *conn) {
	for {
		switch inner := c.(type) {
		case *conn:
			bottom, c = inner, inner.Conn
		case *tls.Conn:
			c = inner.NetConn()
		default:
			return bottom
		}
	}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(b, c.head)
		if c.head = c.head[n:]; len(c.head) == 0 {
			c.head = nil
		}
		return n, nil
	}
	return c.Conn.Read(b) //nolint:wrapcheck // as the connection below says it
}

// Encrypted reports whether a connection of a Port came inside of TLS.
func Encrypted(c net.Conn) bool { return TLSState(c) != nil }

// TLSState is what TLS agreed on for a connection of a Port; nil if that came without.
func TLSState(c net.Conn) *tls.ConnectionState {
	switch c := c.(type) {
	case *tls.Conn:
		state := c.ConnectionState()
		return &state
	case *conn:
		if c.tls != nil {
			return TLSState(c.tls)
		}
	}
	return nil
}

// raw is the TCP connection below; nil when there is none, as in tests.
func raw(c net.Conn) *net.TCPConn {
	for {
		switch inner := c.(type) {
		case *conn:
			c = inner.Conn
		case *tls.Conn:
			c = inner.NetConn()
		case *net.TCPConn:
			return inner
		default:
			return nil
		}
	}
}

package tcp

import (
	"crypto/tls"
	"net"
)

// conn is a connection whose first bytes were read already.
type conn struct {
	net.Conn
	head []byte // what was read and not taken yet
	tls  *tls.Conn
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

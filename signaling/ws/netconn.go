package ws

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
)

// wireConn is the TCP (or TLS) connection under a WebSocket. It counts what really crosses it, and it lets us set
// deadlines and close for good: the library's own Close waits for a peer that may never answer.
type wireConn struct {
	net.Conn
	received, sent *atomic.Uint64

	// sealed is set when the goodbye begins, silent when the close frame is out. Writes come one at a time.
	sealed, silent atomic.Bool
}

// opcodeClose is the first byte of a close frame that is not masked (RFC 6455, section 5.2).
const opcodeClose = 0x88

// seal makes the next close frame the last thing that is written. The library answers the peer's close frame with
// another one even when it has sent its own; browsers take that for a violation of the protocol and say so in their
// console. To be called when no more messages are written: control frames are written whole, so they can be told by
// their first byte.
func (c *wireConn) seal() { c.sealed.Store(true) }

func (c *wireConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(uint64(n)) //nolint:gosec // never negative
	return n, err             //nolint:wrapcheck // as the connection below says it
}

func (c *wireConn) Write(p []byte) (int, error) {
	if c.sealed.Load() && len(p) > 0 {
		if c.silent.Load() {
			return len(p), nil
		}
		c.silent.Store(p[0] == opcodeClose)
	}
	n, err := c.Conn.Write(p)
	c.sent.Add(uint64(n)) //nolint:gosec // never negative
	return n, err         //nolint:wrapcheck // as the connection below says it
}

// hijacker gets hold of the connection when the WebSocket library takes it over from net/http.
type hijacker struct {
	http.ResponseWriter
	received, sent *atomic.Uint64
	// conn is set by Hijack.
	conn *wireConn
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over the connection: %w", err)
	}
	h.conn = &wireConn{Conn: conn, received: h.received, sent: h.sent}
	rw.Writer.Reset(h.conn)
	return h.conn, rw, nil
}

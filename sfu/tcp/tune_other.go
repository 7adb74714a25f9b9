//go:build !linux

package tcp

import "net"

// bufferBytes is how much the system keeps for a connection.
const bufferBytes = 128 << 10

// tune makes the system keep little for the connection.
func tune(c *net.TCPConn) { _, _ = c.SetNoDelay(true), c.SetWriteBuffer(bufferBytes) }

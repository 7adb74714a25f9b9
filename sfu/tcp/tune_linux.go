package tcp

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// unsentBytes is how much the kernel takes beyond what is on its way: more would be late without anybody seeing it.
	unsentBytes = 32 << 10
	// deadAfter is how long the kernel tries to send to a client that does not answer, as in a network that went away.
	deadAfter = 20 * time.Second
)

// tune makes the kernel keep little for the connection.
func tune(c *net.TCPConn) {
	_ = c.SetNoDelay(true)
	conn, err := c.SyscallConn()
	if err != nil {
		return // it is closed
	}
	_ = conn.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadAfter.Milliseconds()))
	})
}

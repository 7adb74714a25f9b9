//go:build !portable

package udp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// canSharePort says that several sockets can share a port, and the kernel spreads clients over them.
const canSharePort = true

// socketBuffer is what the sockets ask the kernel for, in bytes: room for a burst of keyframes while the reader is not scheduled.
// The kernel may give less.
const socketBuffer = 4 << 20

// socket is one UDP socket of the port.
type socket struct {
	conn   *net.UDPConn
	raw    syscall.RawConn
	scope  uint32 // of the local address
	reader *reader

	// sendmmsg is the system call; tests put errors in its place.
	sendmmsg func(fd uintptr, messages []mmsghdr) (n int, errno syscall.Errno)
}

// openSocket binds a socket. The first at an address must be the only one there, and lets others follow afterwards.
func openSocket(addr netip.AddrPort, first bool) (*socket, error) {
	network := "udp6"
	if addr.Addr().Is4() {
		network = "udp4"
	}
	share := func(fd uintptr) error {
		return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if first {
			return nil
		}
		return control(c, share)
	}}
	packets, err := config.ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, err //nolint:wrapcheck // listenAt says what it was for
	}
	conn, ok := packets.(*net.UDPConn)
	if !ok {
		panic("udp: a UDP socket is not one")
	}
	s := &socket{conn: conn, scope: scopeOf(addr.Addr()), sendmmsg: sendmmsg}
	if s.raw, err = conn.SyscallConn(); err == nil && first {
		err = control(s.raw, share)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("share the port among readers: %w", err)
	}
	_ = control(s.raw, func(fd uintptr) error {
		grow(int(fd), unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
		grow(int(fd), unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
		return nil
	})
	return s, nil
}

// grow asks for a larger buffer: beyond the system's limit where this process may, else up to it.
func grow(fd, force, option int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, socketBuffer) // checkSystem tells what came of it
	}
}

// control runs f on the file descriptor.
func control(c syscall.RawConn, f func(fd uintptr) error) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = f(fd) }); e != nil {
		return e //nolint:wrapcheck // the caller says what it was for
	}
	return err
}

// bufferSizes are in bytes.
type bufferSizes struct{ receive, send int }

// buffers are the sizes that the kernel gave. It doubles what it is asked for, for its own use.
func (s *socket) buffers() bufferSizes {
	var sizes bufferSizes
	_ = control(s.raw, func(fd uintptr) (err error) {
		if sizes.receive, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil {
			return err
		}
		sizes.send, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF)
		return err
	})
	return bufferSizes{receive: sizes.receive / 2, send: sizes.send / 2}
}

// canSegment reports whether the kernel knows UDP_SEGMENT (Linux 4.18).
func (s *socket) canSegment() bool {
	return control(s.raw, func(fd uintptr) error {
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		return err
	}) == nil
}

// single sends one datagram. It is pooled because what a system call reads must be on the heap.
type single struct {
	b    []byte
	name sockaddr
	size uint32
	err  syscall.Errno
	send func(fd uintptr)
}

var singles = sync.Pool{New: func() any {
	s := &single{}
	s.send = func(fd uintptr) {
		data, name := unsafe.Pointer(&s.b[0]), unsafe.Pointer(&s.name) //nolint:gosec // the kernel takes addresses
		_, _, s.err = unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(data), uintptr(len(s.b)), unix.MSG_DONTWAIT,
			uintptr(name), uintptr(s.size))
	}
	return s
}}

// write sends one datagram, or drops and counts it.
func (s *socket) write(b []byte, to netip.AddrPort) {
	if len(b) == 0 {
		return
	}
	t := s.reader.tally
	one, _ := singles.Get().(*single)
	one.b, one.size = b, one.name.set(to, s.scope)
	for try := 0; ; try++ {
		if s.raw.Control(one.send) != nil { // closed
			break
		}
		t.writeCalls.Add(1)
		// A pending ICMP error is told to whoever writes next, whatever the address; once told it is gone.
		if one.err != unix.ECONNREFUSED || try > 0 {
			break
		}
	}
	if one.err == 0 {
		t.datagramsOut.Add(1)
		t.bytesOut.Add(uint64(len(b)))
	} else {
		t.sendErrors[kindOf(one.err)].Add(1)
	}
	one.b = nil
	singles.Put(one)
}

// kindOf names an error of sending.
func kindOf(err syscall.Errno) SendError {
	switch err {
	case unix.EAGAIN:
		return BufferFull
	case unix.ENOBUFS, unix.ENOMEM:
		return NoBuffers
	case unix.EPERM, unix.EACCES:
		return NotPermitted
	case unix.ECONNREFUSED:
		return Refused
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENETDOWN, unix.EADDRNOTAVAIL:
		return Unreachable
	case unix.EMSGSIZE:
		return TooBig
	default:
		return OtherError
	}
}

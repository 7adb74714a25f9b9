//go:build !portable

package udp

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"hiroba/sfu/packet"
)

// batch is what recvmmsg fills: a message for each slot.
type batch struct {
	messages []mmsghdr
	vectors  []unix.Iovec
	names    []sockaddr
	used     int           // messages that must be set again before the next call
	err      syscall.Errno // why step ended
	stepFunc func(fd uintptr) bool
}

func (r *reader) init() {
	r.stepFunc = r.step
	r.resize(minBatch)
}

// resize makes n slots of the reader's.
func (r *reader) resize(n int) {
	for len(r.slots) < n {
		r.slots = append(r.slots, packet.New())
	}
	r.from, r.targets = make([]netip.AddrPort, n), make([]target, n)
	r.messages, r.vectors, r.names = make([]mmsghdr, n), make([]unix.Iovec, n), make([]sockaddr, n)
	for i := range r.messages {
		header := &r.messages[i].header
		header.Name = &r.names[i][0]
		header.Iov = &r.vectors[i]
		header.SetIovlen(1)
	}
	r.used = n
}

// read handles what comes until there is an error or the deadline passes.
func (r *reader) read() error {
	if err := r.socket.raw.Read(r.stepFunc); err != nil {
		return err //nolint:wrapcheck // run knows what it was
	}
	if r.err != 0 {
		return r.err
	}
	return nil
}

// step reads until the socket is empty. It returns false to wait for more. The poller remembers what comes from the time of
// the read on, so a batch that was not full needs no second call to see that there is nothing.
func (r *reader) step(fd uintptr) bool {
	r.err = 0
	for !r.mux.closed.Load() {
		for i := range r.used {
			r.vectors[i].Base = &r.slots[i].Buffer()[0]
			r.vectors[i].SetLen(packet.MaxBytes)
			r.messages[i].header.Namelen = unix.SizeofSockaddrInet6
		}
		r.used = 0
		n, errno := recvmmsg(fd, r.messages)
		r.tally.readCalls.Add(1)
		switch errno {
		case 0:
		case unix.EAGAIN:
			return false
		case unix.EINTR:
			continue
		default:
			r.err = errno
			return true
		}
		for i := range n {
			m := &r.messages[i]
			r.slots[i].SetLen(int(m.length))
			r.from[i] = r.names[i].addrPort()
			if m.header.Flags&unix.MSG_TRUNC != 0 {
				r.targets[i].drop = TooLong
			}
		}
		r.used = n
		r.dispatch(n)
		if n < len(r.messages) {
			return false
		}
		if n < maxBatch {
			r.resize(2 * n)
		}
	}
	return true
}

//go:build !portable

package udp

import (
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refuse lets fault decide which messages of the sender fail. As with the system call, a failing message is only told of if it is the
// first of the call, and ends the call otherwise.
func refuse(m *Mux, fault func(header *unix.Msghdr) syscall.Errno) {
	for _, l := range m.locals {
		for _, s := range l.sockets {
			s.sendmmsg = func(fd uintptr, messages []mmsghdr) (int, syscall.Errno) {
				for i := range messages {
					if errno := fault(&messages[i].header); errno != 0 {
						if i == 0 {
							return 0, errno
						}
						return sendmmsg(fd, messages[:i])
					}
				}
				return sendmmsg(fd, messages)
			}
		}
	}
}

// portOf is where a message goes.
func portOf(header *unix.Msghdr) uint16 {
	return (*sockaddr)(unsafe.Pointer(header.Name)).addrPort().Port()
}

func TestRefusedRunGoesOneByOne(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EMSGSIZE, unix.EINVAL, unix.EIO, unix.EOPNOTSUPP} {
		t.Run(errno.Error(), func(t *testing.T) {
			m := listen(t)
			a := newAgent(t, m, nil, "one")
			narrow, wide := newClient(t, m), newClient(t, m)
			toNarrow, toWide, s := destination(t, a, narrow), destination(t, a, wide), m.NewSender()
			refuse(m, func(header *unix.Msghdr) syscall.Errno {
				if header.Control != nil && portOf(header) == narrow.addr().Port() {
					return errno
				}
				return 0
			})
			for round := range 3 {
				for i := range 6 {
					add(s, toWide, i, 1200)
					add(s, toNarrow, i, 1200)
				}
				s.Flush()
				for i := range 6 {
					expect(t, wide, i, 1200)
					expect(t, narrow, i, 1200)
				}
				n := m.Counters()
				if n.RunsRefused != 1 || n.Runs != uint64(round+1) || n.SendErrors != [SendErrorCount]uint64{} {
					t.Errorf("round %d: %+v", round, n)
				}
			}
			if !m.locals[0].gso.Load() {
				t.Error("one destination switched runs off for all")
			}
		})
	}
}

func TestRunsAreSwitchedOffWhereNoneWorks(t *testing.T) {
	for errno, off := range map[syscall.Errno]bool{unix.EIO: true, unix.EINVAL: true, unix.EMSGSIZE: false} {
		t.Run(errno.Error(), func(t *testing.T) {
			m := listen(t)
			a, s := newAgent(t, m, nil, "one"), m.NewSender()
			refuse(m, func(header *unix.Msghdr) syscall.Errno {
				if header.Control != nil {
					return errno
				}
				return 0
			})
			const clients = refusalsUntilOff + 2
			for range clients {
				c := newClient(t, m)
				d := destination(t, a, c)
				for i := range 4 {
					add(s, d, i, 1200)
				}
				s.Flush()
				for i := range 4 {
					expect(t, c, i, 1200)
				}
			}
			want := uint64(clients)
			if off {
				want = refusalsUntilOff
			}
			if n := m.Counters(); n.RunsRefused != want {
				t.Errorf("%d runs were tried, want %d", n.RunsRefused, want)
			}
			if m.locals[0].gso.Load() == off {
				t.Errorf("runs are off: %t, want %t", !off, off)
			}
		})
	}
}

func TestSendErrorsLoseOnlyWhatFailed(t *testing.T) {
	for errno, kind := range map[syscall.Errno]SendError{
		unix.ENOBUFS: NoBuffers, unix.EPERM: NotPermitted, unix.ENETUNREACH: Unreachable, unix.EMSGSIZE: TooBig,
		unix.ECONNREFUSED: Refused, unix.EPROTO: OtherError,
	} {
		t.Run(errno.Error(), func(t *testing.T) {
			m := listen(t, func(c *Config) { c.GSO = false })
			a := newAgent(t, m, nil, "one")
			bad, good := newClient(t, m), newClient(t, m)
			toBad, toGood, s := destination(t, a, bad), destination(t, a, good), m.NewSender()
			refuse(m, func(header *unix.Msghdr) syscall.Errno {
				if portOf(header) == bad.addr().Port() {
					return errno
				}
				return 0
			})
			const many = 70 // more than one system call, and less than the client's socket holds
			for i := range many {
				add(s, toGood, i, 1000)
				add(s, toBad, i, 1000)
			}
			s.Flush()
			for i := range many {
				expect(t, good, i, 1000)
			}
			var want [SendErrorCount]uint64
			want[kind] = many
			if n := m.Counters(); n.SendErrors != want {
				t.Errorf("errors %v, want %v", n.SendErrors, want)
			}
		})
	}
}

// A pending ICMP error is told once, to whoever writes next: that datagram must not be lost for it.
func TestErrorOfAnotherDatagramLosesNothing(t *testing.T) {
	m := listen(t)
	a, c := newAgent(t, m, nil, "one"), newClient(t, m)
	d, s := destination(t, a, c), m.NewSender()
	told := false
	refuse(m, func(*unix.Msghdr) syscall.Errno {
		if told {
			return 0
		}
		told = true
		return unix.ECONNREFUSED
	})
	add(s, d, 1, 100)
	s.Flush()
	expect(t, c, 1, 100)
}

func TestFullSocketDropsTheRest(t *testing.T) {
	m := listen(t)
	a, c := newAgent(t, m, nil, "one"), newClient(t, m)
	d, s := destination(t, a, c), m.NewSender()
	room := 3
	refuse(m, func(*unix.Msghdr) syscall.Errno {
		if room == 0 {
			return unix.EAGAIN
		}
		room--
		return 0
	})
	for i := range 200 { // every second is longer than the one before: all go by themselves
		add(s, d, i, 100+i)
	}
	s.Flush()
	for i := range 3 {
		expect(t, c, i, 100+i)
	}
	if n := m.Counters(); n.SendErrors[BufferFull] != 197 {
		t.Errorf("%d were dropped, want 197", n.SendErrors[BufferFull])
	}
	room = -1
	add(s, d, 7, 100)
	s.Flush()
	expect(t, c, 7, 100)
}

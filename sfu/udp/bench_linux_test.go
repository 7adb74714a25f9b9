//go:build !portable

package udp

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// deaf is a client whose socket throws away all that comes, so that a benchmark measures the way there.
func deaf(b *testing.B, m *Mux) *client {
	b.Helper()
	c := newClient(b, m)
	raw, err := c.conn.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	if err := control(raw, func(fd uintptr) error {
		return unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: 1, Filter: &drop[0]})
	}); err != nil {
		b.Fatal(err)
	}
	return c
}

const benchmarkBytes = 1200

// BenchmarkSend is the cost of one datagram on loopback, to clients who get so many of them at once.
//
// CPU time is the process's: that of loopback's receiving half is included, and with GSO that of cutting runs apart, which
// a network card would do.
func BenchmarkSend(b *testing.B) {
	const destinations = 32
	for _, run := range []int{1, 2, 4, 8, 16} {
		for _, mode := range []string{"plain", "sendmmsg", "gso"} {
			b.Run(fmt.Sprintf("run=%d/%s", run, mode), func(b *testing.B) {
				m := listen(b, func(c *Config) { c.GSO = mode == "gso" })
				to := make([]*Destination, destinations)
				for i := range to {
					to[i] = newDestination(m.locals[0], deaf(b, m).addr(), nil)
				}
				s, conn := m.NewSender(), m.locals[0].sockets[0].conn
				payload := make([]byte, benchmarkBytes)
				began := cpu(b)
				b.ReportAllocs()
				b.ResetTimer()
				for left := b.N; left > 0; {
					for _, d := range to {
						for range run {
							if left--; mode == "plain" {
								send(b, conn, payload, d)
								continue
							}
							copy(s.Next(benchmarkBytes), payload)
							s.Commit(d, benchmarkBytes)
						}
					}
					s.Flush()
				}
				b.StopTimer()
				b.ReportMetric(float64(cpu(b)-began)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

func send(b *testing.B, conn *net.UDPConn, payload []byte, d *Destination) {
	b.Helper()
	if _, err := conn.WriteToUDPAddrPort(payload, d.remote); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkDispatch is the cost of demultiplexing one datagram of media, without the system call.
func BenchmarkDispatch(b *testing.B) {
	m := listen(b)
	r := stopped(m)
	r.resize(maxBatch)
	for i := range maxBatch { // of eight clients
		var c *client
		if i < 8 {
			_, c = connected(b, m, &quiet{}, fmt.Sprint(i))
			r.from[i] = c.addr()
		}
		r.from[i] = r.from[i%8]
	}
	payload := media("payload")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N/maxBatch + 1 {
		for i := range r.slots {
			r.slots[i].SetLen(copy(r.slots[i].Buffer(), payload))
		}
		r.dispatch(maxBatch)
	}
}

// BenchmarkJunk is the cost of one datagram of a stranger, its sending and the system calls included. 100,000 of them in a
// second take as many times this much of a core.
func BenchmarkJunk(b *testing.B) {
	m, other := listen(b), listen(b)
	newAgent(b, m, &quiet{}, "one")
	s, to := other.NewSender(), newDestination(other.locals[0], m.Addr(), nil)
	kinds := slices.DeleteFunc(junk(), func(b []byte) bool { return len(b) == 0 || len(b) > benchmarkBytes })
	const burst = 64 // which the smallest buffer of a socket holds
	began := cpu(b)
	b.ReportAllocs()
	b.ResetTimer()
	for sent := uint64(0); sent < uint64(b.N); sent += burst {
		for i := range burst {
			kind := kinds[i%len(kinds)]
			s.Commit(to, copy(s.Next(len(kind)), kind))
		}
		s.Flush()
		for deadline := time.Now().Add(patience); m.Counters().DatagramsIn < sent+burst; time.Sleep(50 * time.Microsecond) {
			if time.Now().After(deadline) {
				b.Fatal("datagrams were lost")
			}
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(cpu(b)-began)/float64(b.N), "cpu-ns/op")
	n := m.Counters()
	if n.Junk() != n.DatagramsIn {
		b.Errorf("%d of %d are junk", n.Junk(), n.DatagramsIn)
	}
}

// BenchmarkReceive is the cost of one datagram from a client on the same machine, its sending included.
func BenchmarkReceive(b *testing.B) {
	m := listen(b)
	done := make(chan struct{}, 1)
	r := &counting{done: done}
	a, c := connected(b, m, r, "one")
	_ = a
	// The client sends in batches, too.
	other := listen(b)
	to := newDestination(other.locals[0], m.Addr(), nil)
	s := other.NewSender()
	a.answer(other.Addr())
	_ = c
	payload := media(string(make([]byte, benchmarkBytes-1)))
	const burst = 64
	began := cpu(b)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= burst {
		r.left.Store(burst)
		for range burst {
			copy(s.Next(benchmarkBytes), payload)
			s.Commit(to, benchmarkBytes)
		}
		s.Flush()
		select {
		case <-done:
		case <-time.After(patience):
			b.Fatal("datagrams were lost")
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(cpu(b)-began)/float64(b.N), "cpu-ns/op")
	n := m.Counters()
	b.ReportMetric(float64(n.DatagramsIn)/float64(n.ReadCalls), "datagrams/call")
}

// cpu is the processor time of this process.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

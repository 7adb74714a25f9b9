package tap

import (
	"net"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendRun sends packets of one size with one call, as a server with UDP_SEGMENT does. It is false where the kernel cannot.
func sendRun(t testing.TB, c *net.UDPConn, run []byte, size int) bool {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	control := make([]byte, unix.CmsgSpace(2))
	h := unix.Cmsghdr{Level: unix.SOL_UDP, Type: unix.UDP_SEGMENT}
	h.SetLen(unix.CmsgLen(2))
	putHeader(control, h)
	control[unix.CmsgLen(0)], control[unix.CmsgLen(0)+1] = byte(size), byte(size>>8)
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		_, sent = unix.SendmsgN(int(fd), run, control, nil, 0)
		return sent != unix.EAGAIN
	})
	return err == nil && sent == nil
}

func TestReaderTakesRunsApart(t *testing.T) {
	_, s, sender := rig(t, Options{})
	var run []byte
	for seq := range uint16(20) {
		run = append(run, rtp(5, seq, 1100)...)
	}
	run = append(run, rtp(5, 20, 300)...) // the last one may be shorter
	if !sendRun(t, sender, run, 1100) {
		t.Skip("no UDP_SEGMENT here")
	}
	eventually(t, "the run", func() bool { return s.Totals().Video.Packets == 21 })
	if c := s.Totals().Video; c.Expected != 21 || c.Bytes != 20*1100+300 {
		t.Errorf("%+v", c)
	}
}

func TestParseControlBearsAnything(t *testing.T) {
	for _, b := range [][]byte{nil, make([]byte, 7), make([]byte, 16), make([]byte, 64), {255, 255, 255, 255, 255, 255, 255, 127, 1, 0, 0, 0, 35, 0, 0, 0}} {
		if at, segment, dropped := parseControl(b); at != 0 || segment != 0 || dropped != 0 {
			t.Errorf("%v says %d %d %d", b, at, segment, dropped)
		}
	}
}

// BenchmarkCount is what one received packet of 1.1 kB costs the tester, when the server sends each by itself and when it
// sends them in runs. Only the reading is measured.
func BenchmarkCount(b *testing.B) {
	for _, c := range []struct {
		name string
		run  int
	}{{"single", 1}, {"runs of 4", 4}, {"runs of 8", 8}} {
		b.Run(c.name, func(b *testing.B) {
			h := &Hub{cfg: Config{Interval: time.Hour}, done: make(chan struct{})}
			r, err := newReader(h)
			if err != nil {
				b.Fatal(err)
			}
			defer r.close()
			const sockets, size = 100, 1100
			var conns []*net.UDPConn
			for range sockets {
				s, err := r.open(loopback, Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.LocalAddr()))
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				conns = append(conns, conn)
			}
			run := make([]byte, 0, c.run*size)
			seq, packets, spent := uint16(0), 0, time.Duration(0)
			for b.Loop() {
				run = run[:0]
				for range c.run {
					run = append(run, rtp(5, seq, size)...)
					seq++
				}
				for _, conn := range conns {
					if c.run == 1 {
						_, _ = conn.Write(run)
					} else if !sendRun(b, conn, run, size) {
						b.Skip("no UDP_SEGMENT here")
					}
				}
				began := time.Now()
				r.look()
				spent += time.Since(began)
				packets += sockets * c.run
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(packets), "ns/packet")
		})
	}
}

// putHeader writes a control header as it lies in memory.
func putHeader(b []byte, h unix.Cmsghdr) {
	*(*unix.Cmsghdr)(unsafe.Pointer(&b[0])) = h
}

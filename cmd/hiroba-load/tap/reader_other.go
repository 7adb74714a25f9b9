//go:build !linux

package tap

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// bufferBytes is what each socket asks for. The kernel may give less.
const bufferBytes = 1 << 20

// reader keeps the histograms of sockets that each have a goroutine of their own.
type reader struct {
	hub       *Hub
	mu        sync.Mutex // guards latencies
	latencies latencies
}

func newReader(h *Hub) (*reader, error) { return &reader{hub: h}, nil }

// run has nothing to do: the sockets are read as packets come.
func (r *reader) run() {}

func (r *reader) open(local netip.Addr, options Options) (*Socket, error) {
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	_ = udp.SetReadBuffer(bufferBytes)
	address, _ := udp.LocalAddr().(*net.UDPAddr) //nolint:errcheck // it is one
	s := newSocket(r.hub, options, &plainConn{udp}, netip.AddrPortFrom(local, address.AddrPort().Port()))
	r.hub.wg.Go(func() { r.readLoop(s, udp) })
	return s, nil
}

// readLoop reads one socket until it is closed.
func (r *reader) readLoop(s *Socket, udp *net.UDPConn) {
	buf := make([]byte, leaseBytes)
	for {
		n, from, err := udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		now := time.Now().UnixNano()
		s.mu.Lock()
		r.mu.Lock()
		s.receive(buf[:n], from, now, &r.latencies)
		r.mu.Unlock()
		s.mu.Unlock()
	}
}

func (r *reader) close() error { return nil }

// conn is what a Socket writes to.
type conn interface {
	writeTo(b []byte, to netip.AddrPort) (int, error)
	close() error
}

type plainConn struct{ udp *net.UDPConn }

func (c *plainConn) writeTo(b []byte, to netip.AddrPort) (int, error) {
	return c.udp.WriteToUDPAddrPort(b, to)
}

func (c *plainConn) close() error { return c.udp.Close() }

//go:build !linux || portable

package udp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"hiroba/sfu/packet"
)

// canSharePort is false: elsewhere several sockets may share a port, but one of them gets everything.
const canSharePort = false

// socketBuffer is what the sockets ask the system for, in bytes. The system may give less.
const socketBuffer = 4 << 20

// socket is one UDP socket of the port.
type socket struct {
	conn   *net.UDPConn
	reader *reader
}

func openSocket(addr netip.AddrPort, _ bool) (*socket, error) {
	network := "udp6"
	if addr.Addr().Is4() {
		network = "udp4"
	}
	packets, err := new(net.ListenConfig).ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, err //nolint:wrapcheck // listenAt says what it was for
	}
	conn, ok := packets.(*net.UDPConn)
	if !ok {
		panic("udp: a UDP socket is not one")
	}
	_, _ = conn.SetReadBuffer(socketBuffer), conn.SetWriteBuffer(socketBuffer)
	return &socket{conn: conn}, nil
}

// bufferSizes are in bytes.
type bufferSizes struct{ receive, send int }

// buffers is not known here.
func (s *socket) buffers() bufferSizes { return bufferSizes{receive: socketBuffer, send: socketBuffer} }

func (s *socket) canSegment() bool { return false }

// write sends one datagram, or drops and counts it.
func (s *socket) write(b []byte, to netip.AddrPort) { s.send(s.reader.tally, b, to) }

func (s *socket) send(t *tally, b []byte, to netip.AddrPort) {
	t.writeCalls.Add(1)
	_, err := s.conn.WriteToUDPAddrPort(b, to)
	switch {
	case err == nil:
		t.datagramsOut.Add(1)
		t.bytesOut.Add(uint64(len(b)))
	case errors.Is(err, net.ErrClosed):
	default:
		t.sendErrors[kindOf(err)].Add(1)
	}
}

// kindOf names an error of sending.
func kindOf(err error) SendError {
	for _, kind := range []struct {
		errno syscall.Errno
		kind  SendError
	}{
		{syscall.EAGAIN, BufferFull},
		{syscall.ENOBUFS, NoBuffers},
		{syscall.ENOMEM, NoBuffers},
		{syscall.EPERM, NotPermitted},
		{syscall.EACCES, NotPermitted},
		{syscall.ECONNREFUSED, Refused},
		{syscall.ENETUNREACH, Unreachable},
		{syscall.EHOSTUNREACH, Unreachable},
		{syscall.EADDRNOTAVAIL, Unreachable},
		{syscall.EMSGSIZE, TooBig},
	} {
		if errors.Is(err, kind.errno) {
			return kind.kind
		}
	}
	return OtherError
}

// batch has nothing: a system call brings one datagram.
type batch struct{}

func (r *reader) init() {
	r.slots = []*packet.Packet{packet.New()}
	r.from, r.targets = make([]netip.AddrPort, 1), make([]target, 1)
}

// read handles one datagram.
func (r *reader) read() error {
	n, from, err := r.socket.conn.ReadFromUDPAddrPort(r.slots[0].Buffer())
	r.tally.readCalls.Add(1)
	if err != nil {
		return err //nolint:wrapcheck // run knows what it was
	}
	r.slots[0].SetLen(n)
	r.from[0] = canonical(from)
	if n == packet.MaxBytes { // perhaps cut short
		r.targets[0].drop = TooLong
	}
	r.dispatch(1)
	return nil
}

// path has nothing.
type path struct{}

func (p *path) set(*local, netip.AddrPort) {}

// transmitter has nothing.
type transmitter struct{}

func (t *transmitter) init(*lane) {}

// transmit sends the groups of the lane.
func (w *lane) transmit() {
	for _, g := range w.groups {
		for i := g.first; i >= 0; i = w.sender.entries[i].next {
			w.socket.send(&w.sender.tally, w.sender.entries[i].b, g.to.remote)
		}
	}
}

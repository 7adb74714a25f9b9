package udp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"hiroba/sfu/packet"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

var loopback = netip.MustParseAddr("127.0.0.1")

func listen(t testing.TB, change ...func(*Config)) *Mux {
	t.Helper()
	cfg := Config{Addresses: []netip.Addr{loopback}, Readers: 2, GSO: true}
	for _, f := range change {
		f(&cfg)
	}
	m, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// client is the socket of a browser.
type client struct {
	t    testing.TB
	conn *net.UDPConn
	mux  netip.AddrPort
}

func newClient(t testing.TB, m *Mux) *client {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadBuffer(socketBuffer) // mostly less is given
	return &client{t, conn, m.Addr()}
}

func (c *client) addr() netip.AddrPort { return c.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (c *client) send(b []byte) {
	c.t.Helper()
	if _, err := c.conn.WriteToUDPAddrPort(b, c.mux); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) receive() ([]byte, netip.AddrPort) {
	c.t.Helper()
	b := make([]byte, 65536)
	c.conn.SetReadDeadline(time.Now().Add(patience))
	n, from, err := c.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		c.t.Fatal(err)
	}
	return b[:n], from
}

// stunMessage has the header of its kind and, if not empty, a username.
func stunMessage(kind uint16, username string) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	b = binary.BigEndian.AppendUint16(b, 0) // the length, see below
	b = binary.BigEndian.AppendUint32(b, stunMagicCookie)
	b = append(b, "transaction1"...)
	if username != "" {
		b = binary.BigEndian.AppendUint16(b, stunUsername)
		b = binary.BigEndian.AppendUint16(b, uint16(len(username)))
		b = append(b, username...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeaderBytes))
	return b
}

const (
	bindingRequest    = 0x0001
	bindingIndication = 0x0011
)

// agent plays pion's part: it has a conn of the mux and reads it.
type agent struct {
	t    testing.TB
	peer *PeerMux
	conn *conn
}

func newAgent(t testing.TB, m *Mux, r Receiver, fragment string) *agent {
	t.Helper()
	a := &agent{t: t, peer: m.Peer(r)}
	t.Cleanup(func() { a.peer.Close() })
	a.conn = a.connect(fragment, m.Addr())
	return a
}

func (a *agent) connect(fragment string, at netip.AddrPort) *conn {
	a.t.Helper()
	c, err := a.peer.GetConn(fragment, net.UDPAddrFromAddrPort(at))
	if err != nil {
		a.t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(patience))
	return c.(*conn)
}

func (a *agent) read() (string, netip.AddrPort) {
	a.t.Helper()
	b := make([]byte, 2048)
	n, from, err := a.conn.ReadFromAddrPort(b)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(b[:n]), from
}

// answer says yes to a binding request, which makes the address the agent's.
func (a *agent) answer(to netip.AddrPort) {
	a.t.Helper()
	if _, err := a.conn.WriteToAddrPort(stunMessage(stunBindingReply, ""), to); err != nil {
		a.t.Fatal(err)
	}
}

// connected is an agent whose client has been answered.
func connected(t testing.TB, m *Mux, r Receiver, fragment string) (*agent, *client) {
	t.Helper()
	a, c := newAgent(t, m, r, fragment), newClient(t, m)
	a.answer(c.addr())
	c.receive()
	return a, c
}

// recorder is a Receiver that tells what it is told.
type recorder struct {
	media chan string
	batch chan time.Time
	// take and due are what it answers.
	take bool
	due  func(now time.Time) time.Time

	busy     atomic.Bool
	overlaps atomic.Int32
}

func newRecorder() *recorder {
	return &recorder{media: make(chan string, 10_000), batch: make(chan time.Time, 10_000), take: true}
}

func (r *recorder) HandleMedia(_ time.Time, p *packet.Packet) bool {
	r.enter()
	defer r.busy.Store(false)
	r.media <- string(p.Bytes())
	if r.take {
		p.Release()
	}
	return r.take
}

func (r *recorder) HandleBatch(now time.Time, _ *Sender) time.Time {
	r.enter()
	defer r.busy.Store(false)
	var due time.Time
	if r.due != nil {
		due = r.due(now)
	}
	r.batch <- now // last: tests change due once they know of the call
	return due
}

func (r *recorder) enter() {
	if r.busy.Swap(true) {
		r.overlaps.Add(1)
	}
}

func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s after %v", what, patience)
		panic("unreachable")
	}
}

// eventually waits until a counter is what it must become.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not after %v: %s", patience, what)
		}
		<-tick.C
	}
}

// media is a datagram that looks like SRTP.
func media(payload string) []byte { return append([]byte{0x80}, payload...) }

// quiet is a Receiver that takes all and does nothing.
type quiet struct{}

func (quiet) HandleMedia(_ time.Time, p *packet.Packet) bool {
	p.Release()
	return true
}

func (quiet) HandleBatch(now time.Time, _ *Sender) time.Time { return now.Add(20 * time.Millisecond) }

// addresses are those the mux listens on.
func (m *Mux) addresses() []netip.Addr {
	var all []netip.Addr
	for _, l := range m.locals {
		all = append(all, l.addr.Addr())
	}
	return all
}

// counting is a Receiver that tells when it has had so many datagrams.
type counting struct {
	quiet
	left atomic.Int64
	done chan struct{}
}

func (c *counting) HandleMedia(now time.Time, p *packet.Packet) bool {
	c.quiet.HandleMedia(now, p)
	if c.left.Add(-1) == 0 {
		c.done <- struct{}{}
	}
	return true
}

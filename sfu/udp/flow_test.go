package udp

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// fakeFlow keeps what it is sent.
type fakeFlow struct {
	mu   sync.Mutex
	sent [][]byte
	full bool
}

func (f *fakeFlow) Send(b []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		return false
	}
	f.sent = append(f.sent, bytes.Clone(b))
	return true
}

func (f *fakeFlow) Waiting(time.Time) (int, time.Duration) { return 0, 0 }

func (f *fakeFlow) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, b := range f.sent {
		all = append(all, string(b))
	}
	f.sent = nil
	return all
}

const streamPort = 8443

func withStreams(c *Config) { c.StreamPort = streamPort }

// remoteStream is the client of a connection; its numbers are those of a UDP address in use.
func (in *Inlet) put(b []byte) {
	copy(in.Next(), b)
	in.Commit(len(b))
}

func TestStreamIsNoSocket(t *testing.T) {
	m := listen(t, withStreams)
	overUDP, client := connected(t, m, newRecorder(), "udp")
	remote := client.addr() // the same numbers, by TCP
	r := newRecorder()
	peer := m.Peer(r)
	defer peer.Close() //nolint:errcheck // a test
	got, err := peer.Streams().GetConnByUfrag("tcp", false, net.IPv4(127, 0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	agent := got.(*conn)
	agent.SetReadDeadline(time.Now().Add(patience)) //nolint:errcheck // a test
	if a, ok := agent.LocalAddr().(*net.TCPAddr); !ok || a.Port != streamPort {
		t.Errorf("local address is %v", agent.LocalAddr())
	}
	if n := len(peer.GetListenAddresses()); n != 1 {
		t.Errorf("%d addresses to listen on", n)
	}

	flow := &fakeFlow{}
	in, ok := m.AttachStream(loopback, remote, flow)
	if !ok {
		t.Fatal("not attached")
	}
	if _, ok := m.AttachStream(loopback, remote, &fakeFlow{}); ok {
		t.Error("attached twice")
	}
	if _, ok := m.AttachStream(netip.MustParseAddr("192.0.2.1"), remote, flow); ok {
		t.Error("attached at an address of nobody")
	}

	// The wrong protocol finds nobody, the right one does.
	in.put(stunMessage(bindingRequest, "udp:theirs"))
	in.Flush()
	if c := m.FlowCounters(); c.Drops[UnknownUser] != 1 || c.DatagramsIn != 1 {
		t.Errorf("counters are %+v", c)
	}
	check := stunMessage(bindingRequest, "tcp:theirs")
	in.put(check)
	in.put([]byte{22, 1})
	in.Flush()
	b := make([]byte, 2000)
	n, from, err := agent.ReadFrom(b)
	if err != nil || !bytes.Equal(b[:n], check) {
		t.Fatalf("pion read %d bytes, %v", n, err)
	}
	if a, ok := from.(*net.TCPAddr); !ok || a.AddrPort() != remote {
		t.Errorf("from %v, want TCP %v", from, remote)
	}
	if in.Owned() {
		t.Error("owned before the answer")
	}
	answer := stunMessage(stunBindingReply, "")
	if _, err := agent.WriteTo(answer, from); err != nil {
		t.Fatal(err)
	}
	if got := flow.take(); !slices.Equal(got, []string{string(answer)}) || !in.Owned() {
		t.Errorf("the connection carried %q, owned: %v", got, in.Owned())
	}

	// Media in, and out through a Sender.
	in.put(media("one"))
	in.put(media("two"))
	in.Flush()
	if a, b := await(t, r.media, "media"), await(t, r.media, "media"); a != string(media("one")) || b != string(media("two")) {
		t.Errorf("media %q, %q", a, b)
	}
	await(t, r.batch, "batch")
	d, ok := peer.StreamDestination(remote)
	if !ok || d.Flow() != flow {
		t.Fatal("no way to the client")
	}
	if _, ok := peer.Destination(remote); ok {
		t.Error("a way by UDP")
	}
	s := m.NewSender()
	copy(s.Next(3), "abc")
	s.Commit(d, 3)
	s.Flush()
	if got := flow.take(); !slices.Equal(got, []string{"abc"}) {
		t.Errorf("the connection carried %q", got)
	}
	flow.full = true
	copy(s.Next(3), "abc")
	s.Commit(d, 3)
	if c := m.FlowCounters(); c.DatagramsOut != 2 || c.SendErrors[BufferFull] != 1 {
		t.Errorf("counters are %+v", c)
	}
	flow.full = false

	// The other one is reached by its socket still.
	overUDP.answer(client.addr())
	if b, _ := client.receive(); !bytes.Equal(b, answer) {
		t.Errorf("by UDP came %q", b)
	}

	// A lost connection takes the address along.
	in.Close()
	if in.Owned() {
		t.Error("owned after the end")
	}
	if _, err := agent.WriteTo(answer, from); err != nil {
		t.Error(err)
	}
	if got := flow.take(); len(got) > 0 {
		t.Errorf("a closed connection carried %q", got)
	}
	if _, ok := peer.StreamDestination(remote); ok {
		t.Error("a way to a closed connection")
	}
	in.Release()
	again, ok := m.AttachStream(loopback, remote, flow)
	if !ok {
		t.Fatal("the address cannot be used again")
	}
	again.Close()
}

func TestStreamWakesItsReceiver(t *testing.T) {
	m := listen(t, withStreams)
	r := newRecorder()
	r.due = func(now time.Time) time.Time { return now.Add(20 * time.Millisecond) }
	peer := m.Peer(r)
	defer peer.Close() //nolint:errcheck // a test
	got, err := peer.Streams().GetConnByUfrag("tcp", false, net.IPv4(127, 0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	in, _ := m.AttachStream(loopback, netip.MustParseAddrPort("127.0.0.1:9"), &fakeFlow{})
	_, _ = got.WriteTo(stunMessage(stunBindingReply, ""), net.TCPAddrFromAddrPort(in.remote))
	in.put(media("one"))
	in.Flush()
	for range 3 {
		await(t, r.batch, "batch")
	}
}

func TestRelayReachesEveryLocalAddress(t *testing.T) {
	second := netip.MustParseAddr("127.0.0.2")
	port := uint16(freePort(t)) //nolint:gosec // a port
	m := listen(t, withStreams, func(c *Config) { c.Addresses, c.Port = append(c.Addresses, second), port })
	agent := newAgent(t, m, newRecorder(), "one")
	other := agent.connect("one", netip.AddrPortFrom(second, port))
	flow := &fakeFlow{}
	remote := netip.MustParseAddrPort("192.0.0.8:1000")
	in, ok := m.AttachRelay(remote, func(netip.AddrPort) Flow { return flow })
	if !ok {
		t.Fatal("not attached")
	}
	check := stunMessage(bindingRequest, "one:theirs")
	for _, to := range []string{"127.0.0.1:1", "127.0.0.3:8080", "[::1]:8080"} {
		if in.Deliver(netip.MustParseAddrPort(to), check) {
			t.Errorf("delivered to %s", to)
		}
	}
	if in.Deliver(m.Addr(), make([]byte, 3000)) {
		t.Error("delivered a long datagram")
	}
	if !in.Deliver(netip.AddrPortFrom(second, port), check) {
		t.Fatal("not delivered")
	}
	b := make([]byte, 2000)
	if n, from, err := other.ReadFromAddrPort(b); err != nil || string(b[:n]) != string(check) || from != remote {
		t.Fatalf("read %d bytes from %v, %v", n, from, err)
	}
	// An address that stands for the local ones.
	agent.peer.RemoveConnByUfrag("one")
	two := agent.connect("two", netip.AddrPortFrom(second, port))
	toTwo := stunMessage(bindingRequest, "two:theirs")
	at, ok := in.Find(false, toTwo)
	if !ok || at != netip.AddrPortFrom(second, port) || !in.Deliver(at, toTwo) {
		t.Errorf("found %v, %v", at, ok)
	}
	for _, ipv6 := range []bool{true, false} {
		if at, ok := in.Find(ipv6, stunMessage(bindingRequest, "nobody:theirs")); ok {
			t.Errorf("found %v for nobody", at)
		}
	}
	if _, from, err := two.ReadFromAddrPort(b); err != nil || from != remote {
		t.Fatalf("from %v, %v", from, err)
	}
	if _, err := two.WriteToAddrPort(stunMessage(stunBindingReply, ""), remote); err != nil {
		t.Fatal(err)
	}
	if got := flow.take(); len(got) != 1 {
		t.Errorf("relayed %q", got)
	}
	if d, ok := agent.peer.Destination(remote); !ok || d.Flow() != flow {
		t.Error("no way to the relayed address")
	}
	in.Close()
}

// freePort is a UDP port that is free on all loopback addresses, as far as can be told.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test
	return c.LocalAddr().(*net.UDPAddr).Port
}

// heard is a TURN that tells what it is told.
type heard chan string

func (h heard) HandleTURN(_, _ netip.AddrPort, b []byte) { h <- string(b) }

func TestTURNIsToldApart(t *testing.T) {
	m := listen(t)
	a, c := connected(t, m, newRecorder(), "one")
	allocate, data := stunMessage(0x0003, "one:theirs"), []byte{0x40, 1, 0, 3, 'a', 'b', 'c'}
	c.send(allocate) // nobody is there yet, and a username fragment does not matter
	c.send(data)
	eventually(t, "drops", func() bool { n := m.Counters(); return n.Junk() == 1 })
	a.read()

	h := make(heard, 10)
	m.SetTURN(h)
	for _, b := range [][]byte{
		allocate, data, append(data, 0), stunMessage(0x0004, ""), stunMessage(0x0016, ""),
		stunMessage(0x0008, "1:x"), stunMessage(0x0009, ""),
	} {
		c.send(b)
		if got := await(t, h, "TURN"); got != string(b) {
			t.Errorf("got %q, want %q", got, b)
		}
	}
	before := m.Counters()
	for _, b := range [][]byte{ // answers, a channel that is cut short, what is no channel, a binding request of nobody
		stunMessage(0x0103, ""), stunMessage(0x0113, ""),
		{0x40, 1, 0, 4, 'a', 'b', 'c'},
		{0x50, 1, 0, 1, 'a'},
		{0x40, 1},
		stunMessage(bindingRequest, "nobody:theirs"),
	} {
		newClient(t, m).send(b)
	}
	eventually(t, "drops", func() bool { n := m.Counters(); return n.Junk() == before.Junk()+6 })
	if len(h) > 0 {
		t.Errorf("TURN got %q", <-h)
	}
	m.WriteTURN(m.Addr(), c.addr(), []byte("answer"))
	if b, _ := c.receive(); string(b) != "answer" {
		t.Errorf("received %q", b)
	}
	m.WriteTURN(netip.MustParseAddrPort("192.0.2.1:1"), c.addr(), []byte("from nowhere"))
}

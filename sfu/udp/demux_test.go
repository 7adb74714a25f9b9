package udp

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"hiroba/sfu/packet"
)

func TestSTUNGoesToItsUsernameFragment(t *testing.T) {
	m := listen(t)
	first, second := newAgent(t, m, nil, "first"), newAgent(t, m, nil, "second")
	c := newClient(t, m)
	for _, a := range []*agent{first, second} {
		request := stunMessage(bindingRequest, a.conn.link.fragment+":theirs")
		c.send(request)
		if got, from := a.read(); got != string(request) || from != c.addr() {
			t.Errorf("%s got %x from %v", a.conn.link.fragment, got, from)
		}
	}
}

func TestAddressBelongsToWhoWroteToIt(t *testing.T) {
	m := listen(t)
	r := newRecorder()
	a, c := newAgent(t, m, r, "one"), newClient(t, m)
	for _, b := range [][]byte{{20, 1}, {63, 1}, media("early"), stunMessage(bindingIndication, "")} {
		c.send(b)
	}
	eventually(t, "four datagrams are junk", func() bool { n := m.Counters(); return n.Drops[UnknownSource] == 4 })
	a.answer(c.addr())
	c.receive()
	for _, b := range [][]byte{{20, 1}, {63, 2}, stunMessage(bindingIndication, ""), stunMessage(stunBindingReply, "")} {
		c.send(b)
		if got, from := a.read(); got != string(b) || from != c.addr() {
			t.Errorf("pion read %x from %v, want %x", got, from, b)
		}
	}
	for _, b := range [][]byte{media("rtp"), {191, 200, 0, 0}} {
		c.send(b)
		if got := await(t, r.media, "media"); got != string(b) {
			t.Errorf("receiver got %x, want %x", got, b)
		}
		await(t, r.batch, "end of a batch")
	}
	n := m.Counters()
	if n.Junk() != 4 || n.DatagramsIn != 10 || n.DatagramsOut != 1 {
		t.Errorf("counters: %+v", n)
	}
}

func TestMediaThatIsNotTakenGoesToPion(t *testing.T) {
	m := listen(t)
	r := newRecorder()
	r.take = false
	for name, receiver := range map[string]Receiver{"refused": r, "no receiver": nil} {
		a, c := connected(t, m, receiver, name)
		for i := range 20 {
			c.send(media(fmt.Sprint(i)))
		}
		for i := range 20 {
			if got, _ := a.read(); got != string(media(fmt.Sprint(i))) {
				t.Fatalf("%s: pion read %q as number %d", name, got, i)
			}
		}
	}
}

// A page that is loaded again may use the port of its former connection, which the server still has.
func TestAddressMovesToWhoAnsweredLast(t *testing.T) {
	m := listen(t)
	before, after := newRecorder(), newRecorder()
	former, c := connected(t, m, before, "former")
	latter := newAgent(t, m, after, "latter")
	c.send(stunMessage(bindingRequest, "latter:theirs"))
	latter.read()
	c.send(media("1"))
	await(t, before.media, "media before the answer")

	latter.answer(c.addr())
	c.receive()
	// What the former connection still sends takes nothing back.
	former.conn.WriteToAddrPort([]byte{22, 1, 2, 3}, c.addr())
	former.conn.WriteToAddrPort(stunMessage(bindingIndication, ""), c.addr())
	former.conn.WriteToAddrPort(stunMessage(bindingRequest, "x:y"), c.addr())
	c.send(media("2"))
	if got := await(t, after.media, "media after the answer"); got != string(media("2")) {
		t.Errorf("got %q", got)
	}
	if _, ok := former.peer.Destination(c.addr()); ok {
		t.Error("the former connection still has the address")
	}
	former.peer.Close()
	c.send(media("3"))
	await(t, after.media, "media after the former connection closed")
	if len(before.media) != 0 {
		t.Error("the former connection got media of the latter")
	}
	if n := m.Counters(); n.Junk() != 0 {
		t.Errorf("junk: %+v", n)
	}
}

func TestMediaRunsOnDuringICERestart(t *testing.T) {
	m := listen(t)
	r := newRecorder()
	a, c := connected(t, m, r, "before")
	a.peer.RemoveConnByUfrag("before")
	c.send(media("1"))
	await(t, r.media, "media without a username fragment")
	c.send([]byte{22, 1})
	eventually(t, "DTLS has nowhere to go", func() bool { n := m.Counters(); return n.Drops[UnknownSource] == 1 })

	again := a.connect("after", m.Addr())
	again.WriteToAddrPort(stunMessage(stunBindingReply, ""), c.addr())
	a.conn.Close()
	c.send([]byte{22, 2})
	a.conn = again
	if got, _ := a.read(); got != "\x16\x02" {
		t.Errorf("pion read %q", got)
	}
	c.send(media("2"))
	await(t, r.media, "media after the restart")
}

func TestRoutesAreBounded(t *testing.T) {
	m := listen(t)
	a := newAgent(t, m, nil, "many")
	at := func(i int) netip.AddrPort { return netip.AddrPortFrom(loopback, uint16(20_000+i)) }
	for i := range 3 * maxRoutes {
		a.answer(at(i))
	}
	if n := len(m.locals[0].routes); n != maxRoutes {
		t.Errorf("%d routes, want %d", n, maxRoutes)
	}
	if _, ok := a.peer.Destination(at(0)); ok {
		t.Error("the oldest address is still known")
	}
	if _, ok := a.peer.Destination(at(3*maxRoutes - 1)); !ok {
		t.Error("the newest address is not known")
	}
	a.answer(at(0)) // comes back
	if _, ok := a.peer.Destination(at(0)); !ok {
		t.Error("an address that was used again is not known")
	}
	a.peer.Close()
	if n := len(m.locals[0].routes) + len(m.locals[0].links); n != 0 {
		t.Errorf("%d routes and links after Close", n)
	}
	a.answer(at(1))
	if n := len(m.locals[0].routes); n != 0 {
		t.Errorf("%d routes after a write after Close", n)
	}
}

func TestQueueToPionIsBounded(t *testing.T) {
	m := listen(t)
	a := newAgent(t, m, nil, "slow")
	r := stopped(m)
	from := netip.MustParseAddrPort("127.0.0.1:9")
	fill := func(b []byte) {
		for range maxQueue {
			r.put(b, from)
			r.dispatch(1)
		}
	}
	fill(stunMessage(bindingRequest, "slow:theirs"))
	if a.conn.link.waits != maxUnknownQueue {
		t.Errorf("%d datagrams of a stranger wait, want %d", a.conn.link.waits, maxUnknownQueue)
	}
	a.answer(from)
	fill([]byte{22, 1})
	if a.conn.link.waits != maxQueue {
		t.Errorf("%d datagrams wait, want %d", a.conn.link.waits, maxQueue)
	}
	if got := r.tally.drops[QueueFull].Load(); got != maxQueue {
		t.Errorf("%d were dropped, want %d", got, maxQueue)
	}
}

// stopped is a reader of the mux that a test moves itself.
func stopped(m *Mux) *testReader {
	return &testReader{newReader(m, m.locals[0], m.locals[0].sockets[0])}
}

type testReader struct{ *reader }

// put places a datagram in the first slot.
func (r *testReader) put(b []byte, from netip.AddrPort) {
	p := r.slots[0]
	p.SetLen(copy(p.Buffer(), b))
	r.from[0] = from
}

func junk() [][]byte {
	return [][]byte{
		{},
		{4},
		{19},
		{64},
		{127},
		{192},
		{255},
		{22, 254, 253, 0, 0},
		media("from nobody"), // DTLS and SRTP of a stranger
		stunMessage(bindingRequest, "nobody:theirs"), stunMessage(bindingRequest, "no colon"),
		stunMessage(bindingRequest, ""), stunMessage(stunBindingReply, "one:theirs"),
		stunMessage(bindingRequest, "one:theirs")[:20], append(stunMessage(bindingRequest, "one:theirs"), 0),
		stunMessage(bindingRequest, strings.Repeat("x", 1400)),
	}
}

func TestJunkCostsNoMemory(t *testing.T) {
	m := listen(t)
	newAgent(t, m, newRecorder(), "one")
	r := stopped(m)
	from := netip.MustParseAddrPort("127.0.0.1:9")
	kinds := junk()
	if n := testing.AllocsPerRun(100, func() {
		for _, b := range kinds {
			r.put(b, from)
			r.dispatch(1)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d kinds of junk", n, len(kinds))
	}
	var dropped uint64
	for i := range r.tally.drops {
		dropped += r.tally.drops[i].Load()
	}
	if want := uint64(101 * len(kinds)); dropped != want {
		t.Errorf("counted %d, want %d", dropped, want)
	}
}

func TestFloodOfJunkIsCounted(t *testing.T) {
	m := listen(t)
	c := newClient(t, m)
	kinds := junk()
	long := make([]byte, packet.MaxBytes+1)
	long[0] = 0x80
	const rounds = 50
	var sent uint64
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		for _, b := range append(kinds, long) {
			c.send(b)
			sent++
		}
		eventually(t, "the flood is read", func() bool { n := m.Counters(); return n.DatagramsIn == sent })
	}
	runtime.ReadMemStats(&after)
	n := m.Counters()
	if n.Junk() != sent || n.Drops[TooLong] != rounds {
		t.Errorf("%d of %d are junk: %+v", n.Junk(), sent, n)
	}
	// What is left are a ticker for each round and what else the test does.
	if grew := after.TotalAlloc - before.TotalAlloc; grew > 1<<20 {
		t.Errorf("a flood of %d datagrams cost %d bytes", sent, grew)
	}
}

func TestConn(t *testing.T) {
	m := listen(t)
	a, c := connected(t, m, nil, "one")
	b := make([]byte, 100)

	a.conn.SetDeadline(time.Now())
	if _, _, err := a.conn.ReadFromAddrPort(b); !os.IsTimeout(err) {
		t.Errorf("read after the deadline: %v", err)
	}
	a.conn.SetDeadline(time.Now().Add(time.Millisecond))
	if _, _, err := a.conn.ReadFromAddrPort(b); !os.IsTimeout(err) {
		t.Errorf("read until the deadline: %v", err)
	}
	a.conn.SetDeadline(time.Time{})
	c.send([]byte("\x16hello"))
	if n, from, err := a.conn.ReadFrom(b); string(b[:n]) != "\x16hello" || from.String() != c.addr().String() || err != nil {
		t.Errorf("read %q from %v: %v", b[:n], from, err)
	}
	c.send([]byte("\x16hello"))
	if _, _, err := a.conn.ReadFromAddrPort(b[:3]); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("read into little: %v", err)
	}

	// Two conns of one username fragment share what comes; one that is closed leaves the other alone.
	other := a.connect("one", m.Addr())
	failed := make(chan error, 1)
	go func() {
		_, _, err := other.ReadFromAddrPort(make([]byte, 100))
		failed <- err
	}()
	other.Close()
	if err := await(t, failed, "end of a closed read"); err == nil {
		t.Error("read from a closed conn")
	}
	if _, err := other.WriteToAddrPort(b, c.addr()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write to a closed conn: %v", err)
	}
	c.send([]byte("\x16again"))
	if got, _ := a.read(); got != "\x16again" {
		t.Errorf("read %q", got)
	}

	if _, err := m.Peer(nil).GetConn("one", m.locals[0].sockets[0].conn.LocalAddr()); err == nil {
		t.Error("two peers share a username fragment")
	}
	go func() {
		_, _, err := a.conn.ReadFromAddrPort(make([]byte, 100))
		failed <- err
	}()
	a.peer.Close()
	if err := await(t, failed, "end of reading"); !errors.Is(err, io.EOF) {
		t.Errorf("read from a closed peer: %v", err)
	}
}

package udp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// destination is the way to a client that the agent answered.
func destination(t testing.TB, a *agent, c *client) *Destination {
	t.Helper()
	a.answer(c.addr())
	c.receive()
	d, ok := a.peer.Destination(c.addr())
	if !ok {
		t.Fatal("no destination")
	}
	return d
}

// add commits a datagram of n bytes that begins with its number.
func add(s *Sender, d *Destination, number, n int) {
	b := s.Next(n + 16)
	binary.BigEndian.PutUint32(b, uint32(number))
	for i := 4; i < n; i++ {
		b[i] = byte(number + i)
	}
	s.Commit(d, n)
}

// expect receives a datagram and checks what add made.
func expect(t *testing.T, c *client, number, n int) {
	t.Helper()
	b, from := c.receive()
	if from != c.mux {
		t.Fatalf("datagram from %v, want %v", from, c.mux)
	}
	if got := int(binary.BigEndian.Uint32(b)); got != number || len(b) != n {
		t.Fatalf("datagram %d of %d bytes, want %d of %d", got, len(b), number, n)
	}
	for i := 4; i < n; i++ {
		if b[i] != byte(number+i) {
			t.Fatalf("datagram %d: byte %d is wrong", number, i)
		}
	}
}

func TestRunArrivesAsDatagramsInOrder(t *testing.T) {
	for _, gso := range []bool{true, false} {
		t.Run(fmt.Sprintf("gso=%t", gso), func(t *testing.T) {
			m := listen(t, func(c *Config) { c.GSO = gso })
			a, c := newAgent(t, m, nil, "one"), newClient(t, m)
			d, s := destination(t, a, c), m.NewSender()
			before := m.Counters()
			sizes := []int{1200, 1200, 1200, 700, 1200, 1200, 1300, 1300, 4, 4, 4}
			for i, n := range sizes {
				add(s, d, i, n)
			}
			s.Flush()
			for i, n := range sizes {
				expect(t, c, i, n)
			}
			n := m.Counters()
			if got := n.DatagramsOut - before.DatagramsOut; got != uint64(len(sizes)) {
				t.Errorf("%d datagrams were counted, want %d", got, len(sizes))
			}
			// A run ends with a shorter datagram, or before a longer one.
			if want := map[bool]uint64{true: 4, false: 0}[m.gso]; n.Runs != want {
				t.Errorf("%d runs, want %d", n.Runs, want)
			}
			if got := n.WriteCalls - before.WriteCalls; got != 1 && canSharePort {
				t.Errorf("%d system calls, want 1", got)
			}
		})
	}
}

func TestLongRunIsCut(t *testing.T) {
	m := listen(t)
	a, c := newAgent(t, m, nil, "one"), newClient(t, m)
	d, s := destination(t, a, c), m.NewSender()
	for _, test := range []struct{ many, bytes int }{
		{60, 1200}, // more bytes than a run may have
		{150, 100}, // more datagrams
	} {
		for i := range test.many {
			add(s, d, i, test.bytes)
		}
		s.Flush()
		for i := range test.many {
			expect(t, c, i, test.bytes)
		}
	}
}

func TestOrderIsKeptPerDestination(t *testing.T) {
	m := listen(t)
	a := newAgent(t, m, nil, "one")
	s := m.NewSender()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	type flow struct {
		c     *client
		d     *Destination
		sizes []int
	}
	flows := make([]flow, 7)
	for i := range flows {
		c := newClient(t, m)
		flows[i] = flow{c: c, d: destination(t, a, c)}
	}
	for round := range 20 {
		for range random.IntN(300) {
			f := &flows[random.IntN(len(flows))]
			n := []int{1200, 1200, 1200, 1199, 60}[random.IntN(5)]
			add(s, f.d, len(f.sizes), n)
			f.sizes = append(f.sizes, n)
			if random.IntN(50) == 0 {
				s.Next(1300) // and then not
			}
		}
		s.Flush()
		for i := range flows {
			f := &flows[i]
			for number, n := range f.sizes {
				expect(t, f.c, number, n)
			}
			f.sizes = f.sizes[:0]
		}
		if t.Failed() {
			t.Fatalf("round %d, seed %d", round, seed)
		}
	}
}

func TestSenderFlushesByItself(t *testing.T) {
	m := listen(t)
	a, c := newAgent(t, m, nil, "one"), newClient(t, m)
	d, s := destination(t, a, c), m.NewSender()
	const n = 60_000
	s.Next(chunkBytes)
	s.Commit(d, n)
	for range maxChunks {
		s.Commit(d, len(s.Next(n)))
	}
	if len(s.entries) != 1 {
		t.Errorf("%d datagrams wait, want 1", len(s.entries))
	}
	for range maxEntries {
		add(s, d, 0, 20)
	}
	if len(s.entries) != 1 {
		t.Errorf("%d datagrams wait, want 1", len(s.entries))
	}
}

func TestSendingAllocatesNothing(t *testing.T) {
	m := listen(t)
	a := newAgent(t, m, nil, "one")
	s := m.NewSender()
	var to []*Destination
	for range 5 {
		to = append(to, destination(t, a, newClient(t, m)))
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range 20 {
			for _, d := range to {
				add(s, d, i, 1200)
			}
		}
		s.Flush()
	}); n != 0 {
		t.Errorf("%v allocations for a batch", n)
	}
	b := bytes.Repeat([]byte{22}, 100)
	if n := testing.AllocsPerRun(100, func() { a.conn.WriteToAddrPort(b, to[0].Remote()) }); n != 0 {
		t.Errorf("%v allocations for a datagram of pion's", n)
	}
}

func TestSenderOfClosedMuxDropsAll(t *testing.T) {
	m := listen(t)
	a, c := newAgent(t, m, nil, "one"), newClient(t, m)
	d, s := destination(t, a, c), m.NewSender()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	before := m.Counters().DatagramsOut
	add(s, d, 0, 100)
	s.Flush()
	if got := m.Counters().DatagramsOut - before; got != 0 {
		t.Errorf("sent %d datagrams", got)
	}
}

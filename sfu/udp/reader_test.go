package udp

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"weak"
)

func TestDeadlineOfReceiverIsKept(t *testing.T) {
	m := listen(t)
	r := newRecorder()
	calls := 0
	r.due = func(now time.Time) time.Time {
		if calls++; calls == 4 {
			return time.Time{}
		}
		return now.Add(20 * time.Millisecond)
	}
	_, c := connected(t, m, r, "one")
	c.send(media("1"))
	last := await(t, r.batch, "batch")
	for range 3 {
		now := await(t, r.batch, "deadline")
		if waited := now.Sub(last); waited < 20*time.Millisecond {
			t.Errorf("called after %v, want 20ms", waited)
		}
		last = now
	}
	c.send(media("2"))
	await(t, r.batch, "batch")
	if n := len(r.batch); n != 0 {
		t.Errorf("called %d times though it said never", n)
	}
}

func TestReceiverThatIsAlwaysDueDoesNotStopTheReader(t *testing.T) {
	m := listen(t, func(c *Config) { c.Readers = 1 })
	r := newRecorder()
	r.batch = make(chan time.Time, 100_000)
	r.due = func(now time.Time) time.Time { return now.Add(-time.Hour) }
	_, c := connected(t, m, r, "one")
	for range 10 {
		c.send(media("1"))
		await(t, r.media, "media")
	}
	began := await(t, r.batch, "batch")
	for range 20 {
		await(t, r.batch, "batch")
	}
	if took := time.Since(began); took < 5*time.Millisecond {
		t.Errorf("called 20 times within %v", took)
	}
}

func TestWake(t *testing.T) {
	m := listen(t)
	r := newRecorder()
	a := newAgent(t, m, r, "one")
	a.peer.Wake(time.Now().Add(-time.Second)) // before any media
	await(t, r.batch, "call at once")

	began := time.Now()
	a.peer.Wake(began.Add(time.Hour))
	a.peer.Wake(began.Add(20 * time.Millisecond))
	a.peer.Wake(began.Add(time.Minute))
	if waited := await(t, r.batch, "call at a time").Sub(began); waited < 20*time.Millisecond {
		t.Errorf("called after %v, want 20ms", waited)
	}

	// A deadline of the Receiver does not hide an earlier wish, nor the other way round.
	r.due = func(now time.Time) time.Time { return now.Add(time.Hour) }
	a.answer(newClient(t, m).addr())
	a.peer.Wake(time.Now())
	await(t, r.batch, "call at once")
	a.peer.Wake(time.Now().Add(time.Millisecond))
	await(t, r.batch, "call before the deadline")

	a.peer.Close()
	a.peer.Wake(time.Now())
	if n := len(r.batch); n != 0 {
		t.Errorf("%d calls after Close", n)
	}
}

// A wish that comes while HandleBatch runs must not be lost to the deadline that the call returns.
func TestWakeDuringHandleBatchIsKept(t *testing.T) {
	m := listen(t)
	r := newRecorder()
	var p *PeerMux
	var once sync.Once
	woken := make(chan time.Time, 1)
	r.due = func(now time.Time) time.Time {
		once.Do(func() {
			at := now.Add(10 * time.Millisecond)
			p.Wake(at)
			woken <- at
		})
		return now.Add(time.Hour)
	}
	p = newAgent(t, m, r, "one").peer
	p.Wake(time.Now())
	await(t, r.batch, "first call")
	if at, now := <-woken, await(t, r.batch, "second call"); now.Before(at) {
		t.Errorf("called %v early", at.Sub(now))
	}
}

// The kernel spreads a client's addresses over the sockets, so one Receiver gets calls from all readers.
func TestReceiverIsNeverCalledConcurrently(t *testing.T) {
	m := listen(t, func(c *Config) { c.Readers = 4 })
	r := newRecorder()
	r.due = func(now time.Time) time.Time { return now.Add(time.Millisecond) }
	r.batch = make(chan time.Time, 1_000_000)
	a := newAgent(t, m, r, "one")
	const clients, each = 16, 200
	var sending sync.WaitGroup
	for range clients {
		c := newClient(t, m)
		a.answer(c.addr())
		sending.Go(func() {
			for i := range each {
				c.send(media(fmt.Sprint(i)))
				a.peer.Wake(time.Now())
				if i%16 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	sending.Wait()
	for range clients * each {
		await(t, r.media, "media")
	}
	if n := r.overlaps.Load(); n != 0 {
		t.Errorf("%d calls while another was running", n)
	}
	used := 0
	for _, s := range m.locals[0].sockets {
		if s.reader.tally.datagramsIn.Load() > 0 {
			used++
		}
	}
	if used < 2 && canSharePort {
		t.Errorf("%d readers had all datagrams of %d addresses", used, clients)
	}
}

func TestClosedPeerIsNotCalled(t *testing.T) {
	m := listen(t)
	r := newRecorder()
	r.due = func(now time.Time) time.Time { return now.Add(time.Millisecond) }
	a, c := connected(t, m, r, "one")
	c.send(media("1"))
	await(t, r.batch, "batch")
	a.peer.Close()
	called := len(r.batch)
	c.send(media("2"))
	eventually(t, "media after Close is junk", func() bool { n := m.Counters(); return n.Drops[UnknownSource] == 1 })
	if n := len(r.batch); n != called {
		t.Errorf("%d calls after Close", n-called)
	}
}

// On a PeerMux hangs its Receiver, and on that all of a client.
func TestClosedPeerIsLetGo(t *testing.T) {
	m := listen(t)
	s := m.NewSender()
	var peers []weak.Pointer[PeerMux]
	func() {
		r := newRecorder()
		r.take = false
		r.due = func(now time.Time) time.Time { return now.Add(time.Millisecond) }
		var open []*PeerMux
		for i := range 5 {
			p := m.Peer(r)
			at, err := p.GetConn(fmt.Sprint(i), p.GetListenAddresses()[0])
			if err != nil {
				t.Fatal(err)
			}
			c := newClient(t, m)
			at.(*conn).WriteToAddrPort(stunMessage(stunBindingReply, ""), c.addr())
			c.receive()
			c.send(media("1"))
			await(t, r.media, "media")
			d, ok := p.Destination(c.addr())
			if !ok {
				t.Fatal("no destination")
			}
			add(s, d, i, 100)
			open = append(open, p)
		}
		s.Flush()
		at := time.Now().Add(5 * time.Millisecond)
		for _, p := range open {
			p.Wake(at) // all are due at once
		}
		for range 20 {
			await(t, r.batch, "deadline")
		}
		for _, p := range open {
			p.Close()
			p.Wake(time.Now())
			peers = append(peers, weak.Make(p))
		}
	}()
	eventually(t, "all are collected", func() bool {
		runtime.GC()
		return !slices.ContainsFunc(peers, func(p weak.Pointer[PeerMux]) bool { return p.Value() != nil })
	})
}

func TestReceivingAllocatesNothing(t *testing.T) {
	m := listen(t)
	r := &quiet{}
	a, c := connected(t, m, r, "one")
	_ = a
	reader := stopped(m)
	b, from := media("payload"), c.addr()
	if n := testing.AllocsPerRun(1000, func() {
		reader.put(b, from)
		reader.dispatch(1)
	}); n != 0 {
		t.Errorf("%v allocations for a datagram of media", n)
	}
}

// A reader that found less than it asked for waits without a second look: it must not overlook what came meanwhile.
func TestNothingIsOverlooked(t *testing.T) {
	m := listen(t)
	r := newRecorder() // without deadlines, which would wake the reader
	_, c := connected(t, m, r, "one")
	for round := range 5000 {
		burst := 1 + round%11
		for range burst {
			c.send(media("payload"))
		}
		for range burst {
			await(t, r.media, "media")
		}
		for len(r.batch) > 0 {
			<-r.batch
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	m, err := Listen(Config{Addresses: listen(t).addresses(), Port: 0, Readers: 3})
	if err != nil {
		t.Fatal(err)
	}
	r := newRecorder()
	r.due = func(now time.Time) time.Time { return now.Add(time.Millisecond) }
	a, c := connected(t, m, r, "one")
	c.send(media("1"))
	await(t, r.media, "media")
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	calls := len(r.batch)
	if _, err := a.conn.WriteToAddrPort(media("late"), c.addr()); err != nil {
		t.Errorf("write after Close: %v", err)
	}
	if _, _, err := a.conn.ReadFromAddrPort(make([]byte, 100)); err == nil {
		t.Error("read after Close")
	}
	a.peer.Wake(time.Now())
	// The readers of the listen above are the only ones left; goroutines of the runtime may come and go.
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before+2 })
	if n := len(r.batch); n != calls {
		t.Errorf("%d calls after Close", n-calls)
	}
}

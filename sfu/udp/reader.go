package udp

import (
	"errors"
	"net/netip"
	"os"
	"time"

	"hiroba/sfu/packet"
)

const (
	// minBatch and maxBatch are how many datagrams one system call may bring. A reader starts with the one and, under load,
	// goes up to the other, so that readers of addresses that nobody uses need little memory.
	minBatch = 8
	maxBatch = 64
	// readPause is how long a reader waits after an error that says nothing about the socket, lest it comes again at once.
	readPause = time.Millisecond
)

// reader reads one socket, or is that part of an Inlet which hands on. All is owned by its goroutine but timers and tally.
type reader struct {
	mux    *Mux
	local  *local
	socket *socket
	timers timers
	tally  *tally
	// keeper keeps the alarms of whom this one meets first: it itself, if it reads a socket.
	keeper *reader
	sender *Sender // nil before a Receiver could use it

	// slots are what the next datagrams are read into, from where they came, and where they go.
	slots   []*packet.Packet
	from    []netip.AddrPort
	targets []target

	batch // what the system needs to fill the slots
}

func newReader(m *Mux, l *local, s *socket) *reader {
	r := &reader{mux: m, local: l, socket: s, tally: &tally{}}
	r.keeper = r
	r.timers.start = m.start
	r.timers.setDeadline = s.conn.SetReadDeadline
	r.init()
	return r
}

// run reads until the Mux is closed.
func (r *reader) run() {
	for !r.mux.closed.Load() {
		err := r.read()
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.runTimers(time.Now())
			r.flush()
		case r.mux.closed.Load():
		default:
			time.Sleep(readPause)
		}
	}
	for _, p := range r.slots {
		p.Release()
	}
}

// dispatch hands on the first n slots, and fills them anew.
func (r *reader) dispatch(n int) {
	now := time.Now()
	var bytes uint64
	r.local.mu.RLock()
	for i, p := range r.slots[:n] {
		bytes += uint64(len(p.Bytes()))
		if r.targets[i].drop != TooLong {
			r.targets[i] = r.local.find(p.Bytes(), r.from[i])
		}
	}
	r.local.mu.RUnlock()
	r.tally.datagramsIn.Add(uint64(n)) //nolint:gosec // not negative
	r.tally.bytesIn.Add(bytes)
	for i := range n {
		switch t := &r.targets[i]; {
		case t.done:
		case t.peer != nil:
			r.handleMedia(now, t.peer, i, n)
		case t.link != nil:
			r.giveToPion(i)
		case t.turn:
			r.mux.turn.Load().HandleTURN(r.local.addr, r.from[i], r.slots[i].Bytes())
		default:
			r.tally.drops[t.drop].Add(1)
		}
	}
	clear(r.targets[:n])
	if r.timers.due(now) {
		r.runTimers(now)
	}
	r.flush()
}

// out is what Receivers send with.
func (r *reader) out() *Sender {
	switch {
	case r.sender != nil:
	case r.keeper == r:
		r.sender = r.mux.NewSender()
	default:
		r.sender = r.mux.borrowSender()
	}
	return r.sender
}

// flush sends what Receivers committed.
func (r *reader) flush() {
	if r.sender == nil {
		return
	}
	r.sender.Flush()
	if r.keeper != r {
		r.mux.returnSender(r.sender)
		r.sender = nil
	}
}

// handleMedia hands all media of p in this batch to its Receiver, the first of it in slot first.
func (r *reader) handleMedia(now time.Time, p *PeerMux, first, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := first; i < n; i++ {
		if r.targets[i].peer != p {
			continue
		}
		r.targets[i].peer = nil
		switch {
		case p.closed:
			r.tally.drops[UnknownSource].Add(1)
			r.targets[i] = target{done: true}
		case p.receiver.HandleMedia(now, r.slots[i]):
			r.slots[i] = packet.New()
			r.targets[i] = target{done: true}
		case i == first:
			r.giveToPion(i)
		}
		// Else pion gets it when dispatch comes there.
	}
	if !p.closed {
		p.finishBatch(now, r)
	}
}

// giveToPion queues the datagram in slot i for pion.
func (r *reader) giveToPion(i int) {
	t := &r.targets[i]
	switch {
	case t.link == nil:
		r.tally.drops[UnknownSource].Add(1)
	case t.link.push(r.slots[i], r.from[i], t.known):
		r.slots[i] = packet.New()
	default:
		r.tally.drops[QueueFull].Add(1)
	}
}

// runTimers calls the Receivers that are due.
func (r *reader) runTimers(now time.Time) {
	expired := r.timers.takeExpired(now)
	for _, p := range expired {
		p.mu.Lock()
		if !p.closed {
			p.finishBatch(now, r)
		}
		p.mu.Unlock()
	}
	clear(expired) // it is kept, and so would be all that hangs on them
}

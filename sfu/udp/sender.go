package udp

import (
	"fmt"
	"net/netip"
	"sync/atomic"
)

const (
	// chunkBytes is the unit of a Sender's memory: little is used again and again while there is little to send, so that it
	// stays in the processor's cache.
	chunkBytes = 64 << 10
	// maxChunks and maxEntries bound what waits for one Flush. They are generous because a batch that is cut in two has
	// shorter runs.
	maxChunks  = 32
	maxEntries = 8192
)

// Destination is the way to one remote address. It belongs to one goroutine at a time.
type Destination struct {
	local  *local
	remote netip.AddrPort
	path   path // what the system needs to know
	flow   Flow // nil: through a socket

	// whole is set when the path refused a run: from then on each datagram goes by itself.
	// Senders read it after others may have the Destination.
	whole atomic.Bool

	// group is the index of its group in batch number batch of sender.
	sender *Sender
	batch  uint64
	group  int32
}

func newDestination(l *local, remote netip.AddrPort, f Flow) *Destination {
	d := &Destination{local: l, remote: remote, flow: f}
	if f == nil {
		d.path.set(l, remote)
	}
	return d
}

// Flow is how the address is reached; nil through a socket.
func (d *Destination) Flow() Flow { return d.flow }

// Clone is another Destination at the same address, for another goroutine.
func (d *Destination) Clone() *Destination { return newDestination(d.local, d.remote, d.flow) }

// Remote is the address.
func (d *Destination) Remote() netip.AddrPort { return d.remote }

// Sender gathers the datagrams that one goroutine sends, and sends them together. Nothing of it allocates once it has seen its
// largest batch.
type Sender struct {
	mux   *Mux
	tally tally
	lanes []*lane // as mux.locals

	chunks [][]byte
	chunk  int    // the index of the one in use
	at     int    // how much of it is taken
	next   []byte // what Next returned

	entries []entry
	batch   uint64
}

// entry is one datagram of the batch.
type entry struct {
	b    []byte
	next int32 // the index of the next to the same destination, -1 for none
}

// group are the datagrams of the batch for one destination.
type group struct {
	to          *Destination
	first, last int32 // indexes of entries
}

// lane is a Sender's way through one local address. Its groups are in the order of their first datagrams.
type lane struct {
	sender *Sender
	local  *local
	socket *socket
	groups []group

	transmitter // what the system needs to send them
}

// NewSender makes a Sender for one goroutine. It lives as long as the Mux.
func (m *Mux) NewSender() *Sender {
	s := &Sender{mux: m, batch: 1}
	m.mu.Lock()
	number := m.senders
	m.senders++
	tallies := make([]*tally, 0, len(m.tallies)+1) // Counters reads the former one without the lock
	m.tallies = append(append(tallies, m.tallies...), &s.tally)
	m.mu.Unlock()
	for _, l := range m.locals {
		if l.stream {
			continue // they are the last
		}
		way := &lane{sender: s, local: l, socket: l.sockets[number%len(l.sockets)]}
		way.init(way)
		s.lanes = append(s.lanes, way)
	}
	s.chunks = append(s.chunks, make([]byte, chunkBytes))
	return s
}

// Next returns n bytes of memory for the next datagram, at most 64 KiB. They are valid until Flush, which happens by itself
// when there is no more memory. Without a Commit the next call returns the same memory.
func (s *Sender) Next(n int) []byte {
	if n > chunkBytes {
		panic(fmt.Sprintf("udp: a datagram of %d bytes", n))
	}
	if len(s.entries) == maxEntries {
		s.Flush()
	}
	if s.at+n > chunkBytes {
		if s.chunk+1 == maxChunks {
			s.Flush()
		} else {
			s.chunk++
			s.at = 0
			if s.chunk == len(s.chunks) {
				s.chunks = append(s.chunks, make([]byte, chunkBytes))
			}
		}
	}
	s.next = s.chunks[s.chunk][s.at : s.at+n : s.at+n]
	return s.next
}

// Commit adds the first n bytes of what Next returned to the batch, for d. Datagrams to one destination are sent in the order of
// their commits.
func (s *Sender) Commit(d *Destination, n int) {
	if n == 0 {
		return
	}
	if d.flow != nil {
		s.mux.sendFlow(d.flow, s.next[:n])
		s.next = nil
		return
	}
	i := int32(len(s.entries)) //nolint:gosec // at most maxEntries
	s.entries = append(s.entries, entry{b: s.next[:n:n], next: -1})
	s.at += n
	s.next = nil
	way := s.lanes[d.local.index]
	if d.sender != s || d.batch != s.batch {
		d.sender, d.batch, d.group = s, s.batch, int32(len(way.groups)) //nolint:gosec // at most maxEntries
		way.groups = append(way.groups, group{to: d, first: i, last: i})
		return
	}
	g := &way.groups[d.group]
	s.entries[g.last].next = i
	g.last = i
}

// Flush sends the batch. It does not wait: what a socket has no room for is dropped and counted.
func (s *Sender) Flush() {
	if len(s.entries) == 0 {
		return
	}
	for _, way := range s.lanes {
		if len(way.groups) > 0 {
			way.transmit()
			clear(way.groups) // keep no destination alive
			way.groups = way.groups[:0]
		}
	}
	s.entries = s.entries[:0]
	s.batch++
	s.chunk, s.at, s.next = 0, 0, nil
}

package sfu

import (
	"time"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
	"hiroba/sfu/pacer"
	"hiroba/sfu/stats"
)

// maxParked bounds what waits for one subscriber, in bytes of payload: a twentieth of a second at the rate of pacer.Burst, which
// is several keyframes.
const maxParked = 512 << 10

// queue holds the packets of a subscriber that may not leave yet, because so many left just before. They have got their
// numbers, and keep their order. Owned by the shard.
type queue struct {
	burst pacer.Burst
	items []parked // from head on
	head  int
	bytes int
}

// parked is a packet that waits, with a reference to its source.
type parked struct {
	seat *seatTrack
	csrc media.CSRC
	out  egress.Packet
}

func (q *queue) empty() bool { return q.head == len(q.items) }

// due is when the next may leave.
func (q *queue) due() time.Time { return q.burst.Next() }

// admit reports whether a packet of pictures may leave now. Sound always may: it is little, and it must not wait.
func (q *queue) admit(now time.Time, p *egress.Packet) bool {
	return q.empty() && q.burst.Admit(now, len(p.Source.Payload()))
}

// put makes a packet wait. It reports false when too much waits already.
func (q *queue) put(p parked) bool {
	n := len(p.out.Source.Payload())
	if q.bytes+n > maxParked {
		return false
	}
	p.out.Source.Retain()
	q.items = append(q.items, p)
	q.bytes += n
	return true
}

// poll hands out the next packet that may leave now. Its reference goes along.
func (q *queue) poll(now time.Time) (parked, bool) {
	if q.empty() {
		return parked{}, false
	}
	p := q.items[q.head]
	n := len(p.out.Source.Payload())
	if !q.burst.Admit(now, n) {
		return parked{}, false
	}
	q.items[q.head] = parked{}
	q.head++
	q.bytes -= n
	if q.empty() {
		q.items, q.head = q.items[:0], 0
	}
	return p, true
}

// drain drops all that waits.
func (q *queue) drain() {
	for _, p := range q.items[q.head:] {
		p.out.Source.Release()
	}
	q.items, q.head, q.bytes = nil, 0, 0
}

// park makes a packet wait for its turn.
func (s *subscriber) park(t *seatTrack, csrc media.CSRC, out *egress.Packet) {
	first := s.queue.empty()
	if !s.queue.put(parked{t, csrc, *out}) {
		t.dropped(stats.QueueFull)
		return
	}
	if first {
		s.peer.shard.parked = append(s.peer.shard.parked, s)
	}
}

// unpark sends what may leave now of what waits.
func (s *shard) unpark(now time.Time) {
	waiting := s.parked[:0]
	for _, sub := range s.parked {
		s.unparkOf(now, sub)
		if !sub.queue.empty() {
			waiting = append(waiting, sub)
		}
	}
	clear(s.parked[len(waiting):])
	s.parked = waiting
}

func (s *shard) unparkOf(now time.Time, sub *subscriber) {
	defer s.contain()
	for p, ok := sub.queue.poll(now); ok; p, ok = sub.queue.poll(now) {
		if p.seat.transmit(now, p.csrc, &p.out) && !p.out.RTX {
			s.delays = append(s.delays, delay{p.out.Source.Arrived, 1})
		}
		p.out.Source.Release()
	}
}

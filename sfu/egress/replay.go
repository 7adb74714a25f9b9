package egress

import (
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/packet"
)

const (
	// replayPace is by how much a replay is faster than its stream, and so how fast it catches up. Browsers send keyframes at
	// 2.5 times the bitrate, so a link that bears these bears a replay.
	replayPace = 2
	// replayFloor is what all replays of a subscriber together have at least, in bytes per second: 2 Mbit/s.
	replayFloor = 250_000
	// replayBurst is how far a replay is ahead of its pace when it begins, and may be behind it later: a fifth of a second of
	// the stream goes out at once, which links can queue that are good enough for it.
	replayBurst = 100 * time.Millisecond
)

// Replay feeds a Line with what was kept of its target since the last keyframe, so that a new occupant is seen at once. It
// keeps a pace, and runs on until it has caught up with the stream: what comes meanwhile is sent in its turn. The zero
// value is ready.
type Replay struct {
	source uint32    // the stream; 0 while nothing is replayed
	next   int64     // the packet that is due
	due    time.Time // when it is

	// begun is the keyframe of the stream begunOf that was replayed last: once is enough.
	begun   int64
	begunOf uint32
}

// Begin replays what is kept, unless there is nothing of use: see history.Stream.Replay for viewers and scarce. It tells how
// many packets there are.
func (r *Replay) Begin(now time.Time, kept *history.Stream, viewers int, scarce bool) (packets int, ok bool) {
	from, to, ok := kept.Replay(now, viewers, scarce)
	if !ok || r.begunOf == kept.Source() && r.begun == from {
		return 0, false
	}
	*r = Replay{source: kept.Source(), next: from, due: now.Add(-replayBurst), begun: from, begunOf: kept.Source()}
	return int(to - from + 1), true
}

// Forget lets the keyframe that was replayed last be replayed again. A replay under way goes on: while its target is what is
// seen, what comes next must follow on it.
func (r *Replay) Forget() { r.begunOf = 0 }

// Active reports whether a replay is under way.
func (r *Replay) Active() bool { return r.source != 0 }

// End stops the replay, if one is under way.
func (r *Replay) End() { r.source = 0 }

// Holds reports whether a packet that has just come will have its turn in the replay, so that it must not be sent now.
func (r *Replay) Holds(p *packet.Packet) bool {
	return r.source == p.Source && p.Sequence >= r.next && r.source != 0
}

// Poll hands out the next packet to send, borrowed, and the newest of its stream, until nothing is due. Share is the number
// of replays of this subscriber that are under way.
func (r *Replay) Poll(now time.Time, kept *history.Stream, share int) (p, newest *packet.Packet, ok bool) {
	if r.source == 0 {
		return nil, nil, false
	}
	if newest, ok = kept.Newest(); !ok || kept.Source() != r.source {
		r.End() // the stream began anew
		return nil, nil, false
	}
	for ; r.next <= newest.Sequence; r.next++ {
		if p, ok = kept.At(r.next); ok { // else it was lost since: its number stays free for it
			break
		}
	}
	if r.next > newest.Sequence { // it has caught up
		r.End()
		return nil, nil, false
	}
	if r.due.After(now) {
		return nil, nil, false
	}
	if late := now.Add(-replayBurst); r.due.Before(late) {
		r.due = late
	}
	pace := max(replayPace*kept.Rate(), replayFloor/float64(max(share, 1)))
	r.due = r.due.Add(time.Duration(float64(len(p.Bytes())) / pace * float64(time.Second)))
	r.next++
	return p, newest, true
}

// Deadline is when Poll wants to be called; the zero time is never.
func (r *Replay) Deadline() time.Time {
	if r.source == 0 {
		return time.Time{}
	}
	return r.due
}

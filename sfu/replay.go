package sfu

import (
	"time"

	"hiroba/sfu/egress"
)

// replayTick is how often a shard looks after the replays that are under way.
const replayTick = 5 * time.Millisecond

// replay is what a seat is shown of what was kept of a track. Owned by the shard.
type replay struct {
	egress.Replay
	track    *UpTrack
	encoding int8
}

// of reports whether a replay of a track is under way.
func (r *replay) of(track *UpTrack) bool { return r.Active() && r.track == track }

// show shows the target at once, with what was kept since its last keyframe, if that was not long ago. Where keyframes are
// scarce it may cost more. It reports whether no keyframe is needed any more, as far as is known.
func (t *seatTrack) show(encoding int8, scarce bool) bool {
	f := t.peer.shard.feeds[t.target]
	if f == nil {
		return false
	}
	now := t.peer.shard.now
	begun := t.replay.Active()
	packets, ok := t.replay.Begin(now, &f.sent[encoding], len(f.seats), scarce)
	if !ok {
		return false
	}
	t.peer.engine.counters.Replays.Add(1)
	t.flight.Replayed(now, t.target.csrc, int64(packets))
	t.replay.track, t.replay.encoding = t.target, encoding
	t.advance(now)
	if t.replay.Active() {
		if !begun {
			t.peer.shard.replays = append(t.peer.shard.replays, t)
		}
		return true
	}
	_, needed := t.line.NeedsKeyframe(t.target.supply.Best())
	return !needed
}

// advance sends what is due of a replay.
func (t *seatTrack) advance(now time.Time) {
	f := t.peer.shard.feeds[t.replay.track]
	if f == nil {
		t.replay.End()
		return
	}
	share := 0
	for _, other := range t.peer.down.all {
		if other.replay.Active() {
			share++
		}
	}
	for {
		p, newest, ok := t.replay.Poll(now, &f.sent[t.replay.encoding], share)
		if !ok {
			return
		}
		t.send(now, t.replay.track, p, newest, 0)
		if !t.line.Sends(p.Source) { // it does not help, or something better came
			t.replay.End()
		}
	}
}

// advanceReplays goes on with the replays that are under way.
func (s *shard) advanceReplays(now time.Time) {
	active := s.replays[:0]
	for _, t := range s.replays {
		if t.advance(now); t.replay.Active() {
			active = append(active, t)
		}
	}
	clear(s.replays[len(active):])
	s.replays = active
	s.replayDue = now.Add(replayTick)
}

package pacer

import (
	"time"

	"hiroba/sfu/media"
)

const (
	// stallAge and stallBytes are from when on what waits for a subscriber is too much: pictures would come so late that it
	// is better to leave some out. A large keyframe on a slow link must not look like that.
	stallAge   = 600 * time.Millisecond
	stallBytes = 160_000
	// flowBytes is how much may wait when pictures go on.
	flowBytes = 8_000
	// firstRaise is how long after a stall a better layer is tried again, the second time twice as long, up to lastRaise.
	firstRaise = 10 * time.Second
	lastRaise  = 2 * time.Minute
)

// Stall decides whether a subscriber gets pictures who is reached through a queue, such as a TCP connection. A queue that does
// not drain gets none until it is empty. They go on with a keyframe, in a lower layer at first. The zero value is ready.
type Stall struct {
	stalled bool
	lowered int8 // how many layers below the best
	raise   time.Time
	wait    time.Duration // from the last stall to raise
}

// Handle takes how many bytes wait, and how long the first of them does. Sent is the highest spatial layer that was sent, below 0
// for none. It reports whether Stalled or Highest changed.
func (s *Stall) Handle(now time.Time, bytes int, age time.Duration, sent int8) (changed bool) {
	switch {
	case !s.stalled && (age >= stallAge || bytes >= stallBytes):
		s.stalled = true
		s.lowered = media.MaxSpatial - max(min(sent, media.MaxSpatial)-1, 0)
		s.wait = min(max(2*s.wait, firstRaise), lastRaise)
		return true
	case s.stalled && bytes <= flowBytes:
		s.stalled = false
		s.raise = now.Add(s.wait)
		return true
	case !s.stalled && s.lowered > 0 && !now.Before(s.raise):
		s.lowered--
		s.raise = now.Add(firstRaise)
		return true
	}
	return false
}

// Stalled reports whether no pictures are to be sent.
func (s *Stall) Stalled() bool { return s.stalled }

// Highest is the best spatial layer that may be sent.
func (s *Stall) Highest() int8 { return media.MaxSpatial - s.lowered }

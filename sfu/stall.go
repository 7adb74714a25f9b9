package sfu

import (
	"time"

	"hiroba/sfu/media"
)

// checkFlow looks how much waits for a client that is not reached through a UDP socket. It reports whether it gets no pictures
// now. When that is over they go on with a keyframe: what was left out is never sent.
func (s *subscriber) checkFlow(now time.Time) (stalled bool) {
	if s.outlet.destination == nil {
		return s.stall.Stalled()
	}
	var (
		bytes int
		age   time.Duration
	)
	flow := s.outlet.destination.Flow()
	if flow != nil {
		bytes, age = flow.Waiting(now)
	} else if s.stall.Highest() == media.MaxSpatial && !s.stall.Stalled() {
		return false
	}
	before := s.stall.Stalled()
	if !s.stall.Handle(now, bytes, age, s.highest()) {
		return before
	}
	for _, t := range s.all {
		if s.stall.Stalled() {
			t.line.Restart()
		} else {
			t.adapt()
		}
	}
	return s.stall.Stalled()
}

// highest is the best spatial layer that the subscriber is sent; -1 for none.
func (s *subscriber) highest() int8 {
	best := int8(-1)
	for _, t := range s.all {
		if t.kind == media.Video {
			best = max(best, t.line.Layer().Spatial)
		}
	}
	return best
}

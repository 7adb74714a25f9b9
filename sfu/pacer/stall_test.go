package pacer

import (
	"testing"
	"time"

	"hiroba/sfu/media"
)

func TestStallEndsWhenTheQueueIsEmpty(t *testing.T) {
	var s Stall
	now := time.Unix(0, 0)
	if s.Stalled() || s.Highest() != media.MaxSpatial {
		t.Fatal("the zero value is not ready")
	}
	for _, step := range []struct {
		after            time.Duration
		bytes            int
		age              time.Duration
		sent             int8
		changed, stalled bool
		highest          int8
	}{
		{0, 100_000, 500 * time.Millisecond, 2, false, false, 3}, // a keyframe
		{0, 100_000, 600 * time.Millisecond, 2, true, true, 1},
		{time.Second, 9_000, time.Second, 2, false, true, 1},
		{0, 8_000, time.Second, 2, true, false, 1},
		{9 * time.Second, 0, 0, 1, false, false, 1},
		{time.Second, 0, 0, 1, true, false, 2},
		{10 * time.Second, 0, 0, 2, true, false, 3},
		{0, 160_000, 0, 1, true, true, 0},
		{0, 0, 0, 0, true, false, 0},
		{19 * time.Second, 0, 0, 0, false, false, 0}, // it takes longer now
		{time.Second, 0, 0, 0, true, false, 1},
		{10 * time.Second, 0, 0, 0, true, false, 2},
		{time.Hour, 0, 0, 2, true, false, 3},
		{time.Hour, 0, 0, 3, false, false, 3},
		{0, 200_000, 0, -1, true, true, 0},
	} {
		now = now.Add(step.after)
		changed := s.Handle(now, step.bytes, step.age, step.sent)
		if changed != step.changed || s.Stalled() != step.stalled || s.Highest() != step.highest {
			t.Fatalf("%+v: changed %v, stalled %v, highest %d", step, changed, s.Stalled(), s.Highest())
		}
	}
}

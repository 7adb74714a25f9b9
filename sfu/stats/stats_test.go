package stats

import (
	"testing"
	"time"
)

func TestHistogramCountsAtMostTheBound(t *testing.T) {
	h := NewHistogram(time.Second, 2*time.Second)
	for _, d := range []time.Duration{0, time.Second, time.Second + 1, 3 * time.Second} {
		h.Observe(d)
	}
	s := h.Snapshot()
	if s.Cumulative[time.Second] != 2 || s.Cumulative[2*time.Second] != 3 || s.Count != 4 {
		t.Errorf("cumulative %v of %d", s.Cumulative, s.Count)
	}
	if want := 5*time.Second + 1; s.Sum != want {
		t.Errorf("sum %v, want %v", s.Sum, want)
	}
}

func TestHistogramZeroValueHasTheBoundsOfPacketDelays(t *testing.T) {
	var h Histogram
	h.Observe(time.Millisecond)
	s := h.Snapshot()
	if s.Cumulative[500*time.Microsecond] != 0 || s.Cumulative[time.Millisecond] != 1 || len(s.Cumulative) != len(delayBounds) {
		t.Errorf("cumulative %v", s.Cumulative)
	}
}

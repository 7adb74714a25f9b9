package stats

import (
	"testing"
	"time"

	"hiroba/sfu/media"
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

func TestTallyIsTakenOnce(t *testing.T) {
	var (
		c     Counters
		tally Tally
	)
	c.Forwarded(Down, media.Video, 100)
	tally.Forwarded(media.Video, 1000)
	tally.Forwarded(media.Video, 1000)
	tally.Dropped(OtherLayer)
	for range 2 { // the second time there is nothing in it
		c.Take(Down, &tally)
	}
	if p, b := c.Packets(Down, media.Video), c.Bytes(Down, media.Video); p != 3 || b != 2100 {
		t.Errorf("%d packets of %d bytes", p, b)
	}
	if n := c.Drops(Down, OtherLayer); n != 1 {
		t.Errorf("%d drops", n)
	}
	if n := c.Packets(Up, media.Video) + c.Packets(Down, media.Audio) + c.Drops(Up, OtherLayer); n != 0 {
		t.Errorf("%d counted elsewhere", n)
	}
}

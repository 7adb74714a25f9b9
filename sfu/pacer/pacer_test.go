package pacer_test

import (
	"testing"
	"time"

	"hiroba/sfu/pacer"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// work lets a shard work for a share of each millisecond, and returns the time after.
func work(s *pacer.Slots, now time.Time, load float64, d time.Duration) time.Time {
	for end := now.Add(d); now.Before(end); now = now.Add(time.Millisecond) {
		s.HandleWork(now, now.Add(time.Duration(load*float64(time.Millisecond))))
	}
	return now
}

func TestSlotsGrowWithTheLoad(t *testing.T) {
	var former time.Duration
	for _, test := range []struct {
		load float64
		want time.Duration
	}{
		{0, 0},
		{0.2, 0},
		{0.65, 0},
		{0.8, 3 * time.Millisecond},
		{0.96, pacer.MaxSlot},
		{1, pacer.MaxSlot},
	} {
		var s pacer.Slots
		work(&s, epoch, test.load, time.Second)
		if got := s.Length(); got < test.want || got > test.want+time.Millisecond || got < former || got > pacer.MaxSlot {
			t.Errorf("load %v: slots of %v, want about %v", test.load, got, test.want)
		}
		former = s.Length()
	}
}

func TestSlotsGrowAtOnceAndFallSlowly(t *testing.T) {
	var s pacer.Slots
	now := work(&s, epoch, 0, time.Second)
	now = work(&s, now, 1, 120*time.Millisecond)
	if got := s.Length(); got != pacer.MaxSlot {
		t.Fatalf("slots of %v after the load rose", got)
	}
	former := s.Length()
	for range 20 {
		now = work(&s, now, 0, 50*time.Millisecond)
		if got := s.Length(); got > former || former-got > time.Millisecond {
			t.Errorf("slots of %v after %v", got, former)
		}
		former = s.Length()
	}
	if former != 0 {
		t.Errorf("slots of %v a second after the load fell", former)
	}
}

func TestSlotsOfWhoSleptLongAreNone(t *testing.T) {
	var s pacer.Slots
	now := work(&s, epoch, 1, time.Second)
	for range 10 {
		now = now.Add(time.Minute)
		s.HandleWork(now, now.Add(time.Millisecond))
	}
	if got := s.Length(); got != 0 {
		t.Errorf("slots of %v", got)
	}
}

func TestBurstsAreBounded(t *testing.T) {
	var b pacer.Burst
	now := epoch
	leave := func() (n int) {
		for b.Admit(now, 1200) {
			n += 1200
		}
		return n
	}
	if n := leave(); n < pacer.BurstBytes || n > pacer.BurstBytes+1200 {
		t.Fatalf("%d bytes left at once, want about %d", n, pacer.BurstBytes)
	}
	if b.Admit(now, 1) {
		t.Error("a byte more left")
	}
	sent, began := 0, now
	for range 1000 {
		if next := b.Next(); !next.After(now) {
			t.Fatal("the next may leave before it may")
		}
		now = b.Next()
		n := leave()
		if n == 0 || n > pacer.BurstBytes {
			t.Fatalf("%d bytes left together", n)
		}
		sent += n
	}
	rate := float64(sent) / now.Sub(began).Seconds() * 8
	if rate < 75e6 || rate > 85e6 {
		t.Errorf("%.0f bit/s in the long run", rate)
	}
	now = now.Add(time.Hour)
	if n := leave(); n > pacer.BurstBytes+1200 {
		t.Errorf("%d bytes left at once after a pause", n)
	}
}

func TestMachinesAllocateNothing(t *testing.T) {
	var (
		s pacer.Slots
		b pacer.Burst
	)
	now := epoch
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Millisecond)
		s.HandleWork(now, now)
		b.Admit(now, 1200)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

package sim_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"
	"time"

	"hiroba/sfu/sim"
)

func TestWorldDoesThingsInOrder(t *testing.T) {
	w := sim.NewWorld(1)
	var done string
	w.After(20*ms, func() { done += "c" })
	w.After(10*ms, func() {
		done += "a"
		w.After(5*ms, func() { done += "b" })
		w.At(w.Now().Add(-time.Hour), func() { done += "!" }) // what is late is done at once
	})
	w.After(20*ms, func() { done += "d" })
	w.Run(20 * ms)
	if done != "a!bcd" {
		t.Errorf("done %q, want a!bcd", done)
	}
	if w.Since() != 20*ms {
		t.Errorf("%v passed, want 20 ms", w.Since())
	}
}

// TestSameSeedSameRun: a failure can be looked at again.
func TestSameSeedSameRun(t *testing.T) {
	play := func(seed uint64) uint64 {
		w := sim.NewWorld(seed)
		s := sim.NewServer(w)
		alice := s.Publish(somebody(sim.Simulcast()))
		alice.Talk(true)
		seat := s.View(lossy(sim.BurstLoss(0.05, 3)), 1).Seats[0]
		trace := fnv.New64()
		seat.Video.OnPicture = func(p sim.Picture) { fmt.Fprintln(trace, p.At, p.Captured, p.Width, p.Temporal, p.Skew) }
		seat.Audio.OnSound = func(captured time.Time, level uint8) { fmt.Fprintln(trace, captured, level) }
		seat.Show(alice, 300)
		w.Run(10 * time.Second)
		fmt.Fprintln(trace, seat.Video.ScreenCounts, seat.Sent())
		return trace.Sum64()
	}
	if a, b := play(7), play(7); a != b {
		t.Errorf("traces of the same seed differ: %x %x", a, b)
	}
	if a, b := play(7), play(8); a == b {
		t.Error("traces of different seeds are the same")
	}
}

// send sends packets of 1,000 bytes, one each millisecond.
func send(w *sim.World, p sim.Path, n int) (l *sim.Link, arrived []int, at []time.Duration) {
	l = w.NewLink(p)
	for i := range n {
		w.After(time.Duration(i)*ms, func() {
			l.Send(1000, func() {
				arrived = append(arrived, i)
				at = append(at, w.Since()-time.Duration(i)*ms)
			})
		})
	}
	w.Run(time.Duration(n)*ms + 10*time.Second)
	return l, arrived, at
}

func TestLinksLoseNothingUnaccounted(t *testing.T) {
	paths := map[string]sim.Path{
		"perfect": {},
		"bad": {
			Rate: 4_000_000, Delay: 30 * ms, Jitter: 10 * ms, Loss: sim.BurstLoss(0.1, 4), Reorder: 0.1, ReorderBy: 20 * ms,
			Duplicate: 0.1,
		},
	}
	for name, path := range paths {
		l, arrived, _ := send(sim.NewWorld(3), path, 5000)
		c := l.Counts
		if c.Sent != 5000 || c.Delivered != len(arrived) || c.Sent+c.Duplicated != c.Delivered+c.Lost+c.Overflowed {
			t.Errorf("%s: %+v, %d arrived", name, c, len(arrived))
		}
	}
}

func TestLossIsAsOftenAndAsLongAsSaid(t *testing.T) {
	for _, want := range []struct {
		loss        sim.Loss
		share, mean float64
	}{
		{sim.RandomLoss(0.05), 0.05, 1 / 0.95},
		{sim.BurstLoss(0.05, 3), 0.05, 3},
		{sim.BurstLoss(0.2, 10), 0.2, 10},
	} {
		const n = 100_000
		_, arrived, _ := send(sim.NewWorld(5), sim.Path{Loss: want.loss}, n)
		bursts, last := 0, -1
		for _, i := range arrived {
			if i > last+1 {
				bursts++
			}
			last = i
		}
		lost := float64(n - len(arrived))
		if share := lost / n; math.Abs(share-want.share) > 0.1*want.share {
			t.Errorf("%+v: lost %.4f, want %.4f", want.loss, share, want.share)
		}
		if mean := lost / float64(bursts); math.Abs(mean-want.mean) > 0.1*want.mean {
			t.Errorf("%+v: bursts of %.2f, want %.2f", want.loss, mean, want.mean)
		}
	}
}

func TestLinksHaveTheirRateAndQueue(t *testing.T) {
	// 8 Mbit/s arrive at a bottleneck of 4: its queue fills up to 100 ms, and half is dropped.
	l, arrived, at := send(sim.NewWorld(1), sim.Path{Rate: 4_000_000, Delay: 20 * ms, Queue: 100 * ms}, 2000)
	if share := float64(len(arrived)) / 2000; share < 0.45 || share > 0.55 {
		t.Errorf("%.2f of the packets passed, want about half", share)
	}
	if l.Counts.Overflowed == 0 {
		t.Error("nothing was dropped")
	}
	for i, d := range at {
		if d < 20*ms || d > 125*ms {
			t.Fatalf("packet %d took %v, want 20 to 123 ms", i, d)
		}
	}
}

func TestJitterKeepsTheOrderAndReorderingDoesNot(t *testing.T) {
	_, arrived, _ := send(sim.NewWorld(1), sim.Path{Jitter: 10 * ms}, 1000)
	for i, n := range arrived {
		if i != n {
			t.Fatalf("packet %d came as number %d", n, i)
		}
	}
	_, arrived, _ = send(sim.NewWorld(1), sim.Path{Reorder: 0.1, ReorderBy: 5 * ms}, 1000)
	late := 0
	for i := 1; i < len(arrived); i++ {
		if arrived[i] < arrived[i-1] {
			late++
		}
	}
	if late < 60 || late > 140 {
		t.Errorf("%d of 1000 packets were overtaken, want about 100", late)
	}
}

// TestScreensFreezeWhenTheyMust: the model of a browser must not be kinder than a browser.
func TestScreensFreezeWhenTheyMust(t *testing.T) {
	for _, v := range videos {
		w := sim.NewWorld(2)
		s := sim.NewServer(w)
		viewer := s.View(near(), 1)
		seat := viewer.Seats[0]
		seat.Show(s.Publish(somebody(v.video)), 0)
		w.Run(5 * time.Second)
		before := seat.Video.ScreenCounts
		if before.Freezes != 0 || before.Pictures < 140 {
			t.Errorf("%s: %+v on a good network", v.name, before)
		}
		up, down := viewer.Links()
		good := down.Path()
		bad := good
		bad.Loss = sim.RandomLoss(1)
		down.SetPath(bad)
		w.Run(700 * ms)
		down.SetPath(good)
		w.Run(5 * time.Second)
		after := seat.Video.ScreenCounts
		if after.Freezes == 0 || after.Frozen < 700*ms || after.Frozen > 1500*ms {
			t.Errorf("%s: %+v after nothing came for 0.7 s", v.name, after)
		}
		if after.Corrupt != 0 {
			t.Errorf("%s: %d corrupt pictures", v.name, after.Corrupt)
		}
		// Without NACKs, what is lost for good stops the picture until a keyframe: asked for after 3 s.
		deaf := up.Path()
		deaf.Loss = sim.RandomLoss(1)
		up.SetPath(deaf)
		bad.Loss = sim.RandomLoss(0.2)
		down.SetPath(bad)
		w.Run(2 * time.Second)
		down.SetPath(good)
		w.Run(5 * time.Second)
		seat.Video.Finish()
		if frozen := seat.Video.Frozen - after.Frozen; frozen < 4*time.Second || seat.Video.PLIs == before.PLIs {
			t.Errorf("%s: frozen for %v, want until now; %+v", v.name, frozen, seat.Video.ScreenCounts)
		}
	}
}

// TestNothingIsSeenWithoutKeyframe: nor heard of as a picture.
func TestNothingIsSeenWithoutKeyframe(t *testing.T) {
	w := sim.NewWorld(2)
	s := sim.NewServer(w)
	alice := somebody(sim.VP8())
	alice.Down.Loss = sim.RandomLoss(1) // she hears no request
	publisher := s.Publish(alice)
	w.Run(time.Second)
	seat := s.View(near(), 1).Seats[0]
	seat.Show(publisher, 0)
	w.Run(5 * time.Second)
	if seat.Video.Pictures != 0 || seat.Sent().Packets != 0 {
		t.Errorf("%+v %+v", seat.Video.ScreenCounts, seat.Sent())
	}
	if n := len(publisher.Video.Requests[0]); n < 5 {
		t.Errorf("%d keyframe requests, want more", n)
	}
}

// TestSleepingEncodingsWake: what nobody wants is not sent, and comes back within a round trip.
func TestSleepingEncodingsWake(t *testing.T) {
	w := sim.NewWorld(4)
	s := sim.NewServer(w)
	alice := s.Publish(somebody(sim.Simulcast()))
	seat := s.View(near(), 1).Seats[0]
	seat.Show(alice, 150)
	w.Run(10 * time.Second)
	up, _ := alice.Links()
	before := up.Counts.Sent
	w.Run(10 * time.Second)
	if packets := up.Counts.Sent - before; packets > 10*(50+31+10) {
		t.Errorf("%d packets in 10 s while only the smallest picture is wanted", packets)
	}
	took := until(w, seat, func(p sim.Picture) bool { return p.Width == 1280 })
	seat.Resize(720)
	w.Run(time.Second)
	if *took < 0 || *took > 500*ms {
		t.Errorf("the largest encoding came after %v", *took)
	}
}

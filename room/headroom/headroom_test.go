package headroom

import (
	"math"
	"testing"
	"time"
)

// run feeds a sample each half second, with as much CPU (of 2 cores) and egress (bits per second) as load says, and
// returns how often the door changed.
func run(g *Gauge, from time.Duration, long time.Duration, total *Sample, load func(t time.Duration) (cpu, bits float64)) (changes int) {
	const every = 500 * time.Millisecond
	start := time.Unix(1000, 0)
	_, was := g.Full()
	for t := from; t < from+long; t += every {
		cpu, bits := load(t)
		total.CPU += time.Duration(cpu * 2 * float64(every))
		total.EgressBytes += uint64(bits / 8 * every.Seconds())
		g.HandleSample(start.Add(t), *total)
		if _, full := g.Full(); full != was {
			was = full
			changes++
		}
	}
	return changes
}

func TestGaugeRefusesWhileCPUIsUsedUp(t *testing.T) {
	g := New(Limits{CPU: 0.9})
	total := &Sample{CPU: time.Hour, Cores: 2}
	busy := func(share float64) func(time.Duration) (float64, float64) {
		return func(time.Duration) (float64, float64) { return share, 0 }
	}
	if run(g, 0, 3*time.Second, total, busy(1)); g.left[CPU] <= 0 {
		t.Error("three seconds of work shut the door")
	}
	run(g, 3*time.Second, 4*time.Second, total, busy(1))
	if part, full := g.Full(); !full || part != CPU {
		t.Errorf("after seven seconds without a pause: %v %v", part, full)
	}
	run(g, 7*time.Second, 6*time.Second, total, busy(0.45))
	if _, full := g.Full(); full {
		t.Error("still shut at half of the limit")
	}
	if left := g.Left()[CPU]; math.Abs(left-0.5) > 0.01 {
		t.Errorf("headroom %v, want a half", left)
	}
}

func TestGaugeDoesNotFlapAtItsLimit(t *testing.T) {
	g := New(Limits{CPU: 0.9})
	total := &Sample{Cores: 2}
	run(g, 0, 10*time.Second, total, func(time.Duration) (float64, float64) { return 0.92, 0 })
	changes := run(g, 10*time.Second, 5*time.Minute, total, func(t time.Duration) (float64, float64) {
		return 0.9 + 0.03*math.Sin(t.Seconds()), 0
	})
	if changes != 0 {
		t.Errorf("the door changed %d times", changes)
	}
	if changes := run(g, 310*time.Second, 10*time.Second, total, func(time.Duration) (float64, float64) { return 0.8, 0 }); changes != 1 {
		t.Errorf("with less to do the door changed %d times, want once", changes)
	}
}

func TestGaugeCountsEgressAndDescriptors(t *testing.T) {
	g := New(Limits{Egress: 10e6})
	total := &Sample{Cores: 2, Descriptors: 800, MaxDescriptors: 1000}
	run(g, 0, 10*time.Second, total, func(time.Duration) (float64, float64) { return 1, 5e6 })
	if part, full := g.Full(); full {
		t.Errorf("%v is full", part)
	}
	left := g.Left()
	if left[CPU] != 1 || math.Abs(left[Egress]-0.5) > 0.01 || math.Abs(left[Descriptors]-1.0/9) > 0.01 {
		t.Errorf("left %v", left)
	}
	run(g, 10*time.Second, 10*time.Second, total, func(time.Duration) (float64, float64) { return 0, 11e6 })
	if part, full := g.Full(); !full || part != Egress {
		t.Errorf("%v %v", part, full)
	}
	g.SetLimits(Limits{})
	total.Descriptors = 900
	run(g, 20*time.Second, 1, total, func(time.Duration) (float64, float64) { return 0, 11e6 })
	if part, full := g.Full(); !full || part != Descriptors {
		t.Errorf("%v %v", part, full)
	}
}

func TestGaugeKnowsNothingWithoutMeasurements(t *testing.T) {
	g := New(Limits{CPU: 0.1, Egress: 1})
	for i := range 20 {
		g.HandleSample(time.Unix(int64(i), 0), Sample{})
	}
	if part, full := g.Full(); full {
		t.Errorf("%v is full", part)
	}
	if n := len(g.samples); n > 12 {
		t.Errorf("%d samples are kept", n)
	}
}

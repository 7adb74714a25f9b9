package ingress_test

import (
	"testing"
	"time"

	"hiroba/sfu/ingress"
	"hiroba/sfu/rtptime"
)

var began = time.Unix(1_700_000_000, 0)

func TestReceptionCountsAsRFC3550Does(t *testing.T) {
	type step struct {
		from, to uint16 // sequence numbers that come, all between
		want     ingress.Report
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"nothing lost", []step{
			{1, 100, ingress.Report{Highest: 100}},
			{101, 150, ingress.Report{Highest: 150}},
		}},
		{"some lost", []step{
			{1, 50, ingress.Report{Highest: 50}},
			{101, 150, ingress.Report{Highest: 150, Lost: 50, FractionLost: 128}},
			{151, 250, ingress.Report{Highest: 250, Lost: 50}},
		}},
		{"over the wrap", []step{
			{65_530, 65_535, ingress.Report{Highest: 65_535}},
			{2, 9, ingress.Report{Highest: 65_536 + 9, Lost: 2, FractionLost: 51}},
		}},
		{"twice", []step{
			{1, 10, ingress.Report{Highest: 10}},
			{1, 10, ingress.Report{Highest: 10, Lost: -10}},
		}},
		{"late, after the report", []step{
			{1, 10, ingress.Report{Highest: 10}},
			{21, 30, ingress.Report{Highest: 30, Lost: 10, FractionLost: 128}},
			{11, 20, ingress.Report{Highest: 30}},
		}},
		{"started again", []step{
			{1, 10, ingress.Report{Highest: 10}},
			{30_000, 30_010, ingress.Report{Highest: 30_010}}, // the first of them is taken for a stray
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r ingress.Reception
			if _, ok := r.PollReport(began); ok {
				t.Error("a report on nothing")
			}
			for i, s := range test.steps {
				for n := s.from; ; n++ {
					r.HandleRTP(began, n, 0, 90_000)
					if n == s.to {
						break
					}
				}
				got, ok := r.PollReport(began)
				if !ok || got != s.want {
					t.Errorf("step %d: %+v, %v; want %+v", i, got, ok, s.want)
				}
				if _, ok := r.PollReport(began); ok {
					t.Errorf("step %d: a second report on the same", i)
				}
			}
		})
	}
}

func TestReceptionMeasuresJitter(t *testing.T) {
	play := func(delay func(n int) time.Duration) uint32 {
		var r ingress.Reception
		for n := range 500 {
			r.HandleRTP(began.Add(time.Duration(n)*20*time.Millisecond+delay(n)), uint16(n), uint32(4_294_900_000+960*n), 48_000) //nolint:gosec // wraps
		}
		report, _ := r.PollReport(began)
		return report.Jitter
	}
	if got := play(func(int) time.Duration { return 0 }); got != 0 {
		t.Errorf("jitter %d of an even stream", got)
	}
	// Differences of 10 ms, 480 units, in turn.
	if got := play(func(n int) time.Duration { return time.Duration(n%2) * 10 * time.Millisecond }); got < 460 || got > 480 {
		t.Errorf("jitter %d, want about 480", got)
	}
}

func TestReceptionEchoesSenderReports(t *testing.T) {
	var r ingress.Reception
	r.HandleRTP(began, 1, 0, 90_000)
	r.HandleSenderReport(began, rtptime.NTP(0x0011_2233_4455_6677))
	got, _ := r.PollReport(began.Add(1500 * time.Millisecond))
	if got.LastSR != 0x2233_4455 || got.DelaySinceLastSR != 3*65536/2 {
		t.Errorf("echo %#x after %d", got.LastSR, got.DelaySinceLastSR)
	}
}

func TestReceptionAllocatesNothing(t *testing.T) {
	var r ingress.Reception
	n := uint16(0)
	if got := testing.AllocsPerRun(1000, func() { n++; r.HandleRTP(began, n, uint32(n), 90_000); r.PollReport(began) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

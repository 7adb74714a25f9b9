package layer_test

import (
	"testing"
	"time"

	"hiroba/sfu/layer"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func TestDemandWakesAtOnceAndSleepsLater(t *testing.T) {
	d := layer.NewDemand[string](at(0), 2)
	steps := []struct {
		ms      int
		who     string
		spatial int8
		want    int8 // after the step, when news
		news    bool
	}{
		{100, "", 0, 0, false},
		{2000, "", 0, -1, true}, // nobody came
		{2100, "a", 0, 0, true},
		{2200, "b", 2, 2, true},
		{2300, "b", 1, 0, false}, // less, but perhaps not for long
		{2400, "b", 2, 0, false},
		{5000, "", 0, 0, false},
		{5100, "b", -1, 0, false},
		{7099, "", 0, 0, false},
		{7100, "", 0, 0, true},
	}
	for _, step := range steps {
		if step.who != "" {
			d.HandleWant(at(step.ms), step.who, step.spatial)
		}
		d.HandleTimeout(at(step.ms))
		got, news := d.PollHighest()
		if news != step.news || (news && got != step.want) {
			t.Errorf("after %d ms: %d %v, want %d %v", step.ms, got, news, step.want, step.news)
		}
	}
}

func TestFitTakesTheSmallestPictureThatIsSharp(t *testing.T) {
	for _, test := range []struct {
		heights []int
		tile    int
		want    int8
	}{
		{[]int{180, 360, 720}, 100, 0},
		{[]int{180, 360, 720}, 240, 0}, // a little enlarged
		{[]int{180, 360, 720}, 300, 1},
		{[]int{180, 360, 720}, 500, 2},
		{[]int{180, 360, 720}, 2000, 2},
		{[]int{0, 0, 720}, 100, 0},
		{[]int{0, 0, 0}, 100, 2}, // nothing is known
		{[]int{180, 0, 0}, 360, 1},
		{[]int{180, 0, 0}, 720, 2}, // what never came may be what is needed
		{[]int{0, 360, 0}, 180, 0},
		{[]int{720}, 100, 0},
	} {
		if got := layer.Fit(test.heights, test.tile); got != test.want {
			t.Errorf("Fit(%v, %d) = %d, want %d", test.heights, test.tile, got, test.want)
		}
	}
}

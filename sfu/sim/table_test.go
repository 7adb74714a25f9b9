package sim_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// seedCount is how many runs with different luck each scenario gets. 'make sim' takes 200.
var seedCount = flag.Int("seeds", 0, "runs of each scenario; 0 is a few")

// defaultSeeds is what the usual tests take. With fewer than enoughSeeds one unlucky run is much of all, so twice the limit
// is allowed; what must never be is looked for in each run.
const defaultSeeds, enoughSeeds = 2, 20

// scenario is a script and what is expected of it.
type scenario struct {
	// name begins with the target that it proves.
	name, unit string
	// run plays the script with a seed and gives samples of what is measured.
	run func(o *outcome, seed uint64)
	// of is the statistic of all samples that must not be above limit.
	of    statistic
	limit float64
}

// together makes scenarios of one script that measures several things at once, and is played once for each seed.
func together(script func(seed uint64, outcomes []outcome), rows ...scenario) []scenario {
	var mu sync.Mutex
	played := map[uint64]func() []outcome{}
	for i := range rows {
		rows[i].run = func(o *outcome, seed uint64) {
			mu.Lock()
			play := played[seed]
			if play == nil {
				play = sync.OnceValue(func() []outcome {
					outcomes := make([]outcome, len(rows))
					script(seed, outcomes)
					return outcomes
				})
				played[seed] = play
			}
			mu.Unlock()
			*o = play()[i]
		}
	}
	return rows
}

// outcome is what a run found.
type outcome struct {
	samples []float64
	faults  []string
}

func (o *outcome) add(sample float64) { o.samples = append(o.samples, sample) }

// fault notes something that must never be, such as a picture that was decoded without what it needs.
func (o *outcome) fault(format string, args ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, args...))
}

// never notes a fault if there was any of it.
func (o *outcome) never(n int, what string) {
	if n != 0 {
		o.fault("%d %s", n, what)
	}
}

type statistic struct {
	name string
	of   func(sorted []float64) float64
}

func percentile(p int) statistic {
	return statistic{fmt.Sprintf("p%d", p), func(sorted []float64) float64 { return sorted[(len(sorted)-1)*p/100] }}
}

var (
	p95     = percentile(95)
	p99     = percentile(99)
	highest = statistic{"max", func(sorted []float64) float64 { return sorted[len(sorted)-1] }}
	mean    = statistic{"mean", func(sorted []float64) float64 {
		sum := 0.0
		for _, x := range sorted {
			sum += x
		}
		return sum / float64(len(sorted))
	}}
)

// play runs a scenario with many seeds, on all processors.
func (s *scenario) play(seeds int) []outcome {
	outcomes := make([]outcome, seeds)
	next := make(chan int, seeds)
	for i := range outcomes {
		next <- i
	}
	close(next)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				s.run(&outcomes[i], uint64(i)+1) //nolint:gosec // few
			}
		})
	}
	workers.Wait()
	return outcomes
}

// TestTable plays all scenarios and prints what they measured.
func TestTable(t *testing.T) {
	seeds := *seedCount
	if seeds == 0 {
		seeds = defaultSeeds
		if raceDetector || testing.Short() {
			seeds = 1
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-58s %9s %9s %9s %9s   %s\n", fmt.Sprintf("%d seeds", seeds), "p50", "p95", "p99", "max", "target")
	for _, s := range scenarios() {
		t.Run(strings.ReplaceAll(s.name, " ", "_"), func(t *testing.T) {
			var samples []float64
			for i, o := range s.play(seeds) {
				samples = append(samples, o.samples...)
				if len(o.faults) > 0 {
					t.Errorf("seed %d: %s", i+1, strings.Join(o.faults, "; "))
				}
			}
			slices.Sort(samples)
			got := s.of.of(samples)
			verdict := "ok"
			limit := s.limit
			if seeds < enoughSeeds {
				limit *= 2
			}
			if got > limit {
				verdict = "MISSED"
				t.Errorf("%s is %.4g %s, want at most %.4g", s.of.name, got, s.unit, limit)
			}
			fmt.Fprintf(&table, "%-58s %9.4g %9.4g %9.4g %9.4g   %s %.4g <= %.4g %s %s\n", s.name, percentile(50).of(samples),
				p95.of(samples), p99.of(samples), highest.of(samples), s.of.name, got, s.limit, s.unit, verdict)
		})
	}
	t.Log("\n" + table.String())
}

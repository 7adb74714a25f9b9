package seqnum_test

import (
	"math/rand/v2"
	"testing"

	"hiroba/sfu/seqnum"
)

func TestExtenderTellsGapsLatePacketsAndRestartsApart(t *testing.T) {
	type step struct {
		seq   uint16
		want  int64
		order seqnum.Order
	}
	const round = 1 << 16
	tests := map[string][]step{
		"in order": {
			{0, round, seqnum.First},
			{1, round + 1, seqnum.Next},
			{2, round + 2, seqnum.Next},
		},
		"wrap": {
			{65534, round + 65534, seqnum.First},
			{65535, round + 65535, seqnum.Next},
			{0, 2 * round, seqnum.Next},
			{1, 2*round + 1, seqnum.Next},
		},
		"wrap with the packets around it lost": {
			{65530, round + 65530, seqnum.First},
			{5, 2*round + 5, seqnum.Next},
		},
		"late over the wrap": {
			{65535, round + 65535, seqnum.First},
			{1, 2*round + 1, seqnum.Next},
			{0, 2 * round, seqnum.Late},
			{65534, round + 65534, seqnum.Late},
			{2, 2*round + 2, seqnum.Next},
		},
		"before the first": {
			{0, round, seqnum.First},
			{65535, round - 1, seqnum.Late},
		},
		"duplicate of the newest": {
			{9, round + 9, seqnum.First},
			{9, round + 9, seqnum.Late},
		},
		"largest gap": {
			{10, round + 10, seqnum.First},
			{10 + seqnum.MaxDropout, round + 10 + seqnum.MaxDropout, seqnum.Next},
		},
		"jump forward": {
			{10, round + 10, seqnum.First},
			{11 + seqnum.MaxDropout, 0, seqnum.Suspect},
			{12 + seqnum.MaxDropout, round + 12 + seqnum.MaxDropout, seqnum.Jumped},
			{11 + seqnum.MaxDropout, round + 11 + seqnum.MaxDropout, seqnum.Late},
			{13 + seqnum.MaxDropout, round + 13 + seqnum.MaxDropout, seqnum.Next},
		},
		"jump with the packets after it reordered and lost": {
			{10000, round + 10000, seqnum.First},
			{60004, 0, seqnum.Suspect},
			{60003, round + 60003, seqnum.Jumped},
			{60006, round + 60006, seqnum.Next},
			{60005, round + 60005, seqnum.Late},
		},
		"a stray ahead is not a jump": {
			{60001, round + 60001, seqnum.First},
			{0, 0, seqnum.Suspect},
			{0, 0, seqnum.Suspect},
			{60002, round + 60002, seqnum.Next},
		},
		"oldest late packet": {
			{10000, round + 10000, seqnum.First},
			{10000 - seqnum.MaxMisorder, round + 10000 - seqnum.MaxMisorder, seqnum.Late},
		},
		"restart at a lower number": {
			{10000, round + 10000, seqnum.First},
			{20, 0, seqnum.Suspect},
			{21, 2*round + 21, seqnum.Jumped},
			{22, 2*round + 22, seqnum.Next},
		},
		"strays are not a restart": {
			{10000, round + 10000, seqnum.First},
			{20, 0, seqnum.Suspect},
			{10001, round + 10001, seqnum.Next},
			{21, 0, seqnum.Suspect},
			{500, 0, seqnum.Suspect},
			{10002, round + 10002, seqnum.Next},
		},
		"a late packet does not clear the doubt": {
			{10000, round + 10000, seqnum.First},
			{20, 0, seqnum.Suspect},
			{9999, round + 9999, seqnum.Late},
			{21, 2*round + 21, seqnum.Jumped},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			var e seqnum.Extender
			for i, s := range steps {
				got, order := e.Extend(s.seq)
				if got != s.want || order != s.order {
					t.Fatalf("step %d: Extend(%d) = %d, %v; want %d, %v", i, s.seq, got, order, s.want, s.order)
				}
			}
		})
	}
}

// The stream of trap T22: it starts just before the wrap and loses a tenth of its packets.
func TestExtenderFollowsALossyStreamOverManyWraps(t *testing.T) {
	const seed = 22
	random := rand.New(rand.NewPCG(seed, 0))
	var e seqnum.Extender
	first, _ := e.Extend(65530)
	for i := int64(1); i < 200_000; i++ {
		if random.IntN(10) == 0 {
			continue
		}
		back := int64(0)
		if random.IntN(20) == 0 {
			back = min(i, random.Int64N(50))
		}
		want := first + i - back
		if got, order := e.Extend(uint16(want)); got != want || order == seqnum.Jumped || order == seqnum.Suspect {
			t.Fatalf("seed %d, packet %d: got %d, %v; want %d", seed, i, got, order, want)
		}
	}
}

func FuzzExtender(f *testing.F) {
	f.Add([]byte{0xFF, 0xFA, 0xFF, 0xFF, 0, 0, 0, 1})
	f.Add([]byte{0x27, 0x10, 0, 20, 0, 21})
	f.Fuzz(func(t *testing.T, b []byte) {
		var e seqnum.Extender
		for ; len(b) >= 2; b = b[2:] {
			seq := uint16(b[0])<<8 | uint16(b[1])
			before, _ := e.Newest()
			got, order := e.Extend(seq)
			newest, _ := e.Newest()
			switch order {
			case seqnum.First, seqnum.Next, seqnum.Jumped:
				if got != newest || got <= before {
					t.Fatalf("%v went from %d to %d, newest %d", order, before, got, newest)
				}
			case seqnum.Late:
				if got > before || newest != before {
					t.Fatalf("late gave %d after %d, newest %d", got, before, newest)
				}
			case seqnum.Suspect:
				if newest != before {
					t.Fatalf("suspect moved the newest from %d to %d", before, newest)
				}
				continue
			}
			if uint16(got) != seq {
				t.Fatalf("Extend(%d) = %d: the lower bits differ", seq, got)
			}
		}
	})
}

func TestExtenderAllocatesNothing(t *testing.T) {
	var e seqnum.Extender
	seq := uint16(0)
	if n := testing.AllocsPerRun(1000, func() { e.Extend(seq); seq += 3 }); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

package history_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"hiroba/sfu/history"
)

// TestRingAgreesWithAModel compares random insertions and look-ups with a map.
func TestRingAgreesWithAModel(t *testing.T) {
	const size = 16
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a test
		r := history.NewRing[int64](size)
		model := map[int64]int64{}
		highest, filled := int64(0), false
		next := random.Int64N(100)
		for range 2000 {
			number := next - random.Int64N(2*size)
			if random.IntN(3) > 0 {
				next += 1 + random.Int64N(3)
				number = next
			}
			number = max(number, 0)
			gone, had := r.Put(number, number*10)
			_, taken := model[number]
			switch {
			case taken || (filled && number <= highest-size):
				if !had || gone != number*10 {
					t.Fatalf("seed %d: Put(%d) should have given its value back, gave %d %v", seed, number, gone, had)
				}
			default:
				if had {
					if _, ok := model[gone/10]; !ok {
						t.Fatalf("seed %d: Put(%d) evicted %d, which was not in", seed, number, gone)
					}
					delete(model, gone/10)
				}
				model[number] = number * 10
				if !filled || number > highest {
					highest, filled = number, true
				}
			}
			for n := max(highest-size+1, 0); n <= highest; n++ {
				got, ok := r.At(n)
				want, in := model[n]
				if ok != in || got != want {
					t.Fatalf("seed %d: At(%d) = %d %v, want %d %v", seed, n, got, ok, want, in)
				}
			}
		}
		drained := 0
		r.Drain(func(v int64) {
			if model[v/10] != v {
				t.Fatalf("seed %d: drained %d, which was not in", seed, v)
			}
			drained++
		})
		if drained != len(model) {
			t.Fatalf("seed %d: drained %d values, want %d", seed, drained, len(model))
		}
	}
}

func TestGateSendsOncePerRoundTrip(t *testing.T) {
	var g history.Gate
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const rtt = 50 * time.Millisecond
	if v := g.HandleNACK(now, 7, 1200, rtt); v != history.Send {
		t.Fatalf("first NACK: %v", v)
	}
	if v := g.HandleNACK(now.Add(20*time.Millisecond), 7, 1200, rtt); v != history.TooSoon {
		t.Errorf("second NACK within the round trip: %v, want TooSoon", v)
	}
	if v := g.HandleNACK(now.Add(60*time.Millisecond), 7, 1200, rtt); v != history.Send {
		t.Errorf("NACK after the round trip: %v, want Send", v)
	}
}

// TestGateBoundsAFlood is the attack of quality row N1: a client that asks for everything, for ever.
func TestGateBoundsAFlood(t *testing.T) {
	var g history.Gate
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const seconds, mediaRate = 20, 150_000 // bytes per second
	sent := 0
	for ms := range seconds * 1000 {
		now = now.Add(time.Millisecond)
		g.HandleSent(mediaRate / 1000)
		for i := range 50 {
			if g.HandleNACK(now, uint16(ms*50+i), 1200, 0) == history.Send { //nolint:gosec // any number
				sent += 1200
			}
		}
	}
	if limit := seconds*(mediaRate/4+64<<10) + 128<<10; sent > limit {
		t.Errorf("sent %d bytes again in %d s, the budget is %d", sent, seconds, limit)
	}
}

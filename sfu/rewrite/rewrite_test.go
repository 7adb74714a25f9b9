package rewrite_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"hiroba/sfu/rewrite"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func video() rewrite.Rewriter {
	return rewrite.New(90000, time.Second/30, false, 1000, 5_000_000)
}

func TestRewriterContinuesOverASwitch(t *testing.T) {
	r := video()
	a := rewrite.In{Sequence: 70000, Timestamp: 1_000_000, PictureID: 0x7FFF, TL0PicIdx: 255, KeyIdx: 31, FrameNumber: 65535}
	first := r.Switch(epoch, 1, a)
	if first.Sequence != 1000 {
		t.Errorf("first sequence number = %d, want 1000", first.Sequence)
	}
	b := rewrite.In{Sequence: 12, Timestamp: 77, PictureID: 3, TL0PicIdx: 9, KeyIdx: 1, FrameNumber: 4}
	second := r.Switch(epoch.Add(100*time.Millisecond), 2, b)
	want := rewrite.Out{
		Sequence:    first.Sequence + 1,
		Timestamp:   first.Timestamp + 9000,
		PictureID:   (first.PictureID + 1) & 0x7FFF,
		TL0PicIdx:   first.TL0PicIdx + 1,
		KeyIdx:      (first.KeyIdx + 1) & 0x1F,
		FrameNumber: first.FrameNumber + 1,
	}
	if second != want {
		t.Errorf("after the switch: %+v, want %+v", second, want)
	}
	b.Sequence, b.Timestamp, b.PictureID = 13, 77+3000, 4
	third, ok := r.Forward(epoch.Add(133*time.Millisecond), b)
	if !ok || third.Sequence != second.Sequence+1 || third.Timestamp != second.Timestamp+3000 || third.PictureID != second.PictureID+1 {
		t.Errorf("third = %+v %v after %+v", third, ok, second)
	}
}

func TestRewriterMovesSoundByWholeFrames(t *testing.T) {
	for _, gap := range []time.Duration{0, time.Millisecond, 13 * time.Millisecond, 29 * time.Millisecond, 5 * time.Second} {
		r := rewrite.New(48000, 20*time.Millisecond, true, 0, 0)
		before := r.Switch(epoch, 1, rewrite.In{Sequence: 5, Timestamp: 123})
		after := r.Switch(epoch.Add(gap), 2, rewrite.In{Sequence: 9, Timestamp: 456})
		moved := after.Timestamp - before.Timestamp
		if moved == 0 || moved%960 != 0 {
			t.Errorf("gap %v moved the timestamp by %d, not by whole frames of 960", gap, moved)
		}
	}
}

func TestRewriterKeepsGapsForLossAndClosesThoseOfSkips(t *testing.T) {
	r := video()
	out := func(seq int64) uint16 {
		t.Helper()
		o, ok := r.Forward(epoch, rewrite.In{Sequence: seq})
		if !ok {
			t.Fatalf("packet %d was refused", seq)
		}
		return o.Sequence
	}
	r.Switch(epoch, 1, rewrite.In{Sequence: 100}) // 1000
	if got := out(103); got != 1003 {
		t.Errorf("after a loss of two: %d, want 1003", got)
	}
	r.Skip(104, false)
	r.Skip(105, false)
	if got := out(106); got != 1004 {
		t.Errorf("after two left out: %d, want 1004", got)
	}
	if got := out(102); got != 1002 { // late
		t.Errorf("late packet: %d, want 1002", got)
	}
	if _, ok := r.Forward(epoch, rewrite.In{Sequence: 104}); ok {
		t.Error("a packet that was left out came through late")
	}
	if _, ok := r.Forward(epoch, rewrite.In{Sequence: 99}); ok {
		t.Error("a packet from before the switch came through")
	}
	r.Skip(109, false) // 107 and 108 are missing
	if got := out(110); got != 1007 {
		t.Errorf("after a loss of two and one left out: %d, want 1007", got)
	}
	if got := out(108); got != 1006 {
		t.Errorf("late packet before the one left out: %d, want 1006", got)
	}
}

// TestRewriterAgreesWithAModel drives random switches, losses, late packets and skips, and compares with a plain map of
// everything that was ever sent.
func TestRewriterAgreesWithAModel(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test
		r := rewrite.New(90000, time.Second/30, false, uint16(random.Uint32()), random.Uint32())
		type key struct {
			source rewrite.SourceID
			in     int64
		}
		sent := map[uint16]key{} // the newest use of each number
		var order []uint16
		now := epoch
		var source rewrite.SourceID
		var next int64
		var late []int64
		record := func(in int64, out rewrite.Out, newest bool) {
			if k, taken := sent[out.Sequence]; taken && k != (key{source, in}) && len(order) < 1<<15 {
				t.Fatalf("seed %d: number %d for %v and %v", seed, out.Sequence, k, key{source, in})
			}
			if newest && len(order) > 0 {
				if step := out.Sequence - order[len(order)-1]; step == 0 || step > 64 {
					t.Fatalf("seed %d: moved by %d after %d packets", seed, step, len(order))
				}
			}
			sent[out.Sequence] = key{source, in}
			if newest {
				order = append(order, out.Sequence)
			}
		}
		for range 4000 {
			now = now.Add(time.Duration(random.IntN(20)) * time.Millisecond)
			switch n := random.IntN(100); {
			case source == 0 || n < 2:
				source++
				next = random.Int64N(1 << 20)
				late = late[:0]
				record(next, r.Switch(now, source, rewrite.In{Sequence: next}), true)
				next++
			case n < 8: // loss, perhaps late
				late = append(late, next)
				next++
			case n < 14:
				r.Skip(next, false)
				next++
			case n < 20 && len(late) > 0:
				in := late[random.IntN(len(late))]
				if out, ok := r.Forward(now, rewrite.In{Sequence: in}); ok {
					record(in, out, false)
				}
			default:
				out, ok := r.Forward(now, rewrite.In{Sequence: next})
				if !ok {
					t.Fatalf("seed %d: packet %d was refused", seed, next)
				}
				record(next, out, true)
				next++
			}
		}
		// What was sent last can be recalled, as what it was.
		for _, number := range order[len(order)-50:] {
			gotSource, in, ok := r.Recall(number)
			if want := sent[number]; !ok || gotSource != want.source || in != want.in {
				t.Fatalf("seed %d: Recall(%d) = %d %d %v, want %v", seed, number, gotSource, in, ok, want)
			}
			again, ok := r.Renumber(gotSource, rewrite.In{Sequence: in})
			if !ok || again.Sequence != number {
				t.Fatalf("seed %d: Renumber gave %d %v, want %d", seed, again.Sequence, ok, number)
			}
		}
		if _, _, ok := r.Recall(order[len(order)-1] + 1); ok {
			t.Fatalf("seed %d: recalled a number that was never sent", seed)
		}
	}
}

func TestRewriterAllocatesNothing(t *testing.T) {
	r := video()
	r.Switch(epoch, 1, rewrite.In{Sequence: 1})
	seq := int64(1)
	if n := testing.AllocsPerRun(1000, func() {
		seq++
		if seq%7 == 0 {
			r.Skip(seq, false)
			return
		}
		out, _ := r.Forward(epoch, rewrite.In{Sequence: seq})
		r.Recall(out.Sequence)
	}); n != 0 {
		t.Errorf("allocations per packet = %v, want 0", n)
	}
}

// FuzzRewriter plays any order of calls: no panic, and newest packets always move forward.
func FuzzRewriter(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 255, 0, 128, 7})
	f.Fuzz(func(t *testing.T, script []byte) {
		r := video()
		now := epoch
		var seq int64 = 1 << 16
		var source rewrite.SourceID
		for i, b := range script {
			now = now.Add(time.Millisecond)
			in := rewrite.In{Sequence: seq + int64(int8(b)), Timestamp: uint32(i) * 3000, PictureID: uint16(b)} //nolint:gosec // any
			switch b % 5 {
			case 0:
				source++
				r.Switch(now, source, in)
				seq = in.Sequence
			case 1:
				r.Skip(in.Sequence, b&64 != 0)
			case 2:
				r.Recall(uint16(in.Sequence)) //nolint:gosec // any
			default:
				out, ok := r.Forward(now, in)
				if ok && r.Current() == 0 {
					t.Fatal("forwarded without a source")
				}
				if ok {
					if _, again := r.Renumber(r.Current(), in); !again {
						t.Fatalf("sent %+v as %+v, but cannot number it again", in, out)
					}
				}
				seq = max(seq, in.Sequence)
			}
		}
	})
}

// TestT22FirstNumberIsInTheLowerHalf: a receiver that loses the first packets must not take a wrap for the beginning.
func TestT22FirstNumberIsInTheLowerHalf(t *testing.T) {
	for first := range 1 << 16 {
		r := rewrite.New(90000, time.Second/30, false, uint16(first), 0)
		if got := r.Switch(epoch, 1, rewrite.In{Sequence: 70_000}).Sequence; got >= 1<<15 {
			t.Fatalf("%d became %d", first, got)
		}
	}
}

package keyframe_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/keyframe"
	"hiroba/sfu/packet"
)

// stream is an encoder with its requester: it makes so many bytes in a millisecond, and keyframes of so many milliseconds'
// worth, which begin 60 ms after the request and take two fifths of that.
type stream struct {
	keyframe.Requester
	perMs, worth    int
	due             int // of the keyframe that was asked for, 0 for none
	counts          keyframe.Counts
	requests        []int
	keyframes, sums []uint64 // bytes at each millisecond, of keyframes and of all
}

// play lets the time from one millisecond to another pass.
func (s *stream) play(from, to int, step func(ms int, now time.Time)) {
	for ms := from; ms < to; ms++ {
		now := epoch.Add(time.Duration(ms) * time.Millisecond)
		s.counts.All += uint64(s.perMs) //nolint:gosec // positive
		if s.due > 0 && ms >= s.due {
			if ms == s.due {
				s.HandleBytes(now, s.counts)
				s.HandleKeyframe()
			}
			n := uint64(s.perMs) * 5 / 2 //nolint:gosec // positive
			s.counts.All += n
			s.counts.Keyframes += n
			if ms >= s.due+s.worth*2/5 {
				s.due = 0
			}
		}
		s.HandleBytes(now, s.counts)
		step(ms, now)
		if s.HandleTimeout(now) {
			s.requests = append(s.requests, ms)
			s.due = ms + 60
		}
		s.keyframes, s.sums = append(s.keyframes, s.counts.Keyframes), append(s.sums, s.counts.All)
	}
}

// highestShare is the most that keyframes were of all bytes in any ten seconds, in percent.
func (s *stream) highestShare() float64 {
	const window = 10_000
	highest := 0.0
	for i := window; i < len(s.sums); i++ {
		highest = max(highest, 100*float64(s.keyframes[i]-s.keyframes[i-window])/float64(s.sums[i]-s.sums[i-window]))
	}
	return highest
}

// TestRequesterKeepsKeyframesAFifthOfTheStream: whatever the subscribers want, and however large keyframes are.
func TestRequesterKeepsKeyframesAFifthOfTheStream(t *testing.T) {
	for _, worth := range []int{100, 170, 250, 330, 500} {
		t.Run(fmt.Sprintf("%d ms", worth), func(t *testing.T) {
			s := stream{perMs: 210, worth: worth}
			s.play(0, 20_000, func(int, time.Time) {})
			s.play(20_000, 200_000, func(_ int, now time.Time) { s.Want(now) })
			if got := s.highestShare(); got > 20 {
				t.Errorf("keyframes are %.1f %% of the bytes in some ten seconds, want at most 20: requests at %v", got, s.requests[:12])
			}
			if n := len(s.requests); n < 180/6 || n > 90 {
				t.Errorf("%d requests in three minutes, want one in six seconds at least and 30 in a minute at most", n)
			}
			if s.requests[0] != 20_000 {
				t.Errorf("requests at %v, want the first at once", s.requests[:2])
			}
			if worth <= 250 && s.requests[2] > 21_100 {
				t.Errorf("requests at %v, want three within a second where keyframes are small", s.requests[:3])
			}
		})
	}
}

// TestRequesterGrantsTheFirstAfterAPause: of a picture that hardly moves all that comes are keyframes, and who joins now
// and then still sees it at once.
func TestRequesterGrantsTheFirstAfterAPause(t *testing.T) {
	s := stream{perMs: 100, worth: 500}
	s.play(0, 10_000, func(int, time.Time) {})
	s.perMs = 0
	still := 100 // bytes of a keyframe in a millisecond
	var wished []int
	s.play(10_000, 100_000, func(ms int, now time.Time) {
		if s.due > 0 && ms >= s.due {
			s.counts.All += uint64(still)       //nolint:gosec // positive
			s.counts.Keyframes += uint64(still) //nolint:gosec // positive
		}
		if ms%7000 == 0 {
			wished = append(wished, ms)
			s.Want(now)
		}
	})
	if !slices.Equal(s.requests, wished) {
		t.Errorf("requests at %v, want one at once for each wish at %v", s.requests, wished)
	}
}

// TestRequesterCountsKeyframesThatNobodyAskedForHere: browsers that are asked for a keyframe of one encoding make one of all.
func TestRequesterCountsKeyframesThatNobodyAskedForHere(t *testing.T) {
	s := stream{perMs: 210, worth: 500}
	s.play(0, 30_000, func(ms int, now time.Time) {
		if ms == 5000 { // the first is granted whatever came
			s.Want(now)
		}
		if ms > 10_000 && ms%2000 == 0 {
			s.due = ms + 1
		}
	})
	s.requests = nil
	wished := 0
	s.play(30_000, 40_000, func(ms int, now time.Time) {
		if ms%2000 == 0 && ms < 38_000 {
			s.due = ms + 1
		}
		if ms%2000 == 500 {
			wished++
			s.Want(now)
		}
	})
	if len(s.requests) != 0 {
		t.Errorf("requests at %v of %d wishes, want none while each two seconds a large keyframe comes", s.requests, wished)
	}
}

// TestRequesterRepeatsWhateverKeyframesCost: a wish that was granted stands until it is met.
func TestRequesterRepeatsWhateverKeyframesCost(t *testing.T) {
	s := stream{perMs: 200, worth: 500}
	lost := 0
	s.play(0, 10_000, func(ms int, now time.Time) {
		if ms == 9000 {
			s.Want(now)
		}
		if s.due > 0 && lost < 3 { // the request, or the keyframe
			s.due = 0
			lost++
		}
	})
	if len(s.requests) != 4 || s.requests[1] != 9250 {
		t.Errorf("requests at %v, want four, the second after 250 ms", s.requests)
	}
}

func TestAllowanceLetsNobodyAskForEver(t *testing.T) {
	var a keyframe.Allowance
	var wishes []int
	due := -1
	for ms := range 60_000 { // each keyframe takes 60 ms, and another is asked for at once
		now := epoch.Add(time.Duration(ms) * time.Millisecond)
		if ms == due {
			a.HandleKeyframe()
			due = -1
		}
		if a.Want(now) && due < 0 {
			wishes = append(wishes, ms)
			due = ms + 60
		}
	}
	if n := len(wishes); n > 4+60/5 || n < 60/5 || wishes[3] != 180 {
		t.Errorf("%d wishes allowed, at %v; want four at once and then one in five seconds", n, wishes)
	}
}

// TestAllowanceTakesRepetitionsAsOneWish: browsers ask five times in a second until the keyframe comes.
func TestAllowanceTakesRepetitionsAsOneWish(t *testing.T) {
	var a keyframe.Allowance
	for i := range 100 {
		if now := epoch.Add(time.Duration(i) * 200 * time.Millisecond); !a.Want(now) {
			t.Fatalf("repetition %d is not passed on", i)
		}
	}
}

func TestMeterTellsKeyframesFromTheRest(t *testing.T) {
	var m keyframe.Meter
	packets := func(n int, key bool, timestamp uint32) {
		for i := range n {
			p := packet.New()
			p.SetLen(1000)
			p.Header.Timestamp = timestamp
			p.Info = codec.Info{Keyframe: key && i == 0}
			m.HandleRTP(p)
			p.Release()
		}
	}
	packets(3, false, 0)
	packets(5, true, 3000) // all layers of the picture count, of which the first packet only says that it is one
	packets(2, false, 6000)
	packets(4, true, 9000)
	packets(1, false, 12_000)
	if got, want := m.Counts(), (keyframe.Counts{Keyframes: 9000, All: 15_000}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	allocs := testing.AllocsPerRun(1000, func() { m.Counts() })
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

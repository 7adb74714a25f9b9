package keyframe_test

import (
	"slices"
	"testing"
	"time"

	"hiroba/sfu/keyframe"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// requests plays time in steps of a millisecond and returns when requests go out, in milliseconds.
func requests(r *keyframe.Requester, from, to int, step func(ms int, now time.Time)) []int {
	var sent []int
	for ms := from; ms < to; ms++ {
		now := epoch.Add(time.Duration(ms) * time.Millisecond)
		step(ms, now)
		if r.HandleTimeout(now) {
			sent = append(sent, ms)
		}
	}
	return sent
}

func TestRequesterMergesAHundredWishes(t *testing.T) {
	var r keyframe.Requester
	sent := requests(&r, 0, 1000, func(ms int, now time.Time) {
		if ms%10 == 0 { // a hundred joins in a second
			r.Want(now)
		}
		if ms%50 == 49 { // the encoder answers
			r.HandleKeyframe()
		}
	})
	if len(sent) > 2 {
		t.Errorf("%d requests in a second: %v, want at most two", len(sent), sent)
	}
	if len(sent) == 0 || sent[0] != 0 {
		t.Errorf("requests at %v, want the first at once", sent)
	}
}

func TestRequesterRepeatsUntilAKeyframeComes(t *testing.T) {
	var r keyframe.Requester
	sent := requests(&r, 0, 60_000, func(ms int, now time.Time) {
		if ms == 0 {
			r.Want(now)
		}
	})
	want := []int{0, 250, 563, 954, 1443, 2054, 2817}
	if len(sent) < len(want) || !slices.Equal(sent[:len(want)], want) {
		t.Fatalf("requests at %v, want %v first", sent, want)
	}
	if len(sent) >= 30 {
		t.Errorf("%d requests in a minute to an encoder that does not answer: %v", len(sent), sent)
	}
	r.HandleKeyframe()
	if !r.Deadline().IsZero() {
		t.Error("still wants a keyframe after one came")
	}
}

func TestRequesterGrantsThirtyWishesInAMinute(t *testing.T) {
	var r keyframe.Requester
	var sent []int
	for ms := range 300_000 {
		now := epoch.Add(time.Duration(ms) * time.Millisecond)
		r.Want(now) // a hostile client
		if r.HandleTimeout(now) {
			sent = append(sent, ms)
			r.HandleKeyframe()
		}
	}
	// Twenty people in a row wait for nobody; then there is one in six seconds.
	if len(sent) < 20+48 || sent[19] > 20*500 {
		t.Errorf("%d requests in five minutes, the first at %v: too few", len(sent), sent[:20])
	}
	for i, from := range sent {
		count := 0
		for _, at := range sent[i:] {
			if at < from+60_000 {
				count++
			}
		}
		if count > 30 {
			t.Fatalf("%d requests in the minute from %d ms on, want at most 30", count, from)
		}
	}
}

func TestRequesterTellsWhenAWishIsGrantedAtOnce(t *testing.T) {
	var r keyframe.Requester
	if !r.Free().IsZero() {
		t.Errorf("free from %v before the first wish", r.Free())
	}
	now := epoch
	for range 40 {
		if r.Free().After(now) {
			now = r.Free()
			if r.Want(now.Add(-time.Millisecond)); r.HandleTimeout(now.Add(-time.Millisecond)) {
				t.Fatal("granted before it is free")
			}
			r.HandleKeyframe()
		}
		if r.Want(now); !r.HandleTimeout(now) {
			t.Fatalf("not granted at %v though free from %v", now, r.Free())
		}
		r.HandleKeyframe()
	}
	if took := now.Sub(epoch); took < time.Minute {
		t.Errorf("forty were granted in %v", took)
	}
}

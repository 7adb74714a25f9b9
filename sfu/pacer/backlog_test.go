package pacer_test

import (
	"testing"
	"time"

	"hiroba/sfu/pacer"
)

// TestBacklog: a shard that stood still may be late, one that cannot cope may not for long.
func TestBacklog(t *testing.T) {
	const ms = time.Millisecond
	var b pacer.Backlog
	limit := func(at, oldest time.Duration) time.Duration { return b.HandleTurn(epoch.Add(at), oldest) }
	for _, test := range []struct{ at, oldest, want time.Duration }{
		{0, 0, pacer.MaxLag},
		{10 * ms, 900 * ms, pacer.MaxLag}, // it stood still
		{300 * ms, 500 * ms, pacer.MaxLag},
		{600 * ms, 20 * ms, pacer.MaxLag}, // it caught up
		{700 * ms, 200 * ms, pacer.MaxLag},
		{1500 * ms, 200 * ms, pacer.MaxLag},
		{1800 * ms, 250 * ms, 100 * ms}, // it did not
		{1900 * ms, 250 * ms, 100 * ms},
		{1910 * ms, 0, pacer.MaxLag},
		{2000 * ms, 150 * ms, pacer.MaxLag},
	} {
		if got := limit(test.at, test.oldest); got != test.want {
			t.Errorf("after %v, %v behind: may be %v late, want %v", test.at, test.oldest, got, test.want)
		}
	}
}

package pacer

import "time"

const (
	// MaxLag is how late packets leave at most. Up to that a decoder would rather wait: machines stand still for a while at
	// times, and catch up.
	MaxLag = time.Second
	// standingLag is how late packets leave at most where there is more work than time for it. Waiting helps nothing there: a
	// queue of a second stays one, and all that comes is a second late.
	standingLag = 100 * time.Millisecond
	// patience is for how long packets may leave late until the queue counts as one that stays.
	patience = time.Second
)

// Backlog decides how late a packet may leave before it is better dropped. The zero value is ready.
type Backlog struct {
	late time.Time // since when packets have left later than standingLag; zero when they do not
}

// HandleTurn says how old the oldest packet is that leaves now, zero if there is none, and returns how old those may be that
// leave with it.
func (b *Backlog) HandleTurn(now time.Time, oldest time.Duration) time.Duration {
	switch {
	case oldest < standingLag:
		b.late = time.Time{}
	case b.late.IsZero():
		b.late = now
	case now.Sub(b.late) > patience:
		return standingLag
	}
	return MaxLag
}

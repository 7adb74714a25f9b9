// Package pacer decides when packets leave: how long a shard gathers them so that those for one subscriber leave together,
// and how much may leave for one subscriber at once.
package pacer

import "time"

const (
	// MaxSlot is how long packets are gathered at most.
	MaxSlot = 8 * time.Millisecond
	// window is over how long the load is measured.
	window = 50 * time.Millisecond
	// calm is the load up to which nothing waits, and full that from which packets wait for MaxSlot.
	calm, full = 0.70, 0.95
	// fall is by how much the slot gets shorter with each window, at most. It grows at once: a queue grows fast.
	fall = time.Millisecond
)

// Slots decides how long a shard gathers packets before it sends them. Packets that leave together cost less than half of
// those that leave one by one, but they wait for each other. So nothing waits while the shard has time to spare, and it
// trades delay for throughput as it runs out of it. The zero value is ready.
type Slots struct {
	began  time.Time // of the window
	busy   time.Duration
	length time.Duration
}

// HandleWork says that the shard was busy from one instant to another.
func (s *Slots) HandleWork(from, to time.Time) {
	if s.began.IsZero() {
		s.began = from
	}
	s.busy += to.Sub(from)
	elapsed := to.Sub(s.began)
	if elapsed < window {
		return
	}
	s.length = max(lengthAt(float64(s.busy)/float64(elapsed)), s.length-fall)
	s.began, s.busy = to, 0
}

// Length is how long packets should be gathered now; 0 is not at all. It is a whole number of milliseconds, as exact as
// sleeping is.
func (s *Slots) Length() time.Duration { return s.length }

// lengthAt is the length of the slots for a load between 0 and 1.
func lengthAt(load float64) time.Duration {
	part := min(max((load-calm)/(full-calm), 0), 1)
	return time.Duration(part * float64(MaxSlot)).Truncate(time.Millisecond)
}

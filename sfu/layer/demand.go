package layer

import "time"

// sleepAfter is how long a layer is kept although nobody wants it: people page back and forth.
const sleepAfter = 2 * time.Second

// Demand merges what the subscribers of one track want of it, so that its publisher encodes nothing for nobody. K names a
// subscriber. Make it with NewDemand.
type Demand[K comparable] struct {
	wants map[K]int8
	// told is the highest spatial layer that was handed out, -1 for none at all.
	told int8
	// lower is since when less than told is wanted; zero while it is not.
	lower time.Time
	fresh bool
}

// NewDemand makes a demand of nobody. The publisher is taken to send all it has until PollHighest says otherwise.
func NewDemand[K comparable](now time.Time, highest int8) Demand[K] {
	return Demand[K]{wants: make(map[K]int8), told: highest, lower: now}
}

// HandleWant says which spatial layer a subscriber wants; -1 is nothing.
func (d *Demand[K]) HandleWant(now time.Time, who K, spatial int8) {
	if spatial < 0 {
		delete(d.wants, who)
	} else {
		d.wants[who] = spatial
	}
	switch highest := d.highest(); {
	case highest > d.told:
		d.told, d.fresh, d.lower = highest, true, time.Time{}
	case highest == d.told:
		d.lower = time.Time{}
	case d.lower.IsZero():
		d.lower = now
	}
}

// PollHighest hands out the highest spatial layer that is wanted when that is news: more at once, less after a while.
func (d *Demand[K]) PollHighest() (highest int8, news bool) {
	news, d.fresh = d.fresh, false
	return d.told, news
}

// Deadline is when HandleTimeout wants to be called; the zero time is never.
func (d *Demand[K]) Deadline() time.Time {
	if d.lower.IsZero() {
		return time.Time{}
	}
	return d.lower.Add(sleepAfter)
}

// HandleTimeout lets layers go that nobody has wanted for a while.
func (d *Demand[K]) HandleTimeout(now time.Time) {
	if due := d.Deadline(); due.IsZero() || now.Before(due) {
		return
	}
	d.lower = time.Time{}
	if highest := d.highest(); highest < d.told {
		d.told, d.fresh = highest, true
	}
}

func (d *Demand[K]) highest() int8 {
	highest := int8(-1)
	for _, spatial := range d.wants {
		highest = max(highest, spatial)
	}
	return highest
}

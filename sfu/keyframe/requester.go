// Package keyframe decides when a publisher is asked for a keyframe. Keyframes are large: each one that is not needed costs
// the picture of everybody, and each one that is missing is a black tile for somebody.
package keyframe

import "time"

const (
	// minInterval is the least time between two wishes that are granted, however many subscribers want one: a hundred who join
	// in a second cost two keyframes at most.
	minInterval = 500 * time.Millisecond
	// Each wish that is granted costs, and burst of them can be granted in a row: no more than 30 in any minute, whatever
	// the subscribers ask for. The burst is large, since people come, leave and page in bursts, and each waits for one. What
	// bounds them is the budget, where the keyframes are large.
	cost  = 6 * time.Second
	burst = 20
	// firstRepeat is how long a request may stay unanswered before it is repeated: it or the keyframe may have been
	// lost like any packet. The wait grows by a quarter each time, up to maxRepeat, so that an encoder that never answers is
	// asked less than 30 times in a minute.
	firstRepeat = 250 * time.Millisecond
	maxRepeat   = 3 * time.Second
)

// Requester merges the wishes for a keyframe of one encoding, and limits what they cost. The zero value is ready.
type Requester struct {
	wanted bool
	// last is the time of the last request; due that of the next one while wanted.
	last, due time.Time
	repeat    time.Duration
	// asked is set when a request went out for this wish. paid is when all wishes granted so far are paid for.
	asked  bool
	paid   time.Time
	budget budget
}

// HandleBytes tells what has come of the encoding until now, as a Meter counts it. Without, only the number of keyframes is
// limited.
func (r *Requester) HandleBytes(now time.Time, c Counts) { r.budget.handle(now, c) }

// Want says that a subscriber needs a keyframe.
func (r *Requester) Want(now time.Time) {
	if r.wanted {
		return
	}
	r.wanted, r.asked = true, false
	r.repeat = firstRepeat
	r.due = now
	if free := r.Free(); free.After(now) {
		r.due = free
	}
}

// Free is the time from which on a wish is granted at once; the zero time is always.
func (r *Requester) Free() time.Time {
	if r.last.IsZero() {
		return time.Time{}
	}
	free := r.last.Add(minInterval)
	if paid := r.paid.Add(-(burst - 1) * cost); paid.After(free) {
		free = paid
	}
	if earned := r.budget.free(r.last); earned.After(free) {
		free = earned
	}
	return free
}

// scarceAfter is how long a new occupant may stay unseen to spare a burst of packets.
const scarceAfter = 300 * time.Millisecond

// Scarce reports whether a keyframe is not to be had soon, because many were asked for lately: free is from when on a wish
// is granted at once.
func Scarce(now, free time.Time) bool { return free.Sub(now) > scarceAfter }

// HandleKeyframe says that one came. All wishes are met.
func (r *Requester) HandleKeyframe() {
	r.wanted = false
	r.budget.handleKeyframe()
}

// Forget says that nobody wants one any more.
func (r *Requester) Forget() { r.wanted = false }

// Deadline is when HandleTimeout wants to be called; the zero time is never.
func (r *Requester) Deadline() time.Time {
	if !r.wanted {
		return time.Time{}
	}
	return r.due
}

// HandleTimeout reports whether a request is to be sent now.
func (r *Requester) HandleTimeout(now time.Time) bool {
	if !r.wanted || now.Before(r.due) {
		return false
	}
	if !r.asked { // repeats are free: the encoder did not hear
		if free := r.Free(); free.After(now) { // what the last one costs was not known yet
			r.due = free
			return false
		}
		r.asked = true
		if r.paid.Before(now) {
			r.paid = now
		}
		r.paid = r.paid.Add(cost)
	}
	r.last = now
	r.due = now.Add(r.repeat)
	r.repeat = min(r.repeat+r.repeat/4, maxRepeat)
	return true
}

package keyframe

import "time"

const (
	// wishCost is how far apart the wishes of one subscriber may be in the long run, and wishBurst how many may come in a row:
	// who loses much needs a few, and who asks without end must not spend what is there for all.
	wishCost  = 5 * time.Second
	wishBurst = 4
)

// Allowance bounds how many keyframes one subscriber can cause. It is of one m-line; the zero value is ready.
type Allowance struct {
	// asked is set when a wish was allowed and no keyframe has been sent since: to ask again is free then.
	asked bool
	paid  time.Time // when all wishes so far are paid for
}

// Want reports whether the subscriber's wish for a keyframe is passed on.
func (a *Allowance) Want(now time.Time) bool {
	if a.asked {
		return true
	}
	if a.paid.Before(now) {
		a.paid = now
	}
	if a.paid.Sub(now) > (wishBurst-1)*wishCost {
		return false
	}
	a.asked, a.paid = true, a.paid.Add(wishCost)
	return true
}

// HandleKeyframe says that one was sent to the subscriber.
func (a *Allowance) HandleKeyframe() { a.asked = false }

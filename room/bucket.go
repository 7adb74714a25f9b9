package room

import "time"

// rate is how fast a token bucket fills, and how much it holds.
type rate struct{ perSecond, burst float64 }

// bucket limits one kind of message of one participant. The zero value is full.
type bucket struct {
	spent float64
	at    time.Time
}

// take spends one token. When there is none, it says how long until there is one.
func (b *bucket) take(now time.Time, r rate) (wait time.Duration, ok bool) {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.spent = max(0, b.spent-passed*r.perSecond)
	}
	b.at = now
	if over := b.spent + 1 - r.burst; over > 0 {
		return time.Duration(over / r.perSecond * float64(time.Second)), false
	}
	b.spent++
	return 0, true
}

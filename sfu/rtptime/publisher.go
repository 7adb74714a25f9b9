package rtptime

import (
	"sync/atomic"
	"time"
)

const (
	// drift is how much longer the estimated distance of the two clocks may get per second. Real clocks differ by less
	// than 100 µs per second.
	drift = 200 * time.Microsecond
	// stepped is how far above the estimate reports must be to mean that the publisher's clock was set back.
	stepped = 500 * time.Millisecond
	// steppedFor is how long they must be so. A queue in the network does not last that long.
	steppedFor = 10 * time.Second
)

// Publisher maps the clock of one participant to the server's. All its streams share it: what it gets wrong, it gets
// wrong for sound and pictures alike, so that they stay together. The zero value is ready to use.
//
// Each sender report tells the distance of the clocks plus the time that the report travelled. The shortest one is the
// best estimate, so the distance follows downwards at once, and upwards only as fast as clocks drift.
//
// HandleSenderReport of the streams' Clocks changes the Publisher: calls for one Publisher must follow one another.
// CaptureTime of a Clock may run at the same time as that of another stream's.
type Publisher struct {
	started bool
	// began and ntp are the same instant on both clocks, as the first report says.
	began time.Time
	ntp   NTP

	// distance is what to add to times since ntp to get times since began, in nanoseconds.
	distance atomic.Int64
	reported time.Time

	// highSince is when reports began to be far above the distance, high the lowest of them; see stepped.
	highSince time.Time
	high      time.Duration
}

// handleReport notes that a report made at ntp on the publisher's clock came now, and gives ntp as time since p.began
// without the distance.
func (p *Publisher) handleReport(now time.Time, ntp NTP) time.Duration {
	if !p.started {
		p.started, p.began, p.ntp, p.reported = true, now, ntp, now
		return 0
	}
	sent := ntp.Sub(p.ntp)
	sample := now.Sub(p.began) - sent
	distance := time.Duration(p.distance.Load())
	allowed := distance + time.Duration(now.Sub(p.reported).Seconds()*float64(drift))
	p.reported = now
	switch {
	case sample <= allowed+stepped:
		p.highSince = time.Time{}
		distance = min(sample, allowed)
	case p.highSince.IsZero():
		p.highSince, p.high = now, sample
	default:
		p.high = min(p.high, sample)
		if now.Sub(p.highSince) >= steppedFor {
			p.highSince = time.Time{}
			distance = p.high
		}
	}
	p.distance.Store(int64(distance))
	return sent
}

// instant is the time on the server's clock that is so long after p.ntp on the publisher's.
func (p *Publisher) instant(sinceNTP time.Duration) time.Time {
	return p.began.Add(sinceNTP + time.Duration(p.distance.Load()))
}

package rtptime

import (
	"time"

	"hiroba/sfu/seqnum"
)

const (
	// maxAge and maxAhead bound how far capture and arrival can be apart. What is outside of them comes from a report
	// that does not belong to the packets, and the time of arrival is the better guess.
	maxAge   = 10 * time.Second
	maxAhead = time.Second
)

// Clock maps the RTP timestamps of one stream to the server's clock. Before the first sender report, and where the
// reports make no sense, it goes by arrival.
type Clock struct {
	publisher *Publisher
	rate      uint32
	arrival   arrival

	reported  bool
	ntp       NTP
	since     time.Duration // of ntp, see Publisher.handleReport
	timestamp uint32        // at ntp
}

// NewClock makes the clock of one stream of a publisher, whose timestamps count rate units per second.
func NewClock(p *Publisher, rate uint32) Clock {
	if p == nil || rate == 0 {
		panic("rtptime: a clock needs a publisher and a rate")
	}
	return Clock{publisher: p, rate: rate}
}

// HandleSenderReport notes that timestamp and ntp are the same instant on the publisher's side (RFC 3550,
// section 6.4.1). Reports that were overtaken by a newer one are ignored, and so are those without a time.
func (c *Clock) HandleSenderReport(now time.Time, ntp NTP, timestamp uint32) {
	if ntp == 0 {
		return
	}
	if age := c.ntp.Sub(ntp); c.reported && age >= 0 && age < maxAge {
		return
	}
	c.since = c.publisher.handleReport(now, ntp)
	c.reported, c.ntp, c.timestamp = true, ntp, timestamp
}

// CaptureTime is when the media with this timestamp was captured, on the server's clock and but for the shortest travel
// time. The packet came now; each packet must be told, in any order.
func (c *Clock) CaptureTime(now time.Time, timestamp uint32) time.Time {
	byArrival := c.arrival.handle(now, timestamp, c.rate)
	if !c.reported {
		return byArrival
	}
	captured := c.publisher.instant(c.since + duration(timestamp, c.timestamp, c.rate))
	if age := now.Sub(captured); age > maxAge || age < -maxAhead {
		return byArrival
	}
	return captured
}

// Reported reports whether there was a sender report.
func (c *Clock) Reported() bool { return c.reported }

// TimestampAt is the RTP timestamp of the stream at an instant of the server's clock, as a sender report to a receiver
// of the stream must say it. A seat whose timestamps are those of the stream plus an offset reports the sum. It is
// false before the first packet and report.
func (c *Clock) TimestampAt(at time.Time) (uint32, bool) {
	switch {
	case c.reported:
		return c.timestamp + units(at.Sub(c.publisher.instant(c.since)), c.rate), true
	case c.arrival.started:
		return c.arrival.timestamp + units(at.Sub(c.arrival.at), c.rate), true
	default:
		return 0, false
	}
}

// arrival guesses when media was captured by the packets that travelled shortest.
type arrival struct {
	started   bool
	at        time.Time // when media with timestamp was captured, it seems
	timestamp uint32
	last      time.Time
}

// handle notes a packet and gives its capture time.
func (a *arrival) handle(now time.Time, timestamp, rate uint32) time.Time {
	guess := a.at.Add(duration(timestamp, a.timestamp, rate))
	late := now.Sub(guess)
	elapsed := now.Sub(a.last)
	a.last = now
	switch {
	case !a.started, late < 0, late > maxAge: // the first, the fastest, or the timestamps jumped
		a.started, a.at, a.timestamp = true, now, timestamp
		return now
	case elapsed > 0: // follow a clock that runs slower than ours, see drift
		a.at = a.at.Add(min(late, time.Duration(elapsed.Seconds()*float64(drift))))
	}
	return guess
}

// duration is the time from one timestamp to another, of a clock that counts rate units per second.
func duration(timestamp, from, rate uint32) time.Duration {
	return time.Duration(seqnum.Distance(32, from, timestamp) * int64(time.Second) / int64(rate))
}

// units is how far a clock of rate units per second moves in d, modulo 2^32.
func units(d time.Duration, rate uint32) uint32 {
	whole, rest := int64(d/time.Second), int64(d%time.Second)
	return uint32(whole*int64(rate) + rest*int64(rate)/int64(time.Second)) //nolint:gosec // modulo 2^32 is meant
}

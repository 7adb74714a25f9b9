package sim

import "time"

const (
	// decodeTime is what decoding and drawing take.
	decodeTime = 10 * time.Millisecond
	// maxBuffer bounds the jitter buffer.
	maxBuffer = 500 * time.Millisecond
	// nackLimit is after how many repaired frames the buffer gets room for a round trip (libwebrtc, JitterEstimator).
	nackLimit = 3
	// windowFrames is over how many pictures the average distance is taken, and windowLeast how many there must be to
	// speak of a freeze (libwebrtc).
	windowFrames, windowLeast = 30, 5
	// freezeMargin is how much longer than usual a picture must stand to be a freeze (W3C webrtc-stats, freezeCount).
	freezeMargin = 150 * time.Millisecond
)

// playout decides when a picture is seen. It keeps a buffer as long as the network's jitter seems to be, and knows freezes.
type playout struct {
	started bool
	// base is when a picture with timestamp 0 would come that travels as fast as the fastest; target how much later it is
	// seen.
	base   time.Time
	target time.Duration
	newest time.Time // arrival
	// repaired counts the frames that had to be sent again, up to nackLimit; from then on the buffer has room for that.
	repaired int
	rtt      time.Duration

	last   time.Time // when the newest picture was seen
	window []time.Duration
}

func ticks(timestamp int64) time.Duration { return time.Duration(timestamp) * time.Second / 90000 }

// handleArrival takes the time of a complete frame. What was sent again says nothing about jitter.
func (p *playout) handleArrival(now time.Time, timestamp int64, repaired bool) {
	if repaired && p.started {
		p.repaired = min(p.repaired+1, nackLimit)
		return
	}
	transit := now.Add(-ticks(timestamp))
	late := transit.Sub(p.base)
	switch {
	case !p.started, late > 10*time.Second, late < -10*time.Second:
		p.started, p.base, p.target = true, transit, decodeTime
	case late < 0:
		p.target = min(p.target-late, maxBuffer)
		p.base = transit
	default:
		p.base = p.base.Add(min(late, now.Sub(p.newest)/1000)) // 1 ms in a second
		p.target = max(p.target-p.target/256, min(late, maxBuffer), decodeTime)
	}
	p.newest = now
}

// seenAt is when a picture should be seen.
func (p *playout) seenAt(timestamp int64) time.Time {
	target := p.target
	if p.repaired == nackLimit {
		target += p.rtt
	}
	return p.base.Add(ticks(timestamp) + target)
}

// decodeAt is when it should be decoded for that.
func (p *playout) decodeAt(timestamp int64) time.Time { return p.seenAt(timestamp).Add(-decodeTime) }

// show notes that a picture is seen, and whether the one before stood still for too long.
func (p *playout) show(now time.Time, timestamp int64, counts *ScreenCounts) {
	at := p.seenAt(timestamp)
	if earliest := now.Add(decodeTime); at.Before(earliest) {
		at = earliest
	}
	if !p.last.IsZero() {
		gap := max(at.Sub(p.last), 0)
		p.count(gap, counts)
		p.window = append(p.window, gap)
		if len(p.window) > windowFrames {
			p.window = p.window[1:]
		}
	}
	if at.After(p.last) {
		p.last = at
	}
}

func (p *playout) count(gap time.Duration, counts *ScreenCounts) {
	if len(p.window) < windowLeast {
		return
	}
	var sum time.Duration
	for _, d := range p.window {
		sum += d
	}
	average := sum / time.Duration(len(p.window))
	if gap >= max(3*average, average+freezeMargin) {
		counts.Freezes++
		counts.Frozen += gap
	}
}

// pause forgets the last picture: what comes next ends no freeze.
func (p *playout) pause() { p.last, p.window = time.Time{}, nil }

// finish counts the gap since the last picture.
func (p *playout) finish(now time.Time, counts *ScreenCounts) {
	if !p.last.IsZero() {
		p.count(now.Sub(p.last), counts)
	}
}

package sim

import "time"

// The limits of libwebrtc's NackRequester.
const (
	maxNackRetries = 10
	maxNackList    = 1000
)

// nackList is what a browser asks for again: each missing packet at once, then once in each round trip.
type nackList struct {
	rtt     time.Duration
	newest  int64
	started bool
	missing []missingPacket
}

type missingPacket struct {
	sequence int64
	asked    time.Time
	tries    int
}

// handle takes the number of a packet.
func (l *nackList) handle(sequence int64) {
	switch {
	case !l.started:
		l.started, l.newest = true, sequence
	case sequence > l.newest:
		for n := l.newest + 1; n < sequence; n++ {
			l.missing = append(l.missing, missingPacket{sequence: n})
		}
		l.newest = sequence
	default:
		for i := range l.missing {
			if l.missing[i].sequence == sequence {
				l.missing = append(l.missing[:i], l.missing[i+1:]...)
				return
			}
		}
	}
}

// clear forgets what is not newer than a decoded frame.
func (l *nackList) clear(sequence int64) {
	kept := l.missing[:0]
	for _, m := range l.missing {
		if m.sequence > sequence {
			kept = append(kept, m)
		}
	}
	l.missing = kept
}

// poll gives the numbers to ask for now. With overflow all is given up, and a keyframe is needed.
func (l *nackList) poll(now time.Time) (asked []uint16, overflow bool) {
	if len(l.missing) > maxNackList {
		l.missing = l.missing[:0]
		return nil, true
	}
	kept := l.missing[:0]
	for _, m := range l.missing {
		if m.tries == 0 || now.Sub(m.asked) >= l.rtt {
			if m.tries == maxNackRetries {
				continue
			}
			m.tries++
			m.asked = now
			asked = append(asked, uint16(m.sequence)) //nolint:gosec // the lower 16 bits go on the wire
		}
		kept = append(kept, m)
	}
	l.missing = kept
	return asked, false
}

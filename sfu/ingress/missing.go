package ingress

import "time"

const (
	// maxMissing bounds the sequence numbers that are waited for; what is older is given up.
	maxMissing = 256
	// reorderWait is how long a gap may be mere reordering.
	reorderWait = 5 * time.Millisecond
	// maxTries bounds the NACKs for one packet, and giveUp the time: a later packet would come too late to be shown.
	maxTries = 10
	giveUp   = 800 * time.Millisecond
	// firstRTT stands in for the round trip time to the publisher until a retransmission has told it.
	firstRTT       = 60 * time.Millisecond
	minRTT, maxRTT = 15 * time.Millisecond, 400 * time.Millisecond
)

// missing knows which packets of a stream have not come, and when to ask for them (RFC 4585, section 6.2.1).
type missing struct {
	packets []lost
	rtt     time.Duration
	// overdue counts the packets that were ever asked for.
	overdue uint64
}

type lost struct {
	sequence int64
	// since is when the gap was seen, asked when the last NACK was sent, due when the next one is.
	since, asked, due time.Time
	tries             int
}

// handleGap notes the numbers from (inclusive) to (exclusive).
func (m *missing) handleGap(now time.Time, from, to int64) {
	if to-from > maxMissing {
		from = to - maxMissing
	}
	for s := from; s < to; s++ {
		m.packets = append(m.packets, lost{sequence: s, since: now, due: now.Add(reorderWait)})
	}
	if over := len(m.packets) - maxMissing; over > 0 {
		m.packets = m.packets[:copy(m.packets, m.packets[over:])]
	}
}

// handleArrival strikes a number from the list. The answer to a first NACK tells the round trip time.
func (m *missing) handleArrival(now time.Time, sequence int64) {
	for i := range m.packets {
		p := &m.packets[i]
		if p.sequence != sequence {
			continue
		}
		if p.tries == 1 {
			sample := min(max(now.Sub(p.asked), minRTT), maxRTT)
			if m.rtt == 0 {
				m.rtt = sample
			}
			m.rtt += (sample - m.rtt) / 8
		}
		m.packets = append(m.packets[:i], m.packets[i+1:]...)
		return
	}
}

// handleKeyframe gives up what is older than a keyframe: nobody needs it to go on.
func (m *missing) handleKeyframe(sequence int64) {
	kept := m.packets[:0]
	for _, p := range m.packets {
		if p.sequence >= sequence {
			kept = append(kept, p)
		}
	}
	m.packets = kept
}

func (m *missing) clear() { m.packets = m.packets[:0] }

// poll appends the numbers to ask for now.
func (m *missing) poll(now time.Time, dst []uint16) []uint16 {
	kept := m.packets[:0]
	for _, p := range m.packets {
		if p.tries >= maxTries || now.Sub(p.since) > giveUp {
			continue
		}
		if !now.Before(p.due) {
			dst = append(dst, uint16(p.sequence)) //nolint:gosec // the low 16 bits go on the wire
			if p.tries == 0 {
				m.overdue++
			}
			p.tries++
			p.asked = now
			p.due = now.Add(m.wait(p.tries))
		}
		kept = append(kept, p)
	}
	m.packets = kept
	return dst
}

// wait is how long to wait for the answer to the n-th NACK: a round trip with some slack, a little longer each time. More
// patience costs pictures: one that was asked for four times in vain is too late.
func (m *missing) wait(n int) time.Duration {
	rtt := m.rtt
	if rtt == 0 {
		rtt = firstRTT
	}
	return rtt + rtt/8 + time.Duration(n-1)*rtt/8
}

// deadline is when poll has something to say or to forget; the zero time is never.
func (m *missing) deadline() time.Time {
	var first time.Time
	for _, p := range m.packets {
		if first.IsZero() || p.due.Before(first) {
			first = p.due
		}
	}
	return first
}

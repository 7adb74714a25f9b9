package egress

import "time"

const (
	// reportInterval is how often a sender report goes out for a line that sends. Lip sync needs some, soon after a
	// switch; more would be noise.
	reportInterval = 500 * time.Millisecond
	// burst is how many reports follow a switch, at least burstInterval apart. Browsers fit a line through the last 20 reports
	// to know what belongs together, so after a switch to a publisher whose pictures take longer they would be wrong
	// for 10 seconds.
	burst         = 20
	burstInterval = 10 * time.Millisecond
)

// SenderReport is what an RTCP SR says about a line (RFC 3550, section 6.4.1).
type SenderReport struct {
	// At is the instant that RTPTime stands for, on the server's clock.
	At time.Time
	// RTPTime is the seat's RTP timestamp at that instant.
	RTPTime uint32
	// Packets and Octets count what was sent, without retransmissions; octets are those of payloads.
	Packets, Octets uint32
}

// report keeps what sender reports are made of. The seat's timestamps are tied to the instants at which the media was
// captured, not to those of its arrival: otherwise the network's delay would move the sound against the lips.
type report struct {
	clockRate       uint32
	packets, octets uint32
	// captured is when the media of the newest packet was captured, on the server's clock; timestamp is the seat's.
	captured  time.Time
	timestamp uint32
	active    bool
	due       time.Time
	burst     int // reports that are left of it
}

func (r *report) handleSent(octets int) {
	r.packets++
	r.octets += uint32(octets) //nolint:gosec // a packet is small
}

// handleNewest notes when the media of the newest packet was captured. Late packets do not count: they may be from
// before a switch.
func (r *report) handleNewest(captured time.Time, timestamp uint32) {
	r.captured, r.timestamp = captured, timestamp
	r.active = true
}

// stop ends the reports until something is sent again, which is then reported at once.
func (r *report) stop() { r.active, r.due = false, time.Time{} }

// PollReport hands out the sender report that is due, if any. Call it with each packet, and from time to time.
func (l *Line) PollReport(now time.Time) (SenderReport, bool) {
	r := &l.report
	if !r.active || now.Before(r.due) {
		return SenderReport{}, false
	}
	r.due = now.Add(reportInterval)
	if r.burst > 0 {
		r.burst--
		r.due = now.Add(burstInterval)
	}
	since := now.Sub(r.captured)
	moved := int64(since) * int64(r.clockRate) / int64(time.Second)
	return SenderReport{
		At:      now,
		RTPTime: r.timestamp + uint32(moved), //nolint:gosec // modulo 2^32, also backwards
		Packets: r.packets,
		Octets:  r.octets,
	}, true
}

// HandleSwitch makes the next sender report due now, and some more soon.
func (l *Line) HandleSwitch() { l.report.due, l.report.burst = time.Time{}, burst-1 }

package ingress

import (
	"time"

	"hiroba/sfu/rtptime"
	"hiroba/sfu/seqnum"
)

// maxLost and minLost bound the cumulative loss, a signed number of 24 bits (RFC 3550, section 6.4.1).
const (
	maxLost = 1<<23 - 1
	minLost = -1 << 23
)

// Report is a reception report block without the SSRC (RFC 3550, section 6.4.1).
type Report struct {
	// FractionLost is the share of packets lost since the last report, in 1/256.
	FractionLost uint8
	// Lost is how many packets were lost in all, less those that came twice.
	Lost int32
	// Highest is the highest sequence number, with the count of its rounds in the upper half.
	Highest uint32
	// Jitter is the interarrival jitter in units of the RTP timestamp.
	Jitter uint32
	// LastSR are the middle bits of the time in the newest sender report; 0 is none.
	LastSR uint32
	// DelaySinceLastSR is in units of 1/65536 s.
	DelaySinceLastSR uint32
}

// Reception is what the receiver reports of a stream say: a machine that counts packets as RFC 3550, appendix A, does. It
// is told of each packet that came on the stream's own SSRC; one that came again on another one does not make up for a loss
// on this one. The zero value is ready for a stream of which nothing has come.
type Reception struct {
	order    seqnum.Extender
	first    int64
	highest  int64
	received int64
	// What was expected and received at the last report.
	expectedPrior, receivedPrior int64

	// transit is the last difference of arrival and timestamp, jitter 16 times the estimate, in units of the timestamp
	// (appendix A.8).
	transit uint32
	jitter  uint32
	moved   bool // transit is set
	began   time.Time

	lastSR   uint32
	lastSRAt time.Time
	news     bool // something came since the last report
}

// HandleRTP notes a packet of a clock of rate units per second.
func (r *Reception) HandleRTP(now time.Time, sequence uint16, timestamp, rate uint32) {
	n, order := r.order.Extend(sequence)
	switch order {
	case seqnum.Suspect: // no packet of this stream, it seems
		return
	case seqnum.First, seqnum.Jumped: // what was before is another account
		r.first, r.highest = n, n
		r.received, r.expectedPrior, r.receivedPrior = 0, 0, 0
		r.moved, r.began = false, now
	case seqnum.Next:
		r.highest = n
	case seqnum.Late:
	}
	r.received++
	r.news = true
	r.handleTransit(now, timestamp, rate)
}

// handleTransit follows the jitter (RFC 3550, section 6.4.1 and appendix A.8).
func (r *Reception) handleTransit(now time.Time, timestamp, rate uint32) {
	elapsed := now.Sub(r.began)
	arrival := uint64(elapsed/time.Second)*uint64(rate) + //nolint:gosec // not negative
		uint64(elapsed%time.Second)*uint64(rate)/uint64(time.Second) //nolint:gosec // not negative
	transit := uint32(arrival) - timestamp //nolint:gosec // modulo 2^32 is meant
	former := r.transit
	r.transit = transit
	if !r.moved {
		r.moved = true
		return
	}
	d := int32(transit - former) //nolint:gosec // a signed difference
	if d < 0 {
		d = -d
	}
	// A timestamp that leaps says nothing about the network.
	d = min(max(d, 0), int32(rate)*16) //nolint:gosec // rates are 48,000 and 90,000
	r.jitter += uint32(d) - (r.jitter+8)>>4
}

// HandleSenderReport notes the publisher's report of this stream.
func (r *Reception) HandleSenderReport(now time.Time, ntp rtptime.NTP) {
	r.lastSR, r.lastSRAt = ntp.Middle(), now
}

// PollReport hands out a report on what came since the last one. It is false if nothing did.
func (r *Reception) PollReport(now time.Time) (Report, bool) {
	if !r.news {
		return Report{}, false
	}
	r.news = false
	expected := r.highest - r.first + 1
	report := Report{
		Lost:    int32(min(max(expected-r.received, minLost), maxLost)),
		Highest: uint32(r.highest - 1<<16), //nolint:gosec // modulo 2^32; Extender begins one round up
		Jitter:  r.jitter >> 4,
		LastSR:  r.lastSR,
	}
	interval := expected - r.expectedPrior
	if lost := interval - (r.received - r.receivedPrior); interval > 0 && lost > 0 {
		report.FractionLost = uint8(min(lost<<8/interval, 255)) //nolint:gosec // at most 255
	}
	r.expectedPrior, r.receivedPrior = expected, r.received
	if r.lastSR != 0 {
		report.DelaySinceLastSR = uint32(now.Sub(r.lastSRAt) * 65536 / time.Second) //nolint:gosec // 18 hours fit
	}
	return report, true
}

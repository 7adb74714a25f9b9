package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"hiroba/sfu/ingress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/seqnum"
)

const (
	// reportInterval is how often a client gets receiver reports. RFC 3550 (section 6.2) allows a session of two as much.
	reportInterval = time.Second
	// maxHeld is how many packets are reported on at once, however little time has passed: about what one datagram takes.
	maxHeld = 400
	// maxBlocks is how many streams one receiver report can be about (RFC 3550, section 6.4.2).
	maxBlocks = 31
)

// transportFeedback tells a publisher when each of its packets came, whatever was in it: its bandwidth estimator goes by that
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). It belongs to the uplink.
type transportFeedback struct {
	ssrc     uint32         // of ours
	recorder *twcc.Recorder // nil before the first packet
	// order keeps stray numbers away: a report spans all that lies between the numbers in it.
	order seqnum.Extender
	began time.Time // the zero of the clock of reports
	due   time.Time // of the next report; zero while there is nothing to report
}

func (f *transportFeedback) init() { f.ssrc = max(rand.Uint32(), 1) } //nolint:gosec // no secret

// handle notes an authentic packet whose header was parsed.
func (f *transportFeedback) handle(now time.Time, p *packet.Packet) {
	number := p.Slice(p.Header.TransportSequence)
	if len(number) != 2 {
		return
	}
	sequence := binary.BigEndian.Uint16(number)
	_, order := f.order.Extend(sequence)
	switch order {
	case seqnum.Suspect:
		return
	case seqnum.First:
		f.began = now
		f.recorder = twcc.NewRecorder(f.ssrc)
	case seqnum.Jumped: // the client counts anew
		f.recorder = twcc.NewRecorder(f.ssrc)
	case seqnum.Next, seqnum.Late:
	}
	f.recorder.Record(uint32(p.Header.SSRC), sequence, now.Sub(f.began).Microseconds())
	if f.due.IsZero() {
		f.due = now.Add(feedbackInterval)
	}
}

// poll sends a report if one is due, and says when the next is; zero is not before another packet.
func (f *transportFeedback) poll(now time.Time, write func([]rtcp.Packet) error) time.Time {
	if f.due.IsZero() {
		return f.due
	}
	if now.Before(f.due) && f.recorder.PacketsHeld() < maxHeld {
		return f.due
	}
	f.due = time.Time{}
	for _, report := range f.recorder.BuildFeedbackPacket() {
		_ = write([]rtcp.Packet{report}) // one datagram each
	}
	return f.due
}

// receiverReports are what is told about each stream. They belong to the uplink.
type receiverReports struct{ due time.Time }

// reception is what one report block is made of.
type reception = ingress.Reception

// noteReception counts a packet of an SSRC.
func (u *uplink) noteReception(now time.Time, n *named, p *packet.Packet) {
	if n.reception == nil {
		n.reception = new(reception)
	}
	n.reception.HandleRTP(now, p.Header.SequenceNumber, p.Header.Timestamp, n.line.track.kind.ClockRate())
	if u.reports.due.IsZero() {
		u.reports.due = now.Add(reportInterval)
	}
}

// handleSenderReport takes what the publisher says of the time of a stream.
func (u *uplink) handleSenderReport(arrived time.Time, r *rtcp.SenderReport) {
	n := u.named[media.SSRC(r.SSRC)]
	if n == nil {
		return
	}
	if n.reception != nil {
		n.reception.HandleSenderReport(arrived, rtptime.NTP(r.NTPTime))
	}
	if n.stream != nil {
		n.stream.report.Store(r)
	}
}

// pollReports sends the receiver reports if they are due, and says when the next are; zero is not before another packet.
func (u *uplink) pollReports(now time.Time) time.Time {
	if u.reports.due.IsZero() || now.Before(u.reports.due) {
		return u.reports.due
	}
	u.reports.due = time.Time{}
	report := &rtcp.ReceiverReport{SSRC: u.feedback.ssrc}
	send := func() {
		if len(report.Reports) > 0 {
			_ = u.write([]rtcp.Packet{report})
		}
	}
	for _, n := range u.named {
		if n.reception == nil {
			continue
		}
		r, ok := n.reception.PollReport(now)
		if !ok {
			continue
		}
		if len(report.Reports) == maxBlocks {
			send()
			report = &rtcp.ReceiverReport{SSRC: u.feedback.ssrc}
		}
		report.Reports = append(report.Reports, rtcp.ReceptionReport{
			SSRC:               uint32(n.ssrc),
			FractionLost:       r.FractionLost,
			TotalLost:          uint32(r.Lost) & 0xFFFFFF, //nolint:gosec // a signed number of 24 bits
			LastSequenceNumber: r.Highest,
			Jitter:             r.Jitter,
			LastSenderReport:   r.LastSR,
			Delay:              r.DelaySinceLastSR,
		})
	}
	send()
	return u.reports.due
}

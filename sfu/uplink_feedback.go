package sfu

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"

	"hiroba/sfu/ingress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/seqnum"
	"hiroba/sfu/transportcc"
	"hiroba/sfu/udp"
)

const (
	// reportInterval is how often a client gets receiver reports. RFC 3550 (section 6.2) allows a session of two as much.
	reportInterval = time.Second
	// maxBlocks is how many streams one receiver report can be about (RFC 3550, section 6.4.2).
	maxBlocks = 31
	// quickInterval is how often transport-wide feedback goes to a publisher whose bandwidth is in motion: for quickFor from its
	// first packet and from each loss on. Its estimator then has to find out quickly how much there is.
	quickInterval = feedbackInterval / 2
	quickFor      = 2 * time.Second
	// replyGrid is to what the times of feedback and reports are rounded, so that those of many clients leave together.
	replyGrid = 25 * time.Millisecond
)

// datagrams is what the uplink sends with: a udp.Sender.
type datagrams interface {
	Next(n int) []byte
	Commit(d *udp.Destination, n int)
}

// reply encrypts and sends an RTCP packet, which is in what out.Next returned last.
func (u *uplink) reply(out datagrams, b []byte) {
	sealed, err := u.control.Seal(b)
	if err != nil {
		u.peer.log.Warn("encrypting feedback failed", "err", err)
		return
	}
	out.Commit(u.destination.Load(), len(sealed))
}

// onGrid is the last instant of the grid that is not after t.
func onGrid(t time.Time) time.Time { return t.Add(-time.Duration(t.UnixNano() % int64(replyGrid))) }

// transportFeedback tells a publisher when each of its packets came, whatever was in it: its bandwidth estimator goes by
// that. It belongs to the uplink.
type transportFeedback struct {
	recorder *transportcc.Recorder // nil before the first packet
	// order keeps stray numbers away: a report spans all that lies between the numbers in it.
	order seqnum.Extender
	media uint32    // the stream of the newest packet
	quick time.Time // until when reports are frequent
	holes int       // that the recorder has told of
	due   time.Time // of the next report; zero while there is nothing to report
}

// handle notes an authentic packet whose header was parsed.
func (f *transportFeedback) handle(now time.Time, p *packet.Packet) {
	number := p.Slice(p.Header.TransportSequence)
	if len(number) != 2 {
		return
	}
	extended, order := f.order.Extend(binary.BigEndian.Uint16(number))
	switch order {
	case seqnum.Suspect:
		return
	case seqnum.First, seqnum.Jumped: // the client counts anew
		if f.recorder == nil {
			f.recorder = transportcc.NewRecorder(now)
		}
		f.recorder.Restart(extended)
		f.quick = now.Add(quickFor)
	case seqnum.Next, seqnum.Late:
	}
	f.media = uint32(p.Header.SSRC)
	f.recorder.Record(now, extended)
	if f.due.IsZero() {
		interval := feedbackInterval
		if now.Before(f.quick) {
			interval = quickInterval
		}
		f.due = onGrid(now.Add(interval))
	}
}

// pollFeedback sends a report if one is due, and says when the next is; zero is not before another packet.
func (u *uplink) pollFeedback(now time.Time, out datagrams) time.Time {
	f := &u.feedback
	if f.due.IsZero() || now.Before(f.due) && f.recorder.Span() < transportcc.MaxSpan {
		return f.due
	}
	f.due = time.Time{}
	for f.recorder.Span() > 0 {
		b := out.Next(transportcc.MaxReportBytes + u.control.Overhead())[:0]
		if b = f.recorder.Report(b, u.ssrc, f.media); len(b) > 0 {
			u.reply(out, b)
		}
	}
	if holes := f.recorder.Holes(); holes != f.holes {
		f.holes, f.quick = holes, now.Add(quickFor)
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
		u.reports.due = onGrid(now.Add(reportInterval))
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

const (
	typeReceiverReport  = 201 // RFC 3550, section 12.1
	receiverReportBytes = 8   // before the blocks
	reportBlockBytes    = 24
)

// pollReports sends the receiver reports if they are due, and says when the next are; zero is not before another packet.
func (u *uplink) pollReports(now time.Time, out datagrams) time.Time {
	if u.reports.due.IsZero() || now.Before(u.reports.due) {
		return u.reports.due
	}
	u.reports.due = time.Time{}
	blocks := 0
	var b []byte
	send := func() {
		b[0] = 2<<6 | byte(blocks) //nolint:gosec // at most maxBlocks
		b[1] = typeReceiverReport
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1)) //nolint:gosec // at most maxBlocks
		binary.BigEndian.PutUint32(b[4:], u.ssrc)
		u.reply(out, b)
		blocks = 0
	}
	for _, n := range u.named {
		if n.reception == nil {
			continue
		}
		r, ok := n.reception.PollReport(now)
		if !ok {
			continue
		}
		if blocks == 0 {
			b = out.Next(receiverReportBytes + maxBlocks*reportBlockBytes + u.control.Overhead())[:receiverReportBytes]
		}
		b = appendBlock(b, n.ssrc, r)
		if blocks++; blocks == maxBlocks {
			send()
		}
	}
	if blocks > 0 {
		send()
	}
	return u.reports.due
}

// appendBlock appends a report block (RFC 3550, section 6.4.1).
func appendBlock(b []byte, ssrc media.SSRC, r ingress.Report) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(ssrc))
	b = binary.BigEndian.AppendUint32(b, uint32(r.FractionLost)<<24|uint32(r.Lost)&0xFFFFFF) //nolint:gosec // signed, of 24 bits
	b = binary.BigEndian.AppendUint32(b, r.Highest)
	b = binary.BigEndian.AppendUint32(b, r.Jitter)
	b = binary.BigEndian.AppendUint32(b, r.LastSR)
	return binary.BigEndian.AppendUint32(b, r.DelaySinceLastSR)
}

package sfu

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"hiroba/sfu/transportcc"
)

// TestUplinkTellsWhatCame: each authentic packet is in the transport-wide feedback, once, whatever is in it.
func TestUplinkTellsWhatCame(t *testing.T) {
	r := newUplinkRig(t).connect()
	number := func(n uint16) extension { return extension{rigTWCC, string(binary.BigEndian.AppendUint16(nil, n))} }
	for _, b := range [][]byte{
		rtpOf(t, 10, rigOpus, 1, []byte{1}, number(65534)),
		rtpOf(t, 20, rigVP8, 1, aVP8Keyframe, number(65535)),
		rtpOf(t, 21, rigRTX, 1, nil, number(0)),                                   // a probe
		rtpOf(t, 21, rigRTX, 2, append([]byte{0, 1}, aVP8Keyframe...), number(2)), // a duplicate
		rtpOf(t, 99, rigVP8, 1, aVP8Keyframe, number(3)),                          // nobody knows of what
		rtpOf(t, 20, rigOpus, 2, aVP8Keyframe, number(4)),                         // with an unknown payload type
		rtpOf(t, 20, rigVP8, 3, []byte{0x90}, number(5)),                          // with a payload that is cut short
	} {
		r.send(b)
		r.clock = r.clock.Add(time.Millisecond)
	}
	due := r.HandleBatch(r.clock)
	if want := r.clock.Add(feedbackInterval - 7*time.Millisecond); due.After(want) {
		t.Errorf("due at %v, want %v", due, want)
	}
	if len(r.wrote) != 0 {
		t.Errorf("%d packets were written too early", len(r.wrote))
	}
	r.clock = r.clock.Add(feedbackInterval)
	r.HandleBatch(r.clock)
	if len(r.wrote) != 1 {
		t.Fatalf("%d packets were written, want 1: %v", len(r.wrote), r.wrote)
	}
	feedback, ok := r.wrote[0].(*rtcp.TransportLayerCC)
	if !ok {
		t.Fatalf("%T was written", r.wrote[0])
	}
	if feedback.BaseSequenceNumber != 65534 || feedback.PacketStatusCount != 8 || len(feedback.RecvDeltas) != 7 {
		t.Errorf("feedback from %d on, of %d packets, %d of which came; want 65534, 8, 7",
			feedback.BaseSequenceNumber, feedback.PacketStatusCount, len(feedback.RecvDeltas))
	}
}

// TestUplinkFeedbackFitsADatagram, however much comes at once.
func TestUplinkFeedbackFitsADatagram(t *testing.T) {
	r := newUplinkRig(t).connect()
	for n := range uint16(3 * transportcc.MaxSpan) {
		r.send(rtpOf(t, 10, rigOpus, n, []byte{1}, extension{rigTWCC, string(binary.BigEndian.AppendUint16(nil, n))}))
		r.clock = r.clock.Add(10 * time.Microsecond)
	}
	if len(r.wrote) < 2 {
		t.Fatalf("%d packets were written", len(r.wrote))
	}
	for _, p := range r.wrote {
		if n := len(marshalRTCP(t, p)); n > 1200 {
			t.Errorf("feedback of %d bytes", n)
		}
	}
}

// TestUplinkReports: once a second the publisher gets one receiver report about all its streams.
func TestUplinkReports(t *testing.T) {
	r := newUplinkRig(t).connect()
	for n := range uint16(10) {
		r.send(rtpOf(t, 10, rigOpus, n+1, []byte{1}))
		if n%2 == 0 {
			r.send(rtpOf(t, 20, rigVP8, n+1, aVP8Keyframe))
		}
		r.clock = r.clock.Add(20 * time.Millisecond)
	}
	sr, err := r.rtcp.EncryptRTCP(nil, marshalRTCP(t, &rtcp.SenderReport{SSRC: 20, NTPTime: 0x0123456789ABCDEF, RTPTime: 5}), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.receive(sr)
	r.clock = r.clock.Add(reportInterval)
	if due := r.HandleBatch(r.clock); due.After(r.clock.Add(reportInterval)) {
		t.Errorf("due at %v", due)
	}
	var blocks []rtcp.ReceptionReport
	for _, p := range r.wrote {
		if report, ok := p.(*rtcp.ReceiverReport); ok {
			if blocks != nil {
				t.Error("more than one report")
			}
			blocks = report.Reports
			if _, err := report.Marshal(); err != nil {
				t.Error(err)
			}
		}
	}
	if len(blocks) != 2 {
		t.Fatalf("%d streams are reported, want 2: %v", len(blocks), r.wrote)
	}
	for _, block := range blocks {
		switch block.SSRC {
		case 10:
			if block.TotalLost != 0 || block.FractionLost != 0 || block.LastSequenceNumber != 10 {
				t.Errorf("sound: %+v", block)
			}
		case 20:
			if block.TotalLost != 4 || block.FractionLost != 4*256/9 || block.LastSequenceNumber != 9 ||
				block.LastSenderReport != 0x456789AB || block.Delay < 60_000 || block.Delay > 70_000 {
				t.Errorf("pictures: %+v", block)
			}
		default:
			t.Errorf("a report about %d", block.SSRC)
		}
	}
	r.wrote = nil
	r.clock = r.clock.Add(2 * reportInterval)
	r.HandleBatch(r.clock)
	if len(r.wrote) != 0 {
		t.Errorf("silence is reported: %v", r.wrote)
	}
}

package egress_test

import (
	"testing"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/egress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

const (
	alice media.CSRC = 1
	ben   media.CSRC = 2
)

func newLine(kind media.Kind) *egress.Line {
	cfg := egress.Config{Kind: kind, FirstSequence: 100, FirstTimestamp: 9000}
	cfg.PayloadTypes[media.VP8], cfg.RTXPayloadTypes[media.VP8] = 120, 124
	cfg.PayloadTypes[media.VP9] = 121
	cfg.PayloadTypes[media.Opus] = 109
	l := egress.NewLine(cfg)
	return &l
}

// source makes the packets of one incoming stream.
type source struct {
	id       uint32
	codec    media.Codec
	sequence int64
	ts       uint32
}

func (s *source) next(keyframe bool) *packet.Packet {
	s.sequence++
	s.ts += 3000
	p := packet.New()
	p.SetLen(20)
	p.Header = packet.Header{Timestamp: s.ts, Payload: packet.Span{From: 12, To: 20}}
	p.Codec, p.Source, p.Sequence = s.codec, s.id, s.sequence
	p.Info = codec.Info{Keyframe: keyframe || s.codec == media.Opus}
	p.Captured = at(int(s.ts / 90))
	return p
}

func send(t *testing.T, l *egress.Line, now time.Time, track media.CSRC, p *packet.Packet) egress.Packet {
	t.Helper()
	p.Captured = now
	out, _, reason, ok := l.HandleRTP(track, p)
	if !ok {
		t.Fatalf("dropped: %v", reason)
	}
	return out
}

func drop(t *testing.T, l *egress.Line, now time.Time, track media.CSRC, p *packet.Packet, want stats.Reason) {
	t.Helper()
	p.Captured = now
	if _, _, reason, ok := l.HandleRTP(track, p); ok || reason != want {
		t.Fatalf("got %v %v, want to be dropped as %v", ok, reason, want)
	}
}

func TestLineKeepsTheOldPictureUntilTheNewKeyframe(t *testing.T) {
	l := newLine(media.Video)
	a, b := &source{id: 1, codec: media.VP8}, &source{id: 2, codec: media.VP9}
	l.SetTarget(alice, false)
	if _, needed := l.NeedsKeyframe(0); !needed {
		t.Error("a new occupant needs a keyframe")
	}
	drop(t, l, at(0), alice, a.next(false), stats.AwaitingKeyframe)
	first := send(t, l, at(10), alice, a.next(true))
	if first.PayloadType != 120 {
		t.Errorf("payload type = %d, want 120 for VP8", first.PayloadType)
	}
	l.SetTarget(ben, false)
	drop(t, l, at(20), ben, b.next(false), stats.AwaitingKeyframe)
	still := send(t, l, at(30), alice, a.next(false))
	if _, needed := l.NeedsKeyframe(0); l.Current() != alice || !needed {
		t.Errorf("current = %d, want the old occupant to go on", l.Current())
	}
	switched := send(t, l, at(40), ben, b.next(true))
	if _, needed := l.NeedsKeyframe(0); l.Current() != ben || needed {
		t.Errorf("current = %d, want the new occupant", l.Current())
	}
	if switched.PayloadType != 121 || switched.Out.Sequence != still.Out.Sequence+1 {
		t.Errorf("after the switch: payload type %d, sequence number %d after %d", switched.PayloadType, switched.Out.Sequence, still.Out.Sequence)
	}
	drop(t, l, at(50), alice, a.next(true), stats.AwaitingKeyframe)
}

func TestLineFallsSilentWhenEmptiedAndNeedsAKeyframeAfter(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP8}
	l.SetTarget(alice, false)
	send(t, l, at(0), alice, a.next(true))
	l.SetTarget(0, false)
	drop(t, l, at(10), alice, a.next(false), stats.AwaitingKeyframe)
	l.SetTarget(alice, false)
	drop(t, l, at(20), alice, a.next(false), stats.AwaitingKeyframe)
	send(t, l, at(30), alice, a.next(true))
}

func TestLineTakesARestartedStreamForAnother(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP8}
	l.SetTarget(alice, false)
	before := send(t, l, at(0), alice, a.next(true))
	again := &source{id: 7, codec: media.VP8, sequence: 5}
	drop(t, l, at(10), alice, again.next(false), stats.AwaitingKeyframe)
	if _, needed := l.NeedsKeyframe(0); !needed {
		t.Error("a restarted stream needs a keyframe")
	}
	after := send(t, l, at(20), alice, again.next(true))
	if after.Out.Sequence != before.Out.Sequence+1 {
		t.Errorf("sequence number %d after %d", after.Out.Sequence, before.Out.Sequence)
	}
}

func TestLineOfSoundChangesAtOnce(t *testing.T) {
	l := newLine(media.Audio)
	a, b := &source{id: 1, codec: media.Opus}, &source{id: 2, codec: media.Opus}
	l.SetTarget(alice, false)
	send(t, l, at(0), alice, a.next(false))
	l.SetTarget(ben, false)
	send(t, l, at(20), alice, a.next(false)) // until the first packet of the new one
	send(t, l, at(21), ben, b.next(false))
	drop(t, l, at(40), alice, a.next(false), stats.AwaitingKeyframe)
}

func TestLineRefusesACodecThatTheSubscriberLacks(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.H264}
	l.SetTarget(alice, false)
	drop(t, l, at(0), alice, a.next(true), stats.UnsupportedCodec)
}

func TestVacateLetsTheTargetIn(t *testing.T) {
	l := newLine(media.Video)
	a, b := &source{id: 1, codec: media.VP8}, &source{id: 2, codec: media.VP8}
	l.SetTarget(alice, false)
	send(t, l, at(0), alice, a.next(true))
	l.SetTarget(ben, false)
	l.Vacate(alice)
	if l.Current() != ben || l.Target() != ben {
		t.Errorf("current %d, target %d, want %d", l.Current(), l.Target(), ben)
	}
	send(t, l, at(10), ben, b.next(true))
	l.Vacate(ben)
	if l.Current() != 0 || l.Target() != 0 {
		t.Errorf("current %d, target %d, want none", l.Current(), l.Target())
	}
}

func TestNACKFindsThePacketAndItsNumbers(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP8}
	l.SetTarget(alice, false)
	send(t, l, at(0), alice, a.next(true))
	lost := a.next(false)
	lost.Header.Marker = true
	out := send(t, l, at(10), alice, lost)
	source, number, ok := l.Recall(out.Out.Sequence)
	if !ok || source != lost.Source || number != lost.Sequence {
		t.Fatalf("Recall = %d %d %v", source, number, ok)
	}
	again, reason, ok := l.HandleNACK(at(100), out.Out.Sequence, lost)
	if !ok {
		t.Fatalf("refused: %v", reason)
	}
	if !again.RTX || again.PayloadType != 124 || again.Out != out.Out || !again.Marker {
		t.Errorf("retransmission %+v of %+v", again, out)
	}
	payload := again.AppendPayload(nil)
	if got := uint16(payload[0])<<8 | uint16(payload[1]); got != out.Out.Sequence {
		t.Errorf("original sequence number = %d, want %d", got, out.Out.Sequence)
	}
	if _, reason, ok := l.HandleNACK(at(110), out.Out.Sequence, lost); ok || reason != stats.NACKTooSoon {
		t.Errorf("second NACK: %v %v, want too soon", ok, reason)
	}
	if _, _, ok := l.Recall(out.Out.Sequence + 1); ok {
		t.Error("recalled what was never sent")
	}
}

func TestReportsTieTheSeatsClockToCapture(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP8}
	l.SetTarget(alice, false)
	if _, due := l.PollReport(at(0)); due {
		t.Error("an empty seat has nothing to report")
	}
	p := a.next(true)
	out := send(t, l, at(0), alice, p) // it takes 80 ms to come
	r, due := l.PollReport(at(80))
	if !due {
		t.Fatal("no report after the first packet")
	}
	if want := out.Out.Timestamp + 80*90; r.RTPTime != want || !r.At.Equal(at(80)) || r.Packets != 1 || r.Octets != 8 {
		t.Errorf("report %+v, want the timestamp %d", r, want)
	}
	if _, due := l.PollReport(at(200)); due {
		t.Error("another report at once")
	}
	l.HandleSwitch()
	if _, due := l.PollReport(at(201)); !due {
		t.Error("no report after a switch")
	}
	l.SetTarget(0, false)
	if _, due := l.PollReport(at(2000)); due {
		t.Error("an emptied seat has nothing to report")
	}
}

func TestLineAllocatesNothing(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP8}
	l.SetTarget(alice, false)
	send(t, l, at(0), alice, a.next(true))
	p := a.next(false)
	buf := make([]byte, 0, packet.MaxBytes)
	ms := 0
	if n := testing.AllocsPerRun(1000, func() {
		ms++
		p.Sequence++
		p.Header.Timestamp += 90
		p.Captured = at(ms)
		out, _, _, ok := l.HandleRTP(alice, p)
		if !ok {
			t.Fatal("dropped")
		}
		buf = out.AppendPayload(buf[:0])
		buf = out.AppendDescriptor(buf)
		l.PollReport(at(ms))
		l.Recall(out.Out.Sequence)
		l.HandleNACK(at(ms), out.Out.Sequence, p)
	}); n != 0 {
		t.Errorf("allocations per packet = %v, want 0", n)
	}
}

func TestReplaySendsNothingTwiceAndKeepsTheClock(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP8}
	b := &source{id: 2, codec: media.VP8, ts: 900_000}
	l.SetTarget(alice, false)
	former := send(t, l, at(1000), alice, a.next(true))
	l.SetTarget(ben, false)
	kept := []*packet.Packet{b.next(true), b.next(false), b.next(false)}
	var last egress.Packet
	for i, p := range kept { // captured one frame after alice's
		out, switched, reason, ok := l.HandleReplay(at(1100), ben, p)
		if !ok || switched != (i == 0) {
			t.Fatalf("packet %d: switched %v, %v %v", i, switched, reason, ok)
		}
		last = out
	}
	if got := last.Out.Timestamp - former.Out.Timestamp; got < 9000 || got > 9000+90 {
		t.Errorf("the replay ends %d units after what was captured 100 ms before it, want 9000 and a little", got)
	}
	if r, due := l.PollReport(at(1100)); !due || r.RTPTime != former.Out.Timestamp+9000 {
		t.Errorf("report %+v, want 9000 units after what was captured 100 ms before, without the little", r)
	}
	for _, p := range kept {
		if _, _, reason, ok := l.HandleReplay(at(1200), ben, p); ok || reason != stats.BeforeSwitch {
			t.Errorf("sent twice: %v %v", reason, ok)
		}
	}
}

// TestReportsFollowASwitchInABurst: browsers fit a line through the last 20 reports.
func TestReportsFollowASwitchInABurst(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP8}
	l.SetTarget(alice, false)
	send(t, l, at(0), alice, a.next(true))
	l.HandleSwitch()
	count := 0
	for ms := range 1000 {
		if _, due := l.PollReport(at(ms)); due {
			count++
		}
		if ms == 400 && count != 20 {
			t.Errorf("%d reports in the first 400 ms after a switch, want 20", count)
		}
	}
	if count < 21 || count > 22 {
		t.Errorf("%d reports in a second, want 20 and one or two", count)
	}
}

// TestNACKForWhatWasNotSentKeepsTheMarker: the start of a keyframe came late, the rest of it before.
func TestNACKForWhatWasNotSentKeepsTheMarker(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP8}
	l.SetTarget(alice, false)
	start, end := a.next(true), a.next(false)
	end.Header.Marker = true
	drop(t, l, at(0), alice, end, stats.AwaitingKeyframe)
	first := send(t, l, at(50), alice, start)
	send(t, l, at(60), alice, a.next(false)) // the subscriber sees a gap
	missing := first.Out.Sequence + 1
	if _, number, ok := l.Recall(missing); !ok || number != end.Sequence {
		t.Fatalf("Recall = %d %v, want %d", number, ok, end.Sequence)
	}
	if again, reason, ok := l.HandleNACK(at(100), missing, end); !ok || !again.Marker || again.Empty {
		t.Errorf("sent %+v, %v %v, want the end of the picture", again, reason, ok)
	}
}

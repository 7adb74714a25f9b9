// Package egress decides what one subscriber is sent: for each m-line of its seats a Line turns the packets of the occupant
// into one continuous stream, answers NACKs, and makes sender reports.
package egress

import (
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/keyframe"
	"hiroba/sfu/layer"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rewrite"
	"hiroba/sfu/stats"
)

const (
	// videoFrame is the least distance of timestamps at a switch of pictures: one frame at 30 per second.
	videoFrame = time.Second / 30
	// defaultRTT stands in until the subscriber's reports tell the round trip time; minRTT bounds it from below.
	defaultRTT = 50 * time.Millisecond
	minRTT     = 10 * time.Millisecond
	// MaxPerNACK is how many packets one feedback packet may ask for; what is over is not looked at.
	MaxPerNACK = 64
)

// Config is what was negotiated for an m-line.
type Config struct {
	Kind media.Kind
	// PayloadTypes and RTXPayloadTypes are the subscriber's, by codec; 0 where it has none. Without an SSRC for RTX there is no
	// payload type for it, either.
	PayloadTypes, RTXPayloadTypes [media.Codecs]media.PayloadType
	// FirstSequence and FirstTimestamp should be random.
	FirstSequence  uint16
	FirstTimestamp uint32
}

// Line is one m-line of one subscriber: a machine owned by the subscriber's shard.
type Line struct {
	cfg  Config
	rw   rewrite.Rewriter
	gate history.Gate
	// wishes bounds the keyframes that the subscriber may cause by asking.
	wishes keyframe.Allowance

	// target is the up track that should be sent, current the one that is. While they differ the current one goes on
	// until the target's keyframe comes.
	target, current media.CSRC
	// waiting says that nothing is sent until a keyframe comes, because the picture would be broken.
	waiting bool
	// layers chooses among the qualities of current, next among those of target while it is another.
	layers, next layer.Selector
	// targets are those of the structure that was sent last.
	targets [media.MaxSpatial + 1][media.MaxTemporal + 1]uint32
	active  uint32 // the mask of active decode targets that was told last; 0 for none

	replayed    uint32  // the incoming timestamp of the last packet of a replay
	record      *record // nil before the first packet: most lines wait for somebody for long
	newest      uint16
	left        picture // the newest that was left out
	rtxSequence uint16
	rtt         time.Duration

	report report
}

// NewLine makes a line in which nobody sits.
func NewLine(cfg Config) Line {
	frame := videoFrame
	if cfg.Kind == media.Audio {
		frame = media.AudioFrame
	}
	rate := cfg.Kind.ClockRate()
	return Line{
		cfg:     cfg,
		rw:      rewrite.New(rate, frame, cfg.Kind == media.Audio, cfg.FirstSequence, cfg.FirstTimestamp),
		rtt:     defaultRTT,
		waiting: true,
		layers:  layer.New(false),
		next:    layer.New(false),
		report:  report{clockRate: rate},
	}
}

// Target is the up track that should be sent; 0 is none.
func (l *Line) Target() media.CSRC { return l.target }

// Current is the up track that is sent; 0 is none.
func (l *Line) Current() media.CSRC { return l.current }

// SetTarget changes who sits here: the up track target, which has several encodings if it is simulcast. With 0 the line
// falls silent at once.
func (l *Line) SetTarget(target media.CSRC, simulcast bool) {
	if target == l.target {
		return
	}
	l.target = target
	wanted := l.next.Wanted()
	l.next = layer.New(simulcast)
	l.next.SetWanted(wanted)
	if target == 0 || l.current == 0 {
		l.current, l.waiting = target, true
		l.layers = l.next
	}
	if target == 0 {
		l.report.stop()
	}
}

// SetWanted sets the best layer of the target that should be sent.
func (l *Line) SetWanted(wanted media.Layer) {
	l.next.SetWanted(wanted)
	if l.current == l.target {
		l.layers.SetWanted(wanted)
	}
}

// Sends reports whether packets of an incoming stream are sent.
func (l *Line) Sends(source uint32) bool {
	return !l.waiting && l.rw.Current() == rewrite.SourceID(source)
}

// Layer is the layer that is sent of the current up track; its Spatial is -1 for none.
func (l *Line) Layer() media.Layer {
	if l.waiting {
		return media.Layer{Spatial: -1}
	}
	return l.layers.Current()
}

// Restart says that some of what was to be sent was not, and will not be: nothing can go on but with a keyframe.
func (l *Line) Restart() { l.waiting = l.waiting || l.cfg.Kind == media.Video }

// Vacate says that an up track ended: what it sent can no longer go on.
func (l *Line) Vacate(gone media.CSRC) {
	if l.current == gone {
		l.current, l.waiting, l.layers = l.target, true, l.next
		if l.target == gone {
			l.current = 0
		}
		l.report.stop()
	}
	if l.target == gone {
		l.target = 0
	}
}

// NeedsKeyframe reports whether an encoder must make a keyframe before this line can send what it should, and of which
// encoding of the target. Best is the highest spatial layer that the publisher sends now.
func (l *Line) NeedsKeyframe(best int8) (encoding int8, needed bool) {
	if l.cfg.Kind != media.Video || l.target == 0 {
		return 0, false
	}
	if l.current != l.target {
		return l.next.NeedsKeyframe(best)
	}
	if l.waiting {
		fresh := l.layers
		fresh.Restart()
		return fresh.NeedsKeyframe(best)
	}
	return l.layers.NeedsKeyframe(best)
}

// Demand notes a PLI or FIR of the subscriber: of which encoding a keyframe helps. It is false when nothing does, or the
// subscriber asked for more than its share.
func (l *Line) Demand(now time.Time) (encoding int8, ok bool) {
	if l.cfg.Kind != media.Video || l.target == 0 || !l.wishes.Want(now) {
		return 0, false
	}
	return max(l.layers.Encoding(), 0), true
}

// Allow reports whether a wish for a better picture than what is seen is passed on: one subscriber may not cause keyframes
// without end by changing its mind.
func (l *Line) Allow(now time.Time) bool { return l.wishes.Want(now) }

// replayStep is how far apart the frames of a replay are shown at least, in RTP timestamp units: a tenth of a millisecond.
// All of them together must be less than what would be noticed as lips out of time.
const replayStep = 9

// HandleReplay decides about a packet that was kept, as HandleRTP does: the packets from the target's last keyframe on, in
// order, let a new occupant be seen at once. They are shown in quick succession, as if they had all been captured when
// the newest of them was: so what follows is shown at its time.
func (l *Line) HandleReplay(
	captured time.Time, track media.CSRC, p *packet.Packet,
) (out Packet, switched bool, reason stats.Reason, ok bool) {
	if p.Header.Payload.Empty() {
		return l.handle(captured, track, p)
	}
	if !l.waiting && track == l.current && rewrite.SourceID(p.Source) == l.rw.Current() {
		if !l.rw.Ahead(p.Sequence) { // it was sent, or left out
			return out, false, stats.BeforeSwitch, false
		}
		if p.Header.Timestamp != l.replayed {
			l.rw.Retime(captured, number(p), replayStep)
		}
	}
	l.replayed = p.Header.Timestamp
	return l.handle(captured, track, p)
}

// HandleRTP decides about a packet of an up track. When ok is false, reason says why it is not sent.
func (l *Line) HandleRTP(track media.CSRC, p *packet.Packet) (out Packet, switched bool, reason stats.Reason, ok bool) {
	return l.handle(p.Captured, track, p)
}

// handle is HandleRTP for a packet that is to be shown as if captured at this instant.
func (l *Line) handle(
	captured time.Time, track media.CSRC, p *packet.Packet,
) (out Packet, switched bool, reason stats.Reason, ok bool) {
	pt := l.payloadType(p.Codec)
	if pt == 0 {
		return out, false, stats.UnsupportedCodec, false
	}
	if p.Recovered && l.takesRED() {
		return out, false, stats.Redundant, false
	}
	if track != l.current {
		return l.handleNext(captured, track, p, pt)
	}
	if p.Header.Payload.Empty() {
		return l.handlePadding(captured, p, pt)
	}
	source := rewrite.SourceID(p.Source)
	if !l.waiting && source == l.rw.Current() && !l.rw.Ahead(p.Sequence) {
		return l.handleLate(captured, p, pt)
	}
	if l.waiting { // as if nothing had been sent
		l.layers.Restart()
	} else if p.Encoding == l.layers.Encoding() && source != l.rw.Current() { // its stream began anew
		l.layers.Restart()
		l.waiting = true
	}
	decision, marker := l.layers.Select(facts(p))
	switch decision {
	case layer.Switch:
		return l.begin(captured, p, pt, marker), true, 0, true
	case layer.Forward:
		numbers, ok := l.rw.Forward(captured, number(p))
		if !ok {
			return out, false, stats.BeforeSwitch, false
		}
		out = l.sent(captured, p, pt, numbers, marker)
		l.setActive(&out)
		return out, false, 0, true
	default:
		if l.waiting || l.layers.Current().Spatial < 0 {
			l.waiting = true
			return out, false, stats.AwaitingKeyframe, false
		}
		l.leave(p)
		return out, false, stats.OtherLayer, false
	}
}

// handleNext decides about a packet of an up track that is not sent yet: the first keyframe of the target lets it in.
func (l *Line) handleNext(
	captured time.Time, track media.CSRC, p *packet.Packet, pt media.PayloadType,
) (out Packet, switched bool, reason stats.Reason, ok bool) {
	if track != l.target || p.Header.Payload.Empty() {
		return out, false, stats.AwaitingKeyframe, false
	}
	decision, marker := l.next.Select(facts(p))
	if decision != layer.Switch {
		return out, false, stats.AwaitingKeyframe, false
	}
	l.current, l.layers = track, l.next
	return l.begin(captured, p, pt, marker), true, 0, true
}

// begin starts a run of packets with one that can be decoded alone.
func (l *Line) begin(captured time.Time, p *packet.Packet, pt media.PayloadType, marker bool) Packet {
	l.waiting = false
	out := l.sent(captured, p, pt, l.rw.Switch(captured, rewrite.SourceID(p.Source), number(p)), marker)
	l.active = 0
	l.setActive(&out)
	return out
}

// picture names a picture of an incoming stream.
type picture struct{ source, timestamp uint32 }

// leave leaves a packet out without a gap, when it is one of the stream that is sent. Those of other encodings have
// numbers of their own. A picture of VP8 takes its id along, whichever of its packets comes first.
func (l *Line) leave(p *packet.Packet) {
	if rewrite.SourceID(p.Source) != l.rw.Current() {
		return
	}
	whose := picture{p.Source, p.Header.Timestamp}
	l.rw.Skip(p.Sequence, p.Codec == media.VP8 && whose != l.left)
	l.left = whose
}

// facts are what a selector looks at.
func facts(p *packet.Packet) layer.Packet {
	return layer.Packet{
		Encoding:    p.Encoding,
		Spatial:     int8(min(p.Info.Spatial, media.MaxSpatial)),
		Temporal:    int8(min(p.Info.Temporal, media.MaxTemporal)),
		Start:       p.Info.StartOfFrame,
		End:         p.Info.EndOfFrame && p.Codec.Kind() == media.Video,
		Keyframe:    p.Info.Keyframe,
		Intra:       p.Info.Intra,
		SwitchUp:    p.Info.SwitchUp,
		NotForUpper: p.Info.NotForUpper,
		Marker:      p.Header.Marker,
	}
}

// sent notes the newest packet, and lets it go.
func (l *Line) sent(captured time.Time, p *packet.Packet, pt media.PayloadType, numbers rewrite.Out, marker bool) Packet {
	timestamp := numbers.Timestamp
	if captured != p.Captured { // of a replay, see HandleReplay
		timestamp = l.rw.TimestampAt(captured)
	}
	l.report.handleNewest(captured, timestamp)
	return l.let(p, pt, numbers, marker)
}

// let notes a packet that is sent, and lets it go.
func (l *Line) let(p *packet.Packet, pt media.PayloadType, numbers rewrite.Out, marker bool) Packet {
	if p.Info.Keyframe {
		l.wishes.HandleKeyframe()
	}
	n := len(p.Payload())
	unpacked := l.unpacks(p.Codec)
	if unpacked {
		n = int(p.Primary.To - p.Primary.From)
	}
	l.gate.HandleSent(n)
	l.report.handleSent(n)
	l.note(numbers.Sequence, marker, false)
	return Packet{
		Source: p, PayloadType: pt, Out: numbers, Marker: marker, Unpacked: unpacked, Block: l.cfg.PayloadTypes[media.Opus],
	}
}

func number(p *packet.Packet) rewrite.In {
	in := rewrite.In{Sequence: p.Sequence, Timestamp: p.Header.Timestamp, FrameNumber: p.Info.FrameNumber}
	switch p.Codec {
	case media.VP8:
		in.PictureID, in.TL0PicIdx, in.KeyIdx = p.VP8.PictureID, p.VP8.TL0PicIdx, p.VP8.KeyIdx
	case media.VP9:
		in.PictureID, in.TL0PicIdx = p.VP9.PictureID, p.VP9.TL0PicIdx
	default: // they count nothing in their payload
	}
	return in
}

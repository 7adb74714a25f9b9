// Package egress decides what one subscriber is sent: for each m-line of its seats a Line turns the packets of the occupant
// into one continuous stream, answers NACKs, and makes sender reports.
package egress

import (
	"encoding/binary"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/history"
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
	// PayloadTypes and RTXPayloadTypes are the subscriber's, by codec; 0 where it has none.
	PayloadTypes, RTXPayloadTypes [media.AV1 + 1]media.PayloadType
	// FirstSequence and FirstTimestamp should be random.
	FirstSequence  uint16
	FirstTimestamp uint32
}

// Packet says how a received packet is sent to a subscriber. It borrows Source.
type Packet struct {
	Source *packet.Packet
	// Marker is that of the RTP header: it ends the picture as this subscriber gets it.
	Marker bool
	// Active is the mask of active decode targets for the dependency descriptor, where it is to be told.
	Active    uint32
	HasActive bool
	// RTX is set for a retransmission (RFC 4588): it goes out on the RTX SSRC with RTXSequence, its payload begins
	// with Out.Sequence.
	RTX         bool
	RTXSequence uint16
	PayloadType media.PayloadType
	Out         rewrite.Out
}

// AppendPayload appends the payload as the subscriber gets it, with the picture ids of its own stream.
func (p *Packet) AppendPayload(dst []byte) []byte {
	if p.RTX {
		dst = binary.BigEndian.AppendUint16(dst, p.Out.Sequence)
	}
	at := len(dst)
	dst = append(dst, p.Source.Payload()...)
	switch p.Source.Codec {
	case media.VP8:
		p.Source.VP8.Put(dst[at:], p.Out.PictureID, p.Out.TL0PicIdx, p.Out.KeyIdx)
	default: // VP9's picture ids may jump at a keyframe; the dependency descriptor is written with the header
	}
	return dst
}

// AppendDescriptor appends the dependency descriptor as the subscriber gets it; nothing when there is none.
func (p *Packet) AppendDescriptor(dst []byte) []byte {
	dd := p.Source.Slice(p.Source.Header.DependencyDescriptor)
	if len(dd) == 0 || !p.Source.Info.HasDescriptor {
		return dst
	}
	if p.HasActive {
		return codec.AppendDescriptor(dst, dd, &p.Source.Descriptor, p.Out.FrameNumber, p.Active)
	}
	at := len(dst)
	dst = append(dst, dd...)
	codec.PutFrameNumber(dst[at:], p.Out.FrameNumber)
	return dst
}

// Line is one m-line of one subscriber: a machine owned by the subscriber's shard.
type Line struct {
	cfg  Config
	rw   rewrite.Rewriter
	gate history.Gate

	// target is the up track that should be sent, current the one that is. While they differ the current one goes on
	// until the target's keyframe comes.
	target, current media.CSRC
	// waiting says that nothing is sent until a keyframe comes, because the picture would be broken.
	waiting bool
	// layers chooses among the qualities of current, next among those of target while it is another.
	layers, next layer.Selector
	// targets are those of the structure that was sent last.
	targets [media.MaxSpatial + 1][media.MaxTemporal + 1]uint32

	replayed    uint32 // the incoming timestamp of the last packet of a replay
	marks       marks
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

// Layer is the layer that is sent of the current up track; its Spatial is -1 for none.
func (l *Line) Layer() media.Layer {
	if l.waiting {
		return media.Layer{Spatial: -1}
	}
	return l.layers.Current()
}

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

// Demand notes a PLI or FIR of the subscriber: of which encoding a keyframe helps. It is false when nothing does.
func (l *Line) Demand() (encoding int8, ok bool) {
	if l.cfg.Kind != media.Video || l.target == 0 {
		return 0, false
	}
	return max(l.layers.Encoding(), 0), true
}

// replayStep is how far apart the frames of a replay are shown, in RTP timestamp units: a tenth of a millisecond. All of
// them together must be less than what would be noticed as lips out of time.
const replayStep = 9

// HandleReplay decides about a packet that was kept, as HandleRTP does: the packets from the target's last keyframe on, in
// order, let a new occupant be seen at once. They are shown in quick succession, as if they had all been captured when
// the newest of them was: so what follows is shown at its time.
func (l *Line) HandleReplay(captured time.Time, track media.CSRC, p *packet.Packet) (out Packet, switched bool, reason stats.Reason, ok bool) {
	if !l.waiting && track == l.current && rewrite.SourceID(p.Source) == l.rw.Current() {
		if !l.rw.Ahead(p.Sequence) { // it was sent, or left out
			return out, false, stats.BeforeSwitch, false
		}
		if p.Header.Timestamp != l.replayed {
			l.rw.Retime(number(p), replayStep)
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
func (l *Line) handle(captured time.Time, track media.CSRC, p *packet.Packet) (out Packet, switched bool, reason stats.Reason, ok bool) {
	pt := l.cfg.PayloadTypes[p.Codec]
	if pt == 0 {
		return out, false, stats.UnsupportedCodec, false
	}
	if track != l.current {
		return l.handleNext(captured, track, p, pt)
	}
	source := rewrite.SourceID(p.Source)
	if l.waiting { // as if nothing had been sent
		l.layers.Restart()
	} else if p.Encoding == l.layers.Encoding() && source != l.rw.Current() { // its stream began anew
		l.layers.Restart()
		l.waiting = true
	}
	former := l.layers.Current()
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
		l.setActive(&out, former != l.layers.Current())
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
func (l *Line) handleNext(captured time.Time, track media.CSRC, p *packet.Packet, pt media.PayloadType) (out Packet, switched bool, reason stats.Reason, ok bool) {
	if track != l.target {
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
	l.setActive(&out, true)
	return out
}

// leave leaves a packet out without a gap, when it is one of the stream that is sent. Those of other encodings have
// numbers of their own.
func (l *Line) leave(p *packet.Packet) {
	if rewrite.SourceID(p.Source) == l.rw.Current() {
		l.rw.Skip(p.Sequence, p.Codec == media.VP8 && p.Info.StartOfFrame)
	}
}

// setActive tells the subscriber's decoder which decode targets it will get, with each structure and with each change.
func (l *Line) setActive(out *Packet, changed bool) {
	p := out.Source
	if !p.Info.HasDescriptor {
		return
	}
	if p.Descriptor.HasStructure {
		l.targets = p.Targets
	}
	if !p.Descriptor.HasStructure && !changed {
		return
	}
	out.Active, out.HasActive = l.activeTargets(p, &l.targets)
}

// activeTargets is the mask of the decode targets that the subscriber gets; false when there is none to be told.
func (l *Line) activeTargets(p *packet.Packet, targets *[media.MaxSpatial + 1][media.MaxTemporal + 1]uint32) (uint32, bool) {
	now := l.layers.Current()
	if l.layers.Simulcast() {
		now.Spatial = media.MaxSpatial
	} else if p.Info.Keyframe { // the layers above follow in the same picture
		now.Spatial = l.layers.Wanted().Spatial
	}
	mask := targets[min(now.Spatial, media.MaxSpatial)][min(now.Temporal, media.MaxTemporal)] & p.Descriptor.ActiveTargets
	return mask, mask != 0
}

// facts are what a selector looks at.
func facts(p *packet.Packet) layer.Packet {
	return layer.Packet{
		Encoding:    p.Encoding,
		Spatial:     int8(min(p.Info.Spatial, media.MaxSpatial)),   //nolint:gosec // small
		Temporal:    int8(min(p.Info.Temporal, media.MaxTemporal)), //nolint:gosec // small
		Start:       p.Info.StartOfFrame,
		End:         p.Info.EndOfFrame,
		Keyframe:    p.Info.Keyframe,
		Intra:       p.Info.Intra,
		SwitchUp:    p.Info.SwitchUp,
		NotForUpper: p.Info.NotForUpper,
		Marker:      p.Header.Marker,
	}
}

// Skip leaves a packet of the current source out without a gap, because it carries no media.
func (l *Line) Skip(track media.CSRC, p *packet.Packet) {
	if !l.waiting && track == l.current && rewrite.SourceID(p.Source) == l.rw.Current() {
		l.rw.Skip(p.Sequence, false)
	}
}

func (l *Line) sent(captured time.Time, p *packet.Packet, pt media.PayloadType, numbers rewrite.Out, marker bool) Packet {
	n := len(p.Payload())
	l.gate.HandleSent(n)
	l.report.handleSent(captured, numbers.Timestamp, n)
	l.marks.set(numbers.Sequence, marker)
	return Packet{Source: p, PayloadType: pt, Out: numbers, Marker: marker}
}

// SetRTT tells the round trip time to the subscriber.
func (l *Line) SetRTT(rtt time.Duration) { l.rtt = max(rtt, minRTT) }

// Recall finds which packet a NACK asks for: the incoming stream and the extended sequence number in it.
func (l *Line) Recall(sequence uint16) (source uint32, number int64, ok bool) {
	id, number, ok := l.rw.Recall(sequence)
	return uint32(id), number, ok
}

// HandleNACK decides whether the packet p, found by Recall, is sent again.
func (l *Line) HandleNACK(now time.Time, sequence uint16, p *packet.Packet) (out Packet, reason stats.Reason, ok bool) {
	pt := l.cfg.RTXPayloadTypes[p.Codec]
	if pt == 0 {
		return out, stats.UnsupportedCodec, false
	}
	numbers, ok := l.rw.Renumber(rewrite.SourceID(p.Source), number(p))
	if !ok {
		return out, stats.NACKUnknown, false
	}
	switch l.gate.HandleNACK(now, sequence, len(p.Bytes()), l.rtt) {
	case history.TooSoon:
		return out, stats.NACKTooSoon, false
	case history.OverBudget:
		return out, stats.NACKOverBudget, false
	case history.Send:
	}
	l.rtxSequence++
	out = Packet{
		Source: p, Marker: l.marks.at(numbers.Sequence), RTX: true, RTXSequence: l.rtxSequence, PayloadType: pt, Out: numbers,
	}
	if p.Info.HasDescriptor && p.Descriptor.HasStructure {
		out.Active, out.HasActive = l.activeTargets(p, &p.Targets)
	}
	return out, 0, true
}

func number(p *packet.Packet) rewrite.In {
	return rewrite.In{
		Sequence:    p.Sequence,
		Timestamp:   p.Header.Timestamp,
		PictureID:   p.VP8.PictureID,
		TL0PicIdx:   p.VP8.TL0PicIdx,
		KeyIdx:      p.VP8.KeyIdx,
		FrameNumber: p.Info.FrameNumber,
	}
}

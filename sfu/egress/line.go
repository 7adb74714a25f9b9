// Package egress decides what one subscriber is sent: for each m-line of its seats a Line turns the packets of the occupant
// into one continuous stream, answers NACKs, and makes sender reports.
package egress

import (
	"encoding/binary"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/history"
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
		report:  report{clockRate: rate},
	}
}

// Target is the up track that should be sent; 0 is none.
func (l *Line) Target() media.CSRC { return l.target }

// Current is the up track that is sent; 0 is none.
func (l *Line) Current() media.CSRC { return l.current }

// SetTarget changes who sits here. With 0 the line falls silent at once.
func (l *Line) SetTarget(target media.CSRC) {
	l.target = target
	if target == 0 || l.current == 0 {
		l.current, l.waiting = target, true
	}
	if target == 0 {
		l.report.stop()
	}
}

// Vacate says that an up track ended: what it sent can no longer go on.
func (l *Line) Vacate(gone media.CSRC) {
	if l.current == gone {
		l.current, l.waiting = l.target, true
		if l.target == gone {
			l.current = 0
		}
		l.report.stop()
	}
	if l.target == gone {
		l.target = 0
	}
}

// NeedsKeyframe reports whether the target's encoder must make a keyframe before this line can send it.
func (l *Line) NeedsKeyframe() bool {
	return l.cfg.Kind == media.Video && l.target != 0 && (l.waiting || l.current != l.target)
}

// Demand notes a PLI or FIR of the subscriber. It reports false when the line has nothing that a keyframe could help.
func (l *Line) Demand() bool { return l.cfg.Kind == media.Video && l.target != 0 }

// HandleRTP decides about a packet of an up track. When ok is false, reason says why it is not sent.
func (l *Line) HandleRTP(now time.Time, track media.CSRC, p *packet.Packet) (
	out Packet, switched bool, reason stats.Reason, ok bool,
) {
	pt := l.cfg.PayloadTypes[p.Codec]
	if pt == 0 {
		return out, false, stats.UnsupportedCodec, false
	}
	in := number(p)
	source := rewrite.SourceID(p.Source)
	begins := p.Info.Keyframe
	switch {
	case track == l.target && track != l.current && begins: // the new occupant can be seen: the old one goes
		l.current = track
	case track != l.current:
		return out, false, stats.AwaitingKeyframe, false
	case !l.waiting && source == l.rw.Current():
		numbers, ok := l.rw.Forward(now, in)
		if !ok {
			return out, false, stats.BeforeSwitch, false
		}
		return l.sent(p, pt, numbers), false, 0, true
	case !begins:
		l.waiting = true
		return out, false, stats.AwaitingKeyframe, false
	}
	l.waiting = false
	return l.sent(p, pt, l.rw.Switch(now, source, in)), true, 0, true
}

// Skip leaves a packet of the current source out without a gap, because it carries no media.
func (l *Line) Skip(track media.CSRC, p *packet.Packet) {
	if !l.waiting && track == l.current && rewrite.SourceID(p.Source) == l.rw.Current() {
		l.rw.Skip(p.Sequence)
	}
}

func (l *Line) sent(p *packet.Packet, pt media.PayloadType, numbers rewrite.Out) Packet {
	n := len(p.Payload())
	l.gate.HandleSent(n)
	l.report.handleSent(p.Captured, numbers.Timestamp, n)
	return Packet{Source: p, PayloadType: pt, Out: numbers}
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
	return Packet{Source: p, RTX: true, RTXSequence: l.rtxSequence, PayloadType: pt, Out: numbers}, 0, true
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

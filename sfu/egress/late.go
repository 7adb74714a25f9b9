package egress

import (
	"time"

	"hiroba/sfu/layer"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rewrite"
	"hiroba/sfu/stats"
)

// handleLate decides about a packet of the stream that is sent which comes after newer ones. It keeps the number that was
// left free for it, also when the subscriber should not get it: then it goes out empty, since the subscriber would wait
// for what has a number.
func (l *Line) handleLate(
	captured time.Time, p *packet.Packet, pt media.PayloadType,
) (out Packet, switched bool, reason stats.Reason, ok bool) {
	numbers, ok := l.rw.Forward(captured, number(p))
	if !ok {
		return out, false, stats.BeforeSwitch, false
	}
	if reason, again := l.wasSent(numbers.Sequence); again {
		return out, false, reason, false
	}
	decision, marker := l.layers.SelectLate(facts(p))
	out = l.let(p, pt, numbers, marker)
	if decision == layer.Leave {
		l.makeEmpty(&out)
	} else {
		l.setActive(&out)
	}
	return out, false, 0, true
}

// handlePadding leaves a packet without media out. Where newer packets have gone out, its number is taken, and so it
// goes out too.
func (l *Line) handlePadding(
	captured time.Time, p *packet.Packet, pt media.PayloadType,
) (out Packet, switched bool, reason stats.Reason, ok bool) {
	if l.waiting || rewrite.SourceID(p.Source) != l.rw.Current() {
		return out, false, stats.PaddingOnly, false
	}
	if l.rw.Ahead(p.Sequence) {
		l.rw.Skip(p.Sequence, false)
		return out, false, stats.PaddingOnly, false
	}
	numbers, ok := l.rw.Forward(captured, number(p))
	if !ok {
		return out, false, stats.PaddingOnly, false
	}
	if reason, again := l.wasSent(numbers.Sequence); again {
		return out, false, reason, false
	}
	out = l.let(p, pt, numbers, false)
	l.makeEmpty(&out)
	return out, false, 0, true
}

// wasSent reports whether a number was used, or is so old that nobody knows, and why the packet must not go out then: SRTP
// must not encrypt two packets under one number. A packet comes twice where another shard lends what was also under way
// to this one. The number is one that the rewriter gave, so something was sent and there is a record.
func (l *Line) wasSent(sequence uint16) (stats.Reason, bool) {
	behind := int16(l.newest - sequence) //nolint:gosec // serial number arithmetic (RFC 1982)
	switch {
	case behind < 0:
		return 0, false
	case behind >= marksKept:
		return stats.TooOld, true
	default:
		return stats.Duplicate, l.record.known.at(sequence)
	}
}

func (l *Line) makeEmpty(out *Packet) {
	out.Empty, out.Marker = true, false
	l.record.empty.set(out.Out.Sequence, true)
	l.record.marks.set(out.Out.Sequence, false)
}

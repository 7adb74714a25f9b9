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
	if l.known.at(numbers.Sequence) { // it came before: by RTX, or out of the redundancy in a later one
		return out, false, stats.Duplicate, false
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
	out = l.let(p, pt, numbers, false)
	l.makeEmpty(&out)
	return out, false, 0, true
}

func (l *Line) makeEmpty(out *Packet) {
	out.Empty, out.Marker = true, false
	l.empty.set(out.Out.Sequence, true)
	l.marks.set(out.Out.Sequence, false)
}

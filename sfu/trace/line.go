// Package trace records what a subscriber's lines are told about packets and what they decide, for a few seconds while
// somebody asks, and replays it: the same machines, put into the same state and told the same, must decide the same. So
// what went wrong in a call can be taken to a test.
//
// A trace is JSON lines: first {"do":"start"}, then {"do":"line"} for each line with its state at that moment, then the
// steps. It has facts about packets and no media. Times are in nanoseconds since the start.
package trace

import (
	"reflect"
	"time"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
)

// Line is an egress.Line that can be listened to. All that changes its decisions passes through the methods here; those
// that only ask, and those about sender reports, are egress.Line's own. Owned by the shard.
type Line struct {
	*egress.Line
	recorder *Recorder // nil while nobody listens
	index    int       // among the recorder's lines
}

// NewLine makes a line that nobody listens to.
func NewLine(l *egress.Line) *Line { return &Line{Line: l} }

// Listen makes a recorder record the line, which is an m-line of this seat, until Unlisten.
func (l *Line) Listen(r *Recorder, seat int, kind media.Kind) {
	l.recorder, l.index = r, len(r.lines)
	r.lines = append(r.lines, begun{seat: seat, kind: kind, state: *l.Line})
	detach(reflect.ValueOf(&r.lines[l.index].state).Elem())
}

// Unlisten undoes Listen.
func (l *Line) Unlisten() { l.recorder = nil }

// SetTarget is egress.Line.SetTarget.
func (l *Line) SetTarget(target media.CSRC, simulcast bool) {
	l.Line.SetTarget(target, simulcast)
	if r := l.recorder; r != nil {
		r.add(Step{Do: doTarget, Line: l.index, Track: target, Simulcast: simulcast})
	}
}

// SetWanted is egress.Line.SetWanted.
func (l *Line) SetWanted(wanted media.Layer) {
	l.Line.SetWanted(wanted)
	if r := l.recorder; r != nil {
		r.add(Step{Do: doWanted, Line: l.index, Wanted: layerOf(wanted)})
	}
}

// SetRTT is egress.Line.SetRTT.
func (l *Line) SetRTT(rtt time.Duration) {
	l.Line.SetRTT(rtt)
	if r := l.recorder; r != nil {
		r.add(Step{Do: doRTT, Line: l.index, RTT: rtt})
	}
}

// Restart is egress.Line.Restart.
func (l *Line) Restart() {
	l.Line.Restart()
	if r := l.recorder; r != nil {
		r.add(Step{Do: doRestart, Line: l.index})
	}
}

// Vacate is egress.Line.Vacate.
func (l *Line) Vacate(gone media.CSRC) {
	l.Line.Vacate(gone)
	if r := l.recorder; r != nil {
		r.add(Step{Do: doVacate, Line: l.index, Track: gone})
	}
}

// HandleRTP is egress.Line.HandleRTP.
func (l *Line) HandleRTP(track media.CSRC, p *packet.Packet) (out egress.Packet, switched bool, reason stats.Reason, ok bool) {
	out, switched, reason, ok = l.Line.HandleRTP(track, p)
	if r := l.recorder; r != nil {
		r.now = p.Arrived
		r.add(Step{Do: doRTP, Line: l.index, Track: track, Packet: r.facts(p), Got: l.got(&out, switched, reason, ok)})
	}
	return out, switched, reason, ok
}

// HandleReplay is egress.Line.HandleReplay.
func (l *Line) HandleReplay(
	now time.Time, track media.CSRC, p *packet.Packet,
) (out egress.Packet, switched bool, reason stats.Reason, ok bool) {
	out, switched, reason, ok = l.Line.HandleReplay(now, track, p)
	if r := l.recorder; r != nil {
		r.now = now
		r.add(Step{Do: doReplay, Line: l.index, Track: track, Packet: r.facts(p), Got: l.got(&out, switched, reason, ok)})
	}
	return out, switched, reason, ok
}

// HandleNACK is egress.Line.HandleNACK.
func (l *Line) HandleNACK(now time.Time, sequence uint16, p *packet.Packet) (out egress.Packet, reason stats.Reason, ok bool) {
	out, reason, ok = l.Line.HandleNACK(now, sequence, p)
	if r := l.recorder; r != nil {
		r.now = now
		r.add(Step{Do: doNACK, Line: l.index, Asked: sequence, Packet: r.facts(p), Got: l.got(&out, false, reason, ok)})
	}
	return out, reason, ok
}

// NeedsKeyframe is egress.Line.NeedsKeyframe.
func (l *Line) NeedsKeyframe(best int8) (encoding int8, needed bool) {
	encoding, needed = l.Line.NeedsKeyframe(best)
	if r := l.recorder; r != nil {
		r.add(Step{Do: doKeyframe, Line: l.index, Best: best, Got: Got{Encoding: encoding, Needed: needed}})
	}
	return encoding, needed
}

// got is what the line decided about a packet.
func (l *Line) got(out *egress.Packet, switched bool, reason stats.Reason, ok bool) Got {
	g := Got{Layer: layerOf(l.Layer())}
	if !ok {
		g.Dropped = reason.String()
		return g
	}
	g.Sent = &Sent{
		Switched: switched, Marker: out.Marker, PayloadType: out.PayloadType, Sequence: out.Out.Sequence,
		Timestamp: out.Out.Timestamp, PictureID: out.Out.PictureID, TL0PicIdx: out.Out.TL0PicIdx, KeyIdx: out.Out.KeyIdx,
		FrameNumber: out.Out.FrameNumber, Empty: out.Empty, Unpacked: out.Unpacked,
	}
	if out.RTX {
		sequence := out.RTXSequence
		g.Sent.RTXSequence = &sequence
	}
	if out.HasActive {
		g.Sent.Active = out.Active
	}
	return g
}

package egress

import (
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/packet"
	"hiroba/sfu/rewrite"
	"hiroba/sfu/stats"
)

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
		Source: p, Marker: l.marks.at(numbers.Sequence), Empty: l.empty.at(numbers.Sequence),
		RTX: true, RTXSequence: l.rtxSequence, PayloadType: pt, Out: numbers,
	}
	if l.tells.at(numbers.Sequence) {
		out.Active, out.HasActive = l.told.at(numbers.Sequence)
	}
	return out, 0, true
}

package egress

import (
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/layer"
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

// HandleNACK decides whether the packet p, found by Recall, is sent again. It only ever is as RTX, under a number of its own:
// with its former number SRTP would encrypt two different packets with one nonce, which gives the key of AES-GCM away.
func (l *Line) HandleNACK(now time.Time, sequence uint16, p *packet.Packet) (out Packet, reason stats.Reason, ok bool) {
	pt := l.cfg.RTXPayloadTypes[p.Codec]
	if pt == 0 {
		return out, stats.NoRetransmission, false
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
	if !l.record.known.at(numbers.Sequence) {
		l.judge(numbers.Sequence, p)
	}
	l.rtxSequence++
	out = Packet{
		Source: p, Marker: l.record.marks.at(numbers.Sequence), Empty: l.record.empty.at(numbers.Sequence),
		RTX: true, RTXSequence: l.rtxSequence, PayloadType: pt, Out: numbers,
	}
	if l.record.tells.at(numbers.Sequence) {
		out.Active, out.HasActive = l.record.told.at(numbers.Sequence)
	}
	return out, 0, true
}

// judge decides about a packet that is asked for and has never been sent: it came while the line waited for the start of the
// keyframe, which was late.
func (l *Line) judge(sequence uint16, p *packet.Packet) {
	marker, empty := p.Header.Marker, false
	if rewrite.SourceID(p.Source) == l.rw.Current() {
		var d layer.Decision
		d, marker = l.layers.SelectLate(facts(p))
		empty = d == layer.Leave
	}
	l.note(sequence, marker && !empty, empty)
}

// note remembers how a number was sent.
func (l *Line) note(sequence uint16, marker, empty bool) {
	if l.record == nil {
		l.record = new(record)
	}
	ahead := int16(sequence - l.newest) //nolint:gosec // serial number arithmetic (RFC 1982)
	for n := int16(1); n < min(ahead, marksKept); n++ {
		l.record.known.set(l.newest+uint16(n), false)
	}
	if ahead > 0 {
		l.newest = sequence
	}
	l.record.known.set(sequence, true)
	l.record.marks.set(sequence, marker)
	l.record.empty.set(sequence, empty)
	l.record.tells.set(sequence, false)
}

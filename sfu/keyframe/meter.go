package keyframe

import (
	"sync/atomic"

	"hiroba/sfu/packet"
)

// Counts are bytes of an encoding since it began: those of keyframes, and all.
type Counts struct{ Keyframes, All uint64 }

// Meter counts what the keyframes of an encoding cost. One goroutine writes, its ingress loop, and anybody reads. The zero
// value is ready.
type Meter struct {
	keyframes, all atomic.Uint64
	// timestamp is that of the newest keyframe, if there was any. All spatial layers of a picture share it.
	timestamp uint32
	any       bool
}

// HandleRTP counts a packet.
func (m *Meter) HandleRTP(p *packet.Packet) {
	n := uint64(len(p.Bytes()))
	m.all.Add(n)
	if p.Info.Keyframe {
		m.timestamp, m.any = p.Header.Timestamp, true
	}
	if m.any && p.Header.Timestamp == m.timestamp {
		m.keyframes.Add(n)
	}
}

// Counts is what was counted so far.
func (m *Meter) Counts() Counts { return Counts{Keyframes: m.keyframes.Load(), All: m.all.Load()} }

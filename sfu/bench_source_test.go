package sfu

import (
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// BenchSource hands packets to a track as the reader of the socket does once it has decrypted them.
type BenchSource struct {
	stream *upStream
	out    handover
}

// NewBenchSource makes one for a track whose publisher sends nothing itself.
func NewBenchSource(t *UpTrack, pt media.PayloadType, codec media.Codec) *BenchSource {
	s := &BenchSource{}
	types := &payloadTypes{}
	types.codecs[pt] = codec
	s.stream = newUpStream(t, 0, 1, types, packet.ExtensionIDs{}, &s.out)
	return s
}

// Send hands over packets that came with one read.
func (s *BenchSource) Send(marshal func(i int, b []byte) int, n int) {
	now := time.Now()
	for i := range n {
		p := packet.New()
		p.SetLen(marshal(i, p.Buffer()))
		p.Arrived = now
		s.stream.handleRTP(now, p, false)
		p.Release()
	}
	s.out.flush(&s.stream.track.peer.engine.counters)
	s.stream.poll(now)
}

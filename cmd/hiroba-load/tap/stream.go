package tap

import (
	"encoding/binary"
	"time"

	"hiroba/sfu/media"
)

// Counts is what was received of one RTP stream, or of many.
type Counts struct {
	// Packets came; Expected is what their sequence numbers say was sent. Bytes are those of the packets with their
	// headers, from RTP on.
	Packets, Expected, Bytes uint64
	// Injected were thrown away on purpose, Duplicates came twice, Reordered after a later one. Packets has neither the
	// first nor the second.
	Injected, Duplicates, Reordered uint64
	// Frames are ends of pictures, Freezes the times that the next one was late: three times the usual interval, and at
	// least 150 ms more (W3C webrtc-stats, freezeCount). Frozen is how long those intervals were together.
	Frames, Freezes uint64
	Frozen          time.Duration
	// Switches are changes of the contributing source, Jumps breaks of the sequence numbers.
	Switches, Jumps uint64
}

// Lost is how many packets did not come, although nobody threw them away on purpose.
func (c Counts) Lost() uint64 { return c.Expected - min(c.Expected, c.Packets+c.Injected) }

// Add adds what another stream counted.
func (c *Counts) Add(o Counts) {
	c.Packets += o.Packets
	c.Expected += o.Expected
	c.Bytes += o.Bytes
	c.Injected += o.Injected
	c.Duplicates += o.Duplicates
	c.Reordered += o.Reordered
	c.Frames += o.Frames
	c.Freezes += o.Freezes
	c.Frozen += o.Frozen
	c.Switches += o.Switches
	c.Jumps += o.Jumps
}

// Sub takes away what the same stream had counted earlier.
func (c *Counts) Sub(o Counts) {
	c.Packets -= o.Packets
	c.Expected -= o.Expected
	c.Bytes -= o.Bytes
	c.Injected -= o.Injected
	c.Duplicates -= o.Duplicates
	c.Reordered -= o.Reordered
	c.Frames -= o.Frames
	c.Freezes -= o.Freezes
	c.Frozen -= o.Frozen
	c.Switches -= o.Switches
	c.Jumps -= o.Jumps
}

// header is what is read of an RTP packet (RFC 3550, section 5.1).
type header struct {
	ssrc, csrc  uint32
	seq         uint16
	payloadType media.PayloadType
	marker      bool
}

const (
	rtpHeader = 12
	// The first byte of RTP and RTCP packets is in this range (RFC 7983, section 7).
	firstMedia, lastMedia = 128, 191
	// The second byte of RTCP packets is in this range (RFC 5761, section 4).
	firstRTCP, lastRTCP = 192, 223
)

// isMedia reports whether a datagram is RTP or RTCP.
func isMedia(b []byte) bool { return len(b) > 0 && b[0] >= firstMedia && b[0] <= lastMedia }

// isRTCP reports whether a datagram that is media is RTCP.
func isRTCP(b []byte) bool { return len(b) > 1 && b[1] >= firstRTCP && b[1] <= lastRTCP }

// parseHeader reads an RTP header; false for what is too short for one.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < rtpHeader {
		return h, false
	}
	h = header{
		ssrc: binary.BigEndian.Uint32(b[8:]), seq: binary.BigEndian.Uint16(b[2:]),
		payloadType: media.PayloadType(b[1] & 0x7f), marker: b[1]&0x80 != 0,
	}
	if b[0]&0x0f != 0 {
		if len(b) < rtpHeader+4 {
			return h, false
		}
		h.csrc = binary.BigEndian.Uint32(b[rtpHeader:])
	}
	return h, true
}

const (
	// maxStep is the largest step of sequence numbers that is taken for loss.
	maxStep = 3000
	// settleTime is how long a source must have been there before its latency counts: at first a server may send what it
	// has kept.
	settleTime = 1500 * time.Millisecond
	// minLate is what an interval between pictures must exceed the mean by to be a freeze.
	minLate = 150 * time.Millisecond
	// learnFrames is how many pictures are needed for a mean.
	learnFrames = 5
)

// stream follows one SSRC. It is a machine: no lock, no clock.
type stream struct {
	ssrc, csrc uint32
	kind       media.Kind
	rtx        bool
	counts     Counts

	first   uint16
	highest uint16
	seen    uint64 // of the 64 numbers up to highest, the newest in bit 0

	// Of the present source.
	since      int64 // nanoseconds since 1970
	journal    *Journal
	offset     uint16 // from our sequence numbers to those of the journal
	calibrated bool

	lastFrame    int64
	meanInterval int64
	frames       int // that meanInterval is made of
	pauses       uint32
}

// handle takes a packet. Injected ones count as thrown away. fresh is false
// for one that came before.
func (s *stream) handle(h header, bytes int, injected bool) (fresh bool) {
	if !s.number(h.seq) {
		s.counts.Duplicates++
		return false
	}
	if injected {
		s.counts.Injected++
		return true
	}
	s.counts.Packets++
	s.counts.Bytes += uint64(bytes) //nolint:gosec // not negative
	return true
}

// number follows the sequence numbers and reports whether this one is new.
func (s *stream) number(seq uint16) bool {
	if s.counts.Expected == 0 {
		s.first, s.highest, s.seen, s.counts.Expected = seq, seq, 1, 1
		return true
	}
	step := int(int16(seq - s.highest)) //nolint:gosec // wraps as it must
	switch {
	case step > maxStep || step < -maxStep:
		s.counts.Jumps++
		s.counts.Expected++
		s.highest, s.seen = seq, 1
		return true
	case step > 0:
		s.counts.Expected += uint64(step)
		s.seen = s.seen<<step | 1 // a shift by more than 63 leaves nothing, as it must
		s.highest = seq
		return true
	case step <= -64 || s.seen>>-step&1 != 0:
		return false
	}
	s.seen |= 1 << -step
	s.counts.Reordered++
	return true
}

// extended is the highest sequence number with its wraps: as far from the first as was expected.
func (s *stream) extended() uint32 {
	return uint32(s.first) + uint32(s.counts.Expected) - 1 //nolint:gosec // wraps as it must
}

// sit notes who sends now.
func (s *stream) sit(csrc uint32, j *Journal, at int64) {
	if s.since != 0 {
		s.counts.Switches++
	}
	s.csrc, s.journal, s.since, s.calibrated = csrc, j, at, false
	s.lastFrame, s.frames = 0, 0
}

// frame notes the end of a picture.
func (s *stream) frame(at int64) {
	s.counts.Frames++
	pauses := uint32(0)
	if s.journal != nil {
		pauses = s.journal.pauses.Load()
	}
	last := s.lastFrame
	s.lastFrame = at
	if last == 0 || pauses != s.pauses {
		s.pauses = pauses
		return
	}
	interval := at - last
	if s.frames >= learnFrames && interval > max(3*s.meanInterval, s.meanInterval+int64(minLate)) {
		s.counts.Freezes++
		s.counts.Frozen += time.Duration(interval)
		return
	}
	s.frames++
	if s.frames == 1 {
		s.meanInterval = interval
	}
	s.meanInterval += (interval - s.meanInterval) / 16
}

// latency is how long a packet was on its way, when that can be known.
//
// The offset to the publisher's numbers is found by bounds: what came at a time was sent before it, so no packet can be
// newer than the newest that had been sent then. The smallest difference seen is the offset, as soon as one packet came
// before the next was sent.
func (s *stream) latency(seq uint16, at int64) (time.Duration, bool) {
	j := s.journal
	if j == nil || !j.single {
		return 0, false
	}
	newest, ok := j.newestBefore(at)
	if !ok {
		return 0, false
	}
	if d := newest - seq; !s.calibrated || int16(d-s.offset) < 0 { //nolint:gosec // wraps as it must
		s.offset, s.calibrated = d, true
	}
	if at-s.since < int64(settleTime) {
		return 0, false
	}
	return time.Duration(at - j.sentAt(seq+s.offset)), true
}

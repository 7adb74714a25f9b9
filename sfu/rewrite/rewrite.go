// Package rewrite makes the packets of changing occupants look like one stream. A browser that receives a seat's m-line
// sees one SSRC whose sequence numbers grow by one per packet, whose timestamps run on, and whose picture ids do not
// restart, whoever sits there.
//
// The mapping is kept as a list of segments: runs of incoming packets to which the same offsets apply. So nothing is
// stored per packet, and a NACK can be traced back to the packet it asks for.
package rewrite

import (
	"time"
)

// SourceID names an incoming RTP stream within the process. 0 is none.
type SourceID uint32

// In is what is numbered in an incoming packet.
type In struct {
	// Sequence is the extended sequence number of the incoming stream.
	Sequence int64
	// Timestamp is the RTP timestamp.
	Timestamp uint32
	// PictureID (15 bits), TL0PicIdx (8 bits) and KeyIdx (5 bits) are of the VP8 payload descriptor (RFC 7741, section
	// 4.2); PictureID also of VP9's (RFC 9628, section 4.2).
	PictureID uint16
	TL0PicIdx uint8
	KeyIdx    uint8
	// FrameNumber is that of the dependency descriptor.
	FrameNumber uint16
}

// Out is what the numbers become for one subscriber.
type Out struct {
	Sequence    uint16
	Timestamp   uint32
	PictureID   uint16
	TL0PicIdx   uint8
	KeyIdx      uint8
	FrameNumber uint16
}

const (
	// segments is how many runs are remembered. A run ends with a switch or a packet that is left out on purpose; what
	// is older than the oldest run cannot be sent again.
	segments = 128
	// reach is how far behind the newest packet a number may lie and still be told apart from a future one.
	reach = 1 << 14
)

// segment is a run of incoming packets with the same offsets.
type segment struct {
	source SourceID
	// from and to bound the incoming sequence numbers; to is open (the newest) in the last segment.
	from, to int64
	// The offsets are added to the incoming numbers, modulo their width.
	sequence    int64
	timestamp   uint32
	pictureID   uint16
	tl0picidx   uint8
	keyidx      uint8
	frameNumber uint16
}

func (s *segment) apply(in In) Out {
	return Out{
		Sequence:    uint16(in.Sequence + s.sequence), //nolint:gosec // the low 16 bits are what is wanted
		Timestamp:   in.Timestamp + s.timestamp,
		PictureID:   (in.PictureID + s.pictureID) & 0x7FFF,
		TL0PicIdx:   in.TL0PicIdx + s.tl0picidx,
		KeyIdx:      (in.KeyIdx + s.keyidx) & 0x1F,
		FrameNumber: in.FrameNumber + s.frameNumber,
	}
}

// Rewriter numbers what one m-line of one subscriber sends. Make it with New.
type Rewriter struct {
	clockRate uint32
	// frame is the least distance of timestamps across a switch, and, for audio, the unit of that distance.
	frame     uint32
	wholeOnly bool

	ring  *[segments]segment // nil before the first Switch: most m-lines wait for somebody for long
	count int                // segments in use
	last  int                // index of the newest

	// highest is the newest incoming sequence number of the current source.
	highest int64
	// highestOut is the extended outgoing sequence number of the newest packet, counted even when it was left out.
	highestOut int64
	// lastOut is the newest packet that was sent, and lastAt when.
	lastOut Out
	lastAt  time.Time
	// switched is the first packet since the last switch, and switchedAt when it was sent.
	switched   Out
	switchedAt time.Time
}

// New makes a rewriter for a clock of clockRate units per second. Frame is the usual distance of two frames; for
// wholeFrames (audio) a switch moves the timestamp by a multiple of it, because browsers hear anything else as a gap.
// First is the first sequence number: it should be random, below 2^15 (so that a loss of the first packets cannot
// be mistaken for a wrap by SRTP, RFC 3711, section 3.3.1). FirstTimestamp should be random.
func New(clockRate uint32, frame time.Duration, wholeFrames bool, first uint16, firstTimestamp uint32) Rewriter {
	r := Rewriter{
		clockRate: clockRate,
		frame:     uint32(uint64(frame) * uint64(clockRate) / uint64(time.Second)), //nolint:gosec // a frame is short
		wholeOnly: wholeFrames,
	}
	r.highestOut = int64(first&0x7FFF) - 1
	r.lastOut = Out{Timestamp: firstTimestamp - r.frame}
	return r
}

// Current is the source whose packets Forward takes; 0 before the first Switch.
func (r *Rewriter) Current() SourceID {
	if r.count == 0 {
		return 0
	}
	return r.ring[r.last].source
}

// Switch begins to send another source, or another part of the same, with this packet, and numbers it. The packet must
// start a frame that can be decoded alone.
func (r *Rewriter) Switch(now time.Time, source SourceID, in In) Out {
	ts := r.lastOut.Timestamp + r.elapsed(now)
	s := segment{
		source:      source,
		from:        in.Sequence,
		to:          in.Sequence,
		sequence:    r.highestOut + 1 - in.Sequence,
		timestamp:   ts - in.Timestamp,
		pictureID:   r.lastOut.PictureID + 1 - in.PictureID,
		tl0picidx:   r.lastOut.TL0PicIdx + 1 - in.TL0PicIdx,
		keyidx:      r.lastOut.KeyIdx + 1 - in.KeyIdx,
		frameNumber: r.lastOut.FrameNumber + 1 - in.FrameNumber,
	}
	r.push(s)
	r.highest = in.Sequence
	r.highestOut++
	r.switched, r.switchedAt = r.sent(now, s.apply(in)), now
	return r.switched
}

// Forward numbers a packet of the current source. It reports false for a packet that must not be sent: one from before
// the switch, or one that was left out. Gaps in the incoming numbers stay gaps, so that the subscriber asks for what
// was lost.
func (r *Rewriter) Forward(now time.Time, in In) (Out, bool) {
	if r.count == 0 {
		return Out{}, false
	}
	s := &r.ring[r.last]
	if in.Sequence > r.highest {
		if in.Sequence < s.from { // between the end of the former run and this one: left out
			return Out{}, false
		}
		r.highestOut += in.Sequence - r.highest
		r.highest = in.Sequence
		s.to = in.Sequence
		return r.sent(now, s.apply(in)), true
	}
	// Late: number it as its neighbours were.
	if s = r.find(s.source, in.Sequence); s == nil {
		return Out{}, false
	}
	return s.apply(in), true
}

// Ahead reports whether a sequence number of the current source is newer than all that were sent or left out.
func (r *Rewriter) Ahead(sequence int64) bool { return r.count == 0 || sequence > r.highest }

// Skip leaves a packet of the current source out, without a gap for the subscriber. A late packet can no longer be left
// out without a gap; it then simply is not sent. With picture the packet begins a picture whose id is left out as well,
// since VP8's decoders wait for pictures whose ids are missing.
func (r *Rewriter) Skip(sequence int64, picture bool) {
	if r.count == 0 || sequence <= r.highest {
		return
	}
	s := r.ring[r.last]
	if picture {
		s.pictureID--
	}
	r.highestOut += sequence - r.highest - 1 // what is missing between keeps its numbers
	r.highest = sequence
	if s.from == sequence { // nothing sent in this run yet
		s.from, s.to = sequence+1, sequence
		s.sequence--
		r.ring[r.last] = s
		return
	}
	r.ring[r.last].to = sequence - 1
	s.from, s.to = sequence+1, sequence
	s.sequence--
	r.push(s)
}

// Retime puts the frame that begins with this packet of the current source, and what follows with it, where a frame belongs
// that is captured now, but at least a step after the newest one, in timestamp units. So frames that were kept can be sent
// faster than they were taken without telling the subscriber to show them slowly.
func (r *Rewriter) Retime(now time.Time, in In, step uint32) {
	if r.count == 0 || in.Sequence <= r.highest {
		return
	}
	s := r.ring[r.last]
	ts := r.lastOut.Timestamp + step
	if at := r.TimestampAt(now); int32(at-ts) > 0 { //nolint:gosec // serial number arithmetic (RFC 1982)
		ts = at
	}
	s.timestamp = ts - in.Timestamp
	if s.from > r.highest { // nothing sent in this run yet
		r.ring[r.last] = s
		return
	}
	r.ring[r.last].to = in.Sequence - 1
	s.from, s.to = in.Sequence, in.Sequence-1
	r.push(s)
}

// Recall finds the packet that was sent with an outgoing sequence number: its source and its incoming sequence number.
// It reports false when that number was never sent, or is too old.
func (r *Rewriter) Recall(sequence uint16) (source SourceID, in int64, ok bool) {
	if r.count == 0 {
		return 0, 0, false
	}
	back := int64(uint16(r.highestOut) - sequence) //nolint:gosec // modulo 2^16 on purpose
	if back > reach {
		return 0, 0, false
	}
	out := r.highestOut - back
	for i := range r.count {
		s := &r.ring[(r.last-i+segments)%segments]
		in := out - s.sequence
		if in >= s.from && in <= s.to {
			return s.source, in, true
		}
	}
	return 0, 0, false
}

// Renumber gives a packet that Recall found the numbers that it had.
func (r *Rewriter) Renumber(source SourceID, in In) (Out, bool) {
	s := r.find(source, in.Sequence)
	if s == nil {
		return Out{}, false
	}
	return s.apply(in), true
}

// find is the segment of a source that holds an incoming sequence number.
func (r *Rewriter) find(source SourceID, sequence int64) *segment {
	for i := range r.count {
		s := &r.ring[(r.last-i+segments)%segments]
		if s.source == source && sequence >= s.from && sequence <= s.to {
			return s
		}
	}
	return nil
}

func (r *Rewriter) push(s segment) {
	if r.ring == nil {
		r.ring = new([segments]segment)
	}
	if r.count > 0 {
		r.last = (r.last + 1) % segments
	}
	r.count = min(r.count+1, segments)
	r.ring[r.last] = s
}

// sent remembers the newest packet, which a switch continues from.
func (r *Rewriter) sent(now time.Time, out Out) Out {
	r.lastOut, r.lastAt = out, now
	return out
}

// elapsed is by how much the timestamp moves over a switch: by the time since the last packet, at least one frame.
func (r *Rewriter) elapsed(now time.Time) uint32 {
	if r.lastAt.IsZero() || r.frame == 0 {
		return r.frame
	}
	units := r.since(r.lastAt, now)
	if r.wholeOnly {
		units = (units + r.frame/2) / r.frame * r.frame
	}
	return max(units, r.frame)
}

// TimestampAt is the timestamp of an instant, by that of the last switch.
func (r *Rewriter) TimestampAt(now time.Time) uint32 {
	return r.switched.Timestamp + r.since(r.switchedAt, now)
}

// since is the time between two instants in timestamp units, modulo 2^32; 0 if the second is the earlier one.
func (r *Rewriter) since(from, to time.Time) uint32 {
	return uint32(uint64(max(to.Sub(from), 0)) * uint64(r.clockRate) / uint64(time.Second)) //nolint:gosec // modulo
}

// Package ingress decides everything about one incoming RTP stream: which packets count, in which order, what is missing,
// whether a keyframe begins, how loud it is.
package ingress

import (
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/seqnum"
	"hiroba/sfu/stats"
)

// window is how many of the newest packets are remembered to tell a duplicate.
const window = 2048

// Config is what was negotiated for the stream.
type Config struct {
	Kind media.Kind
	// Codecs are those of the publisher's payload types.
	Codecs [128]media.Codec
	// Extensions are the ids of the header extensions.
	Extensions packet.ExtensionIDs
	// Encoding is the place of the stream among the encodings of a simulcast track, the smallest picture first.
	Encoding int8
}

// Result says what happened to a packet.
type Result struct {
	// Keyframe is set when the packet starts a keyframe of video.
	Keyframe bool
	// Restarted is set when the stream's numbering jumped: what comes now is another source for the subscribers.
	Restarted bool
	// Started is set with the first packet, and when the codec changed. Redundancy makes no other codec of Opus.
	Started bool
	// Recovered is set when the packet was late, most often sent again.
	Recovered bool
}

// Stream is one incoming RTP stream: a machine owned by its ingress loop.
type Stream struct {
	cfg     Config
	order   seqnum.Extender
	seen    [window / 64]uint64
	codec   media.Codec
	payload codec.Inspector
	missing missing
	level   level
	red     redundancy
}

// New makes a stream of which nothing has come.
func New(cfg Config) *Stream { return &Stream{cfg: cfg} }

// HandleRTP parses and annotates a packet. When ok is false it is to be dropped for the reason.
func (s *Stream) HandleRTP(now time.Time, p *packet.Packet) (result Result, reason stats.Reason, ok bool) {
	header, err := packet.ParseHeader(p.Bytes(), s.cfg.Extensions)
	if err != nil {
		return result, stats.Malformed, false
	}
	p.Header = header
	return s.HandleParsed(now, p)
}

// HandleParsed is HandleRTP of a packet whose header has been parsed.
func (s *Stream) HandleParsed(now time.Time, p *packet.Packet) (result Result, reason stats.Reason, ok bool) {
	header := &p.Header
	p.Arrived, p.Captured = now, now
	p.Codec = s.cfg.Codecs[header.PayloadType&0x7F]
	if p.Codec == media.CodecUnknown || p.Codec.Kind() != s.cfg.Kind {
		return result, stats.UnknownPayloadType, false
	}
	p.Encoding = s.cfg.Encoding
	p.Info, p.VP8, p.VP9 = codec.Info{}, codec.VP8{}, codec.VP9{}
	p.Primary, p.Recovered = packet.Span{}, false
	if !header.Payload.Empty() {
		if err := s.inspect(p); err != nil {
			return result, stats.Malformed, false
		}
	}
	newest, began := s.order.Newest()
	if !began && header.Payload.Empty() { // a probe for bandwidth says nothing about the numbers of what follows
		return result, stats.PaddingOnly, false
	}
	sequence, order := s.order.Extend(header.SequenceNumber)
	p.Sequence = sequence
	switch order {
	case seqnum.Suspect:
		return result, stats.TooOld, false
	case seqnum.Late:
		if newest-sequence >= window || sequence < 0 {
			return result, stats.TooOld, false
		}
		if s.wasSeen(sequence) {
			return result, stats.Duplicate, false
		}
		result.Recovered = true
		s.missing.handleArrival(now, sequence)
	case seqnum.Jumped:
		result.Restarted = true
		s.payload = codec.Inspector{}
		s.missing.clear()
		s.forget()
		s.red.restart(sequence)
	case seqnum.Next:
		s.handleNext(now, newest, sequence)
	case seqnum.First:
		s.red.restart(sequence)
	}
	s.see(sequence)
	if content := p.Codec.Content(); s.codec != content && !header.Payload.Empty() {
		s.codec, result.Started = content, true
	}
	if s.cfg.Kind == media.Audio {
		s.level.handle(now, p)
		s.red.handle(p, s.wasSeen)
	} else if p.Info.Keyframe {
		result.Keyframe = true
		s.missing.handleKeyframe(sequence)
	}
	return result, 0, true
}

func (s *Stream) inspect(p *packet.Packet) error {
	var err error
	switch p.Codec { // what others need too
	case media.VP8:
		p.VP8, err = codec.ParseVP8(p.Payload())
	case media.VP9:
		p.VP9, err = codec.ParseVP9(p.Payload())
	case media.RED:
		p.Primary, err = s.findPrimary(p)
	default:
	}
	if err != nil {
		return err //nolint:wrapcheck // counted, not shown
	}
	p.Info, err = s.payload.Inspect(p.Codec, p.Payload(), p.Slice(p.Header.DependencyDescriptor))
	if err != nil {
		return err //nolint:wrapcheck // counted, not shown
	}
	if !p.Info.HasDescriptor && p.Header.Marker { // the payload does not say where a frame ends
		p.Info.EndOfFrame = true
	}
	if p.Info.HasDescriptor {
		s.addDescriptor(p)
	}
	return nil
}

// addDescriptor keeps what subscribers need to write the dependency descriptor for the layers that they get.
func (s *Stream) addDescriptor(p *packet.Packet) {
	p.Descriptor = s.payload.Descriptor
	structure := s.payload.Structure()
	if structure == nil || !p.Descriptor.HasStructure {
		return
	}
	for spatial := range p.Targets {
		for temporal := range p.Targets[spatial] {
			p.Targets[spatial][temporal] = structure.TargetsUpTo(uint8(spatial), uint8(temporal))
		}
	}
}

// handleNext notes what was jumped over. Browsers do not send sound again, so only pictures are asked for.
func (s *Stream) handleNext(now time.Time, newest, sequence int64) {
	for n := newest + 1; n < sequence && n <= newest+window; n++ {
		s.unsee(n)
	}
	if sequence > newest+1 && s.cfg.Kind == media.Video {
		s.missing.handleGap(now, newest+1, sequence)
	}
}

// Codec is that of the newest packets, whether they come with redundancy or without; CodecUnknown before the first.
func (s *Stream) Codec() media.Codec { return s.codec }

// PollNACK appends the sequence numbers that the publisher should send again.
func (s *Stream) PollNACK(now time.Time, dst []uint16) []uint16 { return s.missing.poll(now, dst) }

// Lost is how many packets did not come by themselves, each counted once however often it was asked for.
func (s *Stream) Lost() uint64 { return s.missing.overdue }

// PollLevel hands out the loudness when there is news: 0 (silent) to 127.
func (s *Stream) PollLevel(now time.Time) (uint8, bool) { return s.level.poll(now) }

// Deadline is when PollNACK or PollLevel should be called although no packet came; the zero time is never.
func (s *Stream) Deadline() time.Time {
	nack, level := s.missing.deadline(), s.level.deadline()
	if nack.IsZero() || (!level.IsZero() && level.Before(nack)) {
		return level
	}
	return nack
}

func (s *Stream) wasSeen(n int64) bool { i := uint64(n) % window; return s.seen[i/64]&(1<<(i%64)) != 0 } //nolint:gosec // n >= 0
func (s *Stream) see(n int64)          { i := uint64(n) % window; s.seen[i/64] |= 1 << (i % 64) }        //nolint:gosec // n >= 0
func (s *Stream) unsee(n int64)        { i := uint64(n) % window; s.seen[i/64] &^= 1 << (i % 64) }       //nolint:gosec // n >= 0
func (s *Stream) forget()              { clear(s.seen[:]) }

package ingress

import (
	"encoding/binary"
	"slices"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// maxRecovered bounds what one packet brings back; browsers repeat one or two packets in each.
const maxRecovered = 8

// redundancy finds the sound that was lost and came again in a later packet of RED (RFC 2198). It is for those subscribers
// who cannot take RED: the others get the redundancy itself.
type redundancy struct {
	// first is the first number of the stream: what the sender said before is not missed.
	first int64
	// recovered are the newest numbers that were handed out, next the place of the oldest of them.
	recovered [2 * maxRecovered]int64
	next      int
	// found is what the newest packet brings back and nobody has taken yet, the newest first, and count how much that is.
	found [maxRecovered]repeated
	count int
	// opus is the publisher's payload type of what is in the blocks.
	opus media.PayloadType
}

// repeated is a block of a RED payload that stands for a packet that was lost.
type repeated struct {
	sequence  int64
	timestamp uint32
	data      packet.Span
}

// restart begins another run of numbers.
func (r *redundancy) restart(first int64) {
	*r = redundancy{first: first, opus: r.opus}
	for i := range r.recovered {
		r.recovered[i] = -1
	}
}

// handle looks for lost sound in a packet. The blocks do not say which packets they were, only how much older they are. One
// is taken for the packet before another when its sound ends where the other's begins; the sound ahead of a pause is left
// alone, since it would come too late.
func (r *redundancy) handle(p *packet.Packet, wasSeen func(int64) bool) {
	r.count = 0
	if p.Codec != media.RED || p.Header.Payload.Empty() {
		return
	}
	blocks, err := codec.ParseRED(p.Payload())
	if err != nil {
		return
	}
	var newest [maxRecovered]codec.REDBlock // as a ring
	n := 0
	for b, ok := blocks.Next(); ok && !b.Primary; b, ok = blocks.Next() {
		newest[n%maxRecovered] = b
		n++
	}
	sequence, begins, at := p.Sequence, p.Header.Timestamp, p.Primary.From
	for i := n - 1; i >= max(n-maxRecovered, 0); i-- {
		b := newest[i%maxRecovered]
		at -= uint16(len(b.Data)) //nolint:gosec // at most 1,023
		opus, err := codec.ParseOpus(b.Data)
		timestamp := p.Header.Timestamp - uint32(b.TimestampOffset)
		if sequence--; err != nil || sequence < r.first || timestamp+ticks(opus.Duration()) != begins {
			return
		}
		begins = timestamp
		if !wasSeen(sequence) && !slices.Contains(r.recovered[:], sequence) {
			end := at + uint16(len(b.Data)) //nolint:gosec // at most 1,023
			r.found[r.count] = repeated{sequence, timestamp, packet.Span{From: at, To: end}}
			r.count++
		}
	}
}

// ticks is a duration in RTP timestamp units of sound.
func ticks(d time.Duration) uint32 {
	return uint32(d * time.Duration(media.Opus.ClockRate()) / time.Second) //nolint:gosec // at most 120 ms
}

// rtpHeaderBytes is the size of an RTP header without CSRCs and extensions (RFC 3550, section 5.1).
const rtpHeaderBytes = 12

// PollRecovered hands out sound that was lost and came again in p, which was handled just now and has its Source and Captured
// since: the oldest first, as packets of plain Opus that belong before p; nil when there is no more. The caller owns the
// packet.
func (s *Stream) PollRecovered(p *packet.Packet) *packet.Packet {
	r := &s.red
	if r.count == 0 {
		return nil
	}
	r.count--
	f := r.found[r.count]
	r.recovered[r.next] = f.sequence
	r.next = (r.next + 1) % len(r.recovered)

	out := packet.New()
	b := out.Buffer()
	b[0], b[1] = 2<<6, byte(r.opus)
	binary.BigEndian.PutUint16(b[2:], uint16(f.sequence)) //nolint:gosec // the low 16 bits go on the wire
	binary.BigEndian.PutUint32(b[4:], f.timestamp)
	binary.BigEndian.PutUint32(b[8:], uint32(p.Header.SSRC))
	out.SetLen(rtpHeaderBytes + copy(b[rtpHeaderBytes:], p.Slice(f.data)))
	var err error
	if out.Header, err = packet.ParseHeader(out.Bytes(), packet.ExtensionIDs{}); err != nil {
		panic("ingress: a header that was just written: " + err.Error())
	}
	out.Codec, out.Recovered, out.Encoding = media.Opus, true, p.Encoding
	out.Primary, out.VP8, out.VP9 = packet.Span{}, codec.VP8{}, codec.VP9{}
	out.Info, err = codec.Inspect(media.Opus, out.Payload(), nil)
	if err != nil {
		panic("ingress: sound that was read before: " + err.Error())
	}
	older := time.Duration(p.Header.Timestamp-f.timestamp) * time.Second / time.Duration(media.Opus.ClockRate())
	out.Source, out.Sequence = p.Source, f.sequence
	out.Arrived, out.Captured = p.Arrived, p.Captured.Add(-older)
	return out
}

// findPrimary finds the newest sound in a RED payload. Blocks of anything but Opus are refused: who gets the packet could not
// know what they are.
func (s *Stream) findPrimary(p *packet.Packet) (packet.Span, error) {
	blocks, err := codec.ParseRED(p.Payload())
	if err != nil {
		return packet.Span{}, err //nolint:wrapcheck // counted, not shown
	}
	end := p.Header.Payload.To
	for b, ok := blocks.Next(); ok; b, ok = blocks.Next() {
		if s.cfg.Codecs[b.PayloadType&0x7F] != media.Opus {
			return packet.Span{}, codec.ErrUnsupported
		}
		s.red.opus = b.PayloadType
		if b.Primary {
			return packet.Span{From: end - uint16(len(b.Data)), To: end}, nil //nolint:gosec // inside of the packet
		}
	}
	return packet.Span{}, codec.ErrTruncated
}

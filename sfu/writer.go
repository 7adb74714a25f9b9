package sfu

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
)

const (
	// midPackets is how many packets of an m-line carry its MID at the beginning. The SSRC is in the answer, so that is
	// enough even for a client that does not read it there.
	midPackets = 32
	// longestExtension is the size of the longest header extension (RFC 8285, section 4.3).
	longestExtension = 255
	// fixedBytes bounds what a writer puts before a payload, besides the dependency descriptor and the MID: the fixed header
	// with one CSRC, the head of the extensions, abs-send-time, the transport-wide number and the audio level with two bytes
	// before each, what rounds the extensions up, and the number before a retransmission.
	fixedBytes = 12 + 4 + 4 + (2 + 3) + (2 + 2) + (2 + 1) + 3 + 2
)

// scratch is memory for what must be known before it can be put into a packet. One serves all m-lines of a shard.
type scratch struct {
	descriptor [longestExtension]byte
}

// writer builds the RTP packets of one m-line, byte by byte in the memory that it is given. Owned by the shard.
type writer struct {
	// stream is where packets go on pion's path, sealing encrypts them on the server's own: see outlet.
	stream        webrtc.TrackLocalWriter
	sealing       sealing
	ssrc, ssrcRTX media.SSRC
	mid           []byte
	mids          int // packets that still carry the MID

	idMID, idAbsSendTime, idTransportCC, idAudioLevel, idDescriptor uint8
}

func newWriter(c webrtc.TrackLocalContext, kind media.Kind) writer {
	w := writer{
		stream:        c.WriteStream(),
		ssrc:          media.SSRC(c.SSRC()),
		ssrcRTX:       media.SSRC(c.SSRCRetransmission()),
		idMID:         extensionID(c.HeaderExtensions(), uriMID),
		idAbsSendTime: extensionID(c.HeaderExtensions(), uriAbsSendTime),
		idTransportCC: extensionID(c.HeaderExtensions(), uriTransportCC),
	}
	if kind == media.Audio {
		w.idAudioLevel = extensionID(c.HeaderExtensions(), uriAudioLevel)
	} else {
		w.idDescriptor = extensionID(c.HeaderExtensions(), uriDependencyDescriptor)
	}
	return w
}

func (w *writer) setMID(mid media.MID) {
	if mid != "" && w.idMID != 0 && len(mid) <= longestExtension {
		w.mid, w.mids = []byte(mid), midPackets
	}
}

// bound is how much memory build needs for a packet, at most.
func (w *writer) bound(p *egress.Packet) int {
	n := fixedBytes + 2 + len(w.mid) + len(p.Source.Payload()) + int(p.Padding)
	if w.idDescriptor != 0 {
		n += 2 + longestExtension
	}
	return n
}

var errLongDescriptor = errors.New("dependency descriptor longer than a header extension")

// build makes a packet in b, which has room for bound bytes, and returns the size of its RTP header and of all of it, before
// encryption. Most packets of a frame get the same size if they have it when they come: what differs, such as the MID,
// is rare, because packets of one size leave together.
func (w *writer) build(
	b []byte, now time.Time, p *egress.Packet, csrc media.CSRC, transportSequence uint16, s *scratch,
) (header, n int, err error) {
	sequence, ssrc := p.Out.Sequence, w.ssrc
	if p.RTX {
		sequence, ssrc = p.RTXSequence, w.ssrcRTX
	}
	b[0] = 2<<6 | 1 // version 2, one CSRC (RFC 3550, section 5.1)
	b[1] = byte(p.PayloadType)
	if p.Marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], sequence)
	binary.BigEndian.PutUint32(b[4:], p.Out.Timestamp)
	binary.BigEndian.PutUint32(b[8:], uint32(ssrc))
	binary.BigEndian.PutUint32(b[12:], uint32(csrc))
	header, err = w.putExtensions(b, 16, now, p, transportSequence, s)
	if err != nil {
		return 0, 0, err
	}
	n = len(p.AppendPayload(b[:header]))
	if p.Padding > 0 {
		b[0] |= 0x20
		for last := n + int(p.Padding) - 1; n < last; n++ {
			b[n] = 0
		}
		b[n] = p.Padding
		n++
	}
	return header, n, nil
}

// The profiles of header extensions, and up to which ids and lengths the one-byte form goes (RFC 8285, section 4).
const (
	profileOneByte = 0xBEDE
	profileTwoByte = 0x1000
	oneByteID      = 14
	oneByteLength  = 16
)

// isLong reports whether header extensions with this dependency descriptor need the two-byte form.
func (w *writer) isLong(descriptor []byte) bool {
	return max(len(descriptor), len(w.mid)) > oneByteLength ||
		max(w.idMID, w.idAbsSendTime, w.idTransportCC, w.idAudioLevel, w.idDescriptor) > oneByteID
}

// putExtensions writes the header extensions anew, those of the publisher under the ids of the subscriber, and returns
// where they end.
func (w *writer) putExtensions(
	b []byte, from int, now time.Time, p *egress.Packet, transportSequence uint16, s *scratch,
) (end int, err error) {
	descriptor := s.descriptor[:0]
	if w.idDescriptor != 0 {
		if descriptor = p.AppendDescriptor(descriptor); len(descriptor) > longestExtension {
			return 0, errLongDescriptor
		}
	}
	long := w.isLong(descriptor)
	at := from + 4
	if len(descriptor) > 0 {
		at = putHead(b, at, long, w.idDescriptor, len(descriptor))
		at += copy(b[at:], descriptor)
	}
	if w.idAbsSendTime != 0 {
		at = putHead(b, at, long, w.idAbsSendTime, 3)
		t := absSendTime(now)
		b[at], b[at+1], b[at+2] = byte(t>>16), byte(t>>8), byte(t) //nolint:gosec // its 24 bits
		at += 3
	}
	if w.idTransportCC != 0 {
		at = putHead(b, at, long, w.idTransportCC, 2)
		binary.BigEndian.PutUint16(b[at:], transportSequence)
		at += 2
	}
	if level := p.Source.Header.AudioLevel; w.idAudioLevel != 0 && !level.Empty() {
		at = putHead(b, at, long, w.idAudioLevel, 1)
		b[at] = p.Source.Slice(level)[0]
		at++
	}
	if w.mids > 0 {
		w.mids--
		at = putHead(b, at, long, w.idMID, len(w.mid))
		at += copy(b[at:], w.mid)
	}
	if at == from+4 {
		return from, nil
	}
	for ; (at-from)%4 != 0; at++ {
		b[at] = 0
	}
	b[0] |= 0x10
	profile := uint16(profileOneByte)
	if long {
		profile = profileTwoByte
	}
	binary.BigEndian.PutUint16(b[from:], profile)
	binary.BigEndian.PutUint16(b[from+2:], uint16((at-from-4)/4)) //nolint:gosec // below 600
	return at, nil
}

// putHead writes what stands before an element of n bytes, and returns where they belong.
func putHead(b []byte, at int, long bool, id uint8, n int) int {
	if long {
		b[at], b[at+1] = id, byte(n) //nolint:gosec // at most 255
		return at + 2
	}
	b[at] = id<<4 | byte(n-1) //nolint:gosec // at most 16
	return at + 1
}

// absSendTime is the instant in the 6.18 fixed point format of the abs-send-time extension, 24 bits.
func absSendTime(t time.Time) uint32 {
	seconds := uint64(t.Unix()) & 0x3F                             //nolint:gosec // after 1970
	fraction := uint64(t.Nanosecond()) << 18 / uint64(time.Second) //nolint:gosec // not negative
	return uint32(seconds<<18 | fraction)                          //nolint:gosec // 24 bits
}

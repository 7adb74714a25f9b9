package packet

import (
	"encoding/binary"
	"errors"

	"hiroba/sfu/media"
)

// Errors of ParseHeader. Each is a packet to be dropped.
var (
	// ErrTruncated is a packet that ends before a length inside it says.
	ErrTruncated = errors.New("truncated RTP packet")
	// ErrVersion is a packet whose version is not 2.
	ErrVersion = errors.New("not RTP version 2")
	// ErrPadding is padding of no bytes, or of more than the packet has (RFC 3550, section 5.1).
	ErrPadding = errors.New("RTP padding longer than the payload")
)

// fixedHeaderBytes is the size of the RTP header without CSRCs and extension (RFC 3550, section 5.1).
const fixedHeaderBytes = 12

// The profiles of header extensions (RFC 8285, sections 4.2 and 4.3).
const (
	profileOneByte     = 0xBEDE
	profileTwoByte     = 0x1000
	profileTwoByteMask = 0xFFF0
)

// Span is a run of bytes of a packet, by offsets from its first byte. The zero value is "none".
type Span struct{ From, To uint16 }

// Empty reports whether there are no bytes.
func (s Span) Empty() bool { return s.From == s.To }

// ExtensionIDs are the ids under which a publisher sends the header extensions that the server reads; 0 is
// "not negotiated". Ids differ from peer to peer (RFC 8285).
type ExtensionIDs struct {
	// AudioLevel is urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464).
	AudioLevel uint8
	// DependencyDescriptor is that of the AV1 RTP specification, used with other codecs too.
	DependencyDescriptor uint8
	// TransportSequence is the transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
	TransportSequence uint8
	// MID, RID and RepairedRID name the m-line and the encoding of a stream, and the encoding that it repairs (RFC 8843,
	// section 15, and RFC 8852).
	MID, RID, RepairedRID uint8
}

// Header is what the server needs of an RTP header (RFC 3550, section 5.1). It holds no pointers.
type Header struct {
	Marker         bool
	PayloadType    media.PayloadType
	SequenceNumber uint16
	Timestamp      uint32
	SSRC           media.SSRC
	// Payload excludes padding.
	Payload Span
	// What follows are the bytes of header extensions; see ExtensionIDs.
	AudioLevel, DependencyDescriptor, TransportSequence, MID, RID, RepairedRID Span
}

// HeaderSize is how many bytes the header of the RTP packet b has, with CSRCs and extensions. Unlike ParseHeader it looks
// at nothing that SRTP encrypts, so b may be encrypted.
func HeaderSize(b []byte) (int, error) {
	if len(b) < fixedHeaderBytes || len(b) > 0xFFFF {
		return 0, ErrTruncated
	}
	if b[0]>>6 != 2 {
		return 0, ErrVersion
	}
	n := fixedHeaderBytes + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 {
		if n+4 > len(b) {
			return 0, ErrTruncated
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	if n > len(b) {
		return 0, ErrTruncated
	}
	return n, nil
}

// ParseHeader reads the header of the RTP packet b, which must be at most 65,535 bytes long.
func ParseHeader(b []byte, ids ExtensionIDs) (Header, error) {
	if len(b) < fixedHeaderBytes || len(b) > 0xFFFF {
		return Header{}, ErrTruncated
	}
	if b[0]>>6 != 2 {
		return Header{}, ErrVersion
	}
	h := Header{
		Marker:         b[1]&0x80 != 0,
		PayloadType:    media.PayloadType(b[1] & 0x7F),
		SequenceNumber: binary.BigEndian.Uint16(b[2:]),
		Timestamp:      binary.BigEndian.Uint32(b[4:]),
		SSRC:           media.SSRC(binary.BigEndian.Uint32(b[8:])),
	}
	at := fixedHeaderBytes + 4*int(b[0]&0x0F)
	end := len(b)
	if at > end {
		return Header{}, ErrTruncated
	}
	if b[0]&0x10 != 0 {
		if at+4 > end {
			return Header{}, ErrTruncated
		}
		profile := binary.BigEndian.Uint16(b[at:])
		length := 4 * int(binary.BigEndian.Uint16(b[at+2:]))
		at += 4
		if at+length > end {
			return Header{}, ErrTruncated
		}
		if err := h.parseExtensions(b[:at+length], at, profile, ids); err != nil {
			return Header{}, err
		}
		at += length
	}
	if b[0]&0x20 != 0 {
		if at == end {
			return Header{}, ErrPadding
		}
		padding := int(b[end-1])
		if padding == 0 || at+padding > end {
			return Header{}, ErrPadding
		}
		end -= padding
	}
	h.Payload = span(at, end)
	return h, nil
}

// parseExtensions walks the elements in b from at to the end of b.
func (h *Header) parseExtensions(b []byte, at int, profile uint16, ids ExtensionIDs) error {
	oneByte := profile == profileOneByte
	if !oneByte && profile&profileTwoByteMask != profileTwoByte {
		return nil // some other profile (RFC 3550, section 5.3.1): none of ours
	}
	for at < len(b) {
		if b[at] == 0 { // padding between elements
			at++
			continue
		}
		id := b[at]
		var length int
		if oneByte {
			length = int(id&0x0F) + 1
			id >>= 4
			at++
			if id == 15 || id == 0 { // reserved, and padding with a length: stop (RFC 8285, section 4.2)
				return nil
			}
		} else {
			if at+2 > len(b) {
				return ErrTruncated
			}
			length = int(b[at+1])
			at += 2
		}
		if at+length > len(b) {
			return ErrTruncated
		}
		switch id {
		case ids.AudioLevel:
			h.AudioLevel = span(at, at+length)
		case ids.DependencyDescriptor:
			h.DependencyDescriptor = span(at, at+length)
		case ids.TransportSequence:
			h.TransportSequence = span(at, at+length)
		case ids.MID:
			h.MID = span(at, at+length)
		case ids.RID:
			h.RID = span(at, at+length)
		case ids.RepairedRID:
			h.RepairedRID = span(at, at+length)
		}
		at += length
	}
	return nil
}

func span(from, to int) Span {
	return Span{From: uint16(from), To: uint16(to)} //nolint:gosec // packets are at most 65,535 bytes
}

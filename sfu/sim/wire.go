package sim

import (
	"encoding/binary"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// extensions are the ids of header extensions, of publishers and viewers alike.
var extensions = packet.ExtensionIDs{AudioLevel: 1, DependencyDescriptor: 5}

// Payload types of publishers, and of viewers, who number them differently.
var (
	publisherTypes = [media.Codecs]media.PayloadType{
		media.Opus: 111, media.VP8: 96, media.VP9: 98, media.H264: 108, media.AV1: 45,
	}
	viewerTypes = [media.Codecs]media.PayloadType{
		media.Opus: 109, media.VP8: 120, media.VP9: 122, media.H264: 124, media.AV1: 118,
	}
	viewerRTXTypes = [media.Codecs]media.PayloadType{
		media.VP8: 121, media.VP9: 123, media.H264: 125, media.AV1: 119,
	}
)

// codecsOf is the inverse of a table of payload types.
func codecsOf(types [media.Codecs]media.PayloadType) (codecs [128]media.Codec) {
	for c, pt := range types {
		if pt != 0 {
			codecs[pt] = media.Codec(c)
		}
	}
	return codecs
}

// header is what an RTP packet begins with (RFC 3550, section 5.1).
type header struct {
	marker    bool
	pt        media.PayloadType
	sequence  uint16
	timestamp uint32
	ssrc      uint32
	csrc      media.CSRC // 0: none
	// level and descriptor are header extensions, left out when empty.
	level, descriptor []byte
}

func (h *header) append(dst []byte) []byte {
	b := binary.BigEndian
	first, second := byte(0x80), byte(h.pt)
	if h.csrc != 0 {
		first |= 1
	}
	if len(h.level)+len(h.descriptor) > 0 {
		first |= 0x10
	}
	if h.marker {
		second |= 0x80
	}
	dst = append(dst, first, second)
	dst = b.AppendUint16(dst, h.sequence)
	dst = b.AppendUint32(dst, h.timestamp)
	dst = b.AppendUint32(dst, h.ssrc)
	if h.csrc != 0 {
		dst = b.AppendUint32(dst, uint32(h.csrc))
	}
	if first&0x10 == 0 {
		return dst
	}
	// The two-byte form (RFC 8285, section 4.3): a descriptor with its structure is too long for the other.
	dst = b.AppendUint16(dst, 0x1000)
	at := len(dst)
	dst = append(dst, 0, 0)
	for _, e := range []struct {
		id    uint8
		bytes []byte
	}{{extensions.AudioLevel, h.level}, {extensions.DependencyDescriptor, h.descriptor}} {
		if len(e.bytes) > 0 {
			dst = append(dst, e.id, byte(len(e.bytes))) //nolint:gosec // at most 255
			dst = append(dst, e.bytes...)
		}
	}
	for (len(dst)-at-2)%4 != 0 {
		dst = append(dst, 0)
	}
	b.PutUint16(dst[at:], uint16((len(dst)-at-2)/4)) //nolint:gosec // short
	return dst
}

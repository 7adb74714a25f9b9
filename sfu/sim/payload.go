package sim

import (
	"encoding/binary"

	"hiroba/sfu/media"
)

// keyframeHeader is the size of what precedes the truth in a VP8 payload: as long as the header of a keyframe (RFC 6386,
// section 9.1).
const keyframeHeader = 10

// appendPayloadHeader writes what the payload of a packet of f begins with: the payload descriptor, and of the frame as
// much as the server looks at. The truth follows.
func (e *encoder) appendPayloadHeader(dst []byte, f *frame, start, end bool) []byte {
	switch e.codec {
	case media.VP8:
		return e.appendVP8(dst, f, start)
	case media.VP9:
		return e.appendVP9(dst, f, start, end)
	default:
		return e.appendAV1(dst, f, start, end)
	}
}

// appendVP8 writes a descriptor of RFC 7741, section 4.2.
func (e *encoder) appendVP8(dst []byte, f *frame, start bool) []byte {
	first := byte(0x80)
	if f.disposable {
		first |= 0x20
	}
	if start {
		first |= 0x10
	}
	picture := uint16(f.picture+e.firstPicture) & 0x7FFF //nolint:gosec // modulo 2^15
	if e.pattern.temporal == 1 {                         // browsers then send the picture id only
		dst = append(dst, first, 0x80)
		dst = binary.BigEndian.AppendUint16(dst, 0x8000|picture)
	} else {
		dst = append(dst, first, 0xF0)
		dst = binary.BigEndian.AppendUint16(dst, 0x8000|picture)
		layer := byte(f.temporal<<6) | byte(e.keyframes&0x1F) //nolint:gosec // as the format has it
		if f.sync {
			layer |= 0x20
		}
		dst = append(dst, byte(f.baseIndex+e.firstPicture), layer) //nolint:gosec // modulo 2^8
	}
	var head [keyframeHeader]byte
	if !f.key {
		head[0] = 1
	} else {
		head[3], head[4], head[5] = 0x9D, 0x01, 0x2A
		binary.LittleEndian.PutUint16(head[6:], e.width)
		binary.LittleEndian.PutUint16(head[8:], e.height)
	}
	return append(dst, head[:]...)
}

// appendVP9 writes a descriptor of RFC 9628, section 4.2, in the flexible mode.
func (e *encoder) appendVP9(dst []byte, f *frame, start, end bool) []byte {
	first := byte(0x80 | 0x20 | 0x10) // I, L, F
	structured := start && f.key && f.spatial == 0
	for _, bit := range []struct {
		set bool
		bit byte
	}{
		{len(f.inter) > 0, 0x40},
		{start, 0x08},
		{end, 0x04},
		{structured, 0x02},
		{f.last || e.pattern.apart && !f.key, 0x01},
	} {
		if bit.set {
			first |= bit.bit
		}
	}
	picture := uint16(f.picture+e.firstPicture) & 0x7FFF //nolint:gosec // modulo 2^15
	dst = append(dst, first)
	dst = binary.BigEndian.AppendUint16(dst, 0x8000|picture)
	layers := byte(f.temporal<<5 | 0x10 | f.spatial<<1) //nolint:gosec // small; all patterns allow to switch up
	if f.below >= 0 {
		layers |= 0x01
	}
	dst = append(dst, layers)
	for i, r := range f.inter {
		distance := byte((f.picture - r.picture) << 1) //nolint:gosec // at most 4
		if i+1 < len(f.inter) {
			distance |= 1
		}
		dst = append(dst, distance)
	}
	if structured {
		n := e.pattern.spatial
		dst = append(dst, byte((n-1)<<5|0x10)) //nolint:gosec // small
		for s := range n {
			dst = binary.BigEndian.AppendUint16(dst, e.width>>(n-1-s))
			dst = binary.BigEndian.AppendUint16(dst, e.height>>(n-1-s))
		}
	}
	return dst
}

// appendAV1 writes an aggregation header (AV1 RTP specification, section 4.4) and, at the start, that of a frame OBU.
func (e *encoder) appendAV1(dst []byte, f *frame, start, end bool) []byte {
	aggregation := byte(0x10) // one element
	if !start {
		aggregation |= 0x80
	}
	if !end {
		aggregation |= 0x40
	}
	if start && f.key && f.spatial == 0 {
		aggregation |= 0x08
	}
	return append(dst, aggregation, 6<<3)
}

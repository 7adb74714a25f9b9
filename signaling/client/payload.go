package client

import (
	"encoding/binary"

	"hiroba/sfu/media"
)

// The payload formats are read here and not with sfu/codec, on purpose: what checks the server should not share its
// mistakes.

// startsKeyframe reports whether a payload is the first of a picture that needs no other.
func startsKeyframe(c media.Codec, p []byte) bool {
	switch c {
	case media.VP8:
		d, ok := parseVP8(p)
		return ok && d.start && len(d.payload) > 0 && d.payload[0]&1 == 0
	case media.VP9: // B without P, of the lowest spatial layer (draft-ietf-payload-vp9: RFC 9628, section 4.2)
		return len(p) > 0 && p[0]&0x48 == 0x08
	case media.H264:
		return startsIDR(p)
	case media.H265:
		return startsVPS(p)
	case media.AV1: // N: a new coded video sequence (AV1 RTP, section 4.4)
		return len(p) > 0 && p[0]&0x08 != 0
	default:
		return false
	}
}

// startsIDR looks for a sequence parameter set, which our H.264 senders put ahead of each IDR picture (RFC 6184).
func startsIDR(p []byte) bool {
	const sps, stapA = 7, 24
	if len(p) < 1 {
		return false
	}
	switch p[0] & 0x1f {
	case sps:
		return true
	case stapA:
		for rest := p[1:]; len(rest) > 2; {
			size := int(binary.BigEndian.Uint16(rest))
			if rest[2]&0x1f == sps {
				return true
			}
			rest = rest[min(len(rest), 2+size):]
		}
	}
	return false
}

// startsVPS looks for a video parameter set, which H.265 senders put ahead of each picture that needs no other (RFC 7798).
func startsVPS(p []byte) bool {
	const vps, ap = 32, 48
	if len(p) < 2 {
		return false
	}
	switch p[0] >> 1 & 0x3f {
	case vps:
		return true
	case ap:
		for rest := p[2:]; len(rest) > 2; {
			size := int(binary.BigEndian.Uint16(rest))
			if rest[2]>>1&0x3f == vps {
				return true
			}
			rest = rest[min(len(rest), 2+size):]
		}
	}
	return false
}

// vp8Descriptor is what matters of RFC 7741, section 4.2.
type vp8Descriptor struct {
	start        bool // of the frame
	hasPictureID bool
	wide         bool // 15 bits instead of 7
	pictureID    uint16
	payload      []byte
}

func parseVP8(p []byte) (d vp8Descriptor, ok bool) {
	if len(p) < 1 {
		return d, false
	}
	d.start = p[0]&0x1f == 0x10 // S, and partition 0
	at := 1
	if p[0]&0x80 != 0 {
		if len(p) < 2 {
			return d, false
		}
		flags := p[1]
		at = 2
		if flags&0x80 != 0 {
			if len(p) < at+2 {
				return d, false
			}
			d.hasPictureID, d.pictureID = true, uint16(p[at])
			at++
			if d.wide = d.pictureID&0x80 != 0; d.wide {
				d.pictureID = d.pictureID&0x7f<<8 | uint16(p[at])
				at++
			}
		}
		if flags&0x40 != 0 {
			at++
		}
		if flags&0x30 != 0 {
			at++
		}
	}
	if len(p) < at {
		return d, false
	}
	d.payload = p[at:]
	return d, true
}

// vp8Assembler puts VP8 keyframes together. A frame with a gap is given up: the next keyframe will do.
type vp8Assembler struct {
	frame  []byte
	active bool
}

// handle takes the next packet and returns a keyframe when it is complete; it is valid until the next call.
func (a *vp8Assembler) handle(o order, marker bool, p []byte) []byte {
	if o == late || o == unwanted {
		return nil
	}
	if o == afterGap {
		a.active = false
	}
	d, ok := parseVP8(p)
	if !ok {
		a.active = false
		return nil
	}
	if d.start {
		a.active = len(d.payload) > 0 && d.payload[0]&1 == 0
		a.frame = a.frame[:0]
	}
	if !a.active {
		return nil
	}
	a.frame = append(a.frame, d.payload...)
	if !marker {
		return nil
	}
	a.active = false
	return a.frame
}

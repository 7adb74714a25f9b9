package codec

import "encoding/binary"

// Bits of the VP8 payload descriptor (RFC 7741, section 4.2).
const (
	vp8Extended     = 0x80 // X, in the first byte
	vp8NonReference = 0x20 // N
	vp8Start        = 0x10 // S
	vp8Partition    = 0x07 // PID

	vp8HasPictureID = 0x80 // I, in the extension byte
	vp8HasTL0PicIdx = 0x40 // L
	vp8HasTID       = 0x20 // T
	vp8HasKeyIdx    = 0x10 // K

	vp8LongPictureID = 0x80 // M, in the first byte of the picture id
	vp8LayerSync     = 0x20 // Y, in the byte of TID and KEYIDX
	vp8KeyIdx        = 0x1F
)

// vp8KeyframeBytes is the part of a keyframe's header that says its size (RFC 6386, section 9.1).
const vp8KeyframeBytes = 10

// VP8 is a VP8 payload descriptor (RFC 7741, section 4.2) and what the payload header behind it says.
type VP8 struct {
	// HeaderBytes is the length of the descriptor; VP8 data follows.
	HeaderBytes uint8

	// HasPictureID, HasTL0PicIdx, HasTID and HasKeyIdx say which of the optional fields are there.
	HasPictureID, HasTL0PicIdx, HasTID, HasKeyIdx bool
	// LongPictureID says that PictureID has 15 bits instead of 7.
	LongPictureID bool

	// PictureID counts frames, modulo 2^15 or 2^7.
	PictureID uint16
	// TL0PicIdx counts frames of temporal layer 0, modulo 2^8.
	TL0PicIdx uint8
	// TID is the temporal layer.
	TID uint8
	// LayerSync (Y) says that the frame depends on temporal layer 0 only.
	LayerSync bool
	// KeyIdx counts keyframes, modulo 2^5.
	KeyIdx uint8

	// NonReference (N) says that no other frame depends on this one.
	NonReference bool
	// Start (S) says that a partition starts with this payload, PartitionIndex (PID) says which.
	Start          bool
	PartitionIndex uint8

	// Keyframe says that this payload starts a keyframe.
	Keyframe bool
	// Width and Height are the size of a keyframe in pixels, 0 where the payload does not say.
	Width, Height uint16
}

// StartsFrame reports whether the payload is the first of its frame.
func (d VP8) StartsFrame() bool { return d.Start && d.PartitionIndex == 0 }

// ParseVP8 reads the descriptor of a VP8 RTP payload.
func ParseVP8(payload []byte) (VP8, error) {
	if len(payload) == 0 {
		return VP8{}, ErrTruncated
	}
	first := payload[0]
	d := VP8{
		NonReference:   first&vp8NonReference != 0,
		Start:          first&vp8Start != 0,
		PartitionIndex: first & vp8Partition,
	}
	at := 1
	if first&vp8Extended != 0 {
		var err error
		if at, err = d.parseExtension(payload); err != nil {
			return VP8{}, err
		}
	}
	if at >= len(payload) { // a descriptor of nothing
		return VP8{}, ErrTruncated
	}
	d.HeaderBytes = uint8(at)
	if d.StartsFrame() {
		d.parseFrameHeader(payload[at:])
	}
	return d, nil
}

// parseExtension reads the optional fields and gives the offset behind them.
func (d *VP8) parseExtension(payload []byte) (int, error) {
	if len(payload) < 2 {
		return 0, ErrTruncated
	}
	present := payload[1]
	at := 2
	if present&vp8HasPictureID != 0 {
		if at >= len(payload) {
			return 0, ErrTruncated
		}
		d.HasPictureID = true
		d.PictureID = uint16(payload[at] &^ vp8LongPictureID)
		if payload[at]&vp8LongPictureID != 0 {
			if at+1 >= len(payload) {
				return 0, ErrTruncated
			}
			d.LongPictureID = true
			d.PictureID = d.PictureID<<8 | uint16(payload[at+1])
			at++
		}
		at++
	}
	if present&vp8HasTL0PicIdx != 0 {
		if at >= len(payload) {
			return 0, ErrTruncated
		}
		d.HasTL0PicIdx = true
		d.TL0PicIdx = payload[at]
		at++
	}
	if present&(vp8HasTID|vp8HasKeyIdx) != 0 {
		if at >= len(payload) {
			return 0, ErrTruncated
		}
		if d.HasTID = present&vp8HasTID != 0; d.HasTID {
			d.TID = payload[at] >> 6
			d.LayerSync = payload[at]&vp8LayerSync != 0
		}
		if d.HasKeyIdx = present&vp8HasKeyIdx != 0; d.HasKeyIdx {
			d.KeyIdx = payload[at] & vp8KeyIdx
		}
		at++
	}
	return at, nil
}

// parseFrameHeader reads the beginning of a frame, which is not empty (RFC 7741, section 4.3; RFC 6386, section 9.1).
func (d *VP8) parseFrameHeader(frame []byte) {
	d.Keyframe = frame[0]&0x01 == 0
	if !d.Keyframe || len(frame) < vp8KeyframeBytes || frame[3] != 0x9D || frame[4] != 0x01 || frame[5] != 0x2A {
		return
	}
	const sizeBits = 0x3FFF // above them is the scale, which nobody uses
	d.Width = binary.LittleEndian.Uint16(frame[6:]) & sizeBits
	d.Height = binary.LittleEndian.Uint16(frame[8:]) & sizeBits
}

// Put writes other numbers into the payload that d was parsed from, or into a copy of it. The shape of the descriptor
// stays: a field that is not there is not written, and a 7-bit picture id gets the lower 7 bits.
func (d VP8) Put(payload []byte, pictureID uint16, tl0PicIdx, keyIdx uint8) {
	at := 2 // behind the first byte and the extension byte
	if d.HasPictureID {
		if d.LongPictureID {
			binary.BigEndian.PutUint16(payload[at:], vp8LongPictureID<<8|pictureID)
			at += 2
		} else {
			payload[at] = uint8(pictureID) &^ vp8LongPictureID //nolint:gosec // the lower bits are meant
			at++
		}
	}
	if d.HasTL0PicIdx {
		payload[at] = tl0PicIdx
		at++
	}
	if d.HasKeyIdx {
		payload[at] = payload[at]&^vp8KeyIdx | keyIdx&vp8KeyIdx
	}
}

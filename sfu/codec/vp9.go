package codec

import "encoding/binary"

// Bits of the first byte of the VP9 payload descriptor (RFC 9628, section 4.2).
const (
	vp9HasPictureID = 0x80 // I
	vp9InterPicture = 0x40 // P
	vp9HasLayers    = 0x20 // L
	vp9Flexible     = 0x10 // F
	vp9Start        = 0x08 // B
	vp9End          = 0x04 // E
	vp9HasStructure = 0x02 // V
	vp9NotForUpper  = 0x01 // Z
)

// The limits of the VP9 payload format.
const (
	vp9MaxReferences    = 3
	vp9MaxSpatialLayers = 8
)

// VP9 is a VP9 payload descriptor (RFC 9628, section 4.2).
type VP9 struct {
	// HeaderBytes is the length of the descriptor; VP9 data follows.
	HeaderBytes uint16

	// HasPictureID (I), LongPictureID (M), HasLayers (L) and HasStructure (V) say which optional fields are there.
	HasPictureID, LongPictureID, HasLayers, HasStructure bool
	// Flexible (F) says that each frame names its references, instead of the scalability structure.
	Flexible bool

	// PictureID counts pictures (all spatial layers of one instant), modulo 2^15 or 2^7.
	PictureID uint16
	// InterPicture (P) says that the frame depends on an earlier picture.
	InterPicture bool
	// InterLayer (D) says that the frame depends on the next lower spatial layer of its picture.
	InterLayer bool
	// NotForUpper (Z) says that no higher spatial layer depends on this frame.
	NotForUpper bool
	// Start (B) and End (E) are the bounds of a layer frame, that is one spatial layer of one picture.
	Start, End bool

	// TID and SID are the temporal and the spatial layer; 0 without HasLayers.
	TID, SID uint8
	// SwitchUp (U) says that later pictures of higher temporal layers depend on no such picture before this one.
	SwitchUp bool
	// HasTL0PicIdx is said by HasLayers in the non-flexible mode. TL0PicIdx counts pictures of temporal layer 0.
	HasTL0PicIdx bool
	TL0PicIdx    uint8

	// References are the distances in picture ids to what the frame depends on (P_DIFF, flexible mode only).
	References     [vp9MaxReferences]uint8
	ReferenceCount uint8

	// SpatialLayers is how many spatial layers the structure announces (N_S + 1); 0 without HasStructure.
	SpatialLayers uint8
	// Widths and Heights are their sizes in pixels; 0 where the structure does not say.
	Widths, Heights [vp9MaxSpatialLayers]uint16
}

// StartsKeyframe reports whether the payload is the first of a picture that needs no earlier one.
func (d *VP9) StartsKeyframe() bool { return d.Start && !d.InterPicture && d.SID == 0 && !d.InterLayer }

// ParseVP9 reads the descriptor of a VP9 RTP payload.
func ParseVP9(payload []byte) (VP9, error) {
	r := reader{b: payload}
	first := r.uint8()
	d := VP9{
		HasPictureID: first&vp9HasPictureID != 0,
		InterPicture: first&vp9InterPicture != 0,
		HasLayers:    first&vp9HasLayers != 0,
		Flexible:     first&vp9Flexible != 0,
		Start:        first&vp9Start != 0,
		End:          first&vp9End != 0,
		HasStructure: first&vp9HasStructure != 0,
		NotForUpper:  first&vp9NotForUpper != 0,
	}
	if d.HasPictureID {
		id := r.uint8()
		d.PictureID = uint16(id & 0x7F)
		if d.LongPictureID = id&0x80 != 0; d.LongPictureID {
			d.PictureID = d.PictureID<<8 | uint16(r.uint8())
		}
	}
	if d.HasLayers {
		layers := r.uint8()
		d.TID, d.SID = layers>>5, layers>>1&0x07
		d.SwitchUp, d.InterLayer = layers&0x10 != 0, layers&0x01 != 0
		if !d.Flexible {
			d.HasTL0PicIdx = true
			d.TL0PicIdx = r.uint8()
		}
	}
	if d.Flexible && d.InterPicture {
		if err := d.parseReferences(&r); err != nil {
			return VP9{}, err
		}
	}
	if d.HasStructure {
		d.parseStructure(&r)
	}
	if r.short || r.at >= len(payload) { // too little, or a descriptor of nothing
		return VP9{}, ErrTruncated
	}
	d.HeaderBytes = uint16(r.at) //nolint:gosec // at most 7 + 34 + 256 * 4
	return d, nil
}

func (d *VP9) parseReferences(r *reader) error {
	for more := true; more; d.ReferenceCount++ {
		if d.ReferenceCount == vp9MaxReferences {
			return ErrMalformed
		}
		b := r.uint8()
		d.References[d.ReferenceCount] = b >> 1
		more = b&0x01 != 0
	}
	return nil
}

// parseStructure reads the scalability structure (RFC 9628, section 4.2.1). The description of the picture group is
// skipped: each packet says its layers itself.
func (d *VP9) parseStructure(r *reader) {
	first := r.uint8()
	d.SpatialLayers = first>>5 + 1
	if first&0x10 != 0 { // Y
		for i := range d.SpatialLayers {
			d.Widths[i] = r.uint16()
			d.Heights[i] = r.uint16()
		}
	}
	if first&0x08 == 0 { // G
		return
	}
	for range r.uint8() {
		references := int(r.uint8() >> 2 & 0x03)
		r.skip(references)
	}
}

// Put writes another picture id and TL0PICIDX into the payload that d was parsed from, or into a copy of it. The shape
// of the descriptor stays: a field that is not there is not written, and a 7-bit picture id gets the lower 7 bits.
func (d *VP9) Put(payload []byte, pictureID uint16, tl0PicIdx uint8) {
	at := 1
	if d.HasPictureID {
		if d.LongPictureID {
			binary.BigEndian.PutUint16(payload[at:], 0x8000|pictureID)
			at += 2
		} else {
			payload[at] = uint8(pictureID & 0x7F)
			at++
		}
	}
	if d.HasTL0PicIdx {
		payload[at+1] = tl0PicIdx
	}
}

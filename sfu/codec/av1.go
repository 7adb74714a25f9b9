package codec

// Bits of the AV1 aggregation header (AV1 RTP specification, section 4.4).
const (
	av1Continues   = 0x80 // Z
	av1ToContinue  = 0x40 // Y
	av1NewSequence = 0x08 // N
)

// OBU types (AV1 bitstream specification, section 6.2.2) that the server tells apart.
const (
	obuSequenceHeader = 1
	obuFrameHeader    = 3
	obuFrame          = 6
)

// AV1 is what an AV1 RTP payload holds.
type AV1 struct {
	// Continues (Z) says that the first OBU element goes on with one of the packet before.
	Continues bool
	// ToContinue (Y) says that the last OBU element goes on in the next packet.
	ToContinue bool
	// NewSequence (N) says that the payload is the first of a coded video sequence.
	NewSequence bool
	// SequenceHeader says that a sequence header starts in the payload.
	SequenceHeader bool
	// StartsFrame says that a sequence header, a frame header or a frame starts in the payload. Where there are several
	// of them, it is said by several packets of one frame.
	StartsFrame bool
	// HasLayers says that TID and SID, the temporal and spatial layer, are in an OBU extension header.
	HasLayers bool
	TID, SID  uint8
	// Width and Height are the maximum size in pixels that the sequence header says, 0 where there is none.
	Width, Height uint16
}

// StartsKeyframe reports whether decoding can start with this payload.
func (d AV1) StartsKeyframe() bool { return d.NewSequence || d.SequenceHeader }

// ParseAV1 walks the OBU elements of an AV1 RTP payload (AV1 RTP specification, section 4.3).
func ParseAV1(payload []byte) (AV1, error) {
	if len(payload) < 2 {
		return AV1{}, ErrTruncated
	}
	first := payload[0]
	d := AV1{
		Continues:   first&av1Continues != 0,
		ToContinue:  first&av1ToContinue != 0,
		NewSequence: first&av1NewSequence != 0,
	}
	if d.NewSequence && d.Continues {
		return AV1{}, ErrMalformed
	}
	count := int(first >> 4 & 0x03) // W; 0 says "all have lengths"
	r := reader{b: payload, at: 1}
	for i := 0; r.left() > 0 && !r.short; i++ {
		n := r.left()
		if count == 0 || i+1 < count {
			n = r.leb128()
		}
		element := r.take(n)
		if r.short {
			break
		}
		if i == 0 && d.Continues {
			continue
		}
		if err := d.add(element); err != nil {
			return AV1{}, err
		}
	}
	if r.short {
		return AV1{}, ErrTruncated
	}
	return d, nil
}

// add notes the beginning of an OBU. An element may be empty, and only a part of the OBU when it is the last one.
func (d *AV1) add(obu []byte) error {
	if len(obu) == 0 {
		return nil
	}
	if obu[0]&0x80 != 0 { // obu_forbidden_bit
		return ErrMalformed
	}
	header := 1
	if obu[0]&0x04 != 0 { // obu_extension_flag
		header = 2
		if len(obu) < header {
			return nil // the rest is in the next packet
		}
		if !d.HasLayers {
			d.HasLayers = true
			d.TID, d.SID = obu[1]>>5, obu[1]>>3&0x03
		}
	}
	switch obu[0] >> 3 & 0x0F {
	case obuSequenceHeader:
		d.SequenceHeader, d.StartsFrame = true, true
		body := reader{b: obu, at: header}
		if obu[0]&0x02 != 0 { // obu_has_size_field, which senders should leave out
			body.leb128()
		}
		d.Width, d.Height = parseSequenceHeader(body.b[body.at:])
	case obuFrameHeader, obuFrame:
		d.StartsFrame = true
	}
	return nil
}

// leb128 reads a length (AV1 bitstream specification, section 4.10.5). Five bytes are enough for 32 bits; a longer or a
// larger one cannot be the length of anything in a packet.
func (r *reader) leb128() int {
	v := uint64(0)
	for i := range 5 {
		b := r.uint8()
		v |= uint64(b&0x7F) << (7 * i)
		if b&0x80 == 0 {
			if v > 0xFFFF {
				r.short = true
				return 0
			}
			return int(v)
		}
	}
	r.short = true
	return 0
}

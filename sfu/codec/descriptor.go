package codec

import "encoding/binary"

// descriptorHeadBytes is the size of the mandatory fields of a dependency descriptor.
const descriptorHeadBytes = 3

// DescriptorHead are the fields of a dependency descriptor that are in every packet and can be read without the
// template structure (AV1 RTP specification, appendix A.8.2, mandatory_descriptor_fields).
type DescriptorHead struct {
	// StartOfFrame and EndOfFrame are the bounds of a frame, that is one spatial layer of one instant.
	StartOfFrame, EndOfFrame bool
	// TemplateID names a template of the structure, modulo 2^6.
	TemplateID uint8
	// FrameNumber counts frames in decoding order, modulo 2^16.
	FrameNumber uint16
	// HasStructure says that the template structure is attached, which is so on the first packet of a keyframe.
	HasStructure bool
}

// ParseDescriptorHead reads the mandatory fields of a dependency descriptor.
func ParseDescriptorHead(dd []byte) (DescriptorHead, error) {
	if len(dd) < descriptorHeadBytes {
		return DescriptorHead{}, ErrTruncated
	}
	return DescriptorHead{
		StartOfFrame: dd[0]&0x80 != 0,
		EndOfFrame:   dd[0]&0x40 != 0,
		TemplateID:   dd[0] & 0x3F,
		FrameNumber:  binary.BigEndian.Uint16(dd[1:]),
		HasStructure: len(dd) > descriptorHeadBytes && dd[3]&0x80 != 0,
	}, nil
}

// PutFrameNumber writes another frame number into a dependency descriptor that ParseDescriptorHead accepted, or into a
// copy of it. All else in it is relative to the frame number and stays true.
func PutFrameNumber(dd []byte, n uint16) { binary.BigEndian.PutUint16(dd[1:], n) }

package egress

import (
	"encoding/binary"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rewrite"
)

// Packet says how a received packet is sent to a subscriber. It borrows Source.
type Packet struct {
	Source *packet.Packet
	// Marker is that of the RTP header: it ends the picture as this subscriber gets it.
	Marker bool
	// Active is the mask of active decode targets for the dependency descriptor, where it is to be told.
	Active    uint32
	HasActive bool
	// Empty says that the packet goes out without a payload: it only fills its place in the numbers, so that the subscriber
	// does not wait for it.
	Empty bool
	// Unpacked says that of a packet of RED only the newest sound goes out, as plain Opus: the subscriber has no RED. Otherwise
	// the blocks get the payload type Block, which is the subscriber's for Opus.
	Unpacked bool
	Block    media.PayloadType
	// RTX is set for a retransmission (RFC 4588): it goes out on the RTX SSRC with RTXSequence, its payload begins
	// with Out.Sequence.
	RTX         bool
	RTXSequence uint16
	PayloadType media.PayloadType
	// Padding is how many bytes of RTP padding follow the payload (RFC 3550, section 5.1), so that packets get one size.
	Padding uint8
	Out     rewrite.Out
}

// AppendPayload appends the payload as the subscriber gets it, with the picture ids of its own stream.
func (p *Packet) AppendPayload(dst []byte) []byte {
	if p.RTX {
		dst = binary.BigEndian.AppendUint16(dst, p.Out.Sequence)
	}
	if p.Empty {
		return dst
	}
	at := len(dst)
	if p.Unpacked {
		return append(dst, p.Source.Slice(p.Source.Primary)...)
	}
	dst = append(dst, p.Source.Payload()...)
	switch p.Source.Codec {
	case media.VP8:
		p.Source.VP8.Put(dst[at:], p.Out.PictureID, p.Out.TL0PicIdx, p.Out.KeyIdx)
	case media.VP9:
		p.Source.VP9.Put(dst[at:], p.Out.PictureID, p.Out.TL0PicIdx)
	case media.RED:
		codec.PutREDPayloadTypes(dst[at:], p.Block)
	default: // the others have no numbers in their payload
	}
	return dst
}

// AppendDescriptor appends the dependency descriptor as the subscriber gets it; nothing when there is none.
func (p *Packet) AppendDescriptor(dst []byte) []byte {
	dd := p.Source.Slice(p.Source.Header.DependencyDescriptor)
	if len(dd) == 0 || !p.Source.Info.HasDescriptor || p.Empty {
		return dst
	}
	if p.HasActive {
		return codec.AppendDescriptor(dst, dd, &p.Source.Descriptor, p.Out.FrameNumber, p.Active)
	}
	at := len(dst)
	dst = append(dst, dd...)
	codec.PutFrameNumber(dst[at:], p.Out.FrameNumber)
	return dst
}

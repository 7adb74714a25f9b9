package packet

import (
	"encoding/binary"

	"hiroba/sfu/media"
)

// originalBytes is the size of the sequence number before the payload of a retransmission.
const originalBytes = 2

// Unwrap makes the retransmission whose header was parsed into the packet that was sent first (RFC 4588, section 4): its
// sequence number is before the payload, its SSRC and payload type are given. Header extensions stay as they are, and so
// does padding. It reports false, and leaves the packet alone, if there is no payload, as in probes for bandwidth.
func (p *Packet) Unwrap(ssrc media.SSRC, pt media.PayloadType) bool {
	h := &p.Header
	if h.Payload.To < h.Payload.From+originalBytes {
		return false
	}
	b := p.Bytes()
	payload := b[h.Payload.From:]
	h.SequenceNumber = binary.BigEndian.Uint16(payload)
	h.SSRC, h.PayloadType = ssrc, pt
	copy(payload, payload[originalBytes:])
	h.Payload.To -= originalBytes
	p.n -= originalBytes
	b[1] = b[1]&0x80 | byte(pt)&0x7F
	binary.BigEndian.PutUint16(b[2:], h.SequenceNumber)
	binary.BigEndian.PutUint32(b[8:], uint32(ssrc))
	return true
}

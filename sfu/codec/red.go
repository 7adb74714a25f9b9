package codec

import "hiroba/sfu/media"

// maxREDBlocks is how many blocks a RED payload may have. Browsers send 2, at most 9 are possible by configuration.
const maxREDBlocks = 16

// REDBlock is one block of a RED payload (RFC 2198, section 3).
type REDBlock struct {
	PayloadType media.PayloadType
	// TimestampOffset is how much older than the packet's timestamp the block's is; 0 for the primary block.
	TimestampOffset uint16
	// Data is a part of the payload that was parsed.
	Data []byte
	// Primary says that this is the newest block, which is always the last one.
	Primary bool
}

// RED walks the blocks of a RED payload, oldest first.
type RED struct {
	headers reader
	data    []byte
}

// ParseRED checks a RED payload as a whole, so that what Next hands out is sound.
func ParseRED(payload []byte) (RED, error) {
	r := reader{b: payload}
	sum := 0
	for blocks := 1; ; blocks++ {
		if blocks > maxREDBlocks {
			return RED{}, ErrMalformed
		}
		if r.uint8()&0x80 == 0 {
			break
		}
		r.uint8()
		sum += int(r.uint16() & 0x03FF) // 6 bits of the offset, 10 of the length, over bytes 2 and 3 of 4
	}
	if r.short || sum > r.left() {
		return RED{}, ErrTruncated
	}
	return RED{headers: reader{b: payload[:r.at]}, data: payload[r.at:]}, nil
}

// Primary is the data of the newest block.
func (r RED) Primary() []byte {
	for {
		b, ok := r.Next()
		if !ok || b.Primary {
			return b.Data
		}
	}
}

// PutREDPayloadTypes gives all blocks of a RED payload the same payload type: those of a room carry Opus, whose number
// differs from client to client.
func PutREDPayloadTypes(payload []byte, pt media.PayloadType) {
	for at := 0; at < len(payload); at += redHeaderBytes {
		more := payload[at] & 0x80
		payload[at] = more | byte(pt&0x7F)
		if more == 0 {
			return
		}
	}
}

// redHeaderBytes is the size of a block's header, but for the last one, which has a single byte.
const redHeaderBytes = 4

// Next hands out the next block; false after the primary one.
func (r *RED) Next() (REDBlock, bool) {
	if r.headers.left() == 0 {
		return REDBlock{}, false
	}
	first := r.headers.uint8()
	b := REDBlock{PayloadType: media.PayloadType(first & 0x7F)}
	if first&0x80 == 0 {
		b.Primary, b.Data = true, r.data
		return b, true
	}
	high := uint16(r.headers.uint8())
	low := r.headers.uint16()
	b.TimestampOffset = high<<6 | low>>10
	length := low & 0x03FF
	b.Data, r.data = r.data[:length], r.data[length:]
	return b, true
}

package tcp

import "encoding/binary"

// kind is what a connection turned out to be.
type kind uint8

const (
	undecided kind = iota // more bytes are needed
	isTLS
	isHTTP
	isICE
	isTURN
	isJunk
)

const (
	// headBytes is how many bytes decide at most: a length and a STUN message up to its magic cookie.
	headBytes = 10
	// magicCookie is in each STUN message from its fifth byte on (RFC 8489, section 5).
	magicCookie = 0x2112A442
	stunHeader  = 20
)

// The STUN requests that a client may begin with.
const (
	bindingRequest  = 0x0001
	allocateRequest = 0x0003
)

// classify tells what a connection is that begins with head.
func classify(head []byte) kind {
	if len(head) == 0 {
		return undecided
	}
	switch first := head[0]; {
	case first == 0x16: // a TLS record with a handshake message (RFC 8446, section 5.1)
		if len(head) < 2 {
			return undecided
		}
		if head[1] != 3 {
			return isJunk
		}
		return isTLS
	case first >= 'A' && first <= 'Z':
		return isHTTP
	case first < 4:
		return classifySTUN(head)
	default:
		return isJunk
	}
}

// classifySTUN tells a bare STUN message from one in a frame, which has the length before it.
func classifySTUN(head []byte) kind {
	if len(head) < 8 {
		return undecided
	}
	if binary.BigEndian.Uint32(head[4:]) == magicCookie {
		if method := binary.BigEndian.Uint16(head); method == allocateRequest || method == bindingRequest {
			return isTURN
		}
		return isJunk
	}
	if len(head) < headBytes {
		return undecided
	}
	framed := int(binary.BigEndian.Uint16(head))
	if binary.BigEndian.Uint32(head[6:]) == magicCookie && framed >= stunHeader &&
		binary.BigEndian.Uint16(head[2:]) == bindingRequest {
		return isICE
	}
	return isJunk
}

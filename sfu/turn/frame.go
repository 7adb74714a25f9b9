package turn

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
)

var errNotTURN = errors.New("neither a STUN message nor ChannelData")

const (
	stunHeader    = 20
	channelHeader = 4
	magicCookie   = 0x2112A442
	// dataIndication is the type of a STUN message that carries what a peer sent.
	dataIndication = 0x0017
)

// frameBytes is how long the message is that begins with the 8 bytes of head, padding included: on a stream, ChannelData ends
// at a multiple of four (RFC 8656, section 12.5).
func frameBytes(head []byte) (int, error) {
	length := int(binary.BigEndian.Uint16(head[2:]))
	var n int
	switch first := head[0]; {
	case first < 4 && binary.BigEndian.Uint32(head[4:]) == magicCookie:
		n = stunHeader + length
	case first >= 0x40 && first < 0x50:
		n = channelHeader + (length+3)&^3
	default:
		return 0, errNotTURN
	}
	if n > maxDatagram {
		return 0, fmt.Errorf("%w that is taken: %d bytes", errNotTURN, n)
	}
	return n, nil
}

// next is the next message of a stream. It is valid until the next call.
func next(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(channelHeader)
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if head[0] < 4 {
		if head, err = r.Peek(2 * channelHeader); err != nil {
			return nil, fmt.Errorf("read header: %w", err)
		}
	}
	n, err := frameBytes(head)
	if err != nil {
		return nil, err
	}
	b, err := r.Peek(n)
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	_, err = r.Discard(n)
	return b, err //nolint:wrapcheck // it was just seen
}

// carriesData reports whether an outgoing message carries what a peer sent, and is no answer.
func carriesData(b []byte) bool {
	return len(b) >= 2 && (b[0] >= 0x40 || binary.BigEndian.Uint16(b) == dataIndication)
}

package tcp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrFrameTooLong is a frame that is longer than any datagram that is taken.
var ErrFrameTooLong = errors.New("frame too long")

// FrameHeader is the length of the header of a frame: its length (RFC 4571, section 2).
const FrameHeader = 2

// Frames reads the datagrams of a connection that carries each behind its length.
type Frames struct{ r *bufio.Reader }

// NewFrames reads from r, up to buffer bytes at once.
func NewFrames(r io.Reader, buffer int) *Frames { return &Frames{bufio.NewReaderSize(r, buffer)} }

// Ready reports whether a whole frame was read already, so that Next does not wait.
func (f *Frames) Ready() bool {
	if f.r.Buffered() < FrameHeader {
		return false
	}
	header, _ := f.r.Peek(FrameHeader)
	return f.r.Buffered() >= FrameHeader+int(binary.BigEndian.Uint16(header))
}

// Next reads a frame into b and returns its length. A frame may be empty.
func (f *Frames) Next(b []byte) (int, error) {
	var header [FrameHeader]byte
	if _, err := io.ReadFull(f.r, header[:]); err != nil {
		return 0, fmt.Errorf("read length of frame: %w", err)
	}
	n := int(binary.BigEndian.Uint16(header[:]))
	if n > len(b) {
		return 0, fmt.Errorf("%w: %d bytes", ErrFrameTooLong, n)
	}
	if _, err := io.ReadFull(f.r, b[:n]); err != nil {
		return 0, fmt.Errorf("read frame: %w", err)
	}
	return n, nil
}

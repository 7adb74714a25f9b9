package codec

import "encoding/binary"

// reader reads bytes and remembers when there were too few; what is read then is 0. It lets a parser state its format
// in a straight line and look once at the end.
type reader struct {
	b     []byte
	at    int
	short bool
}

func (r *reader) uint8() uint8 {
	if !r.has(1) {
		return 0
	}
	v := r.b[r.at]
	r.at++
	return v
}

func (r *reader) uint16() uint16 {
	if !r.has(2) {
		return 0
	}
	v := binary.BigEndian.Uint16(r.b[r.at:])
	r.at += 2
	return v
}

func (r *reader) skip(n int) {
	if r.has(n) {
		r.at += n
	}
}

// take gives the next n bytes, or none when there are fewer.
func (r *reader) take(n int) []byte {
	if !r.has(n) {
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *reader) left() int { return len(r.b) - r.at }

// has never lets at move again after the first shortage, so that no later field is read from the wrong place.
func (r *reader) has(n int) bool {
	if r.short || n > r.left() {
		r.short = true
		return false
	}
	return true
}

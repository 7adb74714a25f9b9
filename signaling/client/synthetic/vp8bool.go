package synthetic

import "encoding/binary"

// boolWriter is the boolean entropy encoder of VP8 (RFC 6386, section 7.3).
type boolWriter struct {
	out    []byte
	width  uint32 // "range" in the RFC: 128 to 255
	bottom uint32
	left   int // shifts until a byte is complete
}

func newBoolWriter() *boolWriter { return &boolWriter{width: 255, left: 24} }

// bit writes one bit that is 0 with a probability of prob/256.
func (w *boolWriter) bit(prob uint8, bit bool) {
	split := 1 + ((w.width-1)*uint32(prob))>>8
	if bit {
		w.bottom += split
		if w.bottom < split {
			w.carry()
		}
		w.width -= split
	} else {
		w.width = split
	}
	for w.width < 128 {
		w.width <<= 1
		if w.bottom&(1<<31) != 0 {
			w.carry()
		}
		w.bottom <<= 1
		if w.left--; w.left == 0 {
			w.out = append(w.out, byte(w.bottom>>24))
			w.bottom &= 1<<24 - 1
			w.left = 8
		}
	}
}

// carry adds one to what was written.
func (w *boolWriter) carry() {
	for i := len(w.out) - 1; i >= 0; i-- {
		w.out[i]++
		if w.out[i] != 0 {
			return
		}
	}
}

// bits writes the n low bits of v, the highest first, each as likely as not.
func (w *boolWriter) bits(v, n int) {
	for i := n - 1; i >= 0; i-- {
		w.bit(128, v>>i&1 == 1)
	}
}

// finish returns everything written, after which the writer must not be used.
func (w *boolWriter) finish() []byte {
	if w.bottom&(1<<(32-w.left)) != 0 {
		w.carry()
	}
	v := w.bottom << (w.left & 7)
	v <<= w.left >> 3 * 8
	return binary.BigEndian.AppendUint32(w.out, v)
}

// boolReader is the boolean entropy decoder of VP8 (RFC 6386, section 7.3). Past the end it reads zeros.
type boolReader struct {
	in    []byte
	width uint32
	value uint32 // two bytes, of which the first is compared
	used  int    // bits of the second byte that were shifted out
}

func newBoolReader(in []byte) *boolReader {
	r := &boolReader{in: in, width: 255}
	r.value = uint32(r.next())<<8 | uint32(r.next())
	return r
}

func (r *boolReader) next() byte {
	if len(r.in) == 0 {
		return 0
	}
	b := r.in[0]
	r.in = r.in[1:]
	return b
}

func (r *boolReader) bit(prob uint8) bool {
	split := 1 + ((r.width-1)*uint32(prob))>>8
	bit := r.value >= split<<8
	if bit {
		r.width -= split
		r.value -= split << 8
	} else {
		r.width = split
	}
	for r.width < 128 {
		r.value <<= 1
		r.width <<= 1
		if r.used++; r.used == 8 {
			r.used = 0
			r.value |= uint32(r.next())
		}
	}
	return bit
}

func (r *boolReader) bits(n int) int {
	v := 0
	for range n {
		v <<= 1
		if r.bit(128) {
			v |= 1
		}
	}
	return v
}

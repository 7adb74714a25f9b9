package codec

import "math/bits"

// bitReader reads fields of bits, most significant first, and remembers when there were too few; what is read then
// is 0.
type bitReader struct {
	b     []byte
	at    int // in bits
	short bool
}

// bits reads the next n bits, at most 32: f(n) and u(n) of the specifications.
func (r *bitReader) bits(n int) uint32 {
	if r.short || n > 8*len(r.b)-r.at {
		r.short = true
		return 0
	}
	v := uint64(0)
	for end := r.at + n; r.at < end; {
		in := r.at & 7               // bits of this byte that are read already
		count := min(8-in, end-r.at) // bits to read of it now
		part := r.b[r.at>>3] << in >> (8 - count)
		v = v<<count | uint64(part)
		r.at += count
	}
	return uint32(v)
}

func (r *bitReader) flag() bool { return r.bits(1) != 0 }

func (r *bitReader) skip(n int) {
	if r.short || n > 8*len(r.b)-r.at {
		r.short = true
		return
	}
	r.at += n
}

// nonSymmetric reads a value below n, which is not 0: ns(n) of AV1 (AV1 bitstream specification, section 4.10.7).
func (r *bitReader) nonSymmetric(n uint32) uint32 {
	w := bits.Len32(n)
	m := uint32(1)<<w - n
	v := r.bits(w - 1)
	if v < m {
		return v
	}
	return v<<1 - m + r.bits(1)
}

// unsignedGolomb reads ue(v) of H.264 (section 9.1), which is uvlc() of AV1 too (section 4.10.3).
func (r *bitReader) unsignedGolomb() uint32 {
	zeros := 0
	for !r.flag() {
		if zeros++; r.short || zeros >= 32 {
			r.short = true
			return 0
		}
	}
	return uint32(1)<<zeros - 1 + r.bits(zeros)
}

// signedGolomb reads se(v) of H.264 (section 9.1.1).
func (r *bitReader) signedGolomb() int32 {
	k := int64(r.unsignedGolomb())
	if k&1 == 0 {
		return int32(-k / 2) //nolint:gosec // k has 32 bits
	}
	return int32((k + 1) / 2) //nolint:gosec // k has 32 bits
}

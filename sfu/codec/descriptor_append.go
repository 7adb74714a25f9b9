package codec

// AppendDescriptor appends the descriptor dd, from which d was read, with another frame number and with active as the
// mask of active decode targets. A receiver that gets only some of the layers waits in vain for the others unless it is
// told so: in the descriptor of a keyframe, and when the choice changes. All else is kept to the bit. The result is at
// most 5 bytes longer than dd. If d was read without a structure only the frame number is changed.
func AppendDescriptor(dst, dd []byte, d *Descriptor, frameNumber uint16, active uint32) []byte {
	start := len(dst)
	if d.DecodeTargets == 0 {
		dst = append(dst, dd...)
		PutFrameNumber(dst[start:], frameNumber)
		return dst
	}
	dst = append(dst, dd[:descriptorHeadBytes]...)
	PutFrameNumber(dst[start:], frameNumber)
	w := bitWriter{b: dst}
	w.bits(uint32(d.layout.flags|flagActiveTargets), 5)
	w.copy(dd, 8*descriptorHeadBytes+5, int(d.layout.targets)) // the structure; nothing without extended fields
	w.bits(active, int(d.DecodeTargets))
	w.copy(dd, int(d.layout.definition), int(d.layout.end))
	return w.b
}

// bitWriter appends fields of bits, most significant first. The rest of the last byte is 0.
type bitWriter struct {
	b    []byte
	free int // bits of the last byte
}

func (w *bitWriter) bits(v uint32, n int) {
	for n > 0 {
		if w.free == 0 {
			w.b = append(w.b, 0)
			w.free = 8
		}
		count := min(n, w.free)
		part := v >> (n - count) & (1<<count - 1)
		w.b[len(w.b)-1] |= uint8(part << (w.free - count)) //nolint:gosec // at most 8 bits
		w.free -= count
		n -= count
	}
}

// copy appends the bits of src from one offset to another.
func (w *bitWriter) copy(src []byte, from, to int) {
	r := bitReader{b: src, at: from}
	for r.at < to {
		n := min(32, to-r.at)
		w.bits(r.bits(n), n)
	}
}

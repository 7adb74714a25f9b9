package srtp

// WindowSize is how many indices, up to the newest, are remembered for each SSRC: one that is further behind counts as
// used. At 3000 packets a second it is two thirds of a second.
const WindowSize = 2048

// maxIndex is the last index of SRTP: 32 bits of rollover counter, 16 of sequence number.
const maxIndex = 1<<48 - 1

// window knows which indices of one SSRC were used.
type window struct {
	started bool
	newest  uint64
	// used has one bit for each of the last WindowSize indices, at the index modulo WindowSize.
	used [WindowSize / 64]uint64
}

// extend is the index that a sequence number stands for: the one nearest to the newest (RFC 3711, section 3.3.1), but never
// one before the first: near the start, a number that would be that is a long jump ahead, as libsrtp and pion have it. It is
// false after the last index there is. The first sequence number has the rollover counter zero.
func (w *window) extend(seq uint16) (uint64, bool) {
	if !w.started {
		return uint64(seq), true
	}
	roc, newest := w.newest>>16, uint16(w.newest&0xffff)
	switch distance := int(seq) - int(newest); {
	case newest < 1<<15 && distance > 1<<15 && roc > 0:
		roc--
	case newest >= 1<<15 && distance < -(1<<15):
		roc++
	}
	index := roc<<16 | uint64(seq)
	return index, index <= maxIndex
}

// leaps reports whether the index is so far ahead that a receiver who misses it would count the rollover wrong.
func (w *window) leaps(index uint64) bool { return w.started && index > w.newest+1<<15 }

// fresh reports whether the index is known not to have been used.
func (w *window) fresh(index uint64) bool {
	switch {
	case !w.started || index > w.newest:
		return true
	case w.newest-index >= WindowSize:
		return false
	}
	return w.used[index%WindowSize/64]&(1<<(index%64)) == 0
}

// mark makes the index a used one.
func (w *window) mark(index uint64) {
	if !w.started || index >= w.newest+WindowSize {
		w.used = [WindowSize / 64]uint64{}
		w.started, w.newest = true, index
	}
	for w.newest < index {
		w.newest++
		w.used[w.newest%WindowSize/64] &^= 1 << (w.newest % 64)
	}
	w.used[index%WindowSize/64] |= 1 << (index % 64)
}

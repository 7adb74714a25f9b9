package synthetic

// minPadding is the least number of bytes that frames of clips are padded with: room for what frames the padding.
const minPadding = 32

// padVP9 appends a frame and so many zeros, which a VP9 decoder passes over at the end of the last tile.
func padVP9(b, frame []byte, padding int) []byte {
	b = append(b, frame...)
	return append(b, make([]byte, padding)...)
}

// padH264 appends an access unit in Annex B with an SEI message of user data ahead of its slices, of so many bytes
// altogether (H.264, sections 7.3.2.3 and D.1.7).
func padH264(b, unit []byte, padding int) []byte {
	const nalSEI, slice, idr = 6, 1, 5
	return padUnit(b, unit, padding, []byte{nalSEI}, func(header byte) bool {
		return header&0x1f == slice || header&0x1f == idr
	})
}

// padH265 is padH264 for H.265 (H.265, sections 7.3.2.4 and D.2.7).
func padH265(b, unit []byte, padding int) []byte {
	const prefixSEI, lastSlice = 39, 31
	return padUnit(b, unit, padding, []byte{prefixSEI << 1, 1}, func(header byte) bool { return header>>1&0x3f <= lastSlice })
}

// padUnit pads an access unit with an SEI message whose NAL unit has this header.
func padUnit(b, unit []byte, padding int, sei []byte, isSlice func(header byte) bool) []byte {
	const userData = 5
	at := len(unit) // of the first slice
	for i := 0; i+4 < len(unit); i++ {
		if unit[i] == 0 && unit[i+1] == 0 && unit[i+2] == 1 && isSlice(unit[i+3]) {
			at = i
			if i > 0 && unit[i-1] == 0 {
				at-- // a start code of four bytes
			}
			break
		}
	}
	b = append(b, unit[:at]...)
	b = append(append(append(b, 0, 0, 0, 1), sei...), userData)
	size := padding - padding/255 - len(sei) - 7 // without start code, header, type, size and trailing bits
	rest := size
	for ; rest >= 255; rest -= 255 {
		b = append(b, 255)
	}
	b = append(b, byte(rest)) //nolint:gosec // below 255
	for range size {
		b = append(b, 0xa5) // the identifier of the user data, too; no start code can appear
	}
	b = append(b, 0x80)
	return append(b, unit[at:]...)
}

// padAV1 appends a temporal unit with a metadata OBU ahead of its frame, of so many bytes altogether; its type is
// unregistered, so decoders ignore it (AV1, sections 5.8 and 6.7.1).
func padAV1(b, unit []byte, padding int) []byte {
	const sequenceHeader, temporalDelimiter, metadata, unregistered = 1, 2, 5, 31
	at := 0 // of the first OBU that is neither
	for at < len(unit) {
		kind := unit[at] >> 3 & 0x0f
		if kind != sequenceHeader && kind != temporalDelimiter {
			break
		}
		size, n := leb128(unit[at+1:])
		at += 1 + n + size
	}
	at = min(at, len(unit))
	b = append(b, unit[:at]...)
	payload := padding - 4 // without header and a size of mostly three bytes
	b = append(b, metadata<<3|0x02)
	for size := payload; ; size >>= 7 {
		if size < 0x80 {
			b = append(b, byte(size)) //nolint:gosec // 7 bits
			break
		}
		b = append(b, byte(size&0x7f)|0x80)
	}
	b = append(b, unregistered)
	for range payload - 2 {
		b = append(b, 0xa5)
	}
	b = append(b, 0x80)
	return append(b, unit[at:]...)
}

// leb128 reads a number as AV1 writes it, and how many bytes that took. The clips are our own, so it is well-formed.
func leb128(b []byte) (value, n int) {
	for n < len(b) && n < 8 {
		value |= int(b[n]&0x7f) << (7 * n)
		n++
		if b[n-1]&0x80 == 0 {
			break
		}
	}
	return value, n
}

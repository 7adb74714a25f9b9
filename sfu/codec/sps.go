package codec

// spsBytes is how much of a sequence parameter set is read. What comes behind it is not needed.
const spsBytes = 256

// parseSPS finds the picture size in pixels in a sequence parameter set without its NAL unit header (H.264,
// section 7.3.2.1.1); 0 where it cannot be found.
func parseSPS(sps []byte) (width, height uint16) {
	var buf [spsBytes]byte
	r := bitReader{b: buf[:unescape(buf[:], sps)]}
	profile := r.bits(8)
	r.skip(16) // constraint flags, level
	r.unsignedGolomb()
	chroma, separatePlanes := uint32(1), false
	if hasChromaFormat(profile) {
		if chroma = r.unsignedGolomb(); chroma == 3 {
			separatePlanes = r.flag()
		}
		r.unsignedGolomb() // bit depths
		r.unsignedGolomb()
		r.skip(1)
		if r.flag() {
			skipScalingMatrix(&r, chroma)
		}
	}
	r.unsignedGolomb() // log2_max_frame_num_minus4
	switch r.unsignedGolomb() {
	case 0:
		r.unsignedGolomb()
	case 1:
		r.skip(1)
		r.signedGolomb()
		r.signedGolomb()
		for n := r.unsignedGolomb(); n > 0 && !r.short; n-- {
			r.signedGolomb()
		}
	}
	r.unsignedGolomb() // max_num_ref_frames
	r.skip(1)
	w := 16 * (int64(r.unsignedGolomb()) + 1)
	h := 16 * (int64(r.unsignedGolomb()) + 1)
	unitX, unitY := int64(1), int64(1) // of cropping, in pixels (H.264, table 6-1)
	if !separatePlanes {
		if chroma == 1 || chroma == 2 {
			unitX = 2
		}
		if chroma == 1 {
			unitY = 2
		}
	}
	if !r.flag() { // interlaced: the height is that of a field
		h *= 2
		unitY *= 2
		r.skip(1)
	}
	r.skip(1)
	if r.flag() {
		w -= unitX * (int64(r.unsignedGolomb()) + int64(r.unsignedGolomb()))
		h -= unitY * (int64(r.unsignedGolomb()) + int64(r.unsignedGolomb()))
	}
	if r.short || w <= 0 || h <= 0 || w > 0xFFFF || h > 0xFFFF {
		return 0, 0
	}
	return uint16(w), uint16(h)
}

// unescape copies into dst without the emulation prevention bytes (H.264, section 7.4.1.1) and gives the length.
func unescape(dst, src []byte) int {
	n, zeros := 0, 0
	for _, b := range src {
		if n == len(dst) {
			break
		}
		if zeros >= 2 && b == 3 {
			zeros = 0
			continue
		}
		if zeros++; b != 0 {
			zeros = 0
		}
		dst[n] = b
		n++
	}
	return n
}

func hasChromaFormat(profile uint32) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	default:
		return false
	}
}

// skipScalingMatrix reads over the scaling lists (H.264, section 7.3.2.1.1.1).
func skipScalingMatrix(r *bitReader, chroma uint32) {
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if !r.flag() {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := int32(8), int32(8)
		for range size {
			if next != 0 {
				next = (last + r.signedGolomb()) & 0xFF
			}
			if next != 0 {
				last = next
			}
		}
	}
}

package codec

// parseSequenceHeader finds the maximum frame size in pixels in the body of an AV1 sequence header OBU (AV1 bitstream
// specification, section 5.5.1); 0 where it cannot be found.
func parseSequenceHeader(body []byte) (width, height uint16) {
	r := bitReader{b: body}
	r.skip(3 + 1) // seq_profile, still_picture
	if r.flag() { // reduced_still_picture_header
		r.skip(5)
	} else {
		skipOperatingPoints(&r)
	}
	widthBits := int(r.bits(4)) + 1
	heightBits := int(r.bits(4)) + 1
	w, h := r.bits(widthBits), r.bits(heightBits)
	if r.short {
		return 0, 0
	}
	return pixels(w), pixels(h)
}

// skipOperatingPoints reads over the timing and the operating points.
func skipOperatingPoints(r *bitReader) {
	hasDecoderModel, delayBits := false, 0
	if r.flag() { // timing_info_present_flag
		r.skip(32 + 32)
		if r.flag() {
			r.unsignedGolomb()
		}
		if hasDecoderModel = r.flag(); hasDecoderModel {
			delayBits = int(r.bits(5)) + 1
			r.skip(32 + 5 + 5)
		}
	}
	hasInitialDelay := r.flag()
	for range r.bits(5) + 1 {
		r.skip(12)
		if r.bits(5) > 7 { // seq_level_idx
			r.skip(1)
		}
		if hasDecoderModel && r.flag() {
			r.skip(2*delayBits + 1)
		}
		if hasInitialDelay && r.flag() {
			r.skip(4)
		}
	}
}

// pixels is a size of which the bitstream has one less. The largest, 65,536, has no room in 16 bits.
func pixels(minusOne uint32) uint16 { return uint16(min(minusOne+1, 0xFFFF)) }

package codec

// parseHEVCSPS finds the picture size in pixels in a sequence parameter set of H.265 without its NAL unit header (H.265,
// section 7.3.2.2.1); 0 where it cannot be found.
func parseHEVCSPS(sps []byte) (width, height uint16) {
	var buf [spsBytes]byte
	r := bitReader{b: buf[:unescape(buf[:], sps)]}
	r.skip(4) // sps_video_parameter_set_id
	subLayers := int(r.bits(3))
	r.skip(1)
	skipProfileTierLevel(&r, subLayers)
	r.unsignedGolomb() // sps_seq_parameter_set_id
	chroma := r.unsignedGolomb()
	separatePlanes := chroma == 3 && r.flag()
	w, h := int64(r.unsignedGolomb()), int64(r.unsignedGolomb())
	if r.flag() { // conformance window, in units of chroma (H.265, table 6-1)
		unitX, unitY := int64(1), int64(1)
		if !separatePlanes && (chroma == 1 || chroma == 2) {
			unitX = 2
		}
		if !separatePlanes && chroma == 1 {
			unitY = 2
		}
		w -= unitX * (int64(r.unsignedGolomb()) + int64(r.unsignedGolomb()))
		h -= unitY * (int64(r.unsignedGolomb()) + int64(r.unsignedGolomb()))
	}
	if r.short || w <= 0 || h <= 0 || w > 0xFFFF || h > 0xFFFF {
		return 0, 0
	}
	return uint16(w), uint16(h)
}

// The sizes of what profile_tier_level() repeats for each sub-layer, in bits (H.265, section 7.3.3).
const (
	hevcProfileBits = 88
	hevcLevelBits   = 8
)

// skipProfileTierLevel reads over profile_tier_level() for the highest layer and as many sub-layers below.
func skipProfileTierLevel(r *bitReader, subLayers int) {
	r.skip(hevcProfileBits + hevcLevelBits)
	var bits int
	for range subLayers {
		if r.flag() {
			bits += hevcProfileBits
		}
		if r.flag() {
			bits += hevcLevelBits
		}
	}
	if subLayers > 0 {
		r.skip(2 * (8 - subLayers)) // reserved_zero_2bits
	}
	r.skip(bits)
}

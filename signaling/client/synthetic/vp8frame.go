package synthetic

import "encoding/binary"

// A solid picture in VP8 (RFC 6386): every macroblock is predicted from its neighbours' mean, which is 128 for the
// first one. So the first macroblock says how far the colour is from 128 with one coefficient for luma and four for
// each chroma plane, and all others are skipped. With the finest quantiser the colour is exact. An inter frame skips
// all macroblocks and points at the same place of the last frame.

// Probabilities that make what always happens nearly free.
const (
	always = 255 // of a bit that is 0
	never  = 1   // of a bit that is 0: the bit is always 1
)

// uvSteps and ySteps are how many quantiser steps make a difference of one in a pixel. With quantiser index 0 a step
// of the DC is 4, and 8 in the Y2 block; the inverse transforms divide by 8, those of Y2 and luma together by 64.
const (
	uvSteps = 2
	ySteps  = 8
)

// keyframe codes a picture of width and height pixels (at most 16,383 each).
func keyframe(width, height int, c Colour) []byte {
	first := newBoolWriter()
	first.bits(0, 1) // colour space
	first.bits(0, 1) // pixel values must be clamped
	writeCommonHeader(first)
	first.bits(1, 1) // keep the probabilities for later frames
	writeTokenProbs(first)
	first.bits(1, 1) // macroblocks without coefficients are marked
	first.bits(never, 8)
	for i := range macroblocks(width) * macroblocks(height) {
		first.bit(never, i != 0) // skip all but the first
		first.bit(keyframeLumaProbs[0], true)
		first.bit(keyframeLumaProbs[1], false)
		first.bit(keyframeLumaProbs[2], false)
		first.bit(keyframeChromaProbs[0], false)
	}
	tokens := newBoolWriter()
	writeSolidMacroblock(tokens, c)

	firstPart := first.finish()
	out := make([]byte, 0, 10+len(firstPart)+16)
	out = appendFrameTag(out, true, len(firstPart))
	out = append(out, 0x9d, 0x01, 0x2a)
	out = binary.LittleEndian.AppendUint16(out, uint16(width))  //nolint:gosec // NewVP8 checks it
	out = binary.LittleEndian.AppendUint16(out, uint16(height)) //nolint:gosec // likewise
	out = append(out, firstPart...)
	return append(out, tokens.finish()...)
}

// interFrame codes a picture that equals the last one. A discardable one leaves no trace for later frames.
func interFrame(width, height int, discardable bool) []byte {
	first := newBoolWriter()
	writeCommonHeader(first)
	first.bits(0, 1) // the golden frame stays
	first.bits(0, 1) // and so does the alternate one:
	first.bits(0, 2) // nothing is copied to golden
	first.bits(0, 2) // or to alternate
	first.bits(0, 2) // sign biases
	first.bits(1, 1) // keep the probabilities
	if discardable {
		first.bits(0, 1)
	} else {
		first.bits(1, 1) // this is the last frame from now on
	}
	writeTokenProbs(first)
	first.bits(1, 1)      // macroblocks without coefficients are marked
	first.bits(never, 8)  // and all are
	first.bits(never, 8)  // none is intra coded
	first.bits(always, 8) // all refer to the last frame
	first.bits(128, 8)    // golden against alternate: not used
	first.bits(0, 1)      // intra mode probabilities stay
	first.bits(0, 1)      // for chroma too
	for _, probs := range motionUpdateProbs {
		for _, p := range probs {
			first.bit(p, false)
		}
	}
	for row := range macroblocks(height) {
		for col := range macroblocks(width) {
			votes := 0
			if row > 0 {
				votes += 2
			}
			if col > 0 {
				votes += 2
			}
			if row > 0 && col > 0 {
				votes++
			}
			first.bit(never, true)   // skip
			first.bit(never, true)   // inter
			first.bit(always, false) // the last frame
			first.bit(zeroMotionProbs[votes], false)
		}
	}
	firstPart := first.finish()
	out := make([]byte, 0, 3+len(firstPart)+4)
	out = appendFrameTag(out, false, len(firstPart))
	out = append(out, firstPart...)
	return append(out, newBoolWriter().finish()...) // a token partition without tokens
}

// appendFrameTag appends the three bytes of RFC 6386, section 9.1: version 0, to be shown.
func appendFrameTag(dst []byte, key bool, firstPartBytes int) []byte {
	tag := uint32(firstPartBytes)<<5 | 1<<4 //nolint:gosec // 19 bits: the largest picture needs 130 kB
	if !key {
		tag |= 1
	}
	return append(dst, byte(tag), byte(tag>>8), byte(tag>>16)) //nolint:gosec // little endian
}

// writeCommonHeader writes what both kinds of frames have first: no segments, no loop filter, one token partition, the
// finest quantiser.
func writeCommonHeader(w *boolWriter) {
	w.bits(0, 1) // segmentation
	w.bits(0, 1) // filter type
	w.bits(0, 6) // filter level
	w.bits(0, 3) // sharpness
	w.bits(0, 1) // filter deltas
	w.bits(0, 2) // log2 of the number of token partitions
	w.bits(0, 7) // quantiser index
	w.bits(0, 5) // no differences from it
}

// writeTokenProbs says that all token probabilities stay as they are.
func writeTokenProbs(w *boolWriter) {
	for _, probs := range coefficientUpdateProbs {
		for _, p := range probs {
			w.bit(p, false)
		}
	}
}

// writeSolidMacroblock writes the tokens of the first macroblock: 1 Y2, 16 Y, 4 U, 4 V blocks.
func writeSolidMacroblock(w *boolWriter, c Colour) {
	writeDC(w, (int(c.Y)-128)*ySteps, y2Probs, y2EndProbs)
	for range 16 {
		w.bit(lumaEndProbs[0], false)
	}
	for _, v := range [2]uint8{c.Cb, c.Cr} {
		for block := range 4 {
			probs := chromaProbs[chromaContext(v, block)]
			writeDC(w, (int(v)-128)*uvSteps, probs, chromaEndProbs)
		}
	}
}

// chromaContext is how many neighbours of a chroma block, inside its macroblock, have coefficients.
func chromaContext(v uint8, block int) int {
	if v == 128 {
		return 0 // none has any
	}
	return [4]int{0, 1, 1, 2}[block]
}

// writeDC writes a block that has at most its first coefficient.
func writeDC(w *boolWriter, v int, probs [11]uint8, end [2][11]uint8) {
	if v == 0 {
		w.bit(probs[0], false)
		return
	}
	w.bit(probs[0], true)
	w.bit(probs[1], true)
	size := max(v, -v)
	writeSize(w, size, probs)
	w.bit(128, v < 0)
	if size == 1 {
		w.bit(end[0][0], false)
	} else {
		w.bit(end[1][0], false)
	}
}

// writeSize writes the token of a coefficient of at least 1 and its extra bits (RFC 6386, section 13.2).
func writeSize(w *boolWriter, size int, p [11]uint8) {
	w.bit(p[2], size > 1)
	if size == 1 {
		return
	}
	w.bit(p[3], size > 4)
	if size <= 4 {
		w.bit(p[4], size > 2)
		if size > 2 {
			w.bit(p[5], size > 3)
		}
		return
	}
	cat := 5
	for categoryBases[cat] > size {
		cat--
	}
	w.bit(p[6], cat > 1)
	if cat <= 1 {
		w.bit(p[7], cat == 1)
	} else {
		w.bit(p[8], cat > 3)
		w.bit(p[9+(cat-2)/2], cat%2 == 1)
	}
	extra, probs := size-categoryBases[cat], extraBitProbs[cat]
	for i, p := range probs {
		w.bit(p, extra>>(len(probs)-1-i)&1 == 1)
	}
}

// macroblocks is how many macroblocks cover so many pixels.
func macroblocks(pixels int) int { return (pixels + 15) / 16 }

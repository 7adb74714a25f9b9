package synthetic

import (
	"encoding/binary"
	"errors"
)

// Errors of ReadVP8.
var (
	// ErrNotKeyframe is a frame that is not a VP8 keyframe, or cut short.
	ErrNotKeyframe = errors.New("not a VP8 keyframe")
	// ErrNotSolid is a keyframe that this package did not make.
	ErrNotSolid = errors.New("not a solid picture of this package")
)

// Picture is what ReadVP8 finds in a keyframe.
type Picture struct {
	// Width and Height are in pixels.
	Width, Height int
	Colour        Colour
}

// ReadVP8 reads size and colour of a keyframe that a VP8 source made. It is a decoder for nothing else.
func ReadVP8(frame []byte) (Picture, error) {
	if len(frame) < 10 || frame[0]&1 != 0 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return Picture{}, ErrNotKeyframe
	}
	firstPartBytes := (int(frame[0]) | int(frame[1])<<8 | int(frame[2])<<16) >> 5
	if len(frame) < 10+firstPartBytes {
		return Picture{}, ErrNotKeyframe
	}
	p := Picture{
		Width:  int(binary.LittleEndian.Uint16(frame[6:]) & 0x3fff),
		Height: int(binary.LittleEndian.Uint16(frame[8:]) & 0x3fff),
	}
	first := newBoolReader(frame[10 : 10+firstPartBytes])
	if !readSolidHeader(first) {
		return Picture{}, ErrNotSolid
	}
	tokens := newBoolReader(frame[10+firstPartBytes:])
	var ok bool
	if p.Colour, ok = readSolidMacroblock(tokens); !ok {
		return Picture{}, ErrNotSolid
	}
	return p, nil
}

// readSolidHeader checks everything up to the first macroblock's modes.
func readSolidHeader(r *boolReader) bool {
	if r.bits(28) != 0 || r.bits(1) != 1 { // colour space ... quantiser; keep the probabilities
		return false
	}
	for _, probs := range coefficientUpdateProbs {
		for _, p := range probs {
			if r.bit(p) {
				return false
			}
		}
	}
	return r.bits(1) == 1 && r.bits(8) == never && !r.bit(never) &&
		r.bit(keyframeLumaProbs[0]) && !r.bit(keyframeLumaProbs[1]) && !r.bit(keyframeLumaProbs[2]) &&
		!r.bit(keyframeChromaProbs[0])
}

func readSolidMacroblock(r *boolReader) (Colour, bool) {
	y, ok := readDC(r, y2Probs, y2EndProbs)
	if !ok {
		return Colour{}, false
	}
	for range 16 {
		if r.bit(lumaEndProbs[0]) {
			return Colour{}, false
		}
	}
	var chroma [2]uint8
	for plane := range chroma {
		v := uint8(128)
		for block := range 4 {
			dc, ok := readDC(r, chromaProbs[chromaContext(v, block)], chromaEndProbs)
			if !ok || block > 0 && pixel(dc, uvSteps) != v {
				return Colour{}, false
			}
			v = pixel(dc, uvSteps)
		}
		chroma[plane] = v
	}
	return Colour{Y: pixel(y, ySteps), Cb: chroma[0], Cr: chroma[1]}, true
}

// pixel is the value of a pixel that is so many quantiser steps from 128.
func pixel(dc, steps int) uint8 {
	return uint8(max(0, min(255, 128+dc/steps))) // clipped
}

// readDC reads a block that has at most its first coefficient; false means that it has more.
func readDC(r *boolReader, p [11]uint8, end [2][11]uint8) (int, bool) {
	if !r.bit(p[0]) {
		return 0, true
	}
	if !r.bit(p[1]) {
		return 0, false // a zero with more to come
	}
	size := readSize(r, p)
	v := size
	if r.bit(128) {
		v = -size
	}
	if size == 1 {
		return v, !r.bit(end[0][0])
	}
	return v, !r.bit(end[1][0])
}

// readSize is the reverse of writeSize.
func readSize(r *boolReader, p [11]uint8) int {
	one := func(prob uint8) int {
		if r.bit(prob) {
			return 1
		}
		return 0
	}
	if !r.bit(p[2]) {
		return 1
	}
	if !r.bit(p[3]) {
		if !r.bit(p[4]) {
			return 2
		}
		return 3 + one(p[5])
	}
	var cat int
	if !r.bit(p[6]) {
		cat = one(p[7])
	} else {
		high := one(p[8])
		cat = 2 + 2*high + one(p[9+high])
	}
	extra := 0
	for _, p := range extraBitProbs[cat] {
		extra = extra<<1 | one(p)
	}
	return categoryBases[cat] + extra
}

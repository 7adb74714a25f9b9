package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"hiroba/sfu/media"
)

const (
	// payloadBytes is the most that a packet carries of a frame.
	payloadBytes = 1100
	// spread is the standard deviation of the logarithm of frame sizes, about what real encoders have at a steady picture.
	spread = 0.3
	// keyframeLeast and keyframeMost bound how much larger than an average frame a keyframe is.
	keyframeLeast, keyframeMost = 5.0, 10.0
)

// Encoding is one stream of a camera.
type Encoding struct {
	// Width and Height are those of the picture; of the highest layer if there are several.
	Width, Height uint16
	Bitrate       media.Bitrate
}

// Video says how a camera is encoded.
type Video struct {
	Codec media.Codec
	// Encodings are the simulcast streams, the smallest picture first, or the only stream.
	Encodings []Encoding
	// Spatial and Temporal are how many layers each stream has. Apart is the _KEY in L3T3_KEY: spatial layers depend on
	// each other in keyframes only.
	Spatial, Temporal int
	Apart             bool
	// Descriptor says that packets carry the dependency descriptor.
	Descriptor bool
	// FrameRate is in frames per second.
	FrameRate int
}

// VP8 is a camera with one stream of one layer.
func VP8() Video {
	return Video{
		Codec: media.VP8, Encodings: []Encoding{{Width: 640, Height: 360, Bitrate: 500_000}},
		Spatial: 1, Temporal: 1, FrameRate: 30,
	}
}

// Simulcast is a camera with three streams of VP8, three temporal layers in each, as Chromium has it.
func Simulcast() Video {
	return Video{
		Codec: media.VP8,
		Encodings: []Encoding{
			{Width: 320, Height: 180, Bitrate: 150_000},
			{Width: 640, Height: 360, Bitrate: 500_000},
			{Width: 1280, Height: 720, Bitrate: 1_700_000},
		},
		Spatial: 1, Temporal: 3, FrameRate: 30,
	}
}

// Scalable is a camera with one stream of three spatial and three temporal layers: L3T3, or L3T3_KEY with apart.
func Scalable(codec media.Codec, apart bool) Video {
	return Video{
		Codec: codec, Encodings: []Encoding{{Width: 1280, Height: 720, Bitrate: 1_700_000}},
		Spatial: 3, Temporal: 3, Apart: apart, Descriptor: codec == media.AV1, FrameRate: 30,
	}
}

// encoder makes the packets of one encoding.
type encoder struct {
	Encoding
	width, height uint16
	codec         media.Codec
	stream        uint32 // in the truth
	place         uint8  // among the encodings of its track
	pattern       *pattern
	structure     *structure // nil without dependency descriptor
	frameRate     int
	firstPicture  int64
	keyframes     int
	random        *rand.Rand

	// wantsKey is set when the next frame must be a keyframe. Layers are how many spatial layers are encoded.
	wantsKey bool
	layers   int
	// debt are the bytes that were spent above the bitrate. The rate control saves them in the frames that follow.
	debt float64
}

func newEncoder(v Video, place int, stream uint32, random *rand.Rand) *encoder {
	e := &encoder{
		Encoding:     v.Encodings[place],
		codec:        v.Codec,
		stream:       stream,
		place:        uint8(place), //nolint:gosec // a handful
		pattern:      newPattern(v.Spatial, v.Temporal, v.Apart),
		frameRate:    v.FrameRate,
		firstPicture: random.Int64N(1 << 15),
		random:       random,
		wantsKey:     true,
		layers:       v.Spatial,
	}
	e.width, e.height = e.Width, e.Height
	if v.Descriptor {
		e.structure = &structure{
			spatial: v.Spatial, temporal: v.Temporal, apart: v.Apart, width: e.width, height: e.height,
		}
		e.pattern.number += random.Int64N(1 << 16)
	}
	return e
}

// payload is the part of an RTP packet that is the encoder's.
type payload struct {
	bytes, descriptor []byte
	marker            bool
}

// encode makes the packets of the next picture.
func (e *encoder) encode(captured time.Time) (packets []payload, key bool) {
	key = e.wantsKey
	e.wantsKey = false
	if key {
		e.keyframes++
	}
	for _, f := range e.pattern.next(key, e.layers) {
		packets = append(packets, e.packetize(&f, e.size(&f), captured)...)
	}
	return packets, key
}

// size draws the size of a frame in bytes. Frames of temporal layer 0 are the largest, and each spatial layer has about three
// times the bytes of the one below.
func (e *encoder) size(f *frame) int {
	average := float64(e.Bitrate) / 8 / float64(e.frameRate)
	share, all := math.Pow(3, float64(f.spatial)), 0.0
	for s := range e.layers {
		all += math.Pow(3, float64(s))
	}
	average *= share / all
	wanted := average
	if e.pattern.temporal == 3 {
		wanted *= [3]float64{1.6, 1.0, 0.7}[f.temporal]
	}
	if f.key {
		wanted = average * (keyframeLeast + e.random.Float64()*(keyframeMost-keyframeLeast))
	} else if e.debt > 0 {
		wanted *= 0.75
	}
	size := wanted * math.Exp(e.random.NormFloat64()*spread-spread*spread/2)
	if f.key {
		size = wanted // the encoder bounds it
	}
	e.debt = max(e.debt+size-average, -10*average)
	return int(size)
}

// packetize splits a frame into packets of about the same size.
func (e *encoder) packetize(f *frame, size int, captured time.Time) []payload {
	count := max((size+payloadBytes-1)/payloadBytes, 1)
	each := max(size/count, truthBytes)
	t := truth{
		stream: e.stream, frame: uint32(f.number), key: f.key, //nolint:gosec // few frames
		encoding: e.place, spatial: uint8(f.spatial), temporal: uint8(f.temporal), //nolint:gosec // small
		count: uint16(count), captured: captured, //nolint:gosec // small
		width: e.width >> (e.pattern.spatial - 1 - f.spatial),
	}
	for i, r := range f.references() {
		t.references[i] = uint32(r) //nolint:gosec // few frames
		t.referenceCount++
	}
	var diffs []int
	if e.structure != nil {
		diffs = e.structure.diffs(f)
	}
	packets := make([]payload, count)
	for i := range packets {
		start, end := i == 0, i == count-1
		p := &packets[i]
		p.bytes = make([]byte, 0, each+64)
		p.bytes = e.appendPayloadHeader(p.bytes, f, start, end)
		t.index = uint16(i)
		head := len(p.bytes)
		p.bytes = t.append(p.bytes)
		p.bytes = p.bytes[:max(head+each, len(p.bytes))]
		p.marker = end && f.last
		if e.structure != nil {
			p.descriptor = e.structure.append(nil, f, diffs, start, end)
		}
	}
	return packets
}

// setLayers changes how many spatial layers are encoded. More of them begin with a keyframe.
func (e *encoder) setLayers(n int) {
	if n > e.layers {
		e.wantsKey = true
	}
	e.layers = n
}

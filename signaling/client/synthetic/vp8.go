package synthetic

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"hiroba/sfu/media"
)

// VP8Config says what a VP8 source shows. The zero value of each field stands for what its comment says.
type VP8Config struct {
	// Width and Height are in pixels, up to 16,383 each: 320 x 180.
	Width, Height int
	// FPS is the number of frames in a second: 30.
	FPS int
	// Colour of all pixels: red.
	Colour Colour
	// Bitrate is reached by padding frames with bytes that decoders do not read: as few bits as possible.
	Bitrate media.Bitrate
	// KeyframeEvery is the number of frames from one keyframe to the next: only first and when asked for.
	KeyframeEvery int
	// TemporalLayers is 1, 2 or 3: pictures of the upper ones can be left out (L1T2, L1T3): 1.
	TemporalLayers int
	// PictureID is where the 15-bit picture IDs begin: at random.
	PictureID uint16
	// NoPictureID leaves out picture IDs, as some devices do.
	NoPictureID bool
}

// VP8 is a source of solid pictures.
type VP8 struct {
	cfg      VP8Config
	interval time.Duration
	duration uint32

	key, inter, discardable []byte // coded once, without padding
	frameBytes              int    // at the bitrate
	credit                  int    // bytes that frames so far left over; negative after a keyframe

	count     int // frames since the last keyframe
	pictureID uint16
	tl0PicIdx uint8
	buf       []byte
	payloads  [][]byte
}

// NewVP8 makes a source. It panics for a size that VP8 cannot code.
func NewVP8(cfg VP8Config) *VP8 {
	if cfg.Width == 0 && cfg.Height == 0 {
		cfg.Width, cfg.Height = 320, 180
	}
	if cfg.Width < 1 || cfg.Height < 1 || cfg.Width > 16383 || cfg.Height > 16383 {
		panic(fmt.Sprintf("synthetic: VP8 cannot code %d x %d pixels", cfg.Width, cfg.Height))
	}
	if cfg.FPS <= 0 {
		cfg.FPS = 30
	}
	if cfg.Colour == (Colour{}) {
		cfg.Colour = Red
	}
	if cfg.PictureID == 0 {
		cfg.PictureID = uint16(rand.N(1 << 15)) //nolint:gosec // 15 bits
	}
	cfg.TemporalLayers = max(1, min(3, cfg.TemporalLayers))
	return &VP8{
		cfg:         cfg,
		interval:    time.Second / time.Duration(cfg.FPS),
		duration:    uint32(90000 / cfg.FPS), //nolint:gosec // positive
		key:         keyframe(cfg.Width, cfg.Height, cfg.Colour),
		inter:       interFrame(cfg.Width, cfg.Height, false),
		discardable: interFrame(cfg.Width, cfg.Height, true),
		frameBytes:  int(cfg.Bitrate) / 8 / cfg.FPS,
		count:       -1,
		pictureID:   cfg.PictureID & 0x7fff,
	}
}

// Codec is media.VP8.
func (v *VP8) Codec() media.Codec { return media.VP8 }

// Interval is the time of one frame.
func (v *VP8) Interval() time.Duration { return v.interval }

// SetColour changes the colour; it is seen from the next keyframe on.
func (v *VP8) SetColour(c Colour) {
	v.cfg.Colour = c
	v.key = keyframe(v.cfg.Width, v.cfg.Height, c)
}

// SetBitrate changes the bitrate from the next frame on, as an encoder does when the estimate changes.
func (v *VP8) SetBitrate(b media.Bitrate) {
	v.cfg.Bitrate = b
	v.frameBytes = int(b) / 8 / v.cfg.FPS
}

// Next makes the next picture.
func (v *VP8) Next(keyframe bool) Frame {
	v.count++
	if v.count == 0 || keyframe || v.cfg.KeyframeEvery > 0 && v.count >= v.cfg.KeyframeEvery {
		v.count = 0
		keyframe = true
	}
	layer := temporalLayer(v.cfg.TemporalLayers, v.count)
	if layer == 0 {
		v.tl0PicIdx++
	}
	v.pictureID = (v.pictureID + 1) & 0x7fff

	frame := v.inter
	switch {
	case keyframe:
		frame = v.key
	case layer > 0:
		frame = v.discardable
	}
	size := max(len(frame), v.paddedSize(keyframe))
	v.packetise(frame, size, layer)
	return Frame{Payloads: v.payloads, Keyframe: keyframe, Duration: v.duration, Padding: size - len(frame)}
}

// temporalLayer is the layer of the n-th frame after a keyframe: 0 0 0, 0 1 0 1, or 0 2 1 2.
func temporalLayer(layers, n int) uint8 {
	switch layers {
	case 2:
		return [2]uint8{0, 1}[n%2]
	case 3:
		return [4]uint8{0, 2, 1, 2}[n%4]
	default:
		return 0
	}
}

// paddedSize is how many bytes the next frame should have: four times the mean for a keyframe, which the frames after
// it give back bit by bit.
func (v *VP8) paddedSize(keyframe bool) int {
	v.credit += v.frameBytes
	size := v.frameBytes
	switch {
	case keyframe:
		size = 4 * v.frameBytes
	case v.credit < v.frameBytes:
		size = v.frameBytes * 3 / 4
	}
	v.credit -= size
	return size
}

// packetise cuts frame, padded to size bytes, into payloads of about the same length, as libwebrtc does.
func (v *VP8) packetise(frame []byte, size int, layer uint8) {
	descriptor := v.descriptor(layer)
	room := maxPayload - len(descriptor)
	packets := (size + room - 1) / room
	v.buf, v.payloads = v.buf[:0], v.payloads[:0]
	if need := size + packets*len(descriptor); cap(v.buf) < need {
		v.buf = make([]byte, 0, need+need/4)
	}
	for i := range packets {
		from, to := size*i/packets, size*(i+1)/packets
		start := len(v.buf)
		v.buf = append(v.buf, descriptor...)
		if from < len(frame) {
			v.buf = append(v.buf, frame[from:min(to, len(frame))]...)
		}
		for at := max(from, len(frame)); at < to; at++ {
			v.buf = append(v.buf, byte(at*167>>3)) //nolint:gosec // anything: no decoder reads it
		}
		v.payloads = append(v.payloads, v.buf[start:len(v.buf):len(v.buf)])
		descriptor[0] &^= 0x10 // S: only the first packet starts a partition
	}
}

// descriptor is the payload descriptor (RFC 7741, section 4.2) of a frame's first packet.
func (v *VP8) descriptor(layer uint8) []byte {
	if v.cfg.NoPictureID {
		return []byte{0x10}
	}
	d := []byte{0x90, 0x80}
	if layer > 0 {
		d[0] |= 0x20 // N: no other frame refers to this one
	}
	d = binary.BigEndian.AppendUint16(d, 0x8000|v.pictureID)
	if v.cfg.TemporalLayers > 1 {
		d[1] |= 0x60                              // L, T
		d = append(d, v.tl0PicIdx, layer<<6|1<<5) // Y: refers to the base layer only
	}
	return d
}

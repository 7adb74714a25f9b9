// Package synthetic makes media that real decoders accept, without an encoder: solid colours in VP8 at any size and
// bitrate, canned clips of solid colours in VP9, H.264, H.265 and AV1, and tones in Opus. What was sent can be told from what
// was received by looking at the payload alone (ReadVP8, ToneOf), so a test in Go can check that the right picture and
// the right sound arrive under the right name.
//
// Sources are machines: they have no goroutine, clock or lock. One goroutine owns a source and calls Next once for each
// Interval.
package synthetic

import (
	"time"

	"hiroba/sfu/media"
)

// Source is an endless stream of encoded media.
type Source interface {
	// Codec is the format of the payloads.
	Codec() media.Codec
	// Interval is the time between two calls of Next.
	Interval() time.Duration
	// Next makes the next frame. A source of pictures makes a keyframe when asked to; it also makes one first, and at
	// intervals of its own.
	Next(keyframe bool) Frame
}

// Frame is one picture, or one packet of sound.
type Frame struct {
	// Payloads are the RTP payloads in order; the last one gets the marker bit of a picture. There are none when a
	// source of sound has nothing to send (DTX) or an encoder skips a picture. They are valid until the next call of Next.
	Payloads [][]byte
	// Keyframe is true for a picture that can be decoded without earlier ones.
	Keyframe bool
	// Duration is the time until the next frame in RTP timestamp units.
	Duration uint32
	// Padding is how many bytes at the end of the frame, that is of its last payloads, no decoder reads. They may be
	// overwritten.
	Padding int
	// Level is the loudness of a packet of sound in -dBov: 0 is the loudest, 127 silence (RFC 6464, section 3).
	Level uint8
	// Voice is the voice activity bit of RFC 6464.
	Voice bool
}

// maxPayload bounds one RTP payload, so that with all headers a packet stays below 1,280 bytes, the smallest MTU of IPv6.
const maxPayload = 1160

// Package media is the vocabulary of the media plane: small value types that every other package of sfu shares.
// It holds no behaviour beyond naming and has no state.
package media

import (
	"strconv"
	"strings"
	"time"
)

// SSRC identifies one RTP stream inside an RTP session (RFC 3550, section 3).
type SSRC uint32

// CSRC names the source whose media a packet of a seat carries (RFC 3550, section 5.1). Each up track has one.
type CSRC uint32

// PayloadType is the 7-bit RTP payload type (RFC 3550, section 5.1).
type PayloadType uint8

// MID is the identification tag of an m-line (RFC 8843).
type MID string

// RID names one encoding of a simulcast up track (RFC 8851). It is empty where there is only one.
type RID string

// Bitrate is a rate in bits per second.
type Bitrate int64

// Kind says whether a track carries sound or pictures.
type Kind uint8

// The kinds of media.
const (
	Audio Kind = iota + 1
	Video
)

// String is the kind as SDP spells it.
func (k Kind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Video:
		return "video"
	default:
		return "kind(" + strconv.Itoa(int(k)) + ")"
	}
}

// Codec is a media format that rooms forward.
type Codec uint8

// The codecs that rooms forward. CodecUnknown is the zero value.
const (
	CodecUnknown Codec = iota
	Opus
	VP8
	VP9
	H264
	AV1
	H265
	// RED is Opus with redundancy: each packet repeats some of what was in those before (RFC 2198).
	RED
)

// Codecs is how many values of Codec there are, for arrays by codec.
const Codecs = RED + 1

// ParseCodec finds the codec of a MIME type such as "video/VP8", in any case.
// It returns CodecUnknown for formats that rooms do not forward.
func ParseCodec(mime string) Codec {
	switch strings.ToLower(mime) {
	case "audio/opus":
		return Opus
	case "video/vp8":
		return VP8
	case "video/vp9":
		return VP9
	case "video/h264":
		return H264
	case "video/av1":
		return AV1
	case "video/h265":
		return H265
	case "audio/red":
		return RED
	default:
		return CodecUnknown
	}
}

// String is the codec's name in lower case, as the protocol spells it.
func (c Codec) String() string {
	switch c {
	case Opus:
		return "opus"
	case VP8:
		return "vp8"
	case VP9:
		return "vp9"
	case H264:
		return "h264"
	case AV1:
		return "av1"
	case H265:
		return "h265"
	case RED:
		return "red"
	default:
		return ""
	}
}

// Kind is the kind of media that the codec carries; 0 for CodecUnknown.
func (c Codec) Kind() Kind {
	switch c {
	case Opus, RED:
		return Audio
	case VP8, VP9, H264, AV1, H265:
		return Video
	default:
		return 0
	}
}

// Content is the codec of the media inside: Opus for RED, which only packs it, and the codec itself for all others. It is
// what people are told of a track.
func (c Codec) Content() Codec {
	if c == RED {
		return Opus
	}
	return c
}

// ClockRate is the number of RTP timestamp units in a second.
func (c Codec) ClockRate() uint32 { return c.Kind().ClockRate() }

// ClockRate is the number of RTP timestamp units in a second: one for all codecs of a kind.
func (k Kind) ClockRate() uint32 {
	if k == Audio {
		return 48000
	}
	return 90000
}

// Layer is a quality in which a track can be sent. Spatial is the encoding of a simulcast track (its RIDs, smallest picture
// first) or the spatial layer of an SVC stream; Temporal is the temporal layer. Both count from 0, the lowest.
type Layer struct{ Spatial, Temporal int8 }

// The bounds of layers.
const (
	// MaxSpatial and MaxTemporal are the highest layers that rooms forward.
	MaxSpatial  = 3
	MaxTemporal = 3
)

// TopLayer is the best quality there can be.
var TopLayer = Layer{Spatial: MaxSpatial, Temporal: MaxTemporal}

// AudioFrame is the length of one Opus packet as browsers send it. Timestamps of a seat move in whole frames at a
// switch, because anything else is heard as a gap.
const AudioFrame = 20 * time.Millisecond

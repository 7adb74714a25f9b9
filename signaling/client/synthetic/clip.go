package synthetic

import (
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"hiroba/sfu/media"
)

// Clip is a source that plays a canned clip of 320 x 180 pixels and 30 frames per second over and over. Its first
// frame is its only keyframe, so a request for a keyframe starts it again.
type Clip struct {
	codec     media.Codec
	frames    [][]byte
	payloader rtp.Payloader
	next      int

	frameBytes int // at the bitrate; 0 for no padding
	credit     int
	buf        []byte
}

const clipFPS = 30

var (
	vp9Frames  = sync.OnceValue(func() [][]byte { return clip("vp9") })
	h264Frames = sync.OnceValue(func() [][]byte { return clip("h264") })
	h265Frames = sync.OnceValue(func() [][]byte { return clip("h265") })
	av1Frames  = sync.OnceValue(func() [][]byte { return clip("av1") })
)

// NewVP9 plays a clip in VP9, profile 0, that is blue.
func NewVP9() *Clip {
	return &Clip{codec: media.VP9, frames: vp9Frames(), payloader: &codecs.VP9Payloader{}}
}

// NewH264 plays a clip in H.264, constrained baseline, packetisation mode 1, that is yellow.
func NewH264() *Clip {
	return &Clip{codec: media.H264, frames: h264Frames(), payloader: &codecs.H264Payloader{}}
}

// NewH265 plays a clip in H.265, main profile, that is cyan.
func NewH265() *Clip {
	return &Clip{codec: media.H265, frames: h265Frames(), payloader: &codecs.H265Payloader{}}
}

// NewAV1 plays a clip in AV1, main profile, that is magenta.
func NewAV1() *Clip {
	return &Clip{codec: media.AV1, frames: av1Frames(), payloader: &codecs.AV1Payloader{}}
}

// Codec is the format of the clip.
func (c *Clip) Codec() media.Codec { return c.codec }

// Interval is the time of one frame.
func (c *Clip) Interval() time.Duration { return time.Second / clipFPS }

// Next makes the next picture.
func (c *Clip) Next(keyframe bool) Frame {
	if keyframe || c.next == len(c.frames) {
		c.next = 0
	}
	frame := c.frames[c.next]
	if c.frameBytes > 0 {
		frame = c.pad(frame)
	}
	f := Frame{
		Payloads: c.payloader.Payload(maxPayload, frame),
		Keyframe: c.next == 0,
		Duration: 90000 / clipFPS,
	}
	c.next++
	return f
}

// SetBitrate pads the frames from the next one on, with bytes that decoders pass over; 0 stops that.
func (c *Clip) SetBitrate(b media.Bitrate) { c.frameBytes = int(b) / 8 / clipFPS }

// pad is frame with as many bytes more as the bitrate leaves for it.
func (c *Clip) pad(frame []byte) []byte {
	c.credit = min(c.credit+c.frameBytes, 2*c.frameBytes) - len(frame)
	padding := c.credit
	if padding < minPadding {
		return frame
	}
	c.credit = 0
	switch c.codec {
	case media.H264:
		c.buf = padH264(c.buf[:0], frame, padding)
	case media.H265:
		c.buf = padH265(c.buf[:0], frame, padding)
	case media.AV1:
		c.buf = padAV1(c.buf[:0], frame, padding)
	default:
		c.buf = padVP9(c.buf[:0], frame, padding)
	}
	return c.buf
}

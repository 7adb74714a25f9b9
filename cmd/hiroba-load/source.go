package main

import (
	"hiroba/sfu/media"
	"hiroba/signaling/client"
	"hiroba/signaling/client/synthetic"
)

// rids are the encodings of a camera, the smallest picture first.
var rids = []media.RID{"q", "h", "f"}

// shares are what each encoding gets of the bitrate of the largest, counted from that one.
var shares = []int{1, 4, 12}

// camera is what a publisher shows: one source for each encoding, the smallest picture first.
type camera struct {
	settings *Settings
	sources  []synthetic.Source
}

func newCamera(s *Settings, n int) *camera {
	c := &camera{settings: s}
	for i := range s.Encodings {
		larger := s.Encodings - 1 - i
		rate := media.Bitrate(int(s.Bitrate) / shares[larger])
		switch s.codec() {
		case media.VP8:
			c.sources = append(c.sources, synthetic.NewVP8(synthetic.VP8Config{
				Width: s.Size.Width >> larger, Height: s.Size.Height >> larger, FPS: s.FPS, Bitrate: rate,
				Colour: synthetic.Palette(n), TemporalLayers: s.TemporalLayers,
			}))
		case media.VP9:
			c.sources = append(c.sources, padded(synthetic.NewVP9(), rate))
		case media.H264:
			c.sources = append(c.sources, padded(synthetic.NewH264(), rate))
		default:
			c.sources = append(c.sources, padded(synthetic.NewAV1(), rate))
		}
	}
	return c
}

func padded(c *synthetic.Clip, rate media.Bitrate) *synthetic.Clip {
	c.SetBitrate(rate)
	return c
}

// setBitrate changes the rate of all encodings; it is called by the client's sender.
func (c *camera) setBitrate(rate bitrate) {
	for i, source := range c.sources {
		share := media.Bitrate(int(rate) / shares[len(c.sources)-1-i])
		if s, ok := source.(interface{ SetBitrate(media.Bitrate) }); ok {
			s.SetBitrate(share)
		}
	}
}

// publication is the camera as a client publishes it. sent sees each packet.
func (c *camera) publication(onSend onSend) client.Publication {
	if len(c.sources) == 1 {
		p := client.Camera(c.sources[0])
		p.Encodings[0].OnSend = onSend
		return p
	}
	var encodings []client.Encoding
	names := rids[len(rids)-len(c.sources):]
	for i, source := range c.sources {
		encodings = append(encodings, client.Encoding{RID: names[i], Source: source, OnSend: onSend})
	}
	return client.Simulcast(encodings...)
}

// microphone publishes a tone of a bitrate.
func microphone(n int, rate bitrate, onSend onSend) client.Publication {
	p := client.Microphone(synthetic.NewPaddedTone(n, synthetic.PaddedToneBytes(int(rate))))
	p.Encodings[0].OnSend = onSend
	return p
}

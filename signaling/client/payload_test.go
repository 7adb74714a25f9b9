package client

import (
	"testing"

	"hiroba/signaling/client/synthetic"
)

func TestStartsKeyframe(t *testing.T) {
	for _, s := range []synthetic.Source{
		synthetic.NewVP8(synthetic.VP8Config{Bitrate: 1_000_000}),
		synthetic.NewVP8(synthetic.VP8Config{NoPictureID: true}),
		synthetic.NewVP8(synthetic.VP8Config{TemporalLayers: 2}),
		synthetic.NewVP9(), synthetic.NewH264(), synthetic.NewAV1(),
	} {
		for i := range 40 {
			f := s.Next(i == 17)
			for n, p := range f.Payloads {
				if got, want := startsKeyframe(s.Codec(), p), f.Keyframe && n == 0; got != want {
					t.Errorf("%v, frame %d, payload %d: %v, want %v", s.Codec(), i, n, got, want)
				}
			}
		}
	}
}

func TestVP8AssemblerGivesUpAFrameWithAGap(t *testing.T) {
	source := synthetic.NewVP8(synthetic.VP8Config{Bitrate: 1_000_000, Colour: synthetic.Cyan})
	var a vp8Assembler
	feed := func(f synthetic.Frame, lost int) (frame []byte) {
		o := inOrder
		for i, p := range f.Payloads {
			if i == lost {
				o = afterGap
				continue
			}
			frame = a.handle(o, i == len(f.Payloads)-1, p)
			o = inOrder
		}
		return frame
	}
	if feed(source.Next(true), 2) != nil {
		t.Error("a keyframe with a gap was taken")
	}
	if feed(source.Next(false), -1) != nil {
		t.Error("an inter frame was taken for a keyframe")
	}
	got, err := synthetic.ReadVP8(feed(source.Next(true), -1))
	if err != nil || got.Colour != synthetic.Cyan {
		t.Errorf("%v, %v", got, err)
	}
}

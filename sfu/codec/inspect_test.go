package codec_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
)

// The same payloads serve the table, the fuzz corpus and the count of allocations.
var (
	payloadVP8Key   = join([]byte{0x90, 0xF0, 0x80, 0x01, 0x02, 0x03}, vp8Keyframe)
	payloadVP8Delta = join([]byte{0xB0, 0xF0, 0x80, 0x01, 0x02, 0xA3}, vp8Delta)
	payloadVP9Key   = join([]byte{0xAA, 0x80, 0x01, 0x00, 0x2A, 0x30, 1, 64, 0, 180, 2, 128, 1, 104}, vp9Data)
	payloadVP9Upper = join([]byte{0xAC, 0x80, 0x01, 0x03, 0x2A}, vp9Data)
	payloadVP9Delta = join([]byte{0xE8, 0x80, 0x02, 0x50, 0x2A}, vp9Data)
	payloadH264Key  = stapA(nalSPS, nalPPS)
	payloadAV1Key   = join([]byte{0x28}, sized(obuSequence320), obuFrame)
	payloadAV1Delta = join([]byte{0x10}, obuFrame)
	payloadOpus     = []byte{0x78, 1, 2, 3}
	payloadRED      = []byte{0xEF, 0x0F, 0x00, 0x02, 0x6F, 0x78, 1, 0x78, 2, 3}
	payloadH265Key  = hevcAP(hevcVPS, hevcSPS, hevcPPS)
)

func TestInspectGivesOneViewOfAllCodecs(t *testing.T) {
	tests := map[string]struct {
		codec   media.Codec
		payload []byte
		dd      []byte
		want    codec.Info
	}{
		"Opus": {media.Opus, payloadOpus, nil, codec.Info{Keyframe: true, StartOfFrame: true, EndOfFrame: true}},
		"Opus in silence": {
			media.Opus, payloadOpus[:1], nil,
			codec.Info{Keyframe: true, StartOfFrame: true, EndOfFrame: true, DTX: true},
		},
		"VP8 keyframe": {
			media.VP8, payloadVP8Key, nil,
			codec.Info{
				Keyframe: true, StartOfFrame: true, Layered: true, SwitchUp: true, Intra: true, Width: 320, Height: 180,
			},
		},
		"VP8 layer sync": {
			media.VP8, payloadVP8Delta, nil,
			codec.Info{StartOfFrame: true, Layered: true, Temporal: 2, SwitchUp: true, Discardable: true},
		},
		"VP9 keyframe": {
			media.VP9, payloadVP9Key, nil,
			codec.Info{
				Keyframe: true, StartOfFrame: true, Layered: true, SwitchUp: true, Intra: true, Width: 640, Height: 360,
			},
		},
		"VP9 upper layer of a keyframe": {
			media.VP9, payloadVP9Upper, nil,
			codec.Info{StartOfFrame: true, EndOfFrame: true, Layered: true, Spatial: 1, SwitchUp: true, Intra: true},
		},
		"VP9 delta frame": {
			media.VP9, payloadVP9Delta, nil,
			codec.Info{StartOfFrame: true, Layered: true, Temporal: 2, SwitchUp: true},
		},
		"H.264 keyframe": {
			media.H264, payloadH264Key, nil,
			codec.Info{Keyframe: true, StartOfFrame: true, SwitchUp: true, Intra: true, Width: 320, Height: 180},
		},
		"H.265 keyframe": {
			media.H265, hevcAP(hevcVPS, hevcSPS, hevcPPS), nil,
			codec.Info{Keyframe: true, StartOfFrame: true, Layered: true, SwitchUp: true, Intra: true, Width: 320, Height: 180},
		},
		"H.265 upper temporal layer": {
			media.H265, hevcTSA, nil, codec.Info{StartOfFrame: true, Layered: true, Temporal: 1, SwitchUp: true},
		},
		"RED": {media.RED, payloadRED, nil, codec.Info{Keyframe: true, StartOfFrame: true, EndOfFrame: true}},
		"RED whose newest block is silence": {
			media.RED, payloadRED[:len(payloadRED)-2], nil,
			codec.Info{Keyframe: true, StartOfFrame: true, EndOfFrame: true, DTX: true},
		},
		"H.264 delta frame": {media.H264, nalB, nil, codec.Info{StartOfFrame: true, Discardable: true}},
		"AV1 keyframe": {
			media.AV1, payloadAV1Key, nil,
			codec.Info{Keyframe: true, StartOfFrame: true, SwitchUp: true, Intra: true, Width: 320, Height: 180},
		},
		"AV1 keyframe by its descriptor": {
			media.AV1, payloadAV1Delta, frameSpec{start: true, number: 7, structure: &l1t3}.bytes(),
			codec.Info{
				Keyframe: true, StartOfFrame: true, SwitchUp: true, Intra: true, HasDescriptor: true, FrameNumber: 7,
			},
		},
		"AV1 middle of a frame by its descriptor": {
			media.AV1, payloadAV1Delta, frameSpec{end: true, template: 2, number: 8}.bytes(),
			codec.Info{EndOfFrame: true, HasDescriptor: true, FrameNumber: 8},
		},
		"H.264 keyframe without SPS, whatever its descriptor says": {
			media.H264, nalIDR, frameSpec{start: true, number: 7, structure: &l1t3}.bytes(),
			codec.Info{StartOfFrame: true, HasDescriptor: true, FrameNumber: 7},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := codec.Inspect(tt.codec, tt.payload, tt.dd)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestInspectRefusesWhatCannotBeRead(t *testing.T) {
	tests := map[string]struct {
		codec   media.Codec
		payload []byte
		dd      []byte
		want    error
	}{
		"unknown codec":     {media.CodecUnknown, payloadOpus, nil, codec.ErrUnsupported},
		"broken payload":    {media.VP8, payloadVP8Key[:4], nil, codec.ErrTruncated},
		"broken descriptor": {media.VP8, payloadVP8Key, []byte{0x80, 0}, codec.ErrTruncated},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := codec.Inspect(tt.codec, tt.payload, tt.dd)
			if !errors.Is(err, tt.want) || got != (codec.Info{}) {
				t.Errorf("got %+v, %v; want %v", got, err, tt.want)
			}
			var i codec.Inspector
			got, err = i.Inspect(tt.codec, tt.payload, tt.dd)
			if !errors.Is(err, tt.want) || got != (codec.Info{}) {
				t.Errorf("Inspector: got %+v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestInspectorFindsTheLayersInDescriptors(t *testing.T) {
	steps := []struct {
		name    string
		codec   media.Codec
		payload []byte
		frameSpec
		want codec.Info
	}{
		{
			"before the first keyframe", media.AV1, payloadAV1Delta,
			frameSpec{start: true, end: true, template: 2, number: 6},
			codec.Info{StartOfFrame: true, EndOfFrame: true, HasDescriptor: true, FrameNumber: 6},
		},
		{
			"keyframe", media.AV1, payloadAV1Key,
			frameSpec{start: true, end: true, template: 60, number: 7, structure: &l2t2Key},
			codec.Info{
				Keyframe: true, StartOfFrame: true, EndOfFrame: true, Layered: true, SwitchUp: true, Intra: true,
				Width: 1280, Height: 720, HasDescriptor: true, FrameNumber: 7,
			},
		},
		{
			"its upper layer", media.AV1, payloadAV1Delta,
			frameSpec{start: true, end: true, template: 63, number: 8},
			codec.Info{
				StartOfFrame: true, EndOfFrame: true, Layered: true, Spatial: 1, SwitchUp: true, Intra: true,
				HasDescriptor: true, FrameNumber: 8,
			},
		},
		{
			"discardable frame", media.AV1, payloadAV1Delta,
			frameSpec{end: true, template: 62, number: 9},
			codec.Info{
				EndOfFrame: true, Layered: true, Temporal: 1, SwitchUp: true, Discardable: true, NotForUpper: true,
				HasDescriptor: true, FrameNumber: 9,
			},
		},
		{
			"the descriptor prevails over the payload", media.VP8, payloadVP8Delta,
			frameSpec{start: true, template: 61, number: 11},
			codec.Info{
				StartOfFrame: true, Layered: true, SwitchUp: true, NotForUpper: true, HasDescriptor: true, FrameNumber: 11,
			},
		},
		{
			"but not over a keyframe", media.VP8, payloadVP8Key,
			frameSpec{start: true, template: 61, number: 12},
			codec.Info{
				Keyframe: true, StartOfFrame: true, Layered: true, SwitchUp: true, Intra: true, NotForUpper: true,
				Width: 320, Height: 180, HasDescriptor: true, FrameNumber: 12,
			},
		},
	}
	var i codec.Inspector
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			got, err := i.Inspect(step.codec, step.payload, step.bytes())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if i.Structure() == nil || i.ActiveTargets() != 0b1111 {
		t.Errorf("structure %v, active targets %b", i.Structure(), i.ActiveTargets())
	}
	if got, err := i.Inspect(media.VP8, payloadVP8Key, nil); err != nil || got.HasDescriptor {
		t.Errorf("without descriptor: %+v, %v", got, err)
	}
}

// Chromium's structures of H.264 say no size, its parameter sets do.
func TestInspectorTakesTheSizeFromThePayloadWhereTheDescriptorSaysNone(t *testing.T) {
	sizeless := l1t3
	sizeless.sizes = nil
	var i codec.Inspector
	got, err := i.Inspect(media.H264, payloadH264Key, frameSpec{start: true, structure: &sizeless}.bytes())
	if err != nil || got.Width != 320 || got.Height != 180 {
		t.Errorf("%dx%d, %v; want 320x180", got.Width, got.Height, err)
	}
}

func FuzzInspect(f *testing.F) {
	key := frameSpec{start: true, template: 60, structure: &l2t2Key}.bytes()
	f.Add(uint8(media.Opus), payloadOpus, []byte(nil))
	f.Add(uint8(media.VP8), payloadVP8Key, key)
	f.Add(uint8(media.VP9), payloadVP9Key, []byte(nil))
	f.Add(uint8(media.H264), payloadH264Key, key)
	f.Add(uint8(media.AV1), payloadAV1Key, key)
	f.Add(uint8(media.H265), payloadH265Key, []byte(nil))
	f.Add(uint8(media.RED), payloadRED, []byte(nil))
	f.Add(uint8(media.AV1), payloadAV1Delta, frameSpec{template: 1, number: 1}.bytes())
	f.Fuzz(func(t *testing.T, c uint8, payload, dd []byte) {
		info, err := codec.Inspect(media.Codec(c), payload, dd)
		if err != nil && info != (codec.Info{}) {
			t.Fatalf("%+v with %v", info, err)
		}
		var i codec.Inspector
		full, err := i.Inspect(media.Codec(c), payload, dd)
		if err != nil && full != (codec.Info{}) {
			t.Fatalf("Inspector: %+v with %v", full, err)
		}
		if err == nil && full.Keyframe != info.Keyframe {
			t.Fatalf("keyframe %v, by Inspector %v", info.Keyframe, full.Keyframe)
		}
		if full.Keyframe && media.Codec(c).Kind() != media.Audio && !(full.SwitchUp && full.Intra && full.StartOfFrame) && len(dd) == 0 {
			t.Fatalf("half a keyframe: %+v", full)
		}
	})
}

func TestNothingAllocates(t *testing.T) {
	var (
		inspector codec.Inspector
		reader    codec.DescriptorReader
		d         codec.Descriptor
		out       = make([]byte, 0, 512)
		key       = frameSpec{start: true, template: 60, structure: &l2t2Key}.bytes()
		delta     = frameSpec{template: 61, number: 4, references: []int{300}, active: "0011"}.bytes()
		red       = []byte{0xEF, 0x0F, 0x00, 0x02, 0x6F, 1, 2, 3}
		bad       = bytesOfOnes(255)
		vp8       = join(payloadVP8Key)
		vp9       = join(payloadVP9Key)
	)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	inspect := func(c media.Codec, payload, dd []byte) {
		_, err := inspector.Inspect(c, payload, dd)
		must(err)
		_, err = codec.Inspect(c, payload, dd)
		must(err)
	}
	tests := map[string]func(){
		"Opus":       func() { inspect(media.Opus, payloadOpus, nil) },
		"VP8":        func() { inspect(media.VP8, payloadVP8Key, nil) },
		"VP9":        func() { inspect(media.VP9, payloadVP9Key, nil) },
		"H264":       func() { inspect(media.H264, payloadH264Key, nil) },
		"AV1":        func() { inspect(media.AV1, payloadAV1Key, key) },
		"H265":       func() { inspect(media.H265, payloadH265Key, nil) },
		"RED packet": func() { inspect(media.RED, payloadRED, nil) },
		"AV1 delta":  func() { inspect(media.AV1, payloadAV1Delta, delta) },
		"put": func() {
			d8, err := codec.ParseVP8(vp8)
			must(err)
			d8.Put(vp8, 1, 2, 3)
			d9, err := codec.ParseVP9(vp9)
			must(err)
			d9.Put(vp9, 1, 2)
		},
		"descriptor": func() {
			must(reader.Read(key, &d))
			must(reader.Read(delta, &d))
			out = codec.AppendDescriptor(out[:0], delta, &d, 1, 2)
			if reader.Read(bad, &d) == nil {
				t.Fatal("accepted")
			}
		},
		"RED": func() {
			r, err := codec.ParseRED(red)
			must(err)
			for _, ok := r.Next(); ok; _, ok = r.Next() {
			}
		},
		"audio level": func() {
			_, _, err := codec.ParseAudioLevel(red)
			must(err)
		},
	}
	for name, f := range tests {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func bytesOfOnes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0xFF
	}
	return b
}

func BenchmarkInspect(b *testing.B) {
	key := frameSpec{start: true, template: 60, structure: &l2t2Key}.bytes()
	delta := frameSpec{template: 61, number: 4}.bytes()
	for _, bb := range []struct {
		name        string
		codec       media.Codec
		payload, dd []byte
	}{
		{"Opus", media.Opus, payloadOpus, nil},
		{"VP8", media.VP8, payloadVP8Delta, nil},
		{"VP9", media.VP9, payloadVP9Delta, nil},
		{"H264", media.H264, nalDelta, nil},
		{"H265", media.H265, hevcDelta, nil},
		{"RED", media.RED, payloadRED, nil},
		{"AV1", media.AV1, payloadAV1Delta, delta},
		{"AV1 keyframe", media.AV1, payloadAV1Key, key},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var i codec.Inspector
			if _, err := i.Inspect(media.AV1, payloadAV1Key, key); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				_, _ = i.Inspect(bb.codec, bb.payload, bb.dd)
			}
		})
	}
}

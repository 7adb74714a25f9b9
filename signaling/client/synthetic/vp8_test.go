package synthetic

import (
	"bytes"
	"image"
	"testing"

	"github.com/pion/rtp/codecs"
	"golang.org/x/image/vp8"
)

// assemble puts a frame back together with pion's depacketiser.
func assemble(t *testing.T, f Frame) []byte {
	t.Helper()
	var out []byte
	for i, p := range f.Payloads {
		var d codecs.VP8Packet
		if _, err := d.Unmarshal(p); err != nil {
			t.Fatalf("payload %d: %v", i, err)
		}
		if (d.S == 1) != (i == 0) {
			t.Errorf("payload %d: S is %d", i, d.S)
		}
		if len(p) > maxPayload {
			t.Errorf("payload %d has %d bytes", i, len(p))
		}
		out = append(out, d.Payload...)
	}
	return out
}

func decodeKeyframe(t *testing.T, frame []byte) *image.YCbCr {
	t.Helper()
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(frame), len(frame))
	if _, err := d.DecodeFrameHeader(); err != nil {
		t.Fatalf("header: %v", err)
	}
	img, err := d.DecodeFrame()
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return img
}

func checkSolid(t *testing.T, img *image.YCbCr, want Colour) {
	t.Helper()
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := img.YCbCrAt(x, y)
			if got := (Colour{c.Y, c.Cb, c.Cr}); got != want {
				t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestVP8KeyframeDecodesToTheExactColour(t *testing.T) {
	for _, size := range [][2]int{{320, 180}, {16, 16}, {1, 1}, {17, 33}, {640, 360}} {
		for _, c := range []Colour{Red, Green, Blue, Grey, {0, 0, 0}, {255, 255, 255}, {128, 128, 128}, {129, 127, 128}, {130, 126, 131}} {
			frame := keyframe(size[0], size[1], c)
			img := decodeKeyframe(t, frame)
			if got := img.Bounds().Size(); got != image.Pt(size[0], size[1]) {
				t.Fatalf("size %v, want %v", got, size)
			}
			checkSolid(t, img, c)
		}
	}
}

func TestVP8EveryLevelIsExact(t *testing.T) {
	for v := range 256 {
		want := Colour{uint8(v), uint8(255 - v), uint8(v * 7)}
		frame := keyframe(16, 16, want)
		checkSolid(t, decodeKeyframe(t, frame), want)
		got, err := ReadVP8(frame)
		if err != nil || got != (Picture{16, 16, want}) {
			t.Fatalf("ReadVP8 of %v: %v, %v", want, got, err)
		}
	}
}

func TestVP8SourceReachesItsBitrate(t *testing.T) {
	v := NewVP8(VP8Config{Width: 1280, Height: 720, Bitrate: 1_500_000, Colour: Blue})
	total, key := 0, 0
	for i := range 300 {
		f := v.Next(i == 200)
		if f.Keyframe != (i == 0 || i == 200) {
			t.Fatalf("frame %d: keyframe %v", i, f.Keyframe)
		}
		frame := assemble(t, f)
		total += len(frame)
		if f.Keyframe {
			key = len(frame)
			checkSolid(t, decodeKeyframe(t, frame), Blue)
			if p, err := ReadVP8(frame); err != nil || p != (Picture{1280, 720, Blue}) {
				t.Errorf("ReadVP8: %v, %v", p, err)
			}
		}
	}
	if rate := total * 8 / 10; rate < 1_450_000 || rate > 1_550_000 {
		t.Errorf("%d bit/s, want 1,500,000", rate)
	}
	if key != 25_000 {
		t.Errorf("keyframe of %d bytes", key)
	}
}

func TestVP8FramesWithoutBitrateAreSmall(t *testing.T) {
	v := NewVP8(VP8Config{Width: 1280, Height: 720})
	key, inter := len(assemble(t, v.Next(false))), len(assemble(t, v.Next(false)))
	t.Logf("1280 x 720: keyframe %d bytes, inter frame %d", key, inter)
	if key > 3000 || inter > 400 {
		t.Errorf("keyframe %d bytes, inter frame %d", key, inter)
	}
}

func TestVP8PictureIDsAndLayers(t *testing.T) {
	v := NewVP8(VP8Config{TemporalLayers: 3, PictureID: 0x7ffe})
	var tids []uint8
	for i, want := range []uint16{0x7fff, 0, 1, 2, 3} {
		var d codecs.VP8Packet
		if _, err := d.Unmarshal(v.Next(false).Payloads[0]); err != nil {
			t.Fatal(err)
		}
		if d.PictureID != want || d.I != 1 {
			t.Errorf("frame %d: picture ID %d, want %d", i, d.PictureID, want)
		}
		if wantIdx := uint8(1 + i/4); d.TL0PICIDX != wantIdx {
			t.Errorf("frame %d: TL0PICIDX %d, want %d", i, d.TL0PICIDX, wantIdx)
		}
		tids = append(tids, d.TID)
	}
	if !bytes.Equal(tids, []byte{0, 2, 1, 2, 0}) {
		t.Errorf("layers %v", tids)
	}
}

func TestReadVP8RefusesOtherFrames(t *testing.T) {
	frame := keyframe(32, 32, Red)
	for _, bad := range [][]byte{nil, {0}, interFrame(32, 32, false), frame[:12]} {
		if _, err := ReadVP8(bad); err == nil {
			t.Errorf("%x was read", bad)
		}
	}
	for i := 10; i < len(frame)-4; i++ {
		broken := bytes.Clone(frame)
		broken[i] ^= 0x55
		_, _ = ReadVP8(broken) // must not panic
	}
}

func TestPaletteColoursDiffer(t *testing.T) {
	seen := map[Colour]int{}
	for i := range 4096 {
		c := Palette(i)
		if other, ok := seen[c]; ok {
			t.Fatalf("%d and %d are both %v", other, i, c)
		}
		seen[c] = i
	}
}

package synthetic

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/pion/rtp/codecs"

	"hiroba/sfu/media"
)

// decodeWithFFmpeg decodes a clip to planar YCbCr 4:2:0 and returns the pictures.
func decodeWithFFmpeg(t *testing.T, format string, file []byte, width, height int) []picture420 {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	cmd := exec.Command(ffmpeg, "-hide_banner", "-loglevel", "warning", "-xerror", "-f", format, "-i", "pipe:0",
		"-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1")
	cmd.Stdin = bytes.NewReader(file)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, &stderr)
	}
	luma, chroma := width*height, (width+1)/2*((height+1)/2)
	var pictures []picture420
	for raw := stdout.Bytes(); len(raw) > 0; raw = raw[luma+2*chroma:] {
		if len(raw) < luma+2*chroma {
			t.Fatalf("%d bytes too many", len(raw))
		}
		pictures = append(pictures, picture420{raw[:luma], raw[luma:][:chroma], raw[luma+chroma:][:chroma]})
	}
	return pictures
}

type picture420 [3][]byte

func (p picture420) check(t *testing.T, frame int, want Colour, tolerance int) {
	t.Helper()
	for plane, level := range [3]uint8{want.Y, want.Cb, want.Cr} {
		for i, got := range p[plane] {
			if d := int(got) - int(level); d > tolerance || -d > tolerance {
				t.Fatalf("frame %d: sample %d of plane %d is %d, want %d", frame, i, plane, got, level)
			}
		}
	}
}

func TestVP8DecodesInFFmpeg(t *testing.T) {
	for _, cfg := range []VP8Config{
		{Colour: Green},
		{Width: 640, Height: 360, Colour: Blue, Bitrate: 500_000},
		{Width: 322, Height: 182, Colour: Yellow, KeyframeEvery: 7},
	} {
		v := NewVP8(cfg)
		ivf := AppendIVFHeader(nil, "VP80", v.cfg.Width, v.cfg.Height, 30, 30)
		for i := range 30 {
			ivf = AppendIVFFrame(ivf, i, assemble(t, v.Next(false)))
		}
		pictures := decodeWithFFmpeg(t, "ivf", ivf, v.cfg.Width, v.cfg.Height)
		if len(pictures) != 30 {
			t.Errorf("%d pictures, want 30", len(pictures))
		}
		for i, p := range pictures {
			p.check(t, i, v.cfg.Colour, 0)
		}
	}
}

func TestVP8WithoutUpperTemporalLayersDecodesInFFmpeg(t *testing.T) {
	v := NewVP8(VP8Config{Colour: Cyan, TemporalLayers: 3})
	ivf := AppendIVFHeader(nil, "VP80", 320, 180, 30, 10)
	for i := range 40 {
		frame := assemble(t, v.Next(false))
		if temporalLayer(3, i) == 0 {
			ivf = AppendIVFFrame(ivf, i, frame)
		}
	}
	pictures := decodeWithFFmpeg(t, "ivf", ivf, 320, 180)
	if len(pictures) != 10 {
		t.Errorf("%d pictures, want 10", len(pictures))
	}
	for i, p := range pictures {
		p.check(t, i, Cyan, 0)
	}
}

// TestClipsSurvivePacketising sends each clip twice through payloader and depacketiser and decodes it.
func TestClipsSurvivePacketising(t *testing.T) {
	for _, c := range []struct {
		source  *Clip
		codec   media.Codec
		fourCC  string
		format  string
		unpack  func(*testing.T, Frame) []byte
		colour  Colour
		maxDiff int
	}{
		{NewVP9(), media.VP9, "VP90", "ivf", unpackVP9, Blue, 2},
		{NewH264(), media.H264, "", "h264", unpackH264, Yellow, 2},
		{NewH265(), media.H265, "", "hevc", unpackH265, Cyan, 2},
		{NewAV1(), media.AV1, "AV01", "ivf", unpackAV1, Magenta, 2},
		{padded(NewVP9()), media.VP9, "VP90", "ivf", unpackVP9, Blue, 2},
		{padded(NewH264()), media.H264, "", "h264", unpackH264, Yellow, 2},
		{padded(NewH265()), media.H265, "", "hevc", unpackH265, Cyan, 2},
		{padded(NewAV1()), media.AV1, "AV01", "ivf", unpackAV1, Magenta, 2},
	} {
		name, sent := c.codec.String(), 0
		if c.source.frameBytes > 0 {
			name += " padded"
		}
		t.Run(name, func(t *testing.T) {
			if c.source.Codec() != c.codec {
				t.Errorf("codec %v", c.source.Codec())
			}
			var file []byte
			if c.fourCC != "" {
				file = AppendIVFHeader(nil, c.fourCC, 320, 180, 30, 75)
			}
			for i := range 75 {
				f := c.source.Next(i == 45)
				if want := i == 0 || i == 30 || i == 45; f.Keyframe != want {
					t.Fatalf("frame %d: keyframe %v", i, f.Keyframe)
				}
				for _, p := range f.Payloads {
					sent += len(p)
				}
				frame := c.unpack(t, f)
				if c.fourCC != "" {
					file = AppendIVFFrame(file, i, frame)
				} else {
					file = append(file, frame...)
				}
			}
			if want := 75 * c.source.frameBytes; want > 0 && (sent < want*98/100 || sent > want*102/100) {
				t.Errorf("%d bytes, want about %d", sent, want)
			}
			pictures := decodeWithFFmpeg(t, c.format, file, 320, 180)
			if len(pictures) != 75 {
				t.Errorf("%d pictures, want 75", len(pictures))
			}
			for i, p := range pictures {
				p.check(t, i, c.colour, c.maxDiff)
			}
		})
	}
}

func padded(c *Clip) *Clip {
	c.SetBitrate(800_000)
	return c
}

// TestPaddedTonesAreTheSameSound is about packets of code 3 with padding of all lengths of the length.
func TestPaddedTonesAreTheSameSound(t *testing.T) {
	for _, size := range []int{10, 42, 43, 44, 45, 80, 110, 253, 254, 255, 256, 300, 301, 600, 1100} {
		tone, padded := NewTone(1), NewPaddedTone(1, size)
		for i := range 50 {
			plain, f := tone.Next(false).Payloads[0], padded.Next(false)
			p := f.Payloads[0]
			if len(p) != max(size, len(plain)) && !(len(p) == len(plain) && size-len(plain) < 3) {
				t.Fatalf("size %d, packet %d: %d bytes of %d", size, i, len(p), len(plain))
			}
			frame, padding := openOpus(t, p)
			if string(frame) != string(plain[1:]) || padding < f.Padding || p[0]>>2 != plain[0]>>2 {
				t.Fatalf("size %d, packet %d is another sound", size, i)
			}
		}
	}
}

// openOpus takes the one frame out of a packet of code 0 or 3, as RFC 6716, section 3.2.5, says.
func openOpus(t *testing.T, p []byte) (frame []byte, padding int) {
	t.Helper()
	if p[0]&3 == 0 {
		return p[1:], 0
	}
	if p[0]&3 != 3 || p[1] != 0x41 {
		t.Fatalf("packet begins %#x %#x", p[0], p[1])
	}
	b := p[2:]
	for {
		n := int(b[0])
		b = b[1:]
		if n < 255 {
			padding += n
			break
		}
		padding += 254
	}
	return b[:len(b)-padding], padding
}

func unpackVP9(t *testing.T, f Frame) (out []byte) {
	t.Helper()
	for _, p := range f.Payloads {
		var d codecs.VP9Packet
		b, err := d.Unmarshal(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

func unpackH264(t *testing.T, f Frame) (out []byte) {
	t.Helper()
	var d codecs.H264Packet
	for _, p := range f.Payloads {
		b, err := d.Unmarshal(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

func unpackH265(t *testing.T, f Frame) (out []byte) {
	t.Helper()
	var d codecs.H265Depacketizer
	for _, p := range f.Payloads {
		b, err := d.Unmarshal(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

func unpackAV1(t *testing.T, f Frame) []byte {
	t.Helper()
	out := []byte{0x12, 0x00} // temporal delimiter
	var d codecs.AV1Depacketizer
	for _, p := range f.Payloads {
		b, err := d.Unmarshal(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

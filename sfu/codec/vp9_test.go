package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hiroba/sfu/codec"
)

// vp9Data is the beginning of a VP9 frame, which the server does not read.
var vp9Data = []byte{0xA2, 0x49, 0x83, 0x42}

func TestParseVP9ReadsEveryShapeOfDescriptor(t *testing.T) {
	tests := map[string]struct {
		descriptor []byte
		want       codec.VP9
		keyframe   bool
	}{
		"nothing optional": {
			[]byte{0x0C},
			codec.VP9{Start: true, End: true},
			true,
		},
		"delta frame, 7-bit picture id": {
			[]byte{0xC8, 0x7F},
			codec.VP9{HasPictureID: true, PictureID: 127, InterPicture: true, Start: true},
			false,
		},
		"the end of a keyframe does not start one": {
			[]byte{0x84, 0x81, 0x02},
			codec.VP9{HasPictureID: true, LongPictureID: true, PictureID: 0x102, End: true},
			false,
		},
		"non-flexible keyframe with three sizes and a picture group, as browsers send L3T3": {
			[]byte{
				0xAA, 0x80, 0x01, 0x10, 0x2A, // I L B V; id; TID 0 U SID 0; TL0PICIDX
				0x58, 0x01, 0x40, 0x00, 0xB4, 0x02, 0x80, 0x01, 0x68, 0x05, 0x00, 0x02, 0xD0, // N_S 2, Y, G; sizes
				0x04, 0x14, 0x04, 0x54, 0x01, 0x34, 0x02, 0x58, 0x01, 0x02, // 4 pictures, the last with two references
			},
			codec.VP9{
				HasPictureID: true, LongPictureID: true, PictureID: 1, HasLayers: true, HasStructure: true, Start: true,
				SwitchUp: true, HasTL0PicIdx: true, TL0PicIdx: 42, SpatialLayers: 3,
				Widths: [8]uint16{320, 640, 1280}, Heights: [8]uint16{180, 360, 720},
			},
			true,
		},
		"upper spatial layer of a keyframe": {
			[]byte{0xAD, 0x80, 0x01, 0x05, 0x2A},
			codec.VP9{
				HasPictureID: true, LongPictureID: true, PictureID: 1, HasLayers: true, Start: true, End: true,
				NotForUpper: true, SID: 2, InterLayer: true, HasTL0PicIdx: true, TL0PicIdx: 42,
			},
			false,
		},
		"flexible with three references": {
			[]byte{0xF8, 0xFF, 0xFF, 0xB2, 0x03, 0x05, 0x06},
			codec.VP9{
				HasPictureID: true, LongPictureID: true, PictureID: 32767, HasLayers: true, Flexible: true,
				InterPicture: true, Start: true, TID: 5, SwitchUp: true, SID: 1,
				References: [3]uint8{1, 2, 3}, ReferenceCount: 3,
			},
			false,
		},
		"flexible keyframe has neither references nor TL0PICIDX": {
			[]byte{0xB8, 0x05, 0x00},
			codec.VP9{HasPictureID: true, PictureID: 5, HasLayers: true, Flexible: true, Start: true},
			true,
		},
		"a structure without sizes and group": {
			[]byte{0x0A, 0xE0},
			codec.VP9{Start: true, HasStructure: true, SpatialLayers: 8},
			true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.want.HeaderBytes = uint16(len(tt.descriptor))
			got, err := codec.ParseVP9(join(tt.descriptor, vp9Data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.StartsKeyframe() != tt.keyframe {
				t.Errorf("StartsKeyframe is %v", got.StartsKeyframe())
			}
			for n := range len(tt.descriptor) + 1 {
				if _, err := codec.ParseVP9(tt.descriptor[:n]); !errors.Is(err, codec.ErrTruncated) {
					t.Errorf("cut to %d bytes: got %v", n, err)
				}
			}
		})
	}
}

func TestParseVP9RefusesMoreThanThreeReferences(t *testing.T) {
	if _, err := codec.ParseVP9(join([]byte{0x58, 0x03, 0x05, 0x07, 0x08}, vp9Data)); !errors.Is(err, codec.ErrMalformed) {
		t.Errorf("got %v", err)
	}
}

func TestVP9PutKeepsTheShape(t *testing.T) {
	tests := map[string]struct {
		before, after []byte
		pictureID     uint16
		tl0           uint8
	}{
		"both":             {[]byte{0xA8, 0x80, 0x01, 0x50, 0x2A}, []byte{0xA8, 0xD2, 0x34, 0x50, 0x07}, 0x5234, 7},
		"15 bits wrap":     {[]byte{0x88, 0xFF, 0xFF}, []byte{0x88, 0x80, 0x00}, 32768, 7},
		"7 bits":           {[]byte{0xA8, 0x7F, 0x50, 0x2A}, []byte{0xA8, 0x00, 0x50, 0x07}, 128, 7},
		"no picture id":    {[]byte{0x28, 0x50, 0x2A}, []byte{0x28, 0x50, 0x07}, 9, 7},
		"flexible":         {[]byte{0xB8, 0x05, 0x51}, []byte{0xB8, 0x09, 0x51}, 9, 7},
		"nothing to write": {[]byte{0x08}, []byte{0x08}, 9, 7},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			payload := join(tt.before, vp9Data)
			d, err := codec.ParseVP9(payload)
			if err != nil {
				t.Fatal(err)
			}
			d.Put(payload, tt.pictureID, tt.tl0)
			if want := join(tt.after, vp9Data); !bytes.Equal(payload, want) {
				t.Errorf("got %x, want %x", payload, want)
			}
		})
	}
}

func FuzzVP9(f *testing.F) {
	for _, descriptor := range [][]byte{
		{0x0C},
		{0xC8, 0x7F},
		{0xAA, 0x80, 0x01, 0x10, 0x2A, 0x18, 0x01, 0x40, 0x00, 0xB4, 0x02, 0x14, 0x04, 0x58, 0x01, 0x02},
		{0xF8, 0xFF, 0xFF, 0xB2, 0x03, 0x05, 0x06},
		{0x0A, 0xF8},
	} {
		f.Add(join(descriptor, vp9Data), uint16(32767), uint8(255))
	}
	f.Fuzz(func(t *testing.T, payload []byte, pictureID uint16, tl0 uint8) {
		d, err := codec.ParseVP9(payload)
		if err != nil {
			return
		}
		if int(d.HeaderBytes) >= len(payload) {
			t.Fatalf("a descriptor of %d bytes in %d", d.HeaderBytes, len(payload))
		}
		same := bytes.Clone(payload)
		if d.Put(same, d.PictureID, d.TL0PicIdx); !bytes.Equal(same, payload) {
			t.Fatalf("putting what was there made %x of %x", same, payload)
		}
		d.Put(same, pictureID, tl0)
		want := d
		if d.HasPictureID {
			want.PictureID = pictureID & 0x7F
			if d.LongPictureID {
				want.PictureID = pictureID & 0x7FFF
			}
		}
		if d.HasTL0PicIdx {
			want.TL0PicIdx = tl0
		}
		got, err := codec.ParseVP9(same)
		if err != nil || got != want {
			t.Fatalf("after Put: %+v, %v; want %+v", got, err, want)
		}
	})
}

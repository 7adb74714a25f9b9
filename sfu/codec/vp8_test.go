package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hiroba/sfu/codec"
)

// vp8Keyframe is the beginning of a keyframe of 320x180 as libvpx makes it; vp8Delta that of another frame.
var (
	vp8Keyframe = []byte{0x30, 0x51, 0x00, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xB4, 0x00, 0x00, 0x47}
	vp8Delta    = []byte{0x31, 0x51, 0x00, 0x12}
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestParseVP8ReadsEveryShapeOfDescriptor(t *testing.T) {
	tests := map[string]struct {
		payload []byte
		want    codec.VP8
	}{
		"no extension, as ffmpeg sends it": {
			join([]byte{0x10}, vp8Keyframe),
			codec.VP8{HeaderBytes: 1, Start: true, Keyframe: true, Width: 320, Height: 180},
		},
		"15-bit picture id, TL0PICIDX, TID and KEYIDX, as browsers send it": {
			join([]byte{0x90, 0xF0, 0xFF, 0xFF, 0xFE, 0x9F}, vp8Delta),
			codec.VP8{
				HeaderBytes: 6, HasPictureID: true, LongPictureID: true, PictureID: 32767,
				HasTL0PicIdx: true, TL0PicIdx: 254, HasTID: true, TID: 2, HasKeyIdx: true, KeyIdx: 31, Start: true,
			},
		},
		"layer sync of a discardable frame": {
			join([]byte{0xB0, 0xE0, 0x80, 0x01, 0x07, 0x60}, vp8Delta),
			codec.VP8{
				HeaderBytes: 6, HasPictureID: true, LongPictureID: true, PictureID: 1, HasTL0PicIdx: true, TL0PicIdx: 7,
				HasTID: true, TID: 1, LayerSync: true, NonReference: true, Start: true,
			},
		},
		"7-bit picture id": {
			join([]byte{0x90, 0x80, 0x7F}, vp8Keyframe),
			codec.VP8{
				HeaderBytes: 3, HasPictureID: true, PictureID: 127,
				Start: true, Keyframe: true, Width: 320, Height: 180,
			},
		},
		"no picture id, but TL0PICIDX": {
			join([]byte{0x90, 0x60, 0x05, 0x40}, vp8Delta),
			codec.VP8{HeaderBytes: 4, HasTL0PicIdx: true, TL0PicIdx: 5, HasTID: true, TID: 1, Start: true},
		},
		"KEYIDX alone: TID and Y are no fields": {
			join([]byte{0x90, 0x10, 0xE3}, vp8Delta),
			codec.VP8{HeaderBytes: 3, HasKeyIdx: true, KeyIdx: 3, Start: true},
		},
		"an extension without fields": {
			join([]byte{0x90, 0x00}, vp8Delta),
			codec.VP8{HeaderBytes: 2, Start: true},
		},
		"the middle of a keyframe looks like nothing": {
			join([]byte{0x00}, vp8Keyframe),
			codec.VP8{HeaderBytes: 1},
		},
		"the start of a later partition is no keyframe": {
			join([]byte{0x13}, vp8Keyframe),
			codec.VP8{HeaderBytes: 1, Start: true, PartitionIndex: 3},
		},
		"a keyframe too short to say its size": {
			[]byte{0x10, 0x30},
			codec.VP8{HeaderBytes: 1, Start: true, Keyframe: true},
		},
		"a keyframe without start code says no size": {
			join([]byte{0x10}, vp8Keyframe[:3], make([]byte, 7)),
			codec.VP8{HeaderBytes: 1, Start: true, Keyframe: true},
		},
		"scaling is no part of the size": {
			join([]byte{0x10}, vp8Keyframe[:6], []byte{0x40, 0x41, 0xB4, 0xC0}),
			codec.VP8{HeaderBytes: 1, Start: true, Keyframe: true, Width: 320, Height: 180},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := codec.ParseVP8(tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseVP8RefusesTruncatedDescriptors(t *testing.T) {
	whole := join([]byte{0x90, 0xF0, 0xFF, 0xFF, 0xFE, 0x9F}, vp8Delta[:1])
	for n := range len(whole) {
		if _, err := codec.ParseVP8(whole[:n]); !errors.Is(err, codec.ErrTruncated) {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
	if _, err := codec.ParseVP8(whole); err != nil {
		t.Errorf("whole: %v", err)
	}
}

func TestVP8PutKeepsTheShape(t *testing.T) {
	tests := map[string]struct {
		before, after []byte // descriptors
		pictureID     uint16
		tl0, keyIdx   uint8
	}{
		"all fields":                       {[]byte{0x90, 0xF0, 0x81, 0x02, 0x03, 0xA4}, []byte{0x90, 0xF0, 0xD2, 0x34, 0x56, 0xB7}, 0x5234, 0x56, 0x17},
		"15 bits stay 15 for small ids":    {[]byte{0x90, 0x80, 0xFF, 0xFF}, []byte{0x90, 0x80, 0x80, 0x00}, 0, 1, 1},
		"15 bits wrap":                     {[]byte{0x90, 0x80, 0xFF, 0xFF}, []byte{0x90, 0x80, 0x80, 0x00}, 32768, 1, 1},
		"7 bits stay 7 for large ids":      {[]byte{0x90, 0xC0, 0x7F, 0x01}, []byte{0x90, 0xC0, 0x00, 0x02}, 128, 2, 1},
		"TID and Y survive another KEYIDX": {[]byte{0x90, 0x30, 0xE0}, []byte{0x90, 0x30, 0xFF}, 9, 9, 0xFF},
		"no KEYIDX, although its byte":     {[]byte{0x90, 0x20, 0xE1}, []byte{0x90, 0x20, 0xE1}, 9, 9, 9},
		"no picture id":                    {[]byte{0x90, 0x40, 0x01}, []byte{0x90, 0x40, 0x09}, 8, 9, 9},
		"no extension":                     {[]byte{0x10}, []byte{0x10}, 8, 9, 9},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			payload := join(tt.before, vp8Keyframe)
			d, err := codec.ParseVP8(payload)
			if err != nil {
				t.Fatal(err)
			}
			d.Put(payload, tt.pictureID, tt.tl0, tt.keyIdx)
			if want := join(tt.after, vp8Keyframe); !bytes.Equal(payload, want) {
				t.Errorf("got %x, want %x", payload, want)
			}
		})
	}
}

func FuzzVP8(f *testing.F) {
	for _, descriptor := range [][]byte{
		{0x10},
		{0x90, 0x80, 0x7F},
		{0x90, 0x80, 0xFF, 0xFF},
		{0x90, 0xF0, 0xFF, 0xFF, 0xFE, 0x9F},
		{0x90, 0x60, 0x05, 0x40},
		{0xB0, 0x10, 0xE3},
	} {
		f.Add(join(descriptor, vp8Keyframe), uint16(127), uint8(255), uint8(31))
		f.Add(join(descriptor, vp8Delta), uint16(32767), uint8(0), uint8(0))
	}
	f.Fuzz(func(t *testing.T, payload []byte, pictureID uint16, tl0, keyIdx uint8) {
		d, err := codec.ParseVP8(payload)
		if err != nil {
			return
		}
		if int(d.HeaderBytes) >= len(payload) {
			t.Fatalf("a descriptor of %d bytes in %d", d.HeaderBytes, len(payload))
		}
		same := bytes.Clone(payload)
		if d.Put(same, d.PictureID, d.TL0PicIdx, d.KeyIdx); !bytes.Equal(same, payload) {
			t.Fatalf("putting what was there made %x of %x", same, payload)
		}
		d.Put(same, pictureID, tl0, keyIdx)
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
		if d.HasKeyIdx {
			want.KeyIdx = keyIdx & 0x1F
		}
		got, err := codec.ParseVP8(same)
		if err != nil || got != want {
			t.Fatalf("after Put: %+v, %v; want %+v", got, err, want)
		}
	})
}

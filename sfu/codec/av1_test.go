package codec_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hiroba/sfu/codec"
)

// OBUs without size fields, as they travel in RTP; the sequence headers are from libaom and SVT-AV1.
var (
	obuSequence320  = unhex("08200000043cfeccdaf92021a004")
	obuSequence1280 = unhex("080000002d4cffb3cfbf9004")
	obuFrame        = []byte{0x30, 0x10, 0x00, 0x84}
	obuTileGroup    = []byte{0x20, 0x01, 0x02}
	obuLayered      = []byte{0x34, 0x48, 0x10, 0x00} // temporal layer 2, spatial layer 1
)

// sized puts its length, below 128, in front of an OBU element.
func sized(element []byte) []byte { return join([]byte{byte(len(element))}, element) }

func TestParseAV1ReadsEveryShapeOfPayload(t *testing.T) {
	tests := map[string]struct {
		payload  []byte
		want     codec.AV1
		keyframe bool
	}{
		"keyframe in two counted elements, as browsers send it": {
			join([]byte{0x28}, sized(obuSequence320), obuFrame),
			codec.AV1{NewSequence: true, SequenceHeader: true, StartsFrame: true, Width: 320, Height: 180},
			true,
		},
		"keyframe with lengths everywhere, to be continued": {
			join([]byte{0x48}, sized(obuSequence1280), sized(obuFrame)),
			codec.AV1{
				ToContinue: true, NewSequence: true, SequenceHeader: true, StartsFrame: true, Width: 1280, Height: 720,
			},
			true,
		},
		"sequence header without N": {
			join([]byte{0x20}, sized(obuSequence320), obuFrame),
			codec.AV1{SequenceHeader: true, StartsFrame: true, Width: 320, Height: 180},
			true,
		},
		"sequence header with a size field of its own": {
			join([]byte{0x18, 0x0A, 0x0D}, obuSequence320[1:]),
			codec.AV1{NewSequence: true, SequenceHeader: true, StartsFrame: true, Width: 320, Height: 180},
			true,
		},
		"sequence header cut off by the end of the packet": {
			join([]byte{0x58}, obuSequence320[:5]),
			codec.AV1{ToContinue: true, NewSequence: true, SequenceHeader: true, StartsFrame: true},
			true,
		},
		"delta frame": {
			join([]byte{0x10}, obuFrame),
			codec.AV1{StartsFrame: true},
			false,
		},
		"the rest of an OBU is not read as one": {
			join([]byte{0x90}, obuSequence320),
			codec.AV1{Continues: true},
			false,
		},
		"the rest of an OBU and then a tile group": {
			join([]byte{0xA0}, sized([]byte{0xFF, 0xFF}), obuTileGroup),
			codec.AV1{Continues: true},
			false,
		},
		"layers in the extension header": {
			join([]byte{0x10}, obuLayered),
			codec.AV1{StartsFrame: true, HasLayers: true, TID: 2, SID: 1},
			false,
		},
		"extension header in the next packet": {
			[]byte{0x50, 0x34},
			codec.AV1{ToContinue: true},
			false,
		},
		"an empty element": {
			join([]byte{0x00, 0x00}, sized(obuFrame)),
			codec.AV1{StartsFrame: true},
			false,
		},
		"a length in more bytes than needed": {
			join([]byte{0x00, 0x84, 0x00}, obuFrame),
			codec.AV1{StartsFrame: true},
			false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := codec.ParseAV1(tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.StartsKeyframe() != tt.keyframe {
				t.Errorf("StartsKeyframe is %v", got.StartsKeyframe())
			}
		})
	}
}

func TestParseAV1RefusesBrokenPayloads(t *testing.T) {
	tests := []struct {
		name    string
		payload []byte
		want    error
	}{
		{"empty", nil, codec.ErrTruncated},
		{"aggregation header alone", []byte{0x10}, codec.ErrTruncated},
		{"a new sequence that continues", []byte{0x98, 0x08}, codec.ErrMalformed},
		{"forbidden bit", []byte{0x10, 0x88}, codec.ErrMalformed},
		{"element longer than the packet", []byte{0x00, 0x05, 0x30}, codec.ErrTruncated},
		{"second of two elements missing its length", []byte{0x30, 0x01, 0x30, 0x80}, codec.ErrTruncated},
		{"length without end", []byte{0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, codec.ErrTruncated},
		{"length of 4 GiB", []byte{0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x30}, codec.ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := codec.ParseAV1(tt.payload); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func FuzzAV1(f *testing.F) {
	f.Add(join([]byte{0x28}, sized(obuSequence320), obuFrame))
	f.Add(join([]byte{0x48}, sized(obuSequence1280), sized(obuFrame)))
	f.Add(join([]byte{0x18, 0x0A, 0x0D}, obuSequence320[1:]))
	f.Add(join([]byte{0xA0}, sized([]byte{0xFF, 0xFF}), obuTileGroup))
	f.Add(join([]byte{0x10}, obuLayered))
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := codec.ParseAV1(payload)
		if err != nil && got != (codec.AV1{}) {
			t.Fatalf("%+v with %v", got, err)
		}
		if (got.Width == 0) != (got.Height == 0) || got.Width > 0 && !got.SequenceHeader {
			t.Fatalf("a size of %dx%d, sequence header %v", got.Width, got.Height, got.SequenceHeader)
		}
	})
}

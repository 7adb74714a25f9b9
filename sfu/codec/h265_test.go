package codec_test

import (
	"errors"
	"testing"

	"hiroba/sfu/codec"
)

// The beginnings of NAL units as x265 makes them, of a stream of 320x180.
var (
	hevcVPS      = unhex("40010c01ffff01600000030090000003000003003c928090")
	hevcSPS      = unhex("42010101600000030090000003000003003ca00a080b9f7964a924caf0168080000003008000000f04")
	hevcPPS      = unhex("4401c172b46240")
	hevcAUD      = unhex("460110")
	hevcIDR      = unhex("2801af08596a88f9")
	hevcCRA      = unhex("2a01af08596a88f9")
	hevcBLA      = unhex("2001af08596a88f9")
	hevcDelta    = unhex("0201d0097e10c610")
	hevcDeltaTwo = unhex("020150097e10c610") // a second slice: first_slice_segment_in_pic_flag is 0
	hevcTSA      = unhex("0602d0097e10c610") // of the second temporal layer
	hevcSuffix   = unhex("500100ff")         // a suffix SEI message
)

func hevcAP(units ...[]byte) []byte {
	payload := []byte{48 << 1, 1}
	for _, u := range units {
		payload = append(payload, byte(len(u)>>8), byte(len(u)))
		payload = append(payload, u...)
	}
	return payload
}

// hevcFU is one of three fragments of a NAL unit: the first, a middle or the last one.
func hevcFU(unit []byte, bits byte) []byte {
	return join([]byte{unit[0]&0x81 | 49<<1, unit[1], bits | unit[0]>>1&0x3F}, unit[2:])
}

func TestParseH265FindsKeyframesInEveryLayout(t *testing.T) {
	tests := []struct {
		name     string
		payload  []byte
		keyframe bool
		starts   bool
		irap     bool
	}{
		{"VPS alone", hevcVPS, true, true, false},
		{"SPS alone: the VPS came before", hevcSPS, false, true, false},
		{"PPS alone", hevcPPS, false, true, false},
		{"IDR slice alone: the parameter sets are missing", hevcIDR, false, true, true},
		{"CRA slice alone", hevcCRA, false, true, true},
		{"BLA slice alone", hevcBLA, false, true, true},
		{"AP of the parameter sets", hevcAP(hevcVPS, hevcSPS, hevcPPS), true, true, false},
		{"AP of the parameter sets and an IDR slice", hevcAP(hevcVPS, hevcSPS, hevcPPS, hevcIDR), true, true, true},
		{"AP that begins with an AUD", hevcAP(hevcAUD, hevcVPS, hevcSPS, hevcPPS, hevcCRA), true, true, true},
		{"AP of a PPS and a BLA slice", hevcAP(hevcPPS, hevcBLA), false, true, true},
		{"first fragment of a VPS", hevcFU(hevcVPS, fuStart), true, true, false},
		{"later fragment of a VPS", hevcFU(hevcVPS, fuMiddle), false, false, false},
		{"first fragment of an IDR slice", hevcFU(hevcIDR, fuStart), false, true, true},
		{"last fragment of an IDR slice", hevcFU(hevcIDR, fuEnd), false, false, false},
		{"delta slice", hevcDelta, false, true, false},
		{"second slice of a delta frame", hevcDeltaTwo, false, false, false},
		{"first fragment of a second slice", hevcFU(hevcDeltaTwo, fuStart), false, false, false},
		{"AUD alone", hevcAUD, false, true, false},
		{"suffix SEI alone", hevcSuffix, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := codec.ParseH265(tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			if got.StartsKeyframe() != tt.keyframe || got.StartsFrame != tt.starts || got.IRAP != tt.irap {
				t.Errorf("keyframe %v, start %v, IRAP %v; want %v, %v, %v",
					got.StartsKeyframe(), got.StartsFrame, got.IRAP, tt.keyframe, tt.starts, tt.irap)
			}
		})
	}
}

func TestParseH265TellsTemporalLayers(t *testing.T) {
	for _, tt := range []struct {
		name     string
		payload  []byte
		tid      uint8
		switchUp bool
	}{
		{"lowest", hevcDelta, 0, false},
		{"TSA of the second", hevcTSA, 1, true},
		{"first fragment of it", hevcFU(hevcTSA, fuStart), 1, true},
		{"last fragment of it", hevcFU(hevcTSA, fuEnd), 1, true},
	} {
		got, err := codec.ParseH265(tt.payload)
		if err != nil || got.TID != tt.tid || got.SwitchUp != tt.switchUp {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestParseH265RefusesBrokenPayloads(t *testing.T) {
	for _, tt := range []struct {
		name    string
		payload []byte
		want    error
	}{
		{"empty", nil, codec.ErrTruncated},
		{"header alone", []byte{0x40, 1}, codec.ErrTruncated},
		{"forbidden bit", []byte{0xC0, 1, 2}, codec.ErrMalformed},
		{"temporal id 0", []byte{0x40, 0, 2}, codec.ErrMalformed},
		{"PACI", []byte{50 << 1, 1, 2, 3, 4}, codec.ErrUnsupported},
		{"FU without data", []byte{49 << 1, 1, 0x93}, codec.ErrTruncated},
		{"AP with half a length", []byte{48 << 1, 1, 0}, codec.ErrTruncated},
		{"AP with a unit of no bytes", []byte{48 << 1, 1, 0, 0}, codec.ErrTruncated},
		{"AP with a unit that is a header only", []byte{48 << 1, 1, 0, 2, 0x40, 1}, codec.ErrTruncated},
		{"AP with a unit too long", []byte{48 << 1, 1, 0, 4, 0x40, 1, 0}, codec.ErrTruncated},
		{"AP with a second unit too long", []byte{48 << 1, 1, 0, 3, 0x40, 1, 0, 0xFF, 0xFF, 0x42}, codec.ErrTruncated},
	} {
		if _, err := codec.ParseH265(tt.payload); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestParseH265ReadsTheSizeInTheSPS(t *testing.T) {
	// Two temporal sub-layers below the highest, one of them with a profile and one with a level.
	var layered bitString
	layered.put(8, 0b0000_010_1)
	for range 3 {
		layered.put(32, 0x01600000)
	}
	layered.put(4, 0b10_01)
	layered.put(12, 0)
	for range 3 {
		layered.put(32, 0x01600000)
	}
	layered.putGolomb(0, 1, 640, 368)
	layered.put(1, 1)
	layered.putGolomb(0, 0, 0, 4)
	layered.put(8, 0x80)
	for _, tt := range []struct {
		name          string
		sps           []byte
		width, height uint16
	}{
		{"main, cropped", hevcSPS, 320, 180},
		{"4:2:2 with 10 bits", unhex("4201010408000003009d08000003000078b003c08010e4d964a924caf0168080000003008000000f04"), 1920, 1080},
		{"4:4:4, cropped on both sides", unhex("42010104080000030" + "09e0800000300003f9000a0402d3bbcb2b2c9265780b4040000030004000003007820"), 638, 358},
		{"with sub-layers", join([]byte{0x42, 1}, escape(layered.bytes())), 640, 360},
		{"cut off", hevcSPS[:20], 0, 0},
		{"too short for anything", hevcSPS[:3], 0, 0},
	} {
		got, err := codec.ParseH265(hevcAP(hevcVPS, tt.sps, hevcPPS))
		if err != nil || got.Width != tt.width || got.Height != tt.height {
			t.Errorf("%s: %dx%d, %v; want %dx%d", tt.name, got.Width, got.Height, err, tt.width, tt.height)
		}
	}
}

func FuzzH265(f *testing.F) {
	for _, unit := range [][]byte{
		hevcVPS, hevcSPS, hevcPPS, hevcAUD, hevcIDR, hevcCRA, hevcBLA, hevcDelta, hevcTSA, hevcSuffix,
	} {
		f.Add(unit)
		f.Add(hevcAP(unit, hevcPPS))
		f.Add(hevcFU(unit, fuStart))
		f.Add(hevcFU(unit, fuEnd))
	}
	f.Add(unhex("4201010408000003009d08000003000078b003c08010e4d964a924caf0168080000003008000000f04"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := codec.ParseH265(payload)
		if err != nil && got != (codec.H265{}) {
			t.Fatalf("%+v with %v", got, err)
		}
		if (got.Width == 0) != (got.Height == 0) || got.Width > 0 && !got.SPS || got.TID > 6 {
			t.Fatalf("a size of %dx%d, SPS %v, temporal layer %d", got.Width, got.Height, got.SPS, got.TID)
		}
		if got.StartsKeyframe() && !got.StartsFrame {
			t.Fatalf("half a keyframe: %+v", got)
		}
	})
}

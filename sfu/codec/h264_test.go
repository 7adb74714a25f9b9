package codec_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"hiroba/sfu/codec"
)

// The beginnings of NAL units as x264 makes them, of a stream of 320x180.
var (
	nalSPS       = unhex("6742c00dd901419f9f0110000003001000000303c0f142a480")
	nalSmallSPS  = unhex("6742c01eda02") // no longer than this is possible, and must not be taken for too short
	nalPPS       = unhex("68cb83cb20")
	nalSEI       = unhex("0605ffff")
	nalAUD       = unhex("0910")
	nalIDR       = unhex("65888409")
	nalDelta     = unhex("419a3813")
	nalDeltaRest = unhex("41238113") // a second slice: first_mb_in_slice is not 0
	nalB         = unhex("019e6174")
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func stapA(units ...[]byte) []byte {
	payload := []byte{0x78}
	for _, u := range units {
		payload = append(payload, byte(len(u)>>8), byte(len(u)))
		payload = append(payload, u...)
	}
	return payload
}

// fuA is one of three fragments of a NAL unit: the first, a middle or the last one.
func fuA(unit []byte, bits byte) []byte {
	return join([]byte{unit[0]&0xE0 | 28, bits | unit[0]&0x1F}, unit[1:])
}

const fuStart, fuMiddle, fuEnd = 0x80, 0x00, 0x40

func TestParseH264FindsKeyframesInEveryLayout(t *testing.T) {
	tests := []struct {
		name     string
		payload  []byte
		keyframe bool
		starts   bool
	}{
		{"1 SPS alone", nalSPS, true, true},
		{"2 small SPS alone", nalSmallSPS, true, true},
		{"3 PPS alone", nalPPS, false, true},
		{"4 IDR slice alone: the parameter sets are missing", nalIDR, false, true},
		{"5 STAP-A of SPS and PPS", stapA(nalSPS, nalPPS), true, true},
		{"6 STAP-A of SPS, PPS and IDR slice", stapA(nalSPS, nalPPS, nalIDR), true, true},
		{"7 STAP-A that begins with AUD and SEI", stapA(nalAUD, nalSEI, nalSmallSPS, nalPPS), true, true},
		{"8 STAP-A of PPS and IDR slice", stapA(nalPPS, nalIDR), false, true},
		{"9 first fragment of an SPS", fuA(nalSPS[:8], fuStart), true, true},
		{"10 later fragment of an SPS", fuA(nalSPS[:8], fuMiddle), false, false},
		{"11 first fragment of an IDR slice", fuA(nalIDR, fuStart), false, true},
		{"12 last fragment of an IDR slice", fuA(nalIDR, fuEnd), false, false},
		{"13 delta slice", nalDelta, false, true},
		{"14 second slice of a delta frame", nalDeltaRest, false, false},
		{"15 first fragment of a second slice", fuA(nalDeltaRest, fuStart), false, false},
		{"16 SEI alone", nalSEI, false, true},
		{"17 NAL unit type without meaning here", []byte{0x6C, 0xFF}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := codec.ParseH264(tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			if got.StartsKeyframe() != tt.keyframe || got.StartsFrame != tt.starts {
				t.Errorf("keyframe %v, start %v; want %v, %v", got.StartsKeyframe(), got.StartsFrame, tt.keyframe, tt.starts)
			}
		})
	}
}

func TestParseH264TellsDiscardableFrames(t *testing.T) {
	tests := []struct {
		name    string
		payload []byte
		want    bool
	}{
		{"B frame", nalB, true},
		{"first fragment of a B frame", fuA(nalB, fuStart), true},
		{"later fragment of a B frame", fuA(nalB, fuMiddle), true},
		{"B frame behind AUD and SEI", stapA(nalAUD, nalSEI, nalB), true},
		{"referenced frame behind AUD", stapA(nalAUD, nalDelta), false},
		{"later fragment of a referenced frame", fuA(nalDelta, fuEnd), false},
		{"AUD alone says nothing", nalAUD, false},
		{"SEI alone says nothing", nalSEI, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := codec.ParseH264(tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			if got.NonReference != tt.want {
				t.Errorf("NonReference is %v", got.NonReference)
			}
		})
	}
}

func TestParseH264RefusesBrokenPayloads(t *testing.T) {
	tests := []struct {
		name    string
		payload []byte
		want    error
	}{
		{"empty", nil, codec.ErrTruncated},
		{"one byte", []byte{0x67}, codec.ErrTruncated},
		{"forbidden bit", []byte{0xE7, 1, 2}, codec.ErrMalformed},
		{"type 0", []byte{0x60, 1}, codec.ErrUnsupported},
		{"STAP-B", []byte{0x79, 0, 0, 0, 1, 0x67}, codec.ErrUnsupported},
		{"FU-B", []byte{0x7D, 0x85, 0, 0, 1}, codec.ErrUnsupported},
		{"FU-A without data", []byte{0x7C, 0x87}, codec.ErrTruncated},
		{"STAP-A with half a length", []byte{0x78, 0}, codec.ErrTruncated},
		{"STAP-A with a unit of no bytes", []byte{0x78, 0, 0}, codec.ErrTruncated},
		{"STAP-A with a unit too long", []byte{0x78, 0, 3, 0x67, 0x42}, codec.ErrTruncated},
		{"STAP-A with a second unit too long", []byte{0x78, 0, 1, 0x67, 0xFF, 0xFF, 0x68}, codec.ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := codec.ParseH264(tt.payload); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestParseH264ReadsTheSizeInTheSPS(t *testing.T) {
	tests := []struct {
		name          string
		sps           []byte
		width, height uint16
	}{
		{"baseline, cropped", nalSPS, 320, 180},
		{"high, cropped on both sides", unhex("67640028acd940780227a9b0110000030001000003003c0f183196"), 1918, 1078},
		{"high, interlaced", unhex("67640028acd94078044fde0220000003002000000783e2c5b2c0"), 1920, 1080},
		{"4:2:2 with 10 bits", unhex("677a001eb6cd940b435f8dc044000003000400000300f03c58b658"), 720, 404},
		{"4:4:4", unhex("67f4001e919b281405ff138088000003000800000301e078b16cb0"), 640, 360},
		{"cut off", nalSPS[:6], 0, 0},
		{"too short for anything", nalSPS[:1:1], 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := codec.ParseH264(stapA(tt.sps, nalPPS))
			if err != nil {
				t.Fatal(err)
			}
			if got.Width != tt.width || got.Height != tt.height {
				t.Errorf("%dx%d, want %dx%d", got.Width, got.Height, tt.width, tt.height)
			}
		})
	}
}

func FuzzH264(f *testing.F) {
	for _, unit := range [][]byte{nalSPS, nalSmallSPS, nalPPS, nalSEI, nalAUD, nalIDR, nalDelta, nalB} {
		f.Add(unit)
		f.Add(stapA(unit, nalPPS))
		f.Add(fuA(unit, fuStart))
		f.Add(fuA(unit, fuEnd))
	}
	f.Add(unhex("67640028acd94078044fde0220000003002000000783e2c5b2c0"))
	f.Add(unhex("67f4001e919b281405ff138088000003000800000301e078b16cb0"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := codec.ParseH264(payload)
		if err != nil && got != (codec.H264{}) {
			t.Fatalf("%+v with %v", got, err)
		}
		if (got.Width == 0) != (got.Height == 0) || got.Width > 0 && !got.SPS {
			t.Fatalf("a size of %dx%d, SPS %v", got.Width, got.Height, got.SPS)
		}
	})
}

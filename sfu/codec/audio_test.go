package codec_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hiroba/sfu/codec"
)

func TestParseOpusReadsTheFirstByte(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name     string
		payload  []byte
		want     codec.Opus
		duration time.Duration
	}{
		{"20 ms of music, as browsers send it", []byte{0xFC, 1, 2}, codec.Opus{Stereo: true, Frames: 1, FrameDuration: 20 * ms}, 20 * ms},
		{"20 ms of speech", []byte{0x78, 1, 2}, codec.Opus{Frames: 1, FrameDuration: 20 * ms}, 20 * ms},
		{"60 ms of narrow-band speech", []byte{0x18, 1, 2}, codec.Opus{Frames: 1, FrameDuration: 60 * ms}, 60 * ms},
		{"10 ms hybrid", []byte{0x60, 1, 2}, codec.Opus{Frames: 1, FrameDuration: 10 * ms}, 10 * ms},
		{"2.5 ms", []byte{0x80, 1, 2}, codec.Opus{Frames: 1, FrameDuration: 2500 * time.Microsecond}, 2500 * time.Microsecond},
		{"two frames", []byte{0x79, 1, 2}, codec.Opus{Frames: 2, FrameDuration: 20 * ms}, 40 * ms},
		{"two frames of different size", []byte{0x7A, 1, 2}, codec.Opus{Frames: 2, FrameDuration: 20 * ms}, 40 * ms},
		{"counted frames", []byte{0x7B, 0x86, 2}, codec.Opus{Frames: 6, FrameDuration: 20 * ms}, 120 * ms},
		{"DTX of one byte", []byte{0x78}, codec.Opus{Frames: 1, FrameDuration: 20 * ms, DTX: true}, 20 * ms},
		{"DTX of two bytes", []byte{0x78, 0x00}, codec.Opus{Frames: 1, FrameDuration: 20 * ms, DTX: true}, 20 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := codec.ParseOpus(tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want || got.Duration() != tt.duration {
				t.Errorf("got %+v of %v, want %+v of %v", got, got.Duration(), tt.want, tt.duration)
			}
		})
	}
}

func TestParseOpusRefusesBrokenPackets(t *testing.T) {
	for _, tt := range []struct {
		payload []byte
		want    error
	}{
		{nil, codec.ErrTruncated},
		{[]byte{0x7B}, codec.ErrTruncated},
		{[]byte{0x7B, 0x80, 1}, codec.ErrMalformed}, // no frames
		{[]byte{0x7B, 0x87, 1}, codec.ErrMalformed}, // 140 ms
	} {
		if _, err := codec.ParseOpus(tt.payload); !errors.Is(err, tt.want) {
			t.Errorf("%x: got %v, want %v", tt.payload, err, tt.want)
		}
	}
}

func FuzzOpus(f *testing.F) {
	f.Add([]byte{0x78, 0x00})
	f.Add([]byte{0x7B, 0x86, 2})
	f.Fuzz(func(t *testing.T, payload []byte) {
		o, err := codec.ParseOpus(payload)
		if err == nil && (o.Duration() <= 0 || o.Duration() > 120*time.Millisecond) {
			t.Fatalf("%x lasts %v", payload, o.Duration())
		}
	})
}

func TestREDWalksItsBlocks(t *testing.T) {
	tests := map[string]struct {
		payload []byte
		want    []codec.REDBlock
	}{
		"primary alone": {
			[]byte{0x6F, 1, 2, 3},
			[]codec.REDBlock{{PayloadType: 111, Primary: true, Data: []byte{1, 2, 3}}},
		},
		"one redundant block, as browsers send it": {
			[]byte{0xEF, 0x0F, 0x00, 0x02, 0x6F, 1, 2, 3},
			[]codec.REDBlock{
				{PayloadType: 111, TimestampOffset: 960, Data: []byte{1, 2}},
				{PayloadType: 111, Primary: true, Data: []byte{3}},
			},
		},
		"two, the older one of no bytes": {
			[]byte{0xEF, 0x1E, 0x00, 0x00, 0xEF, 0x0F, 0x00, 0x01, 0x6F, 1, 2},
			[]codec.REDBlock{
				{PayloadType: 111, TimestampOffset: 1920, Data: []byte{}},
				{PayloadType: 111, TimestampOffset: 960, Data: []byte{1}},
				{PayloadType: 111, Primary: true, Data: []byte{2}},
			},
		},
		"largest offset": {
			[]byte{0x80, 0xFF, 0xFC, 0x00, 0x00},
			[]codec.REDBlock{{TimestampOffset: 16383, Data: []byte{}}, {Primary: true, Data: []byte{}}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := codec.ParseRED(tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			var got []codec.REDBlock
			for b, ok := r.Next(); ok; b, ok = r.Next() {
				got = append(got, b)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPutREDPayloadTypesLeavesTheRest(t *testing.T) {
	for _, tt := range []struct{ payload, want []byte }{
		{[]byte{0x6F, 1, 2, 3}, []byte{0x2A, 1, 2, 3}},
		{[]byte{0xEF, 0x0F, 0x00, 0x02, 0x6F, 0x6F, 2, 3}, []byte{0xAA, 0x0F, 0x00, 0x02, 0x2A, 0x6F, 2, 3}},
		{
			[]byte{0xEF, 0x1E, 0x00, 0x00, 0xEF, 0x0F, 0x00, 0x01, 0x6F, 1, 2},
			[]byte{0xAA, 0x1E, 0x00, 0x00, 0xAA, 0x0F, 0x00, 0x01, 0x2A, 1, 2},
		},
		{nil, nil},
		{[]byte{0xEF, 0, 0}, []byte{0xAA, 0, 0}}, // not RED: nothing is written outside
	} {
		codec.PutREDPayloadTypes(tt.payload, 42)
		if diff := cmp.Diff(tt.want, tt.payload); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestParseREDRefusesBrokenPayloads(t *testing.T) {
	endless := make([]byte, 0, 4*20)
	for range 20 {
		endless = append(endless, 0x80, 0, 0, 0)
	}
	for _, tt := range []struct {
		payload []byte
		want    error
	}{
		{nil, codec.ErrTruncated},
		{[]byte{0x80}, codec.ErrTruncated},
		{[]byte{0x80, 0, 0}, codec.ErrTruncated},
		{[]byte{0x80, 0, 0, 0}, codec.ErrTruncated},                   // no primary
		{[]byte{0x80, 0, 0, 2, 0x6F, 1}, codec.ErrTruncated},          // block overflow
		{[]byte{0x80, 0, 0x03, 0xFF, 0x6F, 1, 2}, codec.ErrTruncated}, // the same, by far
		{endless, codec.ErrMalformed},
	} {
		if _, err := codec.ParseRED(tt.payload); !errors.Is(err, tt.want) {
			t.Errorf("%x: got %v, want %v", tt.payload, err, tt.want)
		}
	}
}

func FuzzRED(f *testing.F) {
	f.Add([]byte{0x6F, 1, 2, 3})
	f.Add([]byte{0xEF, 0x1E, 0x00, 0x00, 0xEF, 0x0F, 0x00, 0x01, 0x6F, 1, 2})
	f.Add([]byte{0x80, 0, 0x03, 0xFF, 0x6F, 1, 2})
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := codec.ParseRED(payload)
		if err != nil {
			return
		}
		headers, data, primary := 0, 0, false
		newest := r.Primary() // looks without walking on
		var last []byte
		for b, ok := r.Next(); ok; b, ok = r.Next() {
			if primary {
				t.Fatal("a block behind the primary one")
			}
			primary = b.Primary
			headers += 4
			data += len(b.Data)
			last = b.Data
		}
		if !bytes.Equal(newest, last) {
			t.Fatalf("the primary block is %x, then %x", newest, last)
		}
		if !primary || headers-3+data != len(payload) {
			t.Fatalf("%d bytes of headers and %d of data, primary %v, in %x", headers-3, data, primary, payload)
		}
	})
}

func TestParseAudioLevel(t *testing.T) {
	for _, tt := range []struct {
		ext   []byte
		level uint8
		voice bool
	}{
		{[]byte{0x80}, 0, true},
		{[]byte{0x7F}, 127, false},
		{[]byte{0x9E, 0x00}, 30, true}, // with padding, as some send it in the two-byte form
	} {
		level, voice, err := codec.ParseAudioLevel(tt.ext)
		if err != nil || level != tt.level || voice != tt.voice {
			t.Errorf("%x: got %d, %v, %v", tt.ext, level, voice, err)
		}
	}
	if _, _, err := codec.ParseAudioLevel(nil); !errors.Is(err, codec.ErrTruncated) {
		t.Errorf("nothing: got %v", err)
	}
}

func FuzzAudioLevel(f *testing.F) {
	f.Add([]byte{0x9E})
	f.Fuzz(func(t *testing.T, ext []byte) {
		if level, _, err := codec.ParseAudioLevel(ext); level > 127 || (err == nil) != (len(ext) > 0) {
			t.Fatalf("%x: %d, %v", ext, level, err)
		}
	})
}

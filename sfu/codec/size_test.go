package codec_test

import (
	"fmt"
	"testing"

	"hiroba/sfu/codec"
)

// putGolomb writes ue(v) (H.264, section 9.1).
func (b *bitString) putGolomb(values ...int) {
	for _, v := range values {
		b.put(2*len(fmt.Sprintf("%b", v+1))-1, v+1)
	}
}

// putSignedGolomb writes se(v) (H.264, section 9.1.1).
func (b *bitString) putSignedGolomb(v int) {
	if v > 0 {
		b.putGolomb(2*v - 1)
		return
	}
	b.putGolomb(-2 * v)
}

// escape puts the emulation prevention bytes in (H.264, section 7.4.1.1).
func escape(b []byte) []byte {
	var out []byte
	zeros := 0
	for _, v := range b {
		if zeros == 2 && v <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; v != 0 {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

func TestParseH264ReadsRareParameterSets(t *testing.T) {
	tests := map[string]struct {
		write         func(b *bitString)
		width, height uint16
	}{
		"scaling lists": {func(b *bitString) {
			b.put(24, 100<<16)
			b.putGolomb(0, 1, 0, 0)
			b.put(2, 0b01)
			for list := range 8 {
				size := 16
				if list >= 6 {
					size = 64
				}
				switch list {
				case 1: // the default: its first value is 0
					b.put(1, 1)
					b.putSignedGolomb(-8)
				case 2: // one value for all: the second is 0
					b.put(1, 1)
					b.putSignedGolomb(120)
					b.putSignedGolomb(-128)
				case 3:
					b.put(1, 0)
				default:
					b.put(1, 1)
					for i := range size {
						b.putSignedGolomb(i%5 - 1)
					}
				}
			}
			b.putGolomb(0, 2, 1)
			b.put(1, 0)
			b.putGolomb(79, 44)
			b.put(3, 0b110)
			b.put(8, 0x80)
		}, 1280, 720},
		"picture order count of type 1": {func(b *bitString) {
			b.put(24, 66<<16)
			b.putGolomb(0, 0, 1)
			b.put(1, 0)
			b.putSignedGolomb(-3)
			b.putSignedGolomb(2)
			b.putGolomb(2)
			b.putSignedGolomb(4)
			b.putSignedGolomb(-40000)
			b.putGolomb(1)
			b.put(1, 0)
			b.putGolomb(19, 14)
			b.put(3, 0b110)
			b.put(8, 0x80)
		}, 320, 240},
		"monochrome, cropped by single pixels": {func(b *bitString) {
			b.put(24, 100<<16)
			b.putGolomb(0, 0, 0, 0)
			b.put(2, 0)
			b.putGolomb(0, 2, 1)
			b.put(1, 0)
			b.putGolomb(19, 14)
			b.put(3, 0b111)
			b.putGolomb(1, 2, 3, 4)
			b.put(8, 0x80)
		}, 317, 233},
		"4:4:4 in separate planes": {func(b *bitString) {
			b.put(24, 244<<16)
			b.putGolomb(0, 3)
			b.put(1, 1)
			b.putGolomb(0, 0)
			b.put(2, 0)
			b.putGolomb(0, 2, 1)
			b.put(1, 0)
			b.putGolomb(19, 14)
			b.put(3, 0b110)
			b.put(8, 0x80)
		}, 320, 240},
		"more cropped than there is": {func(b *bitString) {
			b.put(24, 66<<16)
			b.putGolomb(0, 0, 2, 1)
			b.put(1, 0)
			b.putGolomb(0, 0)
			b.put(3, 0b111)
			b.putGolomb(8, 0, 0, 0)
			b.put(8, 0x80)
		}, 0, 0},
		"larger than anything": {func(b *bitString) {
			b.put(24, 66<<16)
			b.putGolomb(0, 0, 2, 1)
			b.put(1, 0)
			b.putGolomb(1<<31, 1<<31)
			b.put(3, 0b110)
			b.put(8, 0x80)
		}, 0, 0},
		"a cycle without end": {func(b *bitString) {
			b.put(24, 66<<16)
			b.putGolomb(0, 0, 1)
			b.put(1, 0)
			b.putGolomb(0, 0, 1<<32-2)
			b.put(8, 0x80)
		}, 0, 0},
		"a number without end": {func(b *bitString) {
			b.put(24, 66<<16)
			for range 10 {
				b.put(32, 0)
			}
		}, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b bitString
			tt.write(&b)
			got, err := codec.ParseH264(append([]byte{0x67}, escape(b.bytes())...))
			if err != nil || !got.SPS {
				t.Fatalf("%+v, %v", got, err)
			}
			if got.Width != tt.width || got.Height != tt.height {
				t.Errorf("%dx%d, want %dx%d", got.Width, got.Height, tt.width, tt.height)
			}
		})
	}
}

func TestParseAV1ReadsRareSequenceHeaders(t *testing.T) {
	size := func(b *bitString, bits, width, height int) {
		b.put(4, bits-1)
		b.put(4, bits-1)
		b.put(bits, width-1)
		b.put(bits, height-1)
	}
	tests := map[string]struct {
		write         func(b *bitString)
		width, height uint16
	}{
		"reduced still picture": {func(b *bitString) {
			b.put(5, 0b00011)
			b.put(5, 8)
			size(b, 11, 1920, 1080)
		}, 1920, 1080},
		"timing, decoder model and three operating points": {func(b *bitString) {
			b.put(5, 0)
			b.put(1, 1)
			b.put(32, 1)
			b.put(32, 30)
			b.put(1, 1)
			b.putGolomb(0)
			b.put(1, 1)
			b.put(5, 9)
			b.put(32, 1)
			b.put(10, 0)
			b.put(1, 1)
			b.put(5, 2)
			for i := range 3 {
				b.put(12, 0x103)
				b.put(5, 8)
				b.put(1, 0) // tier
				b.put(1, i&1)
				if i&1 == 1 {
					b.put(21, 5)
				}
				b.put(1, 1)
				b.put(4, 3)
			}
			size(b, 12, 1280, 720)
		}, 1280, 720},
		"largest": {func(b *bitString) {
			b.put(5, 0b00011)
			b.put(5, 8)
			size(b, 16, 65536, 65536)
		}, 65535, 65535},
		"cut off": {func(b *bitString) {
			b.put(5, 0b00011)
			b.put(5, 8)
			b.put(8, 0xFF)
			b.put(16, 1)
		}, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b bitString
			tt.write(&b)
			got, err := codec.ParseAV1(append([]byte{0x18, 0x08}, b.bytes()...))
			if err != nil || !got.SequenceHeader {
				t.Fatalf("%+v, %v", got, err)
			}
			if got.Width != tt.width || got.Height != tt.height {
				t.Errorf("%dx%d, want %dx%d", got.Width, got.Height, tt.width, tt.height)
			}
		})
	}
}

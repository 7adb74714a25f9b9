package seqnum_test

import (
	"math"
	"testing"

	"hiroba/sfu/seqnum"
)

func TestCounterUnrollsEveryWidth(t *testing.T) {
	tests := []struct {
		name   string
		bits   uint8
		values []uint32
		want   []int64
	}{
		{"7-bit picture id", 7, []uint32{126, 127, 0, 1, 127}, []int64{126, 127, 128, 129, 127}},
		{"8-bit TL0PICIDX", 8, []uint32{255, 0, 255, 1}, []int64{255, 256, 255, 257}},
		{"15-bit picture id", 15, []uint32{32766, 32767, 0, 2}, []int64{32766, 32767, 32768, 32770}},
		{"bits above are not read", 7, []uint32{0xFFFFFFFF, 0x80}, []int64{127, 128}},
		{"timestamp", 32, []uint32{math.MaxUint32, 2999, math.MaxUint32}, []int64{math.MaxUint32, math.MaxUint32 + 3000, math.MaxUint32}},
		{"before the first", 15, []uint32{0, 32767}, []int64{0, -1}},
		{"late values do not lead back", 7, []uint32{0, 60, 10, 120, 60, 57}, []int64{0, 60, 10, 120, 60, 57}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := seqnum.NewCounter(tt.bits)
			for i, v := range tt.values {
				if got := c.Extend(v); got != tt.want[i] {
					t.Fatalf("value %d: Extend(%d) = %d, want %d", i, v, got, tt.want[i])
				}
			}
			c.Reset()
			if got := c.Extend(5); got != 5 {
				t.Errorf("after Reset: got %d", got)
			}
		})
	}
}

func TestNewCounterRefusesImpossibleWidths(t *testing.T) {
	for _, bits := range []uint8{0, 33} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("NewCounter(%d) did not panic", bits)
				}
			}()
			seqnum.NewCounter(bits)
		}()
	}
}

func TestDistanceIsSigned(t *testing.T) {
	tests := []struct {
		bits     uint8
		from, to uint32
		want     int64
	}{
		{16, 65535, 0, 1},
		{16, 0, 65535, -1},
		{16, 0, 32767, 32767},
		{16, 0, 32768, -32768},
		{15, 32767, 1, 2},
		{7, 1, 127, -2},
		{32, math.MaxUint32, 0, 1},
		{32, 0, 1 << 31, math.MinInt32},
		{1, 0, 1, -1},
	}
	for _, tt := range tests {
		if got := seqnum.Distance(tt.bits, tt.from, tt.to); got != tt.want {
			t.Errorf("Distance(%d, %d, %d) = %d, want %d", tt.bits, tt.from, tt.to, got, tt.want)
		}
	}
}

package rtptime_test

import (
	"testing"
	"time"

	"hiroba/sfu/rtptime"
)

func TestNTPCountsFrom1900(t *testing.T) {
	tests := []struct {
		time string
		want rtptime.NTP
	}{
		{"1970-01-01T00:00:00Z", 2208988800 << 32},
		{"2026-11-22T12:00:00.5Z", 0xEEAD57C0_80000000},
		{"2036-02-07T06:28:15Z", 0xFFFFFFFF_00000000},
		{"2036-02-07T06:28:16Z", 0},
		{"2036-02-07T06:28:16.25Z", 0x40000000},
		{"2104-02-26T09:42:23Z", 0x7FFFFFFF_00000000},
	}
	for _, tt := range tests {
		at, err := time.Parse(time.RFC3339Nano, tt.time)
		if err != nil {
			t.Fatal(err)
		}
		if got := rtptime.NewNTP(at); got != tt.want {
			t.Errorf("NewNTP(%s) = %x, want %x", tt.time, uint64(got), uint64(tt.want))
		}
		if got := tt.want.Time(); !got.Equal(at) {
			t.Errorf("%x is %v, want %s", uint64(tt.want), got.UTC(), tt.time)
		}
	}
}

func TestNTPKeepsNanoseconds(t *testing.T) {
	for _, ns := range []int64{0, 1, 2, 499_999_999, 999_999_998, 999_999_999} {
		at := time.Unix(1_800_000_000, ns)
		if got := rtptime.NewNTP(at).Time(); !got.Equal(at) {
			t.Errorf("%d ns became %d", ns, got.Nanosecond())
		}
	}
}

func TestNTPSubNeedsNoEra(t *testing.T) {
	tests := []struct {
		n, o rtptime.NTP
		want time.Duration
	}{
		{0x2_80000000, 0x1_00000000, 1500 * time.Millisecond},
		{0x1_00000000, 0x2_80000000, -1500 * time.Millisecond},
		{0x40000000, 0xFFFFFFFF_C0000000, 500 * time.Millisecond},
		{0xFFFFFFFF_C0000000, 0x40000000, -500 * time.Millisecond},
		{7, 7, 0},
	}
	for _, tt := range tests {
		if got := tt.n.Sub(tt.o); got != tt.want {
			t.Errorf("%x - %x = %v, want %v", uint64(tt.n), uint64(tt.o), got, tt.want)
		}
	}
	if got := rtptime.NTP(0x11112222_33334444).Middle(); got != 0x22223333 {
		t.Errorf("the middle is %x", got)
	}
}

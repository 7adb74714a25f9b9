package synthetic

import "testing"

func TestToneOfFindsEveryTone(t *testing.T) {
	for i := range Tones {
		source := NewTone(i)
		for n := range 120 {
			f := source.Next(false)
			if len(f.Payloads) != 1 || f.Duration != 960 || f.Level != toneLevel || !f.Voice {
				t.Fatalf("tone %d, packet %d: %+v", i, n, f)
			}
			// CELT or hybrid or SILK of 20 ms, one frame (RFC 6716, section 3.1).
			toc := f.Payloads[0][0]
			if toc&3 != 0 || frameMs(toc) != 20 {
				t.Fatalf("tone %d: TOC %08b", i, toc)
			}
			if got, ok := ToneOf(f.Payloads[0]); !ok || got != i {
				t.Fatalf("tone %d, packet %d is taken for %d, %v", i, n, got, ok)
			}
		}
	}
}

// frameMs is the frame length of a TOC byte, rounded down (RFC 6716, section 3.1).
func frameMs(toc byte) int {
	switch config := toc >> 3; {
	case config < 12:
		return [4]int{10, 20, 40, 60}[config%4]
	case config < 16:
		return [2]int{10, 20}[config%2]
	default:
		return [4]int{2, 5, 10, 20}[config%4]
	}
}

func TestToneSilenceAndDTX(t *testing.T) {
	source := NewTone(0)
	source.SetSound(Silent)
	f := source.Next(false)
	if _, ok := ToneOf(f.Payloads[0]); ok || f.Level != 127 || f.Voice {
		t.Errorf("silence: %+v", f)
	}
	source.SetSound(Discontinuous)
	sent := 0
	for range 100 {
		f := source.Next(false)
		if f.Duration != 960 {
			t.Fatalf("duration %d", f.Duration)
		}
		sent += len(f.Payloads)
	}
	if sent != 5 {
		t.Errorf("%d packets in 2 s of DTX, want 5", sent)
	}
}

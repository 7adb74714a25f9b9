package tap

import (
	"testing"
	"time"

	"hiroba/sfu/media"
)

func at(d time.Duration) int64 { return time.Unix(1_800_000_000, 0).Add(d).UnixNano() }

// TestStreamCountsByNumber sends sequence numbers and compares what was made of them.
func TestStreamCountsByNumber(t *testing.T) {
	for _, c := range []struct {
		name    string
		numbers []uint16
		want    Counts
	}{
		{"in order over the wrap", []uint16{65534, 65535, 0, 1}, Counts{Packets: 4, Expected: 4}},
		{"a gap", []uint16{10, 11, 14}, Counts{Packets: 3, Expected: 5}},
		{"filled late", []uint16{10, 12, 11}, Counts{Packets: 3, Expected: 3, Reordered: 1}},
		{"twice", []uint16{10, 11, 11, 10}, Counts{Packets: 2, Expected: 2, Duplicates: 2}},
		{"a gap wider than the window", []uint16{10, 110}, Counts{Packets: 2, Expected: 101}},
		{"too late to tell", []uint16{10, 110, 20}, Counts{Packets: 2, Expected: 101, Duplicates: 1}},
		{"a jump", []uint16{10, 20000, 20001}, Counts{Packets: 3, Expected: 3, Jumps: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &stream{}
			for _, seq := range c.numbers {
				s.handle(header{seq: seq}, 0, false)
			}
			if s.counts != c.want {
				t.Errorf("%+v, want %+v", s.counts, c.want)
			}
			if lost := s.counts.Lost(); lost != c.want.Expected-c.want.Packets {
				t.Errorf("%d lost", lost)
			}
		})
	}
}

func TestStreamTellsInjectedLossFromLoss(t *testing.T) {
	s := &stream{}
	for seq := range uint16(100) {
		if seq%10 == 5 {
			continue // lost on the way
		}
		s.handle(header{seq: seq}, 100, seq%10 == 7)
	}
	if s.counts.Packets != 80 || s.counts.Injected != 10 || s.counts.Lost() != 10 || s.counts.Bytes != 8000 {
		t.Errorf("%+v, %d lost", s.counts, s.counts.Lost())
	}
}

func TestStreamFindsFreezes(t *testing.T) {
	s := &stream{journal: NewJournal(1)}
	now := time.Duration(0)
	frames := func(n int, every time.Duration) {
		for range n {
			now += every
			s.frame(at(now))
		}
	}
	frames(60, 33*time.Millisecond)
	frames(1, 150*time.Millisecond) // late, but no freeze
	frames(30, 33*time.Millisecond)
	if s.counts.Freezes != 0 {
		t.Fatalf("%d freezes before any", s.counts.Freezes)
	}
	frames(1, 400*time.Millisecond)
	frames(30, 33*time.Millisecond)
	if s.counts.Freezes != 1 || s.counts.Frozen != 400*time.Millisecond {
		t.Errorf("%d freezes, %v", s.counts.Freezes, s.counts.Frozen)
	}
	s.journal.Pause() // the camera was off
	frames(1, 3*time.Second)
	frames(30, 33*time.Millisecond)
	if s.counts.Freezes != 1 || s.counts.Frames != 153 {
		t.Errorf("%d freezes, %d frames", s.counts.Freezes, s.counts.Frames)
	}
}

// TestStreamFindsTheOffsetOfItsNumbers sends bursts of packets that arrive late and together, and some in time: the
// latency must be exact as soon as one came before the next was sent.
func TestStreamFindsTheOffsetOfItsNumbers(t *testing.T) {
	const delay = 3 * time.Millisecond
	j, s := NewJournal(1), &stream{}
	begin := time.Unix(1_800_000_000, 0)
	var checked int
	for frame := range 200 {
		for i := range 6 {
			sent := begin.Add(time.Duration(frame)*33*time.Millisecond + time.Duration(i)*time.Millisecond)
			seq := uint16(65_500 + frame*6 + i) // wraps
			j.Sent(seq, sent)
			if frame == 0 && i < 3 {
				continue // the seat was taken in the middle of a frame
			}
			arrived := sent.Add(delay).UnixNano()
			if s.since == 0 {
				s.sit(7, j, arrived)
			}
			d, ok := s.latency(seq-1234, arrived)
			if !ok {
				continue
			}
			checked++
			if d != delay {
				t.Fatalf("frame %d, packet %d: %v, want %v", frame, i, d, delay)
			}
		}
	}
	if checked < 600 {
		t.Errorf("only %d packets have a latency", checked)
	}
}

func TestHeaderIsRead(t *testing.T) {
	b := []byte{0x81, 0x80 | 96, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0, 6, 0xff}
	want := header{ssrc: 5, csrc: 6, seq: 0x1234, payloadType: 96, marker: true}
	if h, ok := parseHeader(b); !ok || h != want {
		t.Errorf("%+v %v, want %+v", h, ok, want)
	}
	for n := range 16 {
		if _, ok := parseHeader(b[:n]); ok {
			t.Errorf("%d bytes are a header", n)
		}
	}
	if !isMedia(b) || isRTCP(b) || !isRTCP([]byte{0x80, 200}) || isMedia([]byte{0, 1}) || isMedia([]byte{22}) || isMedia(nil) {
		t.Error("RFC 7983 is not followed")
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte{0x81, 0x80 | 96, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0, 6, 0xff})
	f.Fuzz(func(_ *testing.T, b []byte) {
		if isMedia(b) && !isRTCP(b) {
			s := &stream{kind: media.Video}
			if h, ok := parseHeader(b); ok {
				s.handle(h, len(b), false)
			}
		}
	})
}

func TestHistogramIsExactToTwoPercent(t *testing.T) {
	var h, earlier Histogram
	for us := range 100_000 {
		h.Record(time.Duration(us) * time.Microsecond)
	}
	for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 1} {
		got, want := h.Quantile(q).Seconds(), q*0.1
		if got < want*0.98 || got > want*1.02 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	earlier = h
	h.Record(time.Hour)
	h.Record(-time.Second)
	h.Sub(&earlier)
	if h.Count() != 2 || h.Quantile(0) != 0 || h.Quantile(1) < 30*time.Second {
		t.Errorf("count %d, from %v to %v", h.Count(), h.Quantile(0), h.Quantile(1))
	}
	for bucket := range buckets {
		if us := uint64(upperBound(bucket) / time.Microsecond); bucketOf(us) != bucket {
			t.Fatalf("bucket %d ends at %d µs, which is in bucket %d", bucket, us, bucketOf(us))
		}
	}
}

package ingress_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"hiroba/sfu/ingress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func newStream(kind media.Kind) *ingress.Stream {
	cfg := ingress.Config{Kind: kind, Extensions: packet.ExtensionIDs{AudioLevel: 1, DependencyDescriptor: 12}}
	cfg.Codecs[96], cfg.Codecs[111], cfg.Codecs[63] = media.VP8, media.Opus, media.RED
	return ingress.New(cfg)
}

var (
	keyframe = []byte{0x10, 0x00, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00}
	inter    = []byte{0x10, 0x01, 0x00, 0x00}
)

func vp8(t testing.TB, seq uint16, payload []byte) *packet.Packet {
	return parse(t, rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: uint32(seq) * 3000}, payload)
}

func parse(t testing.TB, h rtp.Header, payload []byte) *packet.Packet {
	t.Helper()
	raw, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	p := packet.New()
	p.SetLen(copy(p.Buffer(), raw))
	return p
}

func accept(t *testing.T, s *ingress.Stream, now time.Time, p *packet.Packet) ingress.Result {
	t.Helper()
	result, reason, ok := s.HandleRTP(now, p)
	if !ok {
		t.Fatalf("dropped: %v", reason)
	}
	return result
}

func refuse(t *testing.T, s *ingress.Stream, now time.Time, p *packet.Packet, want stats.Reason) {
	t.Helper()
	if _, reason, ok := s.HandleRTP(now, p); ok || reason != want {
		t.Fatalf("got %v %v, want to be dropped as %v", ok, reason, want)
	}
}

func TestStreamAsksForWhatIsMissing(t *testing.T) {
	s := newStream(media.Video)
	if r := accept(t, s, at(0), vp8(t, 65534, keyframe)); !r.Keyframe || !r.Started {
		t.Errorf("first packet: %+v, want a keyframe that starts the stream", r)
	}
	accept(t, s, at(10), vp8(t, 1, inter)) // 65535 and 0 are missing
	if got := s.PollNACK(at(12), nil); len(got) != 0 {
		t.Errorf("asked for %v at once, it may be reordering", got)
	}
	if got := s.PollNACK(at(15), nil); !slices.Equal(got, []uint16{65535, 0}) {
		t.Errorf("asked for %v, want [65535 0]", got)
	}
	if r := accept(t, s, at(40), vp8(t, 0, inter)); !r.Recovered {
		t.Error("a retransmission did not count as recovered")
	}
	var asked []int
	for ms := 16; ms < 2000; ms++ {
		if got := s.PollNACK(at(ms), nil); len(got) > 0 {
			if !slices.Equal(got, []uint16{65535}) {
				t.Fatalf("asked for %v, want [65535]", got)
			}
			asked = append(asked, ms)
		}
	}
	if len(asked) < 2 || len(asked) > 9 || asked[len(asked)-1] > 900 {
		t.Errorf("asked again at %v: want a few times, in less than a second", asked)
	}
	if d := s.Deadline(); !d.IsZero() {
		t.Errorf("still has a deadline: %v", d)
	}
	if lost := s.Lost(); lost != 2 {
		t.Errorf("%d packets were lost, want 2, however often they were asked for", lost)
	}
}

func TestStreamGivesUpWhatIsBeforeAKeyframe(t *testing.T) {
	s := newStream(media.Video)
	accept(t, s, at(0), vp8(t, 1, keyframe))
	accept(t, s, at(10), vp8(t, 5, inter))
	accept(t, s, at(11), vp8(t, 6, keyframe))
	if got := s.PollNACK(at(20), nil); len(got) != 0 {
		t.Errorf("asked for %v, which nobody needs", got)
	}
}

func TestStreamDropsDuplicatesAndStrays(t *testing.T) {
	s := newStream(media.Video)
	accept(t, s, at(0), vp8(t, 10000, keyframe))
	accept(t, s, at(1), vp8(t, 10001, inter))
	refuse(t, s, at(2), vp8(t, 10001, inter), stats.Duplicate)
	refuse(t, s, at(2), vp8(t, 10000, inter), stats.Duplicate)
	refuse(t, s, at(3), vp8(t, 2000, inter), stats.TooOld)
	if r := accept(t, s, at(4), vp8(t, 2001, inter)); !r.Restarted { // the one after it: the sender started again
		t.Errorf("restart: %+v", r)
	}
	refuse(t, s, at(5), vp8(t, 2001, inter), stats.Duplicate)
}

func TestStreamDropsWhatItCannotRead(t *testing.T) {
	s := newStream(media.Video)
	refuse(t, s, at(0), parse(t, rtp.Header{Version: 2, PayloadType: 97}, keyframe), stats.UnknownPayloadType)
	refuse(t, s, at(0), parse(t, rtp.Header{Version: 2, PayloadType: 111}, keyframe), stats.UnknownPayloadType) // sound
	refuse(t, s, at(0), vp8(t, 1, []byte{0x90, 0x80}), stats.Malformed)
	short := packet.New()
	short.SetLen(3)
	refuse(t, s, at(0), short, stats.Malformed)
	refuse(t, s, at(0), vp8(t, 1, nil), stats.PaddingOnly)
}

func TestStreamBoundsWhatItWaitsFor(t *testing.T) {
	s := newStream(media.Video)
	accept(t, s, at(0), vp8(t, 0, keyframe))
	for i := range 200 {
		accept(t, s, at(i), vp8(t, uint16(i+1)*20, inter))
	}
	if got := s.PollNACK(at(300), nil); len(got) > 256 {
		t.Errorf("asked for %d packets at once", len(got))
	}
}

func TestStreamTellsLoudness(t *testing.T) {
	s := newStream(media.Audio)
	type news struct {
		ms    int
		level uint8
	}
	var told []news
	for ms := 0; ms < 3000; ms++ {
		if ms%20 == 0 && ms < 2000 { // then it falls silent, as with DTX
			h := rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: uint16(ms / 20)}
			below := byte(127) // silence
			if ms >= 500 && ms < 1000 {
				below = 30
			}
			if err := h.SetExtension(1, []byte{below}); err != nil {
				t.Fatal(err)
			}
			accept(t, s, at(ms), parse(t, h, []byte{0x78, 0, 0}))
		}
		if level, ok := s.PollLevel(at(ms)); ok {
			told = append(told, news{ms, level})
		}
	}
	if len(told) < 3 || len(told) > 5 {
		t.Fatalf("told %v, want one in 200 ms while there is sound and one silence", told)
	}
	for i, n := range told {
		want := uint8(97)
		if i == len(told)-1 {
			want = 0
		}
		if n.level != want || n.ms < 500 || n.ms > 1400 {
			t.Errorf("told %v: %d should be %d", told, i, want)
		}
	}
}

func TestStreamAllocatesNothing(t *testing.T) {
	s := newStream(media.Video)
	raw := vp8(t, 0, inter)
	seq := uint16(0)
	accept(t, s, at(0), vp8(t, 65535, keyframe))
	var nacks []uint16
	if n := testing.AllocsPerRun(1000, func() {
		p := packet.New()
		p.SetLen(copy(p.Buffer(), raw.Bytes()))
		p.Buffer()[2], p.Buffer()[3] = byte(seq>>8), byte(seq)
		seq++
		s.HandleRTP(at(int(seq)), p)
		nacks = s.PollNACK(at(int(seq)), nacks[:0])
		s.Deadline()
		p.Release()
	}); n != 0 {
		t.Errorf("allocations per packet = %v, want 0", n)
	}
}

// FuzzStream feeds any packets: no panic, and what is asked for stays bounded.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0x80, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0, 0, 0, 0x9d, 1, 0x2a}, uint16(7))
	f.Add([]byte{0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1, 0xC2, 1, 2, 3, 0x90, 0x80}, uint16(40000))
	f.Add([]byte{0x80, 0x3F, 0, 1, 0, 0, 0x0F, 0, 0, 0, 0, 3, 0xEF, 0x0F, 0, 2, 0x6F, 0x78, 1, 0x78, 2}, uint16(3))
	f.Fuzz(func(t *testing.T, raw []byte, step uint16) {
		for _, kind := range []media.Kind{media.Audio, media.Video} {
			s := newStream(kind)
			for i := range 50 {
				p := packet.New()
				p.SetLen(copy(p.Buffer(), raw))
				if len(raw) >= 4 {
					seq := uint16(i) * step
					p.Buffer()[2], p.Buffer()[3] = byte(seq>>8), byte(seq)
				}
				_, _, ok := s.HandleRTP(at(i*10), p)
				for lost := s.PollRecovered(p); ok && lost != nil; lost = s.PollRecovered(p) {
					if lost.Sequence >= p.Sequence || lost.Sequence < p.Sequence-16 || !lost.Recovered ||
						lost.Codec != media.Opus || len(lost.Payload()) == 0 {
						t.Fatalf("brought back %+v by %d", lost.Header, p.Sequence)
					}
					lost.Release()
				}
				if got := s.PollNACK(at(i*10), nil); len(got) > 256 {
					t.Fatalf("asked for %d packets", len(got))
				}
				p.Release()
			}
		}
	})
}

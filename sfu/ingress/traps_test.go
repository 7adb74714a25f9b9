package ingress_test

import (
	"testing"

	"github.com/pion/rtp"

	"hiroba/sfu/ingress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
)

// TestT12PaddingLengthsThatLie plays each length of padding that a packet of n bytes of payload can claim.
func TestT12PaddingLengthsThatLie(t *testing.T) {
	header := []byte{0x80 | 0x20, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}
	for n := range 20 {
		for _, length := range []int{0, 1, n - 1, n, n + 1, 255} {
			if length < 0 || n == 0 && length > 0 {
				continue
			}
			s := newStream(media.Video)
			accept(t, s, at(0), vp8(t, 0, keyframe))
			raw := append([]byte(nil), header...)
			raw = append(raw, make([]byte, n)...)
			if n > 0 {
				raw[len(header)] = 0x10
				raw[len(raw)-1] = byte(length)
			}
			p := packet.New()
			p.SetLen(copy(p.Buffer(), raw))
			_, reason, ok := s.HandleRTP(at(1), p)
			if possible := length > 0 && length <= n; ok && !possible || !ok && reason != stats.Malformed {
				t.Errorf("%d bytes, %d of them padding: %v %v", n, length, ok, reason)
			}
			if ok && len(p.Payload()) != n-length {
				t.Errorf("%d bytes, %d of them padding: a payload of %d", n, length, len(p.Payload()))
			}
		}
	}
}

// TestT12PaddingCountsAsReceived: what carries no media is not asked for again, and begins no stream.
func TestT12PaddingCountsAsReceived(t *testing.T) {
	s := newStream(media.Video)
	padding := func(seq uint16) *packet.Packet {
		h := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Padding: true, PaddingSize: 100}
		return parse(t, h, nil)
	}
	refuse(t, s, at(0), padding(40_000), stats.PaddingOnly) // it begins no stream, and its number means nothing
	if r := accept(t, s, at(1), vp8(t, 8, keyframe)); !r.Started || !r.Keyframe {
		t.Errorf("after padding: %+v", r)
	}
	for seq := uint16(9); seq < 20; seq++ {
		accept(t, s, at(int(seq)), padding(seq))
	}
	accept(t, s, at(30), vp8(t, 20, inter))
	if got := s.PollNACK(at(60), nil); len(got) != 0 {
		t.Errorf("asked for %v, which was padding", got)
	}
}

// TestT16RequestsAreBounded loses everything but the ends: requests stop by number, by time, and with a keyframe.
func TestT16RequestsAreBounded(t *testing.T) {
	s := newStream(media.Video)
	accept(t, s, at(0), vp8(t, 0, keyframe))
	accept(t, s, at(1), vp8(t, 101, inter))
	asked := map[uint16]int{}
	last := 0
	for ms := 2; ms < 5000; ms++ {
		for _, n := range s.PollNACK(at(ms), nil) {
			asked[n]++
			last = ms
		}
	}
	if len(asked) != 100 || last > 1000 {
		t.Errorf("asked for %d packets, last after %d ms", len(asked), last)
	}
	for n, times := range asked {
		if times > 10 {
			t.Fatalf("asked %d times for %d", times, n)
		}
	}
	accept(t, s, at(5000), vp8(t, 150, inter))
	accept(t, s, at(5001), vp8(t, 151, keyframe))
	if got := s.PollNACK(at(5100), nil); len(got) != 0 {
		t.Errorf("asked for %v after a keyframe", got)
	}
}

// TestT18ExtensionsAreFoundUnderEachID permutes the ids and uses both forms.
func TestT18ExtensionsAreFoundUnderEachID(t *testing.T) {
	for id := uint8(1); id <= 14; id++ {
		for _, twoByte := range []bool{false, true} {
			cfg := ingress.Config{Kind: media.Audio, Extensions: packet.ExtensionIDs{AudioLevel: id}}
			cfg.Codecs[111] = media.Opus
			s := ingress.New(cfg)
			h := rtp.Header{Version: 2, PayloadType: 111, Extension: true, ExtensionProfile: rtp.ExtensionProfileOneByte}
			if twoByte {
				h.ExtensionProfile = rtp.ExtensionProfileTwoByte
			}
			for other := uint8(1); other <= 14; other++ { // all are taken
				if err := h.SetExtension(other, []byte{other}); err != nil {
					t.Fatal(err)
				}
			}
			p := parse(t, h, []byte{0x78, 1, 2})
			accept(t, s, at(0), p)
			if got := p.Slice(p.Header.AudioLevel); len(got) != 1 || got[0] != id {
				t.Errorf("id %d, two-byte form %v: found %v", id, twoByte, got)
			}
		}
	}
}

// TestT22NumbersStartAnywhere begins a stream near the wrap of its numbers, with a loss right there, and lets it run long.
func TestT22NumbersStartAnywhere(t *testing.T) {
	s := newStream(media.Video)
	p := vp8(t, 65_530, keyframe)
	accept(t, s, at(0), p)
	first := p.Sequence
	raw := vp8(t, 0, inter).Bytes()
	for i := int64(1); i < 200_000; i++ {
		if i < 12 || i%10 == 7 { // those around the wrap are lost, then each tenth
			continue
		}
		p := packet.New()
		p.SetLen(copy(p.Buffer(), raw))
		seq := uint16(65_530 + i) //nolint:gosec // it wraps
		p.Buffer()[2], p.Buffer()[3] = byte(seq>>8), byte(seq)
		r := accept(t, s, at(int(i)), p)
		if p.Sequence != first+i || r.Restarted {
			t.Fatalf("packet %d: number %d, restarted %v", i, p.Sequence-first, r.Restarted)
		}
		p.Release()
	}
}

// TestT26RarePicturesAreAStream plays a shared screen at which nothing happens: one picture in five seconds.
func TestT26RarePicturesAreAStream(t *testing.T) {
	s := newStream(media.Video)
	for i := range 100 {
		r := accept(t, s, at(i*5000), vp8(t, uint16(i), map[bool][]byte{true: keyframe, false: inter}[i == 0]))
		if r.Restarted || r.Started != (i == 0) {
			t.Fatalf("picture %d: %+v", i, r)
		}
		if d := s.Deadline(); !d.IsZero() {
			t.Fatalf("picture %d: waits for something until %v", i, d)
		}
	}
}

package egress_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/stats"
)

// The payload types of Opus of the publisher and of the subscriber in a rig.
const (
	opusUp   = 40 + media.PayloadType(media.Opus)
	opusDown = 100 + media.PayloadType(media.Opus)
	redDown  = 100 + media.PayloadType(media.RED)
)

// talker sends sound, with each packet as redundancy in the next ones. Its packets are of 20 ms and each unlike all others.
type talker struct {
	*up
	depth int // how many packets are repeated; 0 is plain Opus
	said  [][]byte
}

// say is the next packet on the wire.
func (s *talker) say() []byte {
	s.rig.t.Helper()
	n := len(s.said)
	s.said = append(s.said, fmt.Appendf([]byte{0x78}, "packet %d", n))
	s.header.Timestamp += 960
	if s.depth == 0 {
		s.codec = media.Opus
		return s.raw(s.said[n], nil, false)
	}
	s.codec = media.RED
	var headers, data []byte
	for back := min(s.depth, n); back > 0; back-- {
		old := s.said[n-back]
		headers = append(headers, 0x80|byte(opusUp))
		headers = binary.BigEndian.AppendUint16(headers, uint16(960*back)<<2|uint16(len(old)>>8)) //nolint:gosec // small
		headers = append(headers, byte(len(old)))                                                 //nolint:gosec // small
		data = append(data, old...)
	}
	headers = append(headers, byte(opusUp))
	return s.raw(slices.Concat(headers, data, s.said[n]), nil, false)
}

func newTalker(r *rig, depth int) *talker {
	return &talker{up: r.up(alice, 0, media.RED, new(rtptime.Publisher)), depth: depth}
}

// heard is which packets a subscriber without RED plays, in order of their numbers.
func (s *talker) heard() (numbers []int) {
	s.rig.t.Helper()
	sorted := slices.Clone(s.rig.sent)
	slices.SortStableFunc(sorted, func(a, b sent) int {
		return int(int16(a.Out.Sequence - b.Out.Sequence)) //nolint:gosec // serial numbers
	})
	for i, p := range sorted {
		if p.PayloadType != opusDown {
			s.rig.t.Fatalf("packet %d has the payload type %d, want %d", i, p.PayloadType, opusDown)
		}
		n := slices.IndexFunc(s.said, func(said []byte) bool { return bytes.Equal(said, p.payload) })
		if n < 0 {
			s.rig.t.Fatalf("packet %d is %q, which nobody said", i, p.payload)
		}
		if i > 0 {
			if a := sorted[i-1]; p.Out.Sequence == a.Out.Sequence {
				s.rig.t.Fatalf("the number %d was used twice", p.Out.Sequence)
			} else if p.Out.Timestamp-a.Out.Timestamp != 960*uint32(p.Out.Sequence-a.Out.Sequence) {
				s.rig.t.Fatalf("packet %d: %d and %d packets on the timestamp moved from %d to %d",
					i, a.Out.Sequence, p.Out.Sequence, a.Out.Timestamp, p.Out.Timestamp)
			}
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func upTo(n int, without ...int) (numbers []int) {
	for i := range n {
		if !slices.Contains(without, i) {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// TestT21REDIsUnpackedForWhoHasNone: plain Opus comes out, with what was lost.
func TestT21REDIsUnpackedForWhoHasNone(t *testing.T) {
	for _, test := range []struct {
		name  string
		depth int
		lost  []int
		want  []int
	}{
		{"nothing lost", 1, nil, upTo(20)},
		{"one lost", 1, []int{7}, upTo(20)},
		{"two lost, one repeated", 1, []int{7, 8}, upTo(20, 7)},
		{"two lost, two repeated", 2, []int{7, 8}, upTo(20)},
		{"each second one lost", 1, []int{1, 3, 5, 7, 9}, upTo(20)},
		{"the first lost: nobody knows of it", 1, []int{0}, upTo(20, 0)},
		{"a long loss", 2, []int{5, 6, 7, 8, 9, 10}, upTo(20, 5, 6, 7, 8)},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, media.Audio, media.RED)
			s := newTalker(r, test.depth)
			r.line.SetTarget(alice, false)
			for i := range 20 {
				if raw := s.say(); !slices.Contains(test.lost, i) {
					s.arrive(at(20*i), raw)
				}
			}
			if got := s.heard(); !slices.Equal(got, test.want) {
				t.Errorf("heard %v, want %v", got, test.want)
			}
		})
	}
}

// TestT21REDGoesOnToWhoHasIt: as it came, but for the payload types in it, which are the subscriber's; what it lost it finds
// itself.
func TestT21REDGoesOnToWhoHasIt(t *testing.T) {
	r := newRig(t, media.Audio)
	s := newTalker(r, 1)
	r.line.SetTarget(alice, false)
	for i := range 10 {
		if raw := s.say(); i != 5 {
			s.arrive(at(20*i), raw)
		}
	}
	if len(r.sent) != 9 || r.dropped[stats.Redundant] != 1 {
		t.Fatalf("%d packets, want 9; dropped %v", len(r.sent), r.dropped)
	}
	for i, p := range r.sent {
		blocks, err := codec.ParseRED(p.payload)
		if err != nil || p.PayloadType != redDown {
			t.Fatalf("packet %d: payload type %d, %v", i, p.PayloadType, err)
		}
		n := i
		if i >= 5 {
			n++
		}
		if !bytes.Equal(blocks.Primary(), s.said[n]) {
			t.Errorf("packet %d: %q, want %q", i, blocks.Primary(), s.said[n])
		}
		for b, ok := blocks.Next(); ok; b, ok = blocks.Next() {
			if b.PayloadType != opusDown {
				t.Errorf("packet %d: a block of payload type %d, want %d", i, b.PayloadType, opusDown)
			}
		}
	}
	if gap := r.sent[5].Out.Sequence - r.sent[4].Out.Sequence; gap != 2 {
		t.Errorf("the numbers moved by %d over a lost packet, want 2", gap)
	}
}

// TestT21REDOutOfOrder: what is overtaken is brought back by what overtook it, and is not sent again when it comes.
func TestT21REDOutOfOrder(t *testing.T) {
	for _, without := range [][]media.Codec{{media.RED}, nil} {
		r := newRig(t, media.Audio, without...)
		s := newTalker(r, 1)
		r.line.SetTarget(alice, false)
		var packets [][]byte
		for range 10 {
			packets = append(packets, s.say())
		}
		for i, n := range []int{0, 1, 3, 2, 4, 7, 6, 5, 8, 9, 9, 5} {
			s.arrive(at(20*i), packets[n])
		}
		if len(without) > 0 {
			if got := s.heard(); !slices.Equal(got, upTo(10)) {
				t.Errorf("heard %v", got)
			}
			// 2, 6 and 5 came after they had been brought back, 9 and 5 twice.
			if r.dropped[stats.Duplicate] != 3 || r.refused[stats.Duplicate] != 2 {
				t.Errorf("dropped %v, refused %v", r.dropped, r.refused)
			}
			continue
		}
		numbers := map[uint16]bool{}
		for _, p := range r.sent {
			numbers[p.Out.Sequence] = true
		}
		if len(r.sent) != 10 || len(numbers) != 10 {
			t.Errorf("%d packets under %d numbers, want 10", len(r.sent), len(numbers))
		}
	}
}

// TestT21OccupantsWithAndWithoutRED: the same m-line carries both, by turns, as do packets of one occupant.
func TestT21OccupantsWithAndWithoutRED(t *testing.T) {
	const bob = alice + 1
	for _, without := range [][]media.Codec{{media.RED}, nil} {
		r := newRig(t, media.Audio, without...)
		s := newTalker(r, 1)
		plain := &talker{up: r.up(bob, 0, media.Opus, new(rtptime.Publisher))}
		for i := range 60 {
			r.line.SetTarget([]media.CSRC{alice, bob}[i/10%2], false)
			if i > 40 { // packets that are too large for redundancy go without
				s.depth = i % 2
			}
			s.arrive(at(20*i), s.say())
			plain.arrive(at(20*i+5), plain.say())
		}
		r.continuous()
		if len(r.sent) < 58 {
			t.Errorf("%d packets", len(r.sent))
		}
		seen := map[media.PayloadType]int{}
		for i, p := range r.sent {
			seen[p.PayloadType]++
			want := opusDown
			if p.Source.Codec == media.RED && len(without) == 0 {
				want = redDown
			}
			if p.PayloadType != want || p.Unpacked != (p.Source.Codec == media.RED && len(without) > 0) {
				t.Errorf("packet %d of %v: payload type %d, unpacked %v", i, p.Source.Codec, p.PayloadType, p.Unpacked)
			}
			if i > 0 && (p.Out.Timestamp-r.sent[i-1].Out.Timestamp)%960 != 0 {
				t.Errorf("packet %d: not a whole number of frames on", i)
			}
		}
		if len(without) == 0 && seen[redDown] < 20 || seen[opusDown] < 20 {
			t.Errorf("payload types %v", seen)
		}
	}
}

// TestT21ReportsCountWhatIsSent: octets are those of the payloads that went out, timestamps those of the line.
func TestT21ReportsCountWhatIsSent(t *testing.T) {
	for _, without := range [][]media.Codec{{media.RED}, nil} {
		r := newRig(t, media.Audio, without...)
		s := newTalker(r, 2)
		r.line.SetTarget(alice, false)
		for i := range 50 {
			if raw := s.say(); i%7 != 3 {
				s.arrive(at(20*i), raw)
			}
		}
		octets := 0
		for _, p := range r.sent {
			octets += len(p.payload)
		}
		report, due := r.line.PollReport(at(1000))
		if !due || int(report.Packets) != len(r.sent) || int(report.Octets) != octets {
			t.Errorf("report %+v, due %v; want %d packets and %d octets", report, due, len(r.sent), octets)
		}
		if want := r.last().Out.Timestamp + 48*20; report.RTPTime != want {
			t.Errorf("report of the timestamp %d, want %d", report.RTPTime, want)
		}
	}
}

// TestT21LostSoundIsNotAskedFor: the redundancy is there in place of NACKs.
func TestT21LostSoundIsNotAskedFor(t *testing.T) {
	r := newRig(t, media.Audio, media.RED)
	s := newTalker(r, 1)
	r.line.SetTarget(alice, false)
	for i := range 50 {
		if raw := s.say(); i%5 != 1 {
			s.arrive(at(20*i), raw)
		}
		if nacks := s.stream.PollNACK(at(20*i+15), nil); len(nacks) > 0 {
			t.Fatalf("asks for %v", nacks)
		}
	}
}

// TestT21PausesAreNotFilled: the last sound before a pause is repeated long after, when nobody waits for it any more.
func TestT21PausesAreNotFilled(t *testing.T) {
	r := newRig(t, media.Audio, media.RED)
	s := newTalker(r, 1)
	r.line.SetTarget(alice, false)
	for i := range 5 {
		if raw := s.say(); i != 4 {
			s.arrive(at(20*i), raw)
		}
	}
	const pause = 10 * 960
	s.header.Timestamp += pause
	block := []byte{0x80 | byte(opusUp), pause >> 6, pause & 0x3F << 2, byte(len(s.said[4])), byte(opusUp)}
	s.arrive(at(280), s.raw(slices.Concat(block, s.said[4], []byte{0x78, 1, 2, 3}), nil, false))
	if len(r.sent) != 5 || r.refused[stats.Malformed] != 0 {
		t.Errorf("%d packets, want 5: refused %v, dropped %v", len(r.sent), r.refused, r.dropped)
	}
}

// TestT21BrokenREDIsRefused: blocks that overflow, that are of something else, or of nothing.
func TestT21BrokenREDIsRefused(t *testing.T) {
	r := newRig(t, media.Audio, media.RED)
	s := newTalker(r, 1)
	r.line.SetTarget(alice, false)
	s.arrive(at(0), s.say())
	opus := byte(opusUp)
	for name, payload := range map[string][]byte{
		"a block overflows":            {0x80 | opus, 0x0F, 0x00, 0x09, opus, 0x78, 1, 2},
		"the headers do not end":       {0x80 | opus, 0x0F, 0x00, 0x00, 0x80 | opus},
		"no newest sound":              {0x80 | opus, 0x0F, 0x00, 0x02, opus, 0x78, 1},
		"newest is of another type":    {0x80 | opus, 0x0F, 0x00, 0x02, opus + 1, 0x78, 1, 0x78, 2},
		"redundant is of another type": {0x80 | (opus + 1), 0x0F, 0x00, 0x02, opus, 0x78, 1, 0x78, 2},
		"RED in RED":                   {40 + byte(media.RED), 0x78, 1},
	} {
		before := r.refused[stats.Malformed]
		if s.arrive(at(20), s.raw(payload, nil, false)); r.refused[stats.Malformed] != before+1 {
			t.Errorf("%s: refused %v", name, r.refused)
		}
	}
	// Redundancy that cannot be what was lost does no harm: 3 s old, of no length, of no Opus.
	for _, block := range [][]byte{
		{0x80 | opus, 0xFF, 0xFC, 0x02, opus, 0x78, 9, 0x78, 1, 2},
		{0x80 | opus, 0x0F, 0x00, 0x00, opus, 0x78, 1, 2},
		{0x80 | opus, 0x0F, 0x00, 0x01, opus, 0x7B, 0x78, 1, 2},
	} {
		s.header.SequenceNumber++
		s.header.Timestamp += 2 * 960
		if !s.arrive(at(60), s.raw(block, nil, false)) || !bytes.Equal(r.last().payload, []byte{0x78, 1, 2}) {
			t.Errorf("%x became %x", block, r.last().payload)
		}
	}
	if len(r.sent) != 4 {
		t.Errorf("%d packets, want 4", len(r.sent))
	}
}

// TestT21AnyLossAndOrder plays random loss, order and depth: no number is used twice, nothing is heard under the wrong number,
// and with redundancy of two no gap of up to two is left.
func TestT21AnyLossAndOrder(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 21))
		r := newRig(t, media.Audio, media.RED)
		s := newTalker(r, random.IntN(3))
		r.line.SetTarget(alice, false)
		type flight struct {
			n, at int
			raw   []byte
		}
		var flights []flight
		lost := map[int]bool{}
		const packets = 150
		for n := range packets {
			raw := s.say()
			if n > 0 && n < packets-3 && random.IntN(10) < 2 {
				lost[n] = true
				continue
			}
			flights = append(flights, flight{n, 20*n + random.IntN(50), raw})
		}
		slices.SortStableFunc(flights, func(a, b flight) int { return a.at - b.at })
		if i := slices.IndexFunc(flights, func(f flight) bool { return f.n == 0 }); i > 0 {
			flights[0], flights[i] = flights[i], flights[0]
		}
		for _, f := range flights {
			s.arrive(at(f.at), f.raw)
		}
		want := upTo(packets)
		for n := range lost {
			covered := false
			for back := 1; back <= s.depth; back++ {
				covered = covered || !lost[n+back]
			}
			if !covered {
				want = slices.DeleteFunc(want, func(i int) bool { return i == n })
			}
		}
		if got := s.heard(); !slices.Equal(got, want) {
			t.Fatalf("seed %d, %d repeated: heard %v, want %v", seed, s.depth, got, want)
		}
	}
}

// TestREDAllocatesNothing counts allocations for a subscriber with RED and one without, with packets that are lost.
func TestREDAllocatesNothing(t *testing.T) {
	for _, without := range [][]media.Codec{{media.RED}, nil} {
		r := newRig(t, media.Audio, without...)
		s := newTalker(r, 1)
		r.line.SetTarget(alice, false)
		s.arrive(at(0), s.say())
		var raws [][]byte
		for range 2000 {
			raws = append(raws, s.say())
		}
		payload := make([]byte, 0, packet.MaxBytes)
		i, now := 0, at(0)
		if n := testing.AllocsPerRun(500, func() {
			i += 2 // one is lost
			now = now.Add(40 * time.Millisecond)
			p := packet.New()
			p.SetLen(copy(p.Buffer(), raws[i]))
			if _, reason, ok := s.stream.HandleRTP(now, p); !ok {
				t.Fatal(reason)
			}
			p.Source = s.source
			for lost := s.stream.PollRecovered(p); lost != nil; lost = s.stream.PollRecovered(p) {
				if out, _, _, ok := r.line.HandleRTP(alice, lost); ok {
					payload = out.AppendPayload(payload[:0])
				}
				lost.Release()
			}
			if out, _, _, ok := r.line.HandleRTP(alice, p); ok {
				payload = out.AppendPayload(payload[:0])
			}
			p.Release()
		}); n != 0 {
			t.Errorf("without %v: %v allocations", without, n)
		}
	}
}

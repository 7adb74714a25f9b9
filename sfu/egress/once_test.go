package egress_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
)

// SRTP encrypts a packet with a nonce that is made of its number: two packets under one number give the key of AES-GCM
// away (RFC 7714, section 8.1). These tests see to it that no line ever asks for that.

func TestNumbersAreUsedOnce(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP8}
	l.SetTarget(alice, false)
	send(t, l, at(0), alice, a.next(true))
	late, padding := a.next(false), a.next(false)
	padding.Header.Payload = packet.Span{}
	newest := a.next(false)
	send(t, l, at(1), alice, newest)
	drop(t, l, at(2), alice, newest, stats.Duplicate)
	send(t, l, at(3), alice, late)
	drop(t, l, at(4), alice, late, stats.Duplicate)
	send(t, l, at(5), alice, padding) // its place is filled, since a newer one is under way
	drop(t, l, at(6), alice, padding, stats.Duplicate)
	lost := a.next(false)
	for range 3000 {
		send(t, l, at(7), alice, a.next(false))
	}
	drop(t, l, at(8), alice, lost, stats.TooOld) // nobody knows any more
}

func TestNothingIsSentAgainWithoutRTX(t *testing.T) {
	l := newLine(media.Video)
	a := &source{id: 1, codec: media.VP9} // no RTX was negotiated for it
	l.SetTarget(alice, false)
	p := a.next(true)
	out := send(t, l, at(0), alice, p)
	if _, reason, ok := l.HandleNACK(at(100), out.Out.Sequence, p); ok || reason != stats.NoRetransmission {
		t.Errorf("got %v %v, want a refusal", ok, reason)
	}
}

// TestNumbersAreUsedOnceWhateverComes throws reordered, doubled, lent and asked-for packets of two publishers at a line.
func TestNumbersAreUsedOnceWhateverComes(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	l := newLine(media.Video)
	type key struct {
		rtx    bool
		number int64 // extended, as SRTP does
	}
	used := map[key]bool{}
	newest := map[bool]int64{false: 100, true: 1}
	use := func(rtx bool, sequence uint16) {
		number := newest[rtx] + int64(int16(sequence-uint16(newest[rtx]))) //nolint:gosec // serial number arithmetic
		if k := (key{rtx, number}); used[k] {
			t.Fatalf("seed %d: number %d used twice (RTX: %v)", seed, sequence, rtx)
		} else {
			used[k] = true
		}
		newest[rtx] = max(newest[rtx], number)
	}
	tracks := []media.CSRC{alice, ben}
	sources := []*source{{id: 1, codec: media.VP8}, {id: 2, codec: media.VP8}}
	var kept [2][]*packet.Packet
	now := at(0)
	for range 20_000 {
		now = now.Add(time.Millisecond)
		i := random.IntN(2)
		var p *packet.Packet
		switch n := random.IntN(100); {
		case n < 2:
			l.SetTarget(tracks[i], false)
			continue
		case n < 60 || len(kept[i]) == 0:
			p = sources[i].next(random.IntN(50) == 0)
			if random.IntN(20) == 0 {
				p.Header.Payload = packet.Span{}
			}
			kept[i] = append(kept[i], p)
			if random.IntN(10) == 0 { // it comes later
				continue
			}
		case n < 65:
			sequence := uint16(newest[false] - random.Int64N(300)) //nolint:gosec // modulo 2^16
			source, number, ok := l.Recall(sequence)
			if !ok || number < 1 {
				continue
			}
			p := kept[source-1][number-1]
			if out, _, ok := l.HandleNACK(now, sequence, p); ok {
				use(true, out.RTXSequence)
			}
			continue
		default:
			p = kept[i][max(0, len(kept[i])-1-random.IntN(40))]
		}
		if random.IntN(10) == 0 {
			if out, _, _, ok := l.HandleReplay(now, tracks[i], p); ok {
				use(false, out.Out.Sequence)
			}
			continue
		}
		if out, _, _, ok := l.HandleRTP(tracks[i], p); ok {
			use(false, out.Out.Sequence)
		}
	}
	if len(used) < 3_000 {
		t.Errorf("only %d numbers used: the test does not test much", len(used))
	}
}

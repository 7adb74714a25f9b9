package egress_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/stats"
)

// number is a packet of an incoming stream.
type number struct {
	source uint32
	in     int64
}

// walk drives a line at random: loss, reordering, padding, temporal layers, changes of encoding and of occupant, pauses.
type walk struct {
	*rig
	random  *rand.Rand
	now     time.Time
	ups     []*up
	picture int
	late    []func()
	// holes are outgoing numbers that were jumped over, and which packet each was kept for.
	holes  map[uint16]number
	newest uint16
	filled int
	behind int // holes for packets that had come: a NACK brings them
}

func (w *walk) step() {
	w.now = w.now.Add(time.Duration(w.random.IntN(20)) * time.Millisecond)
	u := w.ups[w.random.IntN(len(w.ups))]
	u.header.Timestamp += 3000
	w.picture++
	frame := vp8{
		pictureID: w.picture, tl0: w.picture / 4, tid: []int{0, 2, 1, 2}[w.picture%4], sync: w.picture%8 < 4,
		key: w.random.IntN(40) == 0,
	}
	if frame.key {
		frame.tid = 0
	}
	n := 1 + w.random.IntN(4)
	for i := range n {
		frame.more = i > 0
		raw := u.raw(frame.bytes(), nil, i == n-1)
		w.travel(u, raw)
	}
	if w.random.IntN(10) == 0 {
		w.travel(u, u.raw(nil, nil, false))
	}
	switch n := w.random.IntN(300); {
	case n < 3:
		w.line.SetTarget(media.CSRC(1+w.random.IntN(2)), true)
	case n < 4:
		w.line.SetTarget(0, false)
	case n < 12:
		w.line.SetWanted(media.Layer{Spatial: int8(w.random.IntN(2)), Temporal: int8(w.random.IntN(3))})
	case n < 40 && len(w.late) > 0:
		for _, arrive := range w.late {
			arrive()
		}
		w.late = nil
	case n < 41:
		u.header.Timestamp += uint32(w.random.IntN(900_000)) // mute, or another camera
	}
}

// travel loses, delays or delivers a packet.
func (w *walk) travel(u *up, raw []byte) {
	switch n := w.random.IntN(100); {
	case n < 5:
	case n < 12:
		w.late = append(w.late, func() { w.deliver(u, raw) })
	default:
		w.deliver(u, raw)
		if n == 99 {
			w.deliver(u, raw) // doubled by the network
		}
	}
}

func (w *walk) deliver(u *up, raw []byte) {
	w.t.Helper()
	before := len(w.sent)
	if !u.arrive(w.now, raw) {
		return
	}
	out := w.last()
	if before == 0 {
		w.newest = out.Out.Sequence - 1
	}
	if _, hole := w.holes[out.Out.Sequence]; hole {
		delete(w.holes, out.Out.Sequence)
		w.filled++
		return
	}
	step := out.Out.Sequence - w.newest
	if step == 0 || step > 3000 {
		w.t.Fatalf("number %d after %d", out.Out.Sequence, w.newest)
	}
	for hole := w.newest + 1; hole != out.Out.Sequence; hole++ {
		source, in, ok := w.line.Recall(hole)
		if !ok {
			w.t.Fatalf("number %d was left out for nothing, before %d", hole, out.Out.Sequence)
		}
		if w.kept[source][in] != nil { // it came while the seat was silent, or before its keyframe's first packet
			w.behind++
		}
		w.holes[hole] = number{source, in}
	}
	w.newest = out.Out.Sequence
}

// TestT01OutputNumbersHaveNoGapButThoseOfLoss is traps T1 and T2: whatever happens, each number of a seat is used once, and
// a number that is missing belongs to a packet that the server has not got, or can send when it is asked for. So a
// subscriber never asks in vain for what was left out on purpose.
func TestT01OutputNumbersHaveNoGapButThoseOfLoss(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 20
	}
	packets, filled, dropped, behind := 0, 0, 0, 0
	for seed := range seeds {
		w := &walk{
			rig: newRig(t, media.Video), random: rand.New(rand.NewPCG(seed, 1)), now: epoch, holes: map[uint16]number{}, //nolint:gosec // a test
		}
		for track := range media.CSRC(2) {
			clock := new(rtptime.Publisher)
			for encoding := range int8(2) {
				w.ups = append(w.ups, w.up(track+1, encoding, media.VP8, clock))
			}
		}
		w.line.SetTarget(1, true)
		for range 2000 {
			w.step()
		}
		packets += len(w.sent)
		filled += w.filled
		behind += w.behind
		for reason, n := range w.dropped {
			if reason == stats.Malformed {
				t.Errorf("seed %d: %d packets were malformed", seed, n)
			}
			dropped += n
		}
	}
	t.Logf("%d packets sent, %d of them late, %d left out, %d for NACK", packets, filled, dropped, behind)
	if filled == 0 || dropped == 0 || behind > packets/50 {
		t.Error("the walk met nothing, or too much")
	}
}

// TestT02LatePacketOfAnotherLayerFillsItsNumber is what remains of T2: a number was kept for a packet before it was known
// that the subscriber should not get it.
func TestT02LatePacketOfAnotherLayerFillsItsNumber(t *testing.T) {
	r := newRig(t, media.Video)
	u := r.up(alice, 0, media.VP8, new(rtptime.Publisher))
	r.line.SetTarget(alice, true)
	r.line.SetWanted(media.Layer{})
	u.send(at(0), vp8{pictureID: 1, tl0: 1, key: true}.bytes(), true)
	late := u.raw(vp8{pictureID: 2, tl0: 1, tid: 1}.bytes(), nil, true)
	u.send(at(60), vp8{pictureID: 3, tl0: 2}.bytes(), true)
	newest := r.last().Out
	if !u.arrive(at(80), late) {
		t.Fatal("the hole stays")
	}
	out := r.last()
	if out.Out.Sequence != newest.Sequence-1 || !out.Empty || len(out.payload) != 0 || out.Marker {
		t.Errorf("sent %d with %d bytes, want %d without any", out.Out.Sequence, len(out.payload), newest.Sequence-1)
	}
	again, ok := r.nack(at(100), out.Out.Sequence)
	if !ok || !again.RTX || len(again.payload) != 2 {
		t.Errorf("retransmission %v of %d bytes, want its number only", ok, len(again.payload))
	}
	u.send(at(120), vp8{pictureID: 4, tl0: 2, tid: 1}.bytes(), true)
	u.send(at(140), vp8{pictureID: 5, tl0: 3}.bytes(), true)
	if got := r.last().Out; got.Sequence != newest.Sequence+1 || got.PictureID != newest.PictureID+1 {
		t.Errorf("then %+v after %+v", got, newest)
	}
}

// TestT12PaddingInEveryPosition puts packets without media at the beginning, within a picture, between pictures and late.
func TestT12PaddingInEveryPosition(t *testing.T) {
	r := newRig(t, media.Video)
	u := r.up(alice, 0, media.VP8, new(rtptime.Publisher))
	r.line.SetTarget(alice, false)
	if u.send(at(0), nil, false) || len(r.sent) != 0 {
		t.Fatal("padding was sent first")
	}
	for picture := range 20 {
		u.header.Timestamp += 3000
		for part := range 3 {
			u.send(at(picture*33), vp8{pictureID: picture, tl0: picture, key: picture == 0, more: part > 0}.bytes(), part == 2)
			if picture%3 == part {
				u.send(at(picture*33), nil, false)
			}
		}
	}
	if len(r.sent) != 60 || r.dropped[stats.PaddingOnly] != 20 || r.refused[stats.PaddingOnly] != 1 {
		t.Errorf("sent %d packets, dropped %v", len(r.sent), r.dropped)
	}
	r.continuous()
	for i, s := range r.sent {
		if len(s.payload) == 0 || s.Marker != (i%3 == 2) {
			t.Fatalf("packet %d: %d bytes, marker %v", i, len(s.payload), s.Marker)
		}
	}
	newest := r.last().Out.Sequence
	late := u.raw(nil, nil, false)
	u.header.Timestamp += 3000
	u.send(at(700), vp8{pictureID: 20, tl0: 20}.bytes(), true)
	if !u.arrive(at(710), late) || r.last().Out.Sequence != newest+1 || len(r.last().payload) != 0 {
		t.Errorf("late padding did not close the hole it had left: %+v", r.last().Out)
	}
}

// TestT12PaddingStaysInItsEncoding checks what a packet from the pool says of itself when it has no payload.
func TestT12PaddingStaysInItsEncoding(t *testing.T) {
	r := newRig(t, media.Video)
	for encoding := range int8(3) {
		u := r.up(alice, encoding, media.VP8, new(rtptime.Publisher))
		u.arrive(at(0), u.raw(vp8{key: true}.bytes(), nil, true))
		u.arrive(at(0), u.raw(nil, nil, false))
		for _, p := range r.kept[u.source] {
			if p.Encoding != encoding {
				t.Errorf("a packet of encoding %d says %d", encoding, p.Encoding)
			}
		}
	}
}

// TestT17RetransmissionsAreWhatWasSent asks for packets all over a long stream that starts again in between, with a history
// as large as the server's.
func TestT17RetransmissionsAreWhatWasSent(t *testing.T) {
	const seed, length, reach = 17, 140_000, 1000
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
	r := newRig(t, media.Video)
	u := r.up(alice, 0, media.VP8, new(rtptime.Publisher))
	r.line.SetTarget(alice, false)
	asked := 0
	for i := range length {
		if i == length/2 { // numbers start again, at one that was in use lately
			u.header.SequenceNumber -= 5000
		}
		u.header.Timestamp += 3000
		now := at(i * 33)
		u.send(now, vp8{pictureID: i, tl0: i, tid: i % 2, keyIdx: i / 100, key: i%100 == 0}.bytes(), true)
		if len(r.sent) > 2*reach {
			r.sent = r.sent[reach:]
			for source, packets := range r.kept {
				for n := range packets {
					if n < r.last().Source.Sequence-reach || source != u.source {
						delete(packets, n)
					}
				}
			}
		}
		if i%50 != 0 || len(r.sent) < reach {
			continue
		}
		was := r.sent[len(r.sent)-1-random.IntN(reach)]
		again, ok := r.nack(now, was.Out.Sequence)
		if !ok {
			continue // from before the new start
		}
		asked++
		if again.Out != was.Out || again.Marker != was.Marker || !bytes.Equal(again.payload[2:], was.payload) {
			t.Fatalf("packet %d: sent %+v again as %+v", i, was.Out, again.Out)
		}
	}
	if asked < length/50*9/10 {
		t.Errorf("only %d of %d were answered", asked, length/50)
	}
	if _, ok := r.nack(epoch, r.last().Out.Sequence+1); ok {
		t.Error("answered for a packet that was never sent")
	}
}

// TestT25TogglesKeepTheStream mutes, replaces and resizes what is sent at random, 200 times.
func TestT25TogglesKeepTheStream(t *testing.T) {
	const seed = 25
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
	r := newRig(t, media.Video)
	u := r.up(alice, 0, media.VP8, new(rtptime.Publisher))
	r.line.SetTarget(alice, false)
	now, picture := epoch, 0
	pictures := func(n int, keyframe bool) {
		for i := range n {
			now = now.Add(33 * time.Millisecond)
			u.header.Timestamp += 2970
			picture++
			payload := vp8{pictureID: picture, tl0: picture, key: keyframe && i == 0}.bytes()
			if u.codec == media.VP9 {
				payload = vp9{pictureID: picture, start: true, end: true, inter: !keyframe || i > 0}.bytes()
			}
			u.send(now, payload, true)
		}
	}
	pictures(5, true)
	for range 200 {
		before := r.last()
		pause := time.Duration(random.IntN(3000)) * time.Millisecond
		now = now.Add(pause)
		switch random.IntN(5) {
		case 0: // mute: the clock runs on
			u.header.Timestamp += uint32(pause.Seconds() * 90_000)
		case 1: // mute: the clock stands still
		case 2: // another camera: the clock jumps
			u.header.Timestamp += random.Uint32()
		case 3: // everything begins anew, and the first packet is not believed
			u.header.Timestamp, u.header.SequenceNumber = random.Uint32(), u.header.SequenceNumber+20_000
			picture = random.IntN(1 << 15)
			pictures(1, false)
		case 4: // another codec
			if u.codec == media.VP8 {
				u.codec = media.VP9
			} else {
				u.codec = media.VP8
			}
		}
		sentBefore := len(r.sent)
		pictures(3, true)
		if len(r.sent) < sentBefore+3 {
			t.Fatalf("after %+v: %d of 3 pictures were sent; refused %v, dropped %v", before.Out, len(r.sent)-sentBefore, r.refused, r.dropped)
		}
	}
	for i := 1; i < len(r.sent); i++ {
		a, b := r.sent[i-1], r.sent[i]
		if b.Out.Sequence != a.Out.Sequence+1 {
			t.Fatalf("packet %d: number %d after %d", i, b.Out.Sequence, a.Out.Sequence)
		}
		if b.PayloadType != a.PayloadType && !b.Source.Info.Keyframe {
			t.Fatalf("packet %d: another codec without a keyframe", i)
		}
	}
}

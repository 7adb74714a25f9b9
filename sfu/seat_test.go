package sfu_test

import (
	"context"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/sfu/stats"
	"hiroba/signaling/client/synthetic"
)

var (
	red  = synthetic.Palette(0)
	blue = synthetic.Palette(1)
)

func vp8(c synthetic.Colour) synthetic.Source {
	return synthetic.NewVP8(synthetic.VP8Config{Colour: c})
}

// publisher joins and sends pictures of one colour.
func publisher(t *testing.T, e *sfu.Engine, name string, c synthetic.Colour) *client {
	t.Helper()
	p := newClient(t, e, name, 0)
	p.publish(webrtc.MimeTypeVP8)
	p.offer()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	p.send(ctx, vp8(c))
	return p
}

// pair is a red publisher, and a client with one seat who sees it.
func pair(t *testing.T, e *sfu.Engine) (publishes, sees *client) {
	t.Helper()
	a := publisher(t, e, "a", red)
	c := newClient(t, e, "c", 1)
	c.offer()
	c.peer.Seat(0, a.occupant())
	until(t, "picture", func() bool { return c.saw(0, red) })
	return a, c
}

func TestOccupantsChangeWithoutAnOffer(t *testing.T) {
	e := newEngine(t)
	a, b := publisher(t, e, "a", red), publisher(t, e, "b", blue)
	c := newClient(t, e, "c", 2)
	c.offer()
	c.peer.Seat(0, a.occupant())
	c.peer.Seat(1, b.occupant())
	until(t, "both pictures", func() bool { return c.saw(0, red) && c.saw(1, blue) })
	waitFor[sfu.FirstForwarded](c)

	for round := range 10 {
		first, second := a, b
		wantFirst, wantSecond := red, blue
		if round%2 == 0 {
			first, second, wantFirst, wantSecond = b, a, blue, red
		}
		c.peer.Seat(0, first.occupant())
		c.peer.Seat(1, second.occupant())
		until(t, "pictures changed", func() bool { return c.saw(0, wantFirst) && c.saw(1, wantSecond) })
	}
	if c.offers != 1 {
		t.Errorf("%d offers, want 1", c.offers)
	}
	for index := range 2 {
		for _, kind := range []media.Kind{media.Audio, media.Video} {
			r := c.seat(index, kind)
			if r == nil {
				t.Fatalf("seat %d: no %s came", index, kind)
			}
			if err := r.continuous(); err != nil {
				t.Errorf("seat %d %s: %v", index, kind, err)
			}
			r.mu.Lock()
			last := r.packets[len(r.packets)-1]
			if kind == media.Audio && last.Timestamp-r.packets[0].Timestamp == 0 {
				t.Errorf("seat %d: sound stands still", index)
			}
			for i := 1; kind == media.Audio && i < len(r.packets); i++ {
				if step := r.packets[i].Timestamp - r.packets[i-1].Timestamp; step%960 != 0 || step == 0 {
					t.Errorf("seat %d: sound moved by %d, want whole frames of 960", index, step)
				}
			}
			for i := 1; i < len(r.pictureIDs); i++ {
				if step := (r.pictureIDs[i] - r.pictureIDs[i-1]) & 0x7FFF; step > 1 {
					t.Errorf("seat %d: picture id moved by %d", index, step)
				}
			}
			if want := csrc(a, b, kind); len(last.CSRC) != 1 || (last.CSRC[0] != want[0] && last.CSRC[0] != want[1]) {
				t.Errorf("seat %d %s: CSRC %v, want one of %v", index, kind, last.CSRC, want)
			}
			r.mu.Unlock()
		}
	}
}

func csrc(a, b *client, kind media.Kind) [2]uint32 {
	return [2]uint32{uint32(a.track(kind).CSRC()), uint32(b.track(kind).CSRC())}
}

func TestEmptySeatSendsNothingAndComesBack(t *testing.T) {
	e := newEngine(t)
	a, c := pair(t, e)
	c.peer.Seat(0, sfu.Occupant{})
	r := c.seat(0, media.Video)
	count := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.packets)
	}
	until(t, "silence", func() bool {
		before := count()
		time.Sleep(200 * time.Millisecond)
		return count() == before
	})
	empty := count()
	c.peer.Seat(0, a.occupant())
	until(t, "picture after the pause", func() bool { return count() > empty+10 })
	if err := r.continuous(); err != nil {
		t.Error(err)
	}
}

func TestSeatsGrowByAnotherOffer(t *testing.T) {
	e := newEngine(t)
	a, b := publisher(t, e, "a", red), publisher(t, e, "b", blue)
	c := newClient(t, e, "c", 1)
	c.offer()
	c.peer.Seat(0, a.occupant())
	until(t, "first picture", func() bool { return c.saw(0, red) })
	c.seats = 3
	c.offer()
	c.peer.Seat(2, b.occupant())
	until(t, "picture in a new seat", func() bool { return c.saw(2, blue) })
	if err := c.seat(0, media.Video).continuous(); err != nil {
		t.Errorf("the first seat: %v", err)
	}
}

func TestPublisherWhoLeavesVacatesSeats(t *testing.T) {
	e := newEngine(t)
	a, b := publisher(t, e, "a", red), publisher(t, e, "b", blue)
	c := newClient(t, e, "c", 1)
	c.offer()
	c.peer.Seat(0, a.occupant())
	until(t, "picture", func() bool { return c.saw(0, red) })
	a.leave()
	c.peer.Seat(0, b.occupant())
	until(t, "next occupant", func() bool { return c.saw(0, blue) })
	if err := c.seat(0, media.Video).continuous(); err != nil {
		t.Error(err)
	}
	until(t, "the up tracks of the one who left are gone", func() bool { return e.UpTracks() == 2 })
}

func TestNACKIsAnsweredOnceWithRTX(t *testing.T) {
	e := newEngine(t)
	_, c := pair(t, e)
	r := c.seat(0, media.Video)
	until(t, "some packets", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.packets) > 5 })
	r.mu.Lock()
	last := r.packets[len(r.packets)-2]
	r.mu.Unlock()
	nack := &rtcp.TransportLayerNack{MediaSSRC: last.SSRC, Nacks: []rtcp.NackPair{{PacketID: last.SequenceNumber}}}
	for range 2 { // the second comes within the round trip of the first
		if err := c.pc.WriteRTCP([]rtcp.Packet{nack}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "retransmission", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.retransmitted > 0 })
	until(t, "the second NACK is refused", func() bool { return e.Counters().Drops(stats.Down, stats.NACKTooSoon) > 0 })
	if got := e.Counters().RTXSent.Load(); got != 1 {
		t.Errorf("sent %d retransmissions, want 1", got)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.packets {
		if p.SequenceNumber == last.SequenceNumber && p.Timestamp != last.Timestamp {
			t.Errorf("retransmission has the timestamp %d, want %d", p.Timestamp, last.Timestamp)
		}
	}
}

func TestLateOccupantsAreShownWithoutAnotherKeyframe(t *testing.T) {
	e := newEngine(t)
	a := publisher(t, e, "a", red)
	first := newClient(t, e, "first", 1)
	first.offer()
	first.peer.Seat(0, a.occupant())
	until(t, "picture", func() bool { return first.saw(0, red) })
	var late []*client
	for range 4 { // before the first keyframe is asked for
		c := newClient(t, e, "late", 1)
		c.offer()
		late = append(late, c)
	}
	for _, c := range late {
		connected(t, c)
	}
	first.peer.Seat(0, sfu.Occupant{})
	first.peer.Seat(0, a.occupant()) // a new keyframe, now
	until(t, "a keyframe", func() bool { return e.Counters().Keyframes.Load() > 1 })
	keyframes := e.Counters().Keyframes.Load()
	for _, c := range late {
		c.peer.Seat(0, a.occupant())
	}
	for _, c := range late {
		until(t, "picture of a late one", func() bool { return c.saw(0, red) })
		if err := c.seat(0, media.Video).continuous(); err != nil {
			t.Error(err)
		}
	}
	if got := e.Counters().Keyframes.Load(); got > keyframes+1 {
		t.Errorf("%d more keyframes for %d late ones", got-keyframes, len(late))
	}
	if e.Counters().Replays.Load() == 0 {
		t.Error("nobody was shown from what was kept")
	}
}

// TestWhatIsKeptServesAllShards: who comes to a shard in which nobody else sees the picture is shown what another one kept.
func TestWhatIsKeptServesAllShards(t *testing.T) {
	e := newEngine(t)
	a := publisher(t, e, "a", red) // alone in its shard
	first := newClient(t, e, "first", 1)
	first.offer()
	first.peer.Seat(0, a.occupant())
	until(t, "picture", func() bool { return first.saw(0, red) })
	visitor := newClient(t, e, "visitor", 1) // in the shard of the publisher, where nobody sees it yet
	visitor.offer()
	connected(t, visitor)
	keyframes := e.Counters().Keyframes.Load()
	first.peer.Seat(0, sfu.Occupant{})
	first.peer.Seat(0, a.occupant()) // a new keyframe, now
	until(t, "a keyframe", func() bool { return e.Counters().Keyframes.Load() > keyframes })
	replays := e.Counters().Replays.Load()
	visitor.peer.Seat(0, a.occupant())
	until(t, "picture of a visitor", func() bool { return visitor.saw(0, red) })
	if err := visitor.seat(0, media.Video).continuous(); err != nil {
		t.Error(err)
	}
	if e.Counters().Replays.Load() == replays {
		t.Error("the visitor was not shown what was kept")
	}
}

package main

import (
	"fmt"
	"testing"
	"time"

	"hiroba/sfu/media"
	"hiroba/signaling/client"
	"hiroba/signaling/client/synthetic"
	"hiroba/signaling/protocol"
)

func oneSeat(c *client.Config) { c.Seats, c.MaxSeats = 1, 1 }

func listener(c *client.Config) { c.Publish = nil }

func tile(p *person) protocol.Tile {
	return protocol.Tile{Participant: p.ID(), Source: protocol.Camera, Width: 640, Height: 360}
}

// occupantOf reports whether the given seat of p now receives the picture of other: so said by the packets themselves.
func (p *person) receivesInSeat(seat int, other *person) bool {
	room := p.Room()
	lines := p.Lines()
	if len(lines) <= 2*seat+1 {
		return false
	}
	occupants := lines[2*seat+1].Occupants
	csrc := room.CSRC(other.ID(), protocol.Camera)
	return csrc != 0 && len(occupants) > 0 && occupants[len(occupants)-1] == csrc
}

func TestSystemASeatsNumbersRunOnWhenTheOccupantChanges(t *testing.T) {
	s := startServer(t, testConfig())
	a, b := enter(t, s, "square", 0), enter(t, s, "square", 1)
	viewer := enter(t, s, "square", 2, listener, oneSeat)
	const switches = 12
	for i := range switches {
		shown := []*person{a, b}[i%2]
		if err := viewer.SetView(tile(shown)); err != nil {
			t.Fatal(err)
		}
		await(t, viewer.Client, "the other occupant comes", func() bool { return viewer.receivesInSeat(0, shown) })
		viewer.sees(t, shown)
	}
	viewer.checkFaultless(t)
	if n := len(viewer.Lines()[1].Occupants); n < switches {
		t.Errorf("%d occupants, want at least %d", n, switches)
	}
	if n := viewer.Counters().Offers; n != 1 {
		t.Errorf("%d offers, want 1", n)
	}
}

func TestSystemASeatTakesEveryCodec(t *testing.T) {
	s := startServer(t, testConfig())
	codecs := []synthetic.Source{synthetic.NewVP9(), synthetic.NewH264(), synthetic.NewAV1()}
	people := []*person{enter(t, s, "square", 0)}
	for i, source := range codecs {
		people = append(people, enter(t, s, "square", i+1, func(c *client.Config) {
			c.Publish = []client.Publication{client.Microphone(synthetic.NewTone(i + 1)), client.Camera(source)}
		}))
	}
	viewer := enter(t, s, "square", 9, listener, oneSeat)
	want := []media.Codec{media.VP8, media.VP9, media.H264, media.AV1}
	for round := range 2 {
		for i, p := range people {
			before := viewer.Received(p.ID(), protocol.Camera)
			if err := viewer.SetView(tile(p)); err != nil {
				t.Fatal(err)
			}
			await(t, viewer.Client, fmt.Sprintf("round %d: a keyframe and ten more frames of %v", round, want[i]), func() bool {
				r := viewer.Received(p.ID(), protocol.Camera)
				return r.Keyframes > before.Keyframes && r.Frames > before.Frames+10
			})
			if got := viewer.Received(p.ID(), protocol.Camera).Codec; got != want[i] {
				t.Errorf("%s: codec %v, want %v", p.name, got, want[i])
			}
		}
	}
	viewer.checkFaultless(t)
}

func TestSystemACodecThatTheClientLacksIsNamed(t *testing.T) {
	s := startServer(t, testConfig())
	sender := enter(t, s, "square", 0, func(c *client.Config) {
		c.Publish = []client.Publication{client.Camera(synthetic.NewAV1()), client.Microphone(synthetic.NewTone(0))}
	})
	viewer := enter(t, s, "square", 1, func(c *client.Config) { c.Publish, c.Codecs = nil, []media.Codec{media.VP8} })
	await(t, viewer.Client, "the seat says which codec is missing", func() bool {
		room := viewer.Room()
		seat := room.SeatOf(sender.ID(), protocol.Camera)
		return seat >= 0 && room.Seats[seat].Unsupported == "av1"
	})
	await(t, viewer.Client, "the sound comes all the same", func() bool {
		return viewer.Received(sender.ID(), protocol.Microphone).Tone() == 0
	})
	if n := viewer.Received(sender.ID(), protocol.Camera).Packets; n > 0 {
		t.Errorf("%d packets that the client cannot decode", n)
	}
}

func TestSystemNobodyRenegotiatesForOthers(t *testing.T) {
	s := startServer(t, testConfig())
	watcher, other := enter(t, s, "square", 0), enter(t, s, "square", 1)
	watcher.sees(t, other)
	for i := range 3 {
		guest := enter(t, s, "square", 2+i)
		watcher.sees(t, guest)
		for _, muted := range []bool{true, false} {
			for _, source := range []protocol.Source{protocol.Camera, protocol.Microphone} {
				if err := guest.SetMuted(source, muted); err != nil {
					t.Fatal(err)
				}
			}
			await(t, watcher.Client, "the mute state is told", func() bool {
				room := watcher.Room()
				p, _ := room.ByName(guest.name)
				n := 0
				for _, track := range p.Tracks {
					if track.Muted == muted {
						n++
					}
				}
				return n == 2
			})
		}
		before := watcher.Received(guest.ID(), protocol.Camera).Keyframes
		await(t, watcher.Client, "the picture comes back", func() bool {
			return watcher.Received(guest.ID(), protocol.Camera).Keyframes > before ||
				time.Since(watcher.Received(guest.ID(), protocol.Camera).Last) < 100*time.Millisecond
		})
		if err := guest.Leave(bounded(t)); err != nil {
			t.Error(err)
		}
		await(t, watcher.Client, "the guest is gone", func() bool {
			room := watcher.Room()
			_, there := room.ByName(guest.name)
			return !there
		})
	}
	for _, p := range []*person{watcher, other} {
		if n := p.Counters().Offers; n != 1 {
			t.Errorf("%s sent %d offers, want 1", p.name, n)
		}
		p.checkFaultless(t)
	}
}

func TestSystemSeatsGrowWhenTheRoomDoes(t *testing.T) {
	cfg := testConfig()
	cfg.Seats = 2
	s := startServer(t, cfg)
	var people []*person
	for i := range 6 {
		people = append(people, enter(t, s, "square", i))
	}
	for _, p := range people {
		for _, other := range people {
			if p != other {
				p.sees(t, other)
			}
		}
	}
	for _, p := range people {
		// What comes for a new seat before the answer is applied, is lost; so loss is no fault here.
		for i, l := range p.Lines() {
			if l.Faults() > 0 {
				t.Errorf("%s, seat %d: %+v", p.name, i/2, l)
			}
		}
		t.Logf("%s: %d seats after %d offers", p.name, len(p.Lines())/2, p.Counters().Offers)
	}
}

func TestSystemScreenIsSharedAndTakenBack(t *testing.T) {
	s := startServer(t, testConfig())
	a, b := enter(t, s, "square", 0), enter(t, s, "square", 1)
	b.sees(t, a)
	for round := range 2 {
		colour := synthetic.Palette(100 + round)
		screen := synthetic.NewVP8(synthetic.VP8Config{Width: 1280, Height: 720, FPS: 15, Colour: colour, Bitrate: 500_000})
		if err := a.Publish(client.Screen(screen)); err != nil {
			t.Fatal(err)
		}
		await(t, b.Client, "the screen is seen", func() bool {
			room := b.Room()
			picture, err := b.Received(a.ID(), protocol.Screen).Picture()
			return room.SeatOf(a.ID(), protocol.Screen) >= 0 && err == nil && picture == synthetic.Picture{Width: 1280, Height: 720, Colour: colour}
		})
		if err := a.Unpublish(protocol.Screen); err != nil {
			t.Fatal(err)
		}
		await(t, b.Client, "the screen is gone", func() bool {
			room := b.Room()
			return room.SeatOf(a.ID(), protocol.Screen) < 0 && room.CSRC(a.ID(), protocol.Screen) == 0
		})
		b.sees(t, a)
	}
	b.checkFaultless(t)
	if n := b.Counters().Offers; n != 1 {
		t.Errorf("%d offers of the watcher, want 1", n)
	}
}

func TestSystemKeyframeIsAskedForAndComes(t *testing.T) {
	s := startServer(t, testConfig())
	a := enter(t, s, "square", 0)
	b := enter(t, s, "square", 1, listener)
	b.sees(t, a)
	room := b.Room()
	seat := room.SeatOf(a.ID(), protocol.Camera)
	before := b.Received(a.ID(), protocol.Camera).Keyframes
	if err := b.RequestKeyframe(seat); err != nil {
		t.Fatal(err)
	}
	await(t, b.Client, "the keyframe comes", func() bool { return b.Received(a.ID(), protocol.Camera).Keyframes > before })
	if a.Counters().PLIs == 0 {
		t.Error("no PLI reached the publisher")
	}
}

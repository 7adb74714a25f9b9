package main

import (
	"fmt"
	"testing"

	"hiroba/sfu/media"
	"hiroba/signaling/client"
	"hiroba/signaling/client/synthetic"
	"hiroba/signaling/protocol"
)

// withRED makes a client of a browser that has RED, both ways.
func withRED(n int) func(*client.Config) {
	return func(c *client.Config) {
		c.RED = true
		c.Publish = []client.Publication{client.RedundantMicrophone(synthetic.NewTone(n))}
	}
}

// withoutRED makes a client of one that has none, such as Firefox.
func withoutRED(n int) func(*client.Config) {
	return func(c *client.Config) {
		c.Publish = []client.Publication{client.Microphone(synthetic.NewTone(n))}
	}
}

// hears waits for a number of packets of other's sound, and says in which format they came.
func (p *person) hears(t *testing.T, other *person, packets uint64) media.Codec {
	t.Helper()
	await(t, p.Client, fmt.Sprintf("%s hears %s", p.name, other.name), func() bool {
		heard := p.Received(other.ID(), protocol.Microphone)
		return heard.Tones[other.tone] >= packets && heard.Tone() == other.tone
	})
	return p.Received(other.ID(), protocol.Microphone).Codec
}

// TestSystemMixedRoomWithRED: everybody hears everybody, those who have RED with redundancy from those who have it.
func TestSystemMixedRoomWithRED(t *testing.T) {
	s := startServer(t, testConfig())
	redundant := map[*person]bool{}
	var people []*person
	for i, red := range []bool{true, false, true, false} {
		how := withoutRED(i)
		if red {
			how = withRED(i)
		}
		p := enter(t, s, "square", i, how)
		redundant[p] = red
		people = append(people, p)
	}
	for _, p := range people {
		for _, other := range people {
			if p == other {
				continue
			}
			want := media.Opus
			if redundant[p] && redundant[other] {
				want = media.RED
			}
			if got := p.hears(t, other, 25); got != want {
				t.Errorf("%s hears %s in %v, want %v", p.name, other.name, got, want)
			}
			room := p.Room()
			them, _ := room.ByName(other.name)
			if len(them.Tracks) != 1 || them.Tracks[0].Codec != "opus" {
				t.Errorf("%s was told of %+v, want a track of Opus", p.name, them.Tracks)
			}
		}
	}
	for _, p := range people {
		p.checkFaultless(t)
	}
}

// TestSystemREDAndOpusInOneSeat changes the occupant of the only seat between one with RED and one without.
func TestSystemREDAndOpusInOneSeat(t *testing.T) {
	for _, red := range []bool{true, false} {
		t.Run(fmt.Sprintf("viewer with RED: %v", red), func(t *testing.T) {
			s := startServer(t, testConfig())
			people := []*person{enter(t, s, "square", 0, withRED(0)), enter(t, s, "square", 1, withoutRED(1))}
			viewer := enter(t, s, "square", 2, oneSeat, listener, func(c *client.Config) { c.RED = red })
			for i := range 8 {
				p := people[i%2]
				before := viewer.Received(p.ID(), protocol.Microphone).Tones[p.tone]
				if err := viewer.SetView(tile(p)); err != nil {
					t.Fatal(err)
				}
				want := media.Opus
				if red && i%2 == 0 {
					want = media.RED
				}
				if got := viewer.hears(t, p, before+15); got != want {
					t.Errorf("turn %d: %v, want %v", i, got, want)
				}
			}
			viewer.checkFaultless(t)
		})
	}
}

// TestSystemREDBringsLostSoundBack loses packets on the way from a publisher. Who has no RED is not to notice; nobody asks
// for sound again.
func TestSystemREDBringsLostSoundBack(t *testing.T) {
	s := startServer(t, testConfig())
	stack, err := client.NewStack(client.StackConfig{
		Loopback: true, UpLoss: func(_ media.SSRC, sequence uint16) bool { return sequence%5 == 3 }, // never two in a row
	})
	if err != nil {
		t.Fatal(err)
	}
	a := enter(t, s, "square", 0, withRED(0), func(c *client.Config) { c.Stack = stack })
	plain := enter(t, s, "square", 1, listener)
	red := enter(t, s, "square", 2, listener, func(c *client.Config) { c.RED = true })
	plain.hears(t, a, 150)
	red.hears(t, a, 100)
	plain.checkFaultless(t)
	room := red.Room()
	line := red.Lines()[2*room.SeatOf(a.ID(), protocol.Camera)]
	if line.Faults() > 0 || line.Missing < 10 || line.Duplicates > 0 {
		t.Errorf("with RED the losses should show, for the browser to repair: %+v", line)
	}
	if n := a.Counters().NACKed; n > 0 {
		t.Errorf("the server asked for %d packets of sound", n)
	}
}

// TestSystemSilenceWithRED: DTX sends one packet in 400 ms. That is neither loss nor the end of the sound.
func TestSystemSilenceWithRED(t *testing.T) {
	s := startServer(t, testConfig())
	tone := synthetic.NewTone(0)
	a := enter(t, s, "square", 0, func(c *client.Config) {
		c.Publish = []client.Publication{client.RedundantMicrophone(tone)}
	})
	plain := enter(t, s, "square", 1, listener)
	red := enter(t, s, "square", 2, listener, func(c *client.Config) { c.RED = true })
	for range 2 {
		a.Do(func() { tone.SetSound(synthetic.Sounding) })
		for _, p := range []*person{plain, red} {
			p.hears(t, a, p.Received(a.ID(), protocol.Microphone).Tones[0]+20)
		}
		a.Do(func() { tone.SetSound(synthetic.Discontinuous) })
		before := red.Received(a.ID(), protocol.Microphone).Packets
		await(t, red.Client, "comfort noise", func() bool {
			return red.Received(a.ID(), protocol.Microphone).Packets >= before+4
		})
	}
	for _, p := range []*person{plain, red} {
		p.checkFaultless(t)
	}
}

// TestSystemH265IsPassedThrough: to those who have it; the others are told what they lack.
func TestSystemH265IsPassedThrough(t *testing.T) {
	s := startServer(t, testConfig())
	sender := enter(t, s, "square", 0, func(c *client.Config) {
		c.Publish = []client.Publication{client.Camera(synthetic.NewH265()), client.Microphone(synthetic.NewTone(0))}
	})
	vp8 := enter(t, s, "square", 1)
	viewer := enter(t, s, "square", 2, listener, oneSeat)
	lacking := enter(t, s, "square", 3, listener, func(c *client.Config) {
		c.Codecs = []media.Codec{media.VP8, media.VP9, media.H264, media.AV1}
	})
	for round := range 3 {
		for _, p := range []*person{sender, vp8} {
			before := viewer.Received(p.ID(), protocol.Camera)
			if err := viewer.SetView(tile(p)); err != nil {
				t.Fatal(err)
			}
			await(t, viewer.Client, "a keyframe and ten more frames", func() bool {
				r := viewer.Received(p.ID(), protocol.Camera)
				return r.Keyframes > before.Keyframes && r.Frames > before.Frames+10
			})
			if got := viewer.Received(p.ID(), protocol.Camera).Codec; (got == media.H265) != (p == sender) {
				t.Errorf("round %d: %s comes as %v", round, p.name, got)
			}
		}
	}
	viewer.checkFaultless(t)
	await(t, lacking.Client, "the seat says which codec is missing", func() bool {
		room := lacking.Room()
		seat := room.SeatOf(sender.ID(), protocol.Camera)
		return seat >= 0 && room.Seats[seat].Unsupported == "h265"
	})
	lacking.sees(t, vp8)
	lacking.hears(t, sender, 10)
	if n := lacking.Received(sender.ID(), protocol.Camera).Packets; n > 0 {
		t.Errorf("%d packets that the client cannot decode", n)
	}
}

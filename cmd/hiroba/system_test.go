package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"hiroba/signaling/client"
	"hiroba/signaling/client/synthetic"
	"hiroba/signaling/protocol"
)

// The tests named TestSystem... start the whole server on loopback and talk to it with the Go client, over real
// sockets. HIROBA_TEST_LOG=debug shows the server's log.

// systemTimeout bounds each wait. It is far above what is needed, because test machines are busy.
const systemTimeout = 20 * time.Second

func testLog() *slog.Logger {
	var level slog.Level
	if level.UnmarshalText([]byte(os.Getenv("HIROBA_TEST_LOG"))) != nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), systemTimeout)
	t.Cleanup(cancel)
	return ctx
}

// await fails the test with why when cond does not come true.
func await(t *testing.T, c *client.Client, why string, cond func() bool) {
	t.Helper()
	if err := c.Await(bounded(t), cond); err != nil {
		t.Fatalf("%s: %v", why, err)
	}
}

// person is a client with a colour and a tone of its own.
type person struct {
	*client.Client
	name   string
	colour synthetic.Colour
	tone   int
	camera *synthetic.VP8
}

// enter lets the n-th person join a room. change may alter how.
func enter(t *testing.T, s *server, room string, n int, change ...func(*client.Config)) *person {
	t.Helper()
	p := &person{name: fmt.Sprintf("person %d", n), colour: synthetic.Palette(n + 1), tone: n % synthetic.Tones}
	p.camera = synthetic.NewVP8(synthetic.VP8Config{Colour: p.colour, Bitrate: 150_000})
	cfg := client.Config{
		URL: s.URL(), Room: room, Name: p.name, Log: testLog(),
		Publish: []client.Publication{client.Microphone(synthetic.NewTone(p.tone)), client.Camera(p.camera)},
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if p.Client, err = client.Dial(bounded(t), cfg); err != nil {
		t.Fatalf("%s joins: %v", p.name, err)
	}
	t.Cleanup(p.Close)
	return p
}

// sees waits until p receives the picture and the sound of other, each under other's name.
func (p *person) sees(t *testing.T, other *person) {
	t.Helper()
	await(t, p.Client, fmt.Sprintf("%s waits for picture and sound of %s", p.name, other.name), func() bool {
		return p.seesNow(other) == nil
	})
}

// seesNow says what p lacks of other.
func (p *person) seesNow(other *person) error {
	room := p.Room()
	them, ok := room.ByName(other.name)
	if !ok {
		return fmt.Errorf("%s is not in the room", other.name)
	}
	if room.SeatOf(them.ID, protocol.Camera) < 0 {
		return fmt.Errorf("%s has no seat", other.name)
	}
	picture, err := p.Received(them.ID, protocol.Camera).Picture()
	if err != nil {
		return err
	}
	if picture.Colour != other.colour {
		return fmt.Errorf("%s is %v, want %v", other.name, picture.Colour, other.colour)
	}
	if tone := p.Received(them.ID, protocol.Microphone).Tone(); tone != other.tone {
		return fmt.Errorf("%s sounds like %d, want %d", other.name, tone, other.tone)
	}
	return nil
}

// checkFaultless fails the test for every fault of a seat.
func (p *person) checkFaultless(t *testing.T) {
	t.Helper()
	for i, l := range p.Lines() {
		if l.Faults() > 0 {
			t.Errorf("%s, seat %d: %+v", p.name, i/2, l)
		}
	}
	for _, r := range p.Refusals() {
		t.Errorf("%s was refused: %+v", p.name, r)
	}
}

var _ = io.Discard

func TestSystemEverybodySeesAndHearsEverybody(t *testing.T) {
	s := startServer(t, testConfig())
	people := []*person{enter(t, s, "square", 0), enter(t, s, "square", 1), enter(t, s, "square", 2)}
	for _, p := range people {
		for _, other := range people {
			if p != other {
				p.sees(t, other)
			}
		}
	}
	for _, p := range people {
		p.checkFaultless(t)
		if n := p.Counters().Offers; n != 1 {
			t.Errorf("%s sent %d offers, want 1", p.name, n)
		}
	}
}

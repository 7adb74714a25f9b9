package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
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
	// dropsBefore is socketDrops when the person entered.
	dropsBefore uint64
}

// enter lets the n-th person join a room. change may alter how.
func enter(t *testing.T, s *server, room string, n int, change ...func(*client.Config)) *person {
	t.Helper()
	return enterAt(t, s.URL(), room, n, change...)
}

// enterAt is enter for a server that may be another process.
func enterAt(t *testing.T, url, room string, n int, change ...func(*client.Config)) *person {
	t.Helper()
	p := &person{
		name: fmt.Sprintf("person %d", n), colour: synthetic.Palette(n + 1), tone: n % synthetic.Tones,
		dropsBefore: socketDrops(),
	}
	p.camera = synthetic.NewVP8(synthetic.VP8Config{Colour: p.colour, Bitrate: 150_000})
	cfg := client.Config{
		URL: url, Room: room, Name: p.name, Log: testLog(),
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
	var lack error
	if err := p.Await(bounded(t), func() bool { lack = p.seesNow(other); return lack == nil }); err != nil {
		t.Fatalf("%s waits for picture and sound of %s, but %v: %v\nseats %+v\nlines %+v\nrefused %+v\n%s sent %+v",
			p.name, other.name, lack, err, p.Room().Seats, p.Lines(), p.Refusals(), other.name, other.Counters())
	}
}

// seesNow says what p lacks of other.
func (p *person) seesNow(other *person) error {
	if err := p.seesPictureNow(other); err != nil {
		return err
	}
	room := p.Room()
	them, _ := room.ByName(other.name)
	if tone := p.Received(them.ID, protocol.Microphone).Tone(); tone != other.tone {
		return fmt.Errorf("%s sounds like %d, want %d", other.name, tone, other.tone)
	}
	return nil
}

// seesPictureNow says what p lacks of other's picture, which is decoded: each person has a colour of their own.
func (p *person) seesPictureNow(other *person) error {
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
	return nil
}

// checkFaultless fails the test for every fault of a seat, and for lost packets unless the kernel dropped some: a busy
// machine does not read its sockets in time.
func (p *person) checkFaultless(t *testing.T) {
	t.Helper()
	dropped := socketDrops() - p.dropsBefore
	for i, l := range p.Lines() {
		if l.Faults() > 0 || l.Lost()+l.Duplicates > 0 && dropped == 0 {
			t.Errorf("%s, seat %d, with %d packets dropped by the kernel: %+v", p.name, i/2, dropped, l)
		}
	}
	for _, r := range p.Refusals() {
		t.Errorf("%s was refused: %+v", p.name, r)
	}
}

// socketDrops is how many datagrams found a full receive buffer, of whatever socket of this network namespace; 0 where
// that is not known.
func socketDrops() uint64 {
	b, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		return 0
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if fields[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		if i := slices.Index(names, "RcvbufErrors"); i > 0 && i < len(fields) {
			n, _ := strconv.ParseUint(fields[i], 10, 64)
			return n
		}
	}
	return 0
}

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

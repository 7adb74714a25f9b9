package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"hiroba/cmd/hiroba-load/tap"
	"hiroba/sfu/media"
	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

const (
	// joinTimeout bounds a join, from the first byte to the first packet of media.
	joinTimeout = 30 * time.Second
	// leaveTimeout bounds a farewell.
	leaveTimeout = 5 * time.Second
	// firstMediaEvery is how often a join looks whether media came; the time itself is the kernel's.
	firstMediaEvery = 20 * time.Millisecond
)

// onSend sees a packet of a publisher just before it is sent.
type onSend = func(h *rtp.Header, payload []byte, spare int)

// participant is one simulated person.
type participant struct {
	*client.Client
	socket *tap.Socket
	room   *room
	id     protocol.ParticipantID
	// The journals of a publisher's tracks.
	camera     *camera
	cameraSent *tap.Journal
	soundSent  *tap.Journal
	probe      *probe       // nil for who does not decrypt
	page       atomic.Int64 // of the view
	off        atomic.Bool  // a publisher's camera

	joined time.Duration // from dialling to the first media, or to the connection where there is none
}

// publisher joins somebody who sends.
func (r *room) publisher(ctx context.Context, n int) (*participant, error) {
	s := &r.load.settings
	p := &participant{room: r}
	cfg := client.Config{Seats: -1, MaxSeats: -1, Unread: true, Pace: s.Pace, ObeyLayers: true}
	if s.Meeting && s.Publishers > 1 {
		cfg.Seats = min(s.Publishers-1, s.Seats)
		cfg.MaxSeats = cfg.Seats
	}
	if s.Audio > 0 {
		p.soundSent = tap.NewJournal(1)
		cfg.Publish = append(cfg.Publish, microphone(n, s.Audio, stamping(p.soundSent)))
	}
	if s.video() {
		p.camera = newCamera(s, n)
		encodings := s.Encodings
		if s.TemporalLayers > 1 {
			encodings++ // the server leaves out packets, so numbers alone do not tell which one came
		}
		p.cameraSent = tap.NewJournal(encodings)
		cfg.Publish = append(cfg.Publish, p.camera.publication(stamping(p.cameraSent)))
	}
	stack := client.StackConfig{UpLoss: r.load.uplinkLoss()}
	err := p.join(ctx, fmt.Sprintf("Publisher %d", n+1), cfg, stack, tap.Options{PassRTCP: true})
	return p, err
}

// stamping notes when each packet leaves, in the journal and in the packet.
func stamping(j *tap.Journal) onSend {
	return func(h *rtp.Header, payload []byte, spare int) {
		now := time.Now()
		j.Sent(h.SequenceNumber, now)
		if spare >= stampBytes {
			putStamp(payload, now)
		}
	}
}

// subscriber joins somebody who receives.
func (r *room) subscriber(ctx context.Context, name string) (*participant, error) {
	p := &participant{room: r}
	p.page.Store(rand.Int64N(int64(r.load.settings.Publishers))) //nolint:gosec // any will do
	seats := min(r.load.settings.Publishers, r.load.settings.Seats)
	cfg := client.Config{Seats: seats, MaxSeats: seats, Unread: true, Codecs: r.load.codecs()}
	err := p.join(ctx, name, cfg, client.StackConfig{Bare: true}, tap.Options{})
	return p, err
}

// prober joins a subscriber that decrypts.
func (r *room) prober(ctx context.Context, name string) (*participant, error) {
	p := &participant{room: r}
	p.probe = newProbe(p)
	seats := min(r.load.settings.Publishers, r.load.settings.Seats)
	cfg := client.Config{Seats: seats, MaxSeats: seats, CountOnly: true, Codecs: r.load.codecs(), OnPacket: p.probe.packet}
	err := p.join(ctx, name, cfg, client.StackConfig{}, tap.Options{PassMedia: true})
	return p, err
}

// join enters the room and waits for media.
func (p *participant) join(
	ctx context.Context, name string, cfg client.Config, stack client.StackConfig, options tap.Options,
) error {
	l := p.room.load
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	options.Journals = p.room.journal
	if !options.PassRTCP {
		options.Loss = float64(l.settings.Loss)
	}
	socket, err := l.hub.Open(l.local, options)
	if err != nil {
		return err
	}
	p.socket = socket
	stack.Mux, stack.Like, stack.Loopback = socket, l.stack, l.local.IsLoopback()
	if cfg.Stack, err = client.NewStack(stack); err != nil {
		return p.fail(err)
	}
	cfg.URL, cfg.Room, cfg.Name = l.settings.Server, p.room.name, name
	cfg.NoDataChannels, cfg.LightSocket = true, true
	cfg.OnMessage = p.room.learn
	began := time.Now()
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		return p.fail(explain(err))
	}
	p.Client, p.id = c, c.ID()
	if cfg.Seats > 0 {
		if tiles := p.tiles(); len(tiles) > 0 {
			_ = c.SetView(tiles...) // a client that has ended fails below
		}
	}
	if err := p.awaitMedia(ctx, began); err != nil {
		return p.fail(err)
	}
	return nil
}

// awaitMedia waits until the participant is connected and receives, if it is to receive anything yet.
func (p *participant) awaitMedia(ctx context.Context, began time.Time) error {
	if err := p.Connected(ctx); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	p.joined = time.Since(began)
	if p.camera != nil || p.soundSent != nil {
		return nil
	}
	ticker := time.NewTicker(firstMediaEvery)
	defer ticker.Stop()
	for p.socket.First().IsZero() {
		select {
		case <-ticker.C:
		case <-p.Done():
			return p.Err()
		case <-ctx.Done():
			return fmt.Errorf("wait for media: %w", ctx.Err())
		}
	}
	p.joined = p.socket.First().Sub(began)
	return nil
}

// fail ends a join that did not work.
func (p *participant) fail(err error) error {
	if p.Client != nil {
		p.Close()
	}
	_ = p.socket.Close()
	return err
}

// explain says what to do about refusals that a setting of the server causes.
func explain(err error) error {
	refused := (*client.RefusedError)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Code {
	case protocol.CodeRoomFull:
		return fmt.Errorf("%w; start the server with a higher --max-participants", err)
	case protocol.CodeServerFull:
		return fmt.Errorf("%w; start the server with a higher --max-rooms or --max-connections", err)
	default:
		return err
	}
}

// tiles are what the participant shows: its page of the room's publishers.
func (p *participant) tiles() []protocol.Tile {
	s := &p.room.load.settings
	all := slices.DeleteFunc(p.room.publisherIDs(), func(id protocol.ParticipantID) bool { return id == p.id })
	tiles := make([]protocol.Tile, 0, s.Seats)
	for i := range min(len(all), s.Seats) {
		id := all[(int(p.page.Load())+i)%len(all)]
		tiles = append(tiles, protocol.Tile{
			Participant: id, Source: protocol.Camera, Width: s.Tile.Width, Height: s.Tile.Height,
		})
	}
	return tiles
}

// turnPage shows other publishers.
func (p *participant) turnPage() {
	p.page.Add(int64(p.room.load.settings.Seats))
	p.socket.Settle()
	_ = p.SetView(p.tiles()...) // a client that has ended is not missed
}

// turnCamera turns the camera of a publisher off or on. Nobody is to take that for a freeze.
func (p *participant) turnCamera(off bool) {
	_ = p.SetMuted(protocol.Camera, off) // a client that has ended is not missed
	p.cameraSent.Pause()
	_, subscribers := p.room.people()
	for _, s := range subscribers {
		if s.probe != nil {
			s.probe.settle()
		}
	}
}

// leave takes leave and closes everything.
func (p *participant) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_ = p.Leave(ctx) // it is closed either way
	_ = p.socket.Close()
}

// kindOf is the kind of a source.
func kindOf(source protocol.Source) media.Kind {
	if source == protocol.Microphone || source == protocol.ScreenAudio {
		return media.Audio
	}
	return media.Video
}

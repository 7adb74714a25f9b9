package client

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/mailbox"
	"hiroba/signaling/protocol"
)

// Client is a participant. All methods may be called from any goroutine.
type Client struct {
	cfg    Config
	log    *slog.Logger
	inbox  *mailbox.Mailbox[command]
	sender *sender
	counts counts

	cancel context.CancelFunc
	done   chan struct{} // closed when the session has ended
	wg     sync.WaitGroup

	mu       sync.Mutex // guards what follows
	room     Room
	state    webrtc.PeerConnectionState
	lines    []*line // in the order of seats: audio, video, audio, ...
	channels []*webrtc.DataChannel
	refused  []RefusedError
	changed  chan struct{} // closed and made anew at each change
	ended    bool
	err      error
}

// command is something that the loop does.
type command func(ctx context.Context, l *loop)

// counts are written by the loop.
type counts struct {
	offers, answers, resumes, plisSent atomic.Uint64
}

// Counters is what a client did and was asked for.
type Counters struct {
	// Offers, Answers and Resumes count from Dial on; a first offer is in Offers.
	Offers, Answers, Resumes uint64
	// PacketsSent, BytesSent (of payloads), FramesSent and KeyframesSent are of all publications together.
	PacketsSent, BytesSent, FramesSent, KeyframesSent uint64
	// PLIs, FIRs and NACKed (packets) are what the server asked for.
	PLIs, FIRs, NACKed uint64
	// PLIsSent are the client's own.
	PLIsSent uint64
}

// Dial joins a room. It returns when the server has said welcome; the PeerConnection is then on its way (Connected).
// A refusal is a *RefusedError. ctx bounds Dial alone.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	c := &Client{
		cfg: cfg, log: cfg.Log, inbox: mailbox.New[command](), sender: newSender(),
		done: make(chan struct{}), changed: make(chan struct{}), state: webrtc.PeerConnectionStateNew,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	address, loopback, err := webSocketURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if c.cfg.Stack == nil && !cfg.NoMedia {
		shared := sharedStacks.any
		if loopback {
			shared = sharedStacks.loopback
		}
		if c.cfg.Stack, err = shared(); err != nil {
			return nil, err
		}
	}
	l := &loop{Client: c, address: address, transfers: newTransfers()}
	welcome, err := l.join(ctx)
	if err != nil {
		return nil, err
	}
	c.handle(welcome)
	life, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.wg.Go(func() { l.run(life) })
	if len(cfg.Publish) > 0 || !cfg.NoMedia {
		c.wg.Go(func() { c.sender.run(life) })
	}
	return c, nil
}

// do posts a command to the loop.
func (c *Client) do(f command) error {
	if !c.inbox.Post(f) {
		return c.endError()
	}
	return nil
}

// handle takes a message into the room and wakes who waits for it.
func (c *Client) handle(m protocol.Message) {
	if c.cfg.OnMessage != nil {
		c.cfg.OnMessage(m)
	}
	c.mu.Lock()
	c.room.apply(m)
	if e, ok := m.(protocol.Error); ok {
		c.refused = append(c.refused, RefusedError(e))
	}
	c.mu.Unlock()
	c.notify()
}

// notify wakes Await.
func (c *Client) notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// track starts a goroutine that Close waits for. It is not started when the client has ended.
func (c *Client) track(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.wg.Go(f)
	}
}

// Close drops everything without a farewell, as a closed browser tab does, and waits for all goroutines.
func (c *Client) Close() {
	c.cancel()
	c.wg.Wait()
}

// Leave takes leave and closes. The error is nil when the server said goodbye.
func (c *Client) Leave(ctx context.Context) error {
	defer c.Close()
	if err := c.send(protocol.Leave{}); err != nil {
		return nil // it has ended already
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for bye: %w", ctx.Err())
	}
}

// Done is closed when the session has ended, by either side.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is why the session ended: a *ByeError when the server said so, and nil while it has not ended.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *Client) endError() error {
	if err := c.Err(); err != nil {
		return err
	}
	return ErrClosed
}

// awaitEvery is how often Await looks again by itself, for conditions that count packets.
const awaitEvery = 10 * time.Millisecond

// Await waits until cond is true. It looks whenever something changes. cond may call the methods of any client.
func (c *Client) Await(ctx context.Context, cond func() bool) error {
	ticker := time.NewTicker(awaitEvery)
	defer ticker.Stop()
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ticker.C:
		case <-c.done:
			if cond() {
				return nil
			}
			return c.endError()
		case <-ctx.Done():
			return fmt.Errorf("await: %w", ctx.Err())
		}
	}
}

// Connected waits until the PeerConnection is connected.
func (c *Client) Connected(ctx context.Context) error {
	return c.Await(ctx, func() bool { return c.State() == webrtc.PeerConnectionStateConnected })
}

// State is the state of the PeerConnection.
func (c *Client) State() webrtc.PeerConnectionState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Room is what is known of the room now.
func (c *Client) Room() Room {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.room.clone()
}

// ID is the client's own.
func (c *Client) ID() protocol.ParticipantID { return c.Room().Self.ID }

// Session is the secret with which another client can resume or replace this one.
func (c *Client) Session() string { return c.Room().Welcome.Session }

// Refusals are the Error messages of the server so far.
func (c *Client) Refusals() []RefusedError {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.refused)
}

// Counters is what the client did so far.
func (c *Client) Counters() Counters {
	s := &c.sender.counts
	return Counters{
		Offers: c.counts.offers.Load(), Answers: c.counts.answers.Load(), Resumes: c.counts.resumes.Load(),
		PLIsSent:    c.counts.plisSent.Load(),
		PacketsSent: s.packets.Load(), BytesSent: s.bytes.Load(),
		FramesSent: s.frames.Load(), KeyframesSent: s.keyframes.Load(),
		PLIs: s.plis.Load(), FIRs: s.firs.Load(), NACKed: s.nacked.Load(),
	}
}

// Received is what came of a participant's track since the client joined.
func (c *Client) Received(id protocol.ParticipantID, source protocol.Source) TrackStats {
	c.mu.Lock()
	csrc, lines := c.room.CSRC(id, source), c.lines
	c.mu.Unlock()
	return received(csrc, lines)
}

// ReceivedCSRC is what came with a contributing source, which may belong to somebody who has left.
func (c *Client) ReceivedCSRC(csrc uint32) TrackStats {
	c.mu.Lock()
	lines := c.lines
	c.mu.Unlock()
	return received(csrc, lines)
}

func received(csrc uint32, lines []*line) (sum TrackStats) {
	if csrc == 0 {
		return sum
	}
	for _, l := range lines {
		l.add(csrc, &sum)
	}
	return sum
}

// Lines is what came over each m-line: audio and video of the first seat, of the second, and so on.
func (c *Client) Lines() []LineStats {
	c.mu.Lock()
	lines := c.lines
	c.mu.Unlock()
	stats := make([]LineStats, len(lines))
	for i, l := range lines {
		stats[i] = l.snapshot()
	}
	return stats
}

// SetView says what the client shows.
func (c *Client) SetView(tiles ...protocol.Tile) error {
	return c.do(func(ctx context.Context, l *loop) {
		l.view = &protocol.View{Tiles: append([]protocol.Tile{}, tiles...)}
		l.write(ctx, *l.view)
	})
}

// SetMuted stops or starts what the client publishes as source, and tells the others.
func (c *Client) SetMuted(source protocol.Source, muted bool) error {
	return c.do(func(ctx context.Context, l *loop) { l.mute(ctx, source, muted) })
}

// SendChat says something to the room; id is the client's own mark and may be empty.
func (c *Client) SendChat(id, text string) error {
	return c.do(func(ctx context.Context, l *loop) { l.chat(ctx, protocol.ChatSend{ID: id, Text: text}) })
}

// Send sends any message over the WebSocket, also one that breaks the rules.
func (c *Client) Send(m protocol.Message) error { return c.send(m) }

func (c *Client) send(m protocol.Message) error {
	return c.do(func(ctx context.Context, l *loop) { l.write(ctx, m) })
}

// Publish adds an m-line, with an offer. An earlier publication of the same source must have been taken back.
func (c *Client) Publish(p Publication) error {
	return c.do(func(ctx context.Context, l *loop) {
		if err := l.publish(p); err != nil {
			l.end(err)
			return
		}
		l.negotiate(ctx)
	})
}

// Unpublish stops an m-line, with an offer.
func (c *Client) Unpublish(source protocol.Source) error {
	return c.do(func(ctx context.Context, l *loop) {
		l.unpublish(source)
		l.negotiate(ctx)
	})
}

// Do runs f where no frame is made at the same time, to change the settings of a source.
func (c *Client) Do(f func()) { c.sender.post(func(time.Time) { f() }) }

// RequestKeyframe sends a PLI for the picture of a seat.
func (c *Client) RequestKeyframe(seat int) error {
	return c.do(func(_ context.Context, l *loop) {
		if l.pc == nil || seat < 0 || seat >= len(l.seats) {
			return
		}
		for _, track := range l.seats[seat].video.transceiver.Receiver().Tracks() {
			if l.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}}) == nil {
				l.counts.plisSent.Add(1)
			}
		}
	})
}

// DropSocket loses the WebSocket and comes back after away, unless Config.NoResume says not to.
func (c *Client) DropSocket(away time.Duration) error {
	return c.do(func(_ context.Context, l *loop) { l.drop(away) })
}

// RestartICE finds a new way to the server, with the same session, seats and tracks, as after the address changed. The
// reason is for the server's statistics.
func (c *Client) RestartICE(reason protocol.RestartReason) error {
	return c.do(func(ctx context.Context, l *loop) {
		if l.pc != nil {
			l.restart = reason
			l.negotiate(ctx)
		}
	})
}

// WriteRTP sends a packet on the m-line of a publication as it is given, to see what a server does with it. With an SSRC
// of 0 it is one of the publication's own stream: it gets the SSRC, payload type and next sequence number of that. A
// number of its own would take the stream out of SRTP's replay window, and all that follows with it.
func (c *Client) WriteRTP(source protocol.Source, h rtp.Header, payload []byte) error {
	return c.do(func(_ context.Context, l *loop) {
		for _, p := range l.published {
			if p.source != source {
				continue
			}
			u := p.uplinks[0]
			u.sender.post(func(time.Time) {
				if u.bound == nil {
					return
				}
				if h.SSRC == 0 {
					h.SSRC, h.PayloadType, h.SequenceNumber = u.bound.ssrc, u.bound.pt, u.seq
					u.seq++
				}
				_, _ = u.bound.writer.WriteRTP(&h, payload)
			})
		}
	})
}

// WriteRTCP sends RTCP packets as they are given, to see what a server does with them.
func (c *Client) WriteRTCP(packets ...rtcp.Packet) error {
	return c.do(func(_ context.Context, l *loop) {
		if l.pc != nil {
			_ = l.pc.WriteRTCP(packets)
		}
	})
}

package sfu

import (
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/keying"
	"hiroba/sfu/mailbox"
	"hiroba/sfu/media"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/udp"
)

// PeerConfig says how a Peer runs.
type PeerConfig struct {
	// ID is the participant's, for logs.
	ID string
	// Sink takes the peer's events.
	Sink Sink
	// Loopback is set for a client that reached the server over loopback: it is given loopback candidates too.
	Loopback bool
	// Log has the identity of the participant in it; nil is the engine's.
	Log *slog.Logger
}

// Peer is one participant's PeerConnection, with what it publishes and what it receives. Its state is owned by one
// goroutine, to which all methods post.
type Peer struct {
	engine *Engine
	cfg    PeerConfig
	log    *slog.Logger
	pc     *webrtc.PeerConnection
	shard  *shard
	down   *subscriber // owned by shard
	inbox  *mailbox.Mailbox[func(now time.Time)]

	// mux is the engine's for this PeerConnection, and exporter learns its keys.
	mux      *udp.PeerMux
	uplink   *uplink
	exporter keying.Exporter

	state atomic.Value // State
	path  atomic.Value // Path
	via   atomic.Value // Transport
	types atomic.Pointer[payloadTypes]
	names atomic.Pointer[map[media.SSRC]streamName] // of the newest offer; nil before
	// connectedAt is when the transport was last connected, in Unix nanoseconds.
	connectedAt atomic.Int64
	closed      atomic.Bool // after which no event but Closed is sent
	abused      atomic.Bool
	stopped     atomic.Bool // streams of pion are not to be read any more
	done        chan struct{}

	// loops counts the goroutines that read from the PeerConnection; they end when it is closed.
	loops sync.WaitGroup

	// clock maps this publisher's wall clock to ours; its streams share it, which keeps lips in sync. The lock is held
	// for one sum.
	clockMu sync.Mutex
	clock   rtptime.Publisher

	// What follows is owned by run.
	seats      []*seat
	read       int // of how many of them RTCP is read; see readFeedback
	tracks     map[media.MID]*UpTrack
	candidates int
	found      []foundTrack             // while the path is undecided
	reading    []*pionStream            // on pion's path
	pair       *webrtc.ICECandidatePair // that was selected and is not followed yet, since pairSince; nil for none
	pairSince  time.Time
	channels   map[string]*channel
}

// NewPeer makes a peer. It does nothing until the first offer.
func (e *Engine) NewPeer(cfg PeerConfig) (*Peer, error) {
	if cfg.Log == nil {
		cfg.Log = e.log
	}
	p := &Peer{
		engine:   e,
		cfg:      cfg,
		log:      cfg.Log,
		inbox:    mailbox.New[func(time.Time)](),
		done:     make(chan struct{}),
		tracks:   make(map[media.MID]*UpTrack),
		channels: make(map[string]*channel),
	}
	p.state.Store(StateNew)
	p.path.Store(PathUndecided)
	p.via.Store(TransportNone)
	uplink, err := newUplink(p)
	if err != nil {
		return nil, err
	}
	p.uplink = uplink
	p.mux = e.mux.Peer(uplink)
	if e.cfg.PionPath {
		uplink.yield()
	}
	pc, err := e.newPeerConnection(p, cfg.Loopback)
	if err != nil {
		_ = p.mux.Close()
		return nil, err
	}
	p.pc = pc
	if err := e.add(p); err != nil {
		_, _ = pc.Close(), p.mux.Close()
		return nil, err
	}
	p.down = newSubscriber(p)
	p.listen()
	go p.run()
	return p, nil
}

// ID is the participant's.
func (p *Peer) ID() string { return p.cfg.ID }

// State is the state of the transport now.
func (p *Peer) State() State {
	s, _ := p.state.Load().(State)
	return s
}

// Supports reports whether the client can receive a codec; false before its first offer was answered.
func (p *Peer) Supports(c media.Codec) bool {
	types := p.types.Load()
	return types != nil && int(c) < len(types.media) && types.media[c] != 0
}

// learn notes the payload types of one kind, when the first m-line of it is negotiated. Called by pion's goroutines.
func (p *Peer) learn(kind media.Kind, types *payloadTypes) {
	for {
		former := p.types.Load()
		var merged payloadTypes
		if former != nil {
			merged = *former
		}
		for c, pt := range types.media {
			if media.Codec(c).Kind() == kind {
				merged.media[c], merged.rtx[c] = pt, types.rtx[c]
			}
		}
		if p.types.CompareAndSwap(former, &merged) {
			return
		}
	}
}

// Close ends the peer; the Closed event follows.
func (p *Peer) Close() { p.inbox.Post(nil) }

// listen sets pion's callbacks. They only post.
func (p *Peer) listen() {
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		at := time.Now()
		if s == webrtc.PeerConnectionStateConnected {
			p.connectedAt.Store(at.UnixNano())
		}
		p.post(func(time.Time) { p.handleState(at, State(s.String())) })
	})
	p.pc.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(func(pair *webrtc.ICECandidatePair) {
		p.post(func(now time.Time) { p.handlePair(now, pair) })
	})
	p.pc.OnICECandidate(func(c *webrtc.ICECandidate) { p.post(func(time.Time) { p.handleLocalCandidate(c) }) })
	p.pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		p.post(func(time.Time) { p.handleTrack(t, r) })
	})
	p.pc.OnDataChannel(func(dc *webrtc.DataChannel) { p.acceptChannel(dc) })
}

func (p *Peer) post(f func(now time.Time)) { p.inbox.Post(f) }

// emit hands an event to the sink, unless the peer is closed.
func (p *Peer) emit(e Event) {
	if !p.closed.Load() {
		p.cfg.Sink.PeerEvent(p, e)
	}
}

// abuse ends a peer whose client broke a bound.
func (p *Peer) abuse(reason string) {
	if p.abused.CompareAndSwap(false, true) {
		p.post(func(time.Time) { p.emit(Abused{Reason: reason}) })
		p.Close()
	}
}

// run is the loop of the peer's goroutine. It ends when Close was posted.
func (p *Peer) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var batch []func(time.Time)
	for {
		select {
		case <-p.inbox.Wait():
		case <-timer.C:
		}
		now := time.Now()
		batch = p.inbox.Take(batch)
		for _, f := range batch {
			if f == nil || !p.contain(now, f) {
				p.teardown()
				return
			}
		}
		timer.Reset(p.handleTimeout(now))
	}
}

// contain runs f and reports whether it came through. A panic ends this peer, and nobody else's call.
func (p *Peer) contain(now time.Time, f func(time.Time)) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			p.panicked(r)
			ok = false
		}
	}()
	f(now)
	return true
}

// loop runs a reader of the PeerConnection in a goroutine that ends with it. A panic in it ends the peer.
func (p *Peer) loop(read func()) {
	p.loops.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				p.panicked(r)
				p.Close()
			}
		}()
		read()
	})
}

func (p *Peer) panicked(reason any) {
	p.engine.counters.Panics.Add(1)
	p.log.Error("peer panicked", "panic", reason, "stack", string(debug.Stack()))
}

// handleTimeout asks publishers' encoders for the keyframes that are due, follows the client to another address, and says how
// long until there is more to do.
func (p *Peer) handleTimeout(now time.Time) time.Duration {
	wait := time.Hour
	if next := p.followPair(now); !next.IsZero() {
		wait = next.Sub(now)
	}
	for _, t := range p.tracks {
		if due := t.handleTimeout(now); !due.IsZero() {
			wait = min(wait, due.Sub(now))
		}
	}
	return max(wait, 0)
}

// handleState takes the state that the transport has had since a moment ago.
func (p *Peer) handleState(at time.Time, s State) {
	if p.State() == s {
		return
	}
	p.state.Store(s)
	p.log.Debug("peer state changed", "state", s)
	if s == StateConnected {
		p.choosePath()
		p.down.post(func(sub *subscriber, now time.Time) { sub.handleConnected(now) })
	}
	p.emit(StateChanged{State: s, At: at})
}

// settleTime is how long pion needs, by far, to start its streams once the transport is connected.
const settleTime = 200 * time.Millisecond

// settle waits while pion may be starting its streams: when a PeerConnection is closed just then, pion leaves a goroutine
// and the buffers of an SRTP session behind for ever.
func (p *Peer) settle() {
	switch p.pc.ConnectionState() {
	case webrtc.PeerConnectionStateConnecting:
		time.Sleep(settleTime)
	case webrtc.PeerConnectionStateConnected:
		at := p.connectedAt.Load() // 0 when its callback is on its way
		if at == 0 || time.Since(time.Unix(0, at)) < settleTime {
			time.Sleep(settleTime)
		}
	default: // nothing has begun, or it has ended
	}
}

// teardown ends everything that belongs to the peer, in an order in which nothing outlives what it uses.
func (p *Peer) teardown() {
	p.inbox.Close()
	p.uplink.close()
	for _, t := range p.tracks {
		t.end()
	}
	p.down.leave()
	p.settle()
	if err := p.pc.Close(); err != nil {
		p.log.Debug("closed peer connection", "err", err)
	}
	if err := p.mux.Close(); err != nil {
		p.log.Debug("closed share of the media port", "err", err)
	}
	p.exporter.Close()
	p.stopReading()
	p.loops.Wait()
	p.state.Store(StateClosed)
	p.engine.remove(p)
	p.closed.Store(true)
	p.cfg.Sink.PeerEvent(p, Closed{})
	close(p.done)
}

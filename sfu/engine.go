package sfu

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/stats"
	"hiroba/sfu/turn"
	"hiroba/sfu/udp"
)

// ErrEngineClosed is returned by NewPeer after Close.
var ErrEngineClosed = errors.New("media engine closed")

// Config says how an Engine runs.
type Config struct {
	// Listen is host:port of the UDP socket that carries all media. Port 0 picks a free one, on a single address.
	Listen string
	// PublicIPs are announced in place of the interfaces' addresses, for a server behind a NAT that maps one to one.
	PublicIPs []netip.Addr
	// Interfaces are those whose addresses carry media when Listen has none; see udp.Interfaces.
	Interfaces udp.Interfaces
	// Shards is how many goroutines send to subscribers; 0 is one per CPU.
	Shards int
	// MaxSeats bounds the seats of one peer; 0 is 64.
	MaxSeats int
	// PionPath makes all media take pion's own path, in place of the server's own.
	PionPath bool
	// NoGSO has the kernel take each datagram by itself, also where it could cut them from larger ones (UDP_SEGMENT).
	NoGSO bool
	// ICETCP accepts connections for ICE, framed as RFC 4571 says, at the addresses of Listen; nil is none. The Engine closes
	// it.
	ICETCP net.Listener
	// TURN makes the Engine a TURN server, too; nil is none. Public is taken from PublicIPs.
	TURN *turn.Config
	// Log is the parent of all loggers; nil discards.
	Log *slog.Logger
}

// Engine owns the media sockets and the shards.
type Engine struct {
	cfg         Config
	log         *slog.Logger
	mux         *udp.Mux
	addr        netip.AddrPort
	media       *webrtc.MediaEngine
	certificate webrtc.Certificate
	counters    stats.Counters
	shards      []*shard
	loggers     *pionLoggers
	streams     *streams     // nil without ICETCP
	turn        *turn.Server // nil without TURN
	// negotiating has room for as many as may answer offers at once: an answer takes milliseconds of a core, and media
	// should not wait for one while many join.
	negotiating chan struct{}

	nextID   atomic.Uint32 // of up tracks and of incoming streams
	upTracks atomic.Int64

	// mu guards peers and closed, for an insert or a copy only.
	mu     sync.Mutex
	peers  map[*Peer]struct{}
	closed bool
}

// New opens the media socket and starts the shards.
func New(cfg Config) (*Engine, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Shards <= 0 {
		cfg.Shards = runtime.GOMAXPROCS(0)
	}
	if cfg.MaxSeats <= 0 {
		cfg.MaxSeats = 64
	}
	mediaEngine, err := newMediaEngine()
	if err != nil {
		return nil, err
	}
	// One key for all peers: making one costs as much as a handshake. It lives as long as the process.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make DTLS key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("make DTLS certificate: %w", err)
	}
	loggers := &pionLoggers{cfg.Log}
	mux, addr, err := listen(cfg)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg:         cfg,
		log:         cfg.Log,
		mux:         mux,
		addr:        addr,
		media:       mediaEngine,
		certificate: *certificate,
		loggers:     loggers,
		negotiating: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		peers:       make(map[*Peer]struct{}),
	}
	if cfg.ICETCP != nil {
		e.streams = newStreams(mux, cfg.ICETCP, e.log)
	}
	if cfg.TURN != nil {
		own := *cfg.TURN
		own.Public, own.Log, own.Loggers = cfg.PublicIPs, e.log, loggers
		if e.turn, err = turn.New(mux, own); err != nil {
			_ = e.closeNetwork()
			return nil, fmt.Errorf("serve TURN: %w", err)
		}
	}
	for range cfg.Shards {
		s := newShard(&e.counters, mux.NewSender(), e.log)
		e.shards = append(e.shards, s)
		go s.run()
	}
	return e, nil
}

// Addr is the address of the media socket. On all addresses it is the unspecified one.
func (e *Engine) Addr() netip.AddrPort { return e.addr }

// Counters are the counters of all that passes through the engine.
func (e *Engine) Counters() *stats.Counters { return &e.counters }

// Network is what has passed through the media port.
func (e *Engine) Network() udp.Counters { return e.mux.Counters() }

// Close ends all peers, the shards and the socket. It waits until they are gone.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.mu.Unlock()
	peers := e.snapshot()
	for _, p := range peers {
		p.Close()
	}
	for _, p := range peers {
		<-p.done
	}
	for _, s := range e.shards {
		s.stop()
	}
	return e.closeNetwork()
}

// closeNetwork closes all sockets and connections.
func (e *Engine) closeNetwork() error {
	var errs []error
	if e.turn != nil {
		errs = append(errs, e.turn.Close())
	}
	if e.streams != nil {
		errs = append(errs, e.streams.close())
	}
	if err := errors.Join(append(errs, e.mux.Close())...); err != nil {
		return fmt.Errorf("close media sockets: %w", err)
	}
	return nil
}

// TURN is the TURN server; nil if there is none.
func (e *Engine) TURN() *turn.Server { return e.turn }

// Relays is what the TURN server did; nothing if there is none.
func (e *Engine) Relays() turn.Counters {
	if e.turn == nil {
		return turn.Counters{}
	}
	return e.turn.Counters()
}

// Forget ends what a participant has besides their peers, because they left.
func (e *Engine) Forget(participant string) {
	if e.turn != nil {
		e.turn.Forget(participant)
	}
}

// Streams are the connections that carry ICE.
func (e *Engine) Streams() StreamCounters {
	if e.streams == nil {
		return StreamCounters{}
	}
	return e.streams.counters()
}

// Flows is what has passed through connections and relays, seen as datagrams.
func (e *Engine) Flows() udp.Counters { return e.mux.FlowCounters() }

// PeersByTransport counts the peers by how their clients are reached.
func (e *Engine) PeersByTransport() map[Transport]int {
	counts := map[Transport]int{TransportNone: 0, TransportUDP: 0, TransportTCP: 0, TransportTURN: 0}
	for _, p := range e.snapshot() {
		counts[p.Transport()]++
	}
	return counts
}

// Peers counts the peers by state.
func (e *Engine) Peers() map[State]int {
	counts := map[State]int{StateNew: 0, StateConnecting: 0, StateConnected: 0, StateDisconnected: 0, StateFailed: 0}
	for _, p := range e.snapshot() {
		counts[p.State()]++
	}
	return counts
}

// PeersByPath counts the peers by the path of their media.
func (e *Engine) PeersByPath() map[Path]int {
	counts := map[Path]int{PathUndecided: 0, PathOwn: 0, PathPion: 0}
	for _, p := range e.snapshot() {
		counts[p.Path()]++
	}
	return counts
}

// UpTracks counts the tracks that peers publish.
func (e *Engine) UpTracks() int { return int(e.upTracks.Load()) }

// MailboxDepth is how many items wait in the fullest mailbox of each kind of owner.
func (e *Engine) MailboxDepth() map[string]int {
	depth := map[string]int{"shard": 0, "peer": 0}
	for _, s := range e.shards {
		depth["shard"] = max(depth["shard"], s.inbox.Len())
	}
	for _, p := range e.snapshot() {
		depth["peer"] = max(depth["peer"], p.inbox.Len())
	}
	return depth
}

func (e *Engine) snapshot() []*Peer {
	e.mu.Lock()
	defer e.mu.Unlock()
	peers := make([]*Peer, 0, len(e.peers))
	for p := range e.peers {
		peers = append(peers, p)
	}
	return peers
}

// add registers a peer and picks its shard: the one with the fewest peers.
func (e *Engine) add(p *Peer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrEngineClosed
	}
	e.peers[p] = struct{}{}
	p.shard = e.shards[0]
	for _, s := range e.shards[1:] {
		if s.peers.Load() < p.shard.peers.Load() {
			p.shard = s
		}
	}
	p.shard.peers.Add(1)
	return nil
}

func (e *Engine) remove(p *Peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.peers[p]; ok {
		delete(e.peers, p)
		p.shard.peers.Add(-1)
	}
}

package ws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"nhooyr.io/websocket"

	"hiroba/room"
	"hiroba/signaling"
	"hiroba/signaling/forwarded"
	"hiroba/signaling/protocol"
)

// Handler is the http.Handler of the WebSocket endpoint.
type Handler struct {
	cfg      Config
	session  signaling.Config
	door     *doorman
	counters counters

	// mu guards what follows; it is held for an insertion, a removal or a copy.
	mu      sync.Mutex
	sockets map[*socket]struct{}
	// bye is what a socket is told that comes in the middle of Shutdown.
	bye *protocol.Bye
}

type counters struct {
	messages                                   *signaling.Counters
	opened                                     atomic.Uint64
	wireReceived, wireSent                     atomic.Uint64
	origin, full, crowded, shutting, handshake atomic.Uint64
	draining, overloaded                       atomic.Uint64
}

// Stats is a snapshot of what went through the door. Keys of maps are bounded sets.
type Stats struct {
	signaling.Stats
	// Sockets are open now, Waiting those of them that have not joined a room.
	Sockets, Waiting int
	// Opened counts the sockets that were ever accepted.
	Opened uint64
	// Refused counts those that were not, by reason: "origin", "full", "crowded", "shutting_down", "draining", "overloaded",
	// "handshake".
	Refused map[string]uint64
	// WireBytesReceived and WireBytesSent are what crossed the connections, after compression and with framing.
	WireBytesReceived, WireBytesSent uint64
}

// shutRetry is when somebody should try again whom a server refused that stops.
const shutRetry = 5 * time.Second

// SetMaxSockets changes Config.MaxSockets from now on. Sockets that are open stay.
func (h *Handler) SetMaxSockets(n int) { h.door.setMaxSockets(n) }

// NewHandler makes the door. It panics without Rooms.
func NewHandler(cfg Config) *Handler {
	if cfg.Rooms == nil {
		panic("ws: a Config without Rooms")
	}
	cfg = cfg.withDefaults()
	h := &Handler{
		cfg:     cfg,
		door:    newDoorman(cfg.MaxSockets, cfg.MaxWaitingPerIP),
		sockets: map[*socket]struct{}{},
	}
	h.counters.messages = signaling.NewCounters()
	h.session = signaling.Config{
		Rooms:          cfg.Rooms,
		Limits:         cfg.Limits,
		HelloTimeout:   cfg.HelloTimeout,
		JoinTimeout:    cfg.JoinTimeout,
		OutboxMessages: cfg.OutboxMessages,
		OutboxBytes:    cfg.OutboxBytes,
		Counters:       h.counters.messages,
		Log:            cfg.Log,
	}.WithDefaults()
	return h
}

// ServeHTTP accepts a WebSocket and serves it until it is closed.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requested := time.Now()
	from := forwarded.Of(r, h.cfg.TrustedProxies)
	if !originAllowed(r, from.Encrypted, h.cfg.AllowedOrigins) {
		h.counters.origin.Add(1)
		h.cfg.Log.Info("socket refused", "reason", "origin", "origin", r.Header.Get("Origin"), "host", r.Host)
		refuse(w, http.StatusForbidden, protocol.Error{
			Code: protocol.CodeBadMessage, Message: "Pages of this origin may not connect.",
		})
		return
	}
	if err := h.newcomer(r); err != nil {
		h.refuseNewcomer(w, err)
		return
	}
	counted := household(from.Addr)
	if from.Loopback {
		counted = netip.Addr{} // a load test, or a proxy that does not say whom it serves
	}
	t, err := h.door.admit(counted)
	if err != nil {
		h.refuseFor(w, err)
		return
	}
	defer t.leave()
	hj := &hijacker{ResponseWriter: w, received: &h.counters.wireReceived, sent: &h.counters.wireSent}
	conn, err := websocket.Accept(hj, r, &websocket.AcceptOptions{
		InsecureSkipVerify:   true, // originAllowed has looked
		CompressionMode:      websocket.CompressionNoContextTakeover,
		CompressionThreshold: compressionThresholdBytes,
	})
	if err != nil {
		h.counters.handshake.Add(1) // Accept has answered
		return
	}
	conn.SetReadLimit(-1) // the socket has its own, which ends with a goodbye
	h.counters.opened.Add(1)
	trail := h.cfg.Follow()
	trail.Follows(r.Header.Get("Traceparent")) // of a proxy; browsers cannot set it
	trail.Passed(room.Requested, requested)
	trail.Passed(room.Upgraded, time.Now())
	s := &socket{
		cfg:      &h.cfg,
		conn:     conn,
		wire:     hj.conn,
		session:  signaling.NewSession(h.session, from.Loopback, ReachedBy(r, from.Forwarded)),
		maxBytes: int64(h.session.Limits.OfferBytes),
		ticket:   t,
	}
	s.session.Follow(trail)
	h.add(s)
	defer h.remove(s)
	s.serve(context.WithoutCancel(r.Context()))
}

// refuseFor answers a client that the doorman does not let in.
func (h *Handler) refuseFor(w http.ResponseWriter, err error) {
	retry := func(status int, code protocol.Code, message string, after time.Duration) {
		w.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
		refuse(w, status, protocol.Error{Code: code, Message: message, RetryAfterMs: after.Milliseconds()})
	}
	switch {
	case errors.Is(err, errCrowded):
		h.counters.crowded.Add(1)
		retry(http.StatusTooManyRequests, protocol.CodeRateLimited,
			"Too many connections from this address wait to join a room.", 5*time.Second)
	case errors.Is(err, errShuttingDown):
		h.counters.shutting.Add(1)
		retry(http.StatusServiceUnavailable, protocol.CodeShuttingDown, "The server stops and takes nobody new.", shutRetry)
	default:
		h.counters.full.Add(1)
		retry(http.StatusServiceUnavailable, protocol.CodeServerFull, "The server has too many connections.",
			10*time.Second)
	}
}

// newcomer says why a request is refused that does not claim to come back, or nil.
func (h *Handler) newcomer(r *http.Request) error {
	if h.cfg.Newcomers == nil || r.URL.Query().Has(protocol.ReturningQuery) {
		return nil
	}
	return h.cfg.Newcomers()
}

// refuseNewcomer answers somebody whom the rooms would not let in.
func (h *Handler) refuseNewcomer(w http.ResponseWriter, err error) {
	e := signaling.ErrorOf(err, "")
	switch e.Code {
	case protocol.CodeDraining:
		h.counters.draining.Add(1)
	case protocol.CodeOverloaded:
		h.counters.overloaded.Add(1)
	default:
		h.counters.shutting.Add(1)
	}
	if e.RetryAfterMs == 0 {
		e.RetryAfterMs = shutRetry.Milliseconds()
	}
	// Whole seconds (RFC 9110, section 10.2.3), not sooner than the message says.
	w.Header().Set("Retry-After", strconv.FormatInt((e.RetryAfterMs+999)/1000, 10))
	refuse(w, http.StatusServiceUnavailable, e)
}

// refuse answers in place of a WebSocket with the message that one would have carried.
func refuse(w http.ResponseWriter, status int, e protocol.Error) {
	b, err := protocol.Encode(e)
	if err != nil {
		panic("error not encoded: " + err.Error()) // it has only strings and numbers
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client may be gone; it was refused anyway
}

func (h *Handler) add(s *socket) {
	h.mu.Lock()
	h.sockets[s] = struct{}{}
	bye := h.bye
	h.mu.Unlock()
	if bye != nil {
		s.session.End(*bye)
		s.hurry()
	}
}

func (h *Handler) remove(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sockets, s)
}

func (h *Handler) open() []*socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.sockets))
}

// Shutdown accepts no more sockets, says bye on those that are open, and waits until all are closed. Sessions that the
// registry has ended keep its goodbye, so shut the registry down first: otherwise rooms take their participants for
// lost. When ctx is done, what is still open is cut off, and the error says so.
func (h *Handler) Shutdown(ctx context.Context, bye protocol.Bye) error {
	idle := h.door.close()
	h.mu.Lock()
	h.bye = &bye
	h.mu.Unlock()
	for _, s := range h.open() {
		s.session.End(bye)
		s.hurry() // also when it is stuck in the middle of a message
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	for _, s := range h.open() {
		s.cut()
	}
	<-idle
	return fmt.Errorf("wait for clients to close: %w", ctx.Err())
}

// Stats is a snapshot for metrics.
func (h *Handler) Stats() Stats {
	sockets, waiting := h.door.counts()
	c := &h.counters
	return Stats{
		Stats:   c.messages.Snapshot(),
		Sockets: sockets,
		Waiting: waiting,
		Opened:  c.opened.Load(),
		Refused: map[string]uint64{
			"origin":        c.origin.Load(),
			"full":          c.full.Load(),
			"crowded":       c.crowded.Load(),
			"shutting_down": c.shutting.Load(),
			"draining":      c.draining.Load(),
			"overloaded":    c.overloaded.Load(),
			"handshake":     c.handshake.Load(),
		},
		WireBytesReceived: c.wireReceived.Load(),
		WireBytesSent:     c.wireSent.Load(),
	}
}

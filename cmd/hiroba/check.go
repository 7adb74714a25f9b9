package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"hiroba/room"
	"hiroba/sfu"
	"hiroba/signaling/forwarded"
	"hiroba/signaling/protocol"
	"hiroba/signaling/ws"
)

// The bounds of connection tests. One costs the server a handshake and some kilobytes, for testLife.
const (
	// testLife is how long the server's end of a test lives, whatever becomes of it. It is what limits how often one may test.
	testLife = 12 * time.Second
	// maxTests is how many may go on at once, and maxTestsEach how many from one address: a page makes three, and there may be
	// several people behind it.
	maxTests     = 60
	maxTestsEach = 12
	// maxTestOffer bounds a request, in bytes: an offer of a data channel has about one thousand.
	maxTestOffer = 16 << 10
	// answerWait bounds the wait for an answer.
	answerWait = 3 * time.Second
)

// checker answers offers of pages that want to know, before anybody joins, by which ways media could go. PROTOCOL.md has it
// under "Connection test".
type checker struct {
	engine  *sfu.Engine
	servers func(time.Time, protocol.ParticipantID, room.Reached) []protocol.ICEServer // nil without TURN
	trusted []netip.Prefix
	log     *slog.Logger

	mu   sync.Mutex // guards what follows
	all  int
	each map[netip.Prefix]int
}

// checkRequest and checkAnswer are the messages of a test.
type checkRequest struct {
	SDP string `json:"sdp"`
}

type checkAnswer struct {
	SDP        string               `json:"sdp"`
	ICEServers []protocol.ICEServer `json:"iceServers,omitempty"`
}

// ServeHTTP implements http.Handler. Pages of other origins cannot get here: what has this type is asked for beforehand (CORS),
// and nobody says yes.
func (c *checker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request checkRequest
	if r.Header.Get("Content-Type") != "application/json" {
		answer(w, http.StatusUnsupportedMediaType, "send application/json")
		return
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxTestOffer)).Decode(&request); err != nil || request.SDP == "" {
		answer(w, http.StatusBadRequest, `send {"sdp": an offer}`)
		return
	}
	client := forwarded.Of(r, c.trusted)
	network := networkOf(client.Addr)
	if !c.take(network) {
		w.Header().Set("Retry-After", "12")
		answer(w, http.StatusTooManyRequests, "too many tests; try again in a while")
		return
	}
	sdp, who, err := c.open(r.Context(), request.SDP, client.Loopback, network)
	switch {
	case errors.Is(err, sfu.ErrBadOffer), errors.Is(err, sfu.ErrTooManyMedia):
		answer(w, http.StatusBadRequest, "the offer cannot be used")
		return
	case err != nil:
		c.log.Warn("connection test refused", "err", err)
		answer(w, http.StatusServiceUnavailable, "no answer; try again in a while")
		return
	}
	told := checkAnswer{SDP: sdp}
	if c.servers != nil {
		told.ICEServers = c.servers(time.Now(), protocol.ParticipantID(who), ws.ReachedBy(r, client.Forwarded))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(told); err != nil {
		c.log.Debug("answer of a connection test not written", "err", err)
	}
}

// networkOf is what counts as one address: a household has 2^64 of IPv6.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	network, err := a.Prefix(bits)
	if err != nil { // no address at all
		return netip.Prefix{}
	}
	return network
}

// take counts a test in, if there is room for it.
func (c *checker) take(network netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= maxTests || c.each[network] >= maxTestsEach {
		return false
	}
	c.all++
	c.each[network]++
	return true
}

func (c *checker) giveBack(network netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.each[network]--; c.each[network] == 0 {
		delete(c.each, network)
	}
}

// open makes the server's end of a test, which ends by itself. who has the relays of the test.
func (c *checker) open(ctx context.Context, offer string, loopback bool, network netip.Prefix) (sdp, who string, err error) {
	who = "check-" + rand.Text()
	heard := make(answers, 1)
	peer, err := c.engine.NewPeer(sfu.PeerConfig{ID: who, Sink: heard, Loopback: loopback, Log: c.log.With("participant", who)})
	if err != nil {
		c.giveBack(network)
		return "", "", err //nolint:wrapcheck // ServeHTTP says what it was for
	}
	time.AfterFunc(testLife, func() {
		peer.Close()
		c.engine.Forget(who)
		c.giveBack(network)
	})
	peer.HandleOffer(sfu.Offer{ID: 1, SDP: offer})
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	select {
	case got := <-heard:
		return got.sdp, who, got.err
	case <-ctx.Done():
		return "", "", context.Cause(ctx) //nolint:wrapcheck // likewise
	}
}

// answers is the sfu.Sink of a test: it keeps what becomes of the one offer.
type answers chan heardAnswer

type heardAnswer struct {
	sdp string
	err error
}

// PeerEvent implements sfu.Sink.
func (a answers) PeerEvent(_ *sfu.Peer, e sfu.Event) {
	var heard heardAnswer
	switch e := e.(type) {
	case sfu.Answered:
		heard.sdp = e.SDP
	case sfu.OfferFailed:
		heard.err = e.Err
	default:
		return
	}
	select {
	case a <- heard:
	default: // there was one offer only
	}
}

package sfu

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hiroba/sfu/flight"
	"hiroba/sfu/trace"
)

// Errors of looking into a peer.
var (
	// ErrTracing is returned by Peer.Trace while the peer is traced already.
	ErrTracing = errors.New("peer is traced already")
	// ErrPeerClosed is returned by a peer that has closed.
	ErrPeerClosed = errors.New("peer is closed")
)

// PeersOf are the peers of a participant: one, or two while a new connection replaces another, or none.
func (e *Engine) PeersOf(participant string) []*Peer {
	var peers []*Peer
	for _, p := range e.snapshot() {
		if p.cfg.ID == participant {
			peers = append(peers, p)
		}
	}
	return peers
}

// Flight copies what was decided lately for the peer as a subscriber.
func (p *Peer) Flight(ctx context.Context) (flight.Dump, error) {
	d, err := ask(ctx, p.down, func(s *subscriber, _ time.Time) (flight.Dump, error) { return s.flight.Dump(), nil })
	if err != nil {
		return d, fmt.Errorf("dump flight record: %w", err)
	}
	return d, nil
}

// Trace records for a while what the peer's seats are told and what they decide. Seats that are bound meanwhile are not in
// it. When ctx is done before, so is the trace, with an error.
func (p *Peer) Trace(ctx context.Context, d time.Duration) (*trace.Recorder, error) {
	r := trace.NewRecorder(time.Now())
	_, err := ask(ctx, p.down, func(s *subscriber, _ time.Time) (struct{}, error) { return struct{}{}, s.startTrace(r) })
	if err == nil {
		select {
		case <-ctx.Done():
		case <-p.done:
		case <-time.After(d):
		}
		err = ctx.Err()
	}
	stopped := make(chan struct{})
	if p.shard.post(func(time.Time) { // also when it has not begun, or the peer has left
		defer close(stopped)
		p.down.stopTrace(r)
	}) {
		<-stopped
	}
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	return r, nil
}

func (s *subscriber) startTrace(r *trace.Recorder) error {
	if s.trace != nil {
		return ErrTracing
	}
	s.trace = r
	for _, t := range s.all {
		t.line.Listen(r, t.index, t.kind)
	}
	return nil
}

func (s *subscriber) stopTrace(r *trace.Recorder) {
	if s.trace != r {
		return
	}
	s.trace = nil
	for _, t := range s.all {
		t.line.Unlisten()
	}
}

// ask has the shard answer a question about a subscriber.
func ask[T any](ctx context.Context, s *subscriber, question func(s *subscriber, now time.Time) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	posted := s.peer.shard.post(func(now time.Time) {
		given := answer{err: ErrPeerClosed}
		defer func() { answers <- given }() // also when it panics
		if !s.gone {
			given.value, given.err = question(s, now)
		}
	})
	if !posted {
		answers <- answer{err: ErrPeerClosed}
	}
	select {
	case given := <-answers:
		return given.value, given.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err() //nolint:wrapcheck // the callers say of what
	}
}

package ws

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"nhooyr.io/websocket"

	"hiroba/signaling"
)

// socket moves messages between a WebSocket and its session.
type socket struct {
	cfg      *Config
	conn     *websocket.Conn
	wire     *wireConn
	session  *signaling.Session
	maxBytes int64
	ticket   *ticket
}

// serve runs until the socket is closed and nothing of it is left.
func (s *socket) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var writer, pinger sync.WaitGroup
	writer.Go(func() { s.writeLoop(ctx) })
	pinger.Go(func() { s.pingLoop(ctx) })
	if gone := s.readLoop(ctx); !gone {
		writer.Wait() // it says goodbye
	}
	s.session.Close()
	writer.Wait()
	cancel()
	s.cut()
	pinger.Wait()
	s.conn.CloseNow() //nolint:errcheck,gosec // lets go of the library's buffers; the connection is closed
}

// cut ends the socket without another word. Safe from any goroutine.
func (s *socket) cut() {
	s.wire.Close() //nolint:gosec // nothing can be done about it
}

// hurry bounds all that is still to come, however the peer drags it out. Safe from any goroutine.
func (s *socket) hurry() {
	s.wire.SetDeadline(time.Now().Add(s.cfg.CloseTimeout)) //nolint:errcheck,gosec // a dead socket needs none
}

// readLoop runs in the goroutine that owns the session's reading side. It reports whether the peer is gone; otherwise
// the session has ended and the goodbye is still to be said.
func (s *socket) readLoop(ctx context.Context) (gone bool) {
	var buf bytes.Buffer
	for !s.session.Ended() {
		kind, r, err := s.conn.Reader(ctx)
		if err != nil {
			s.cfg.Log.Debug("socket lost", "err", err)
			return true
		}
		if kind != websocket.MessageText {
			s.session.HandleBinary()
			return false
		}
		const keepBytes = 16 << 10 // a rare offer should not hold its memory for the whole session
		if buf.Cap() > keepBytes {
			buf = bytes.Buffer{}
		}
		buf.Reset()
		n, err := buf.ReadFrom(io.LimitReader(r, s.maxBytes+1))
		if err != nil {
			s.cfg.Log.Debug("socket lost", "err", err)
			return true
		}
		if n > s.maxBytes {
			s.session.HandleTooLarge()
			return false
		}
		s.session.Handle(time.Now(), buf.Bytes())
		if s.session.Joined() {
			s.ticket.joined()
		}
	}
	return false
}

// writeLoop empties the outbox and, when the session ends, closes the socket with the code that goes with it.
func (s *socket) writeLoop(ctx context.Context) {
	ending := false
	for {
		message, ok := s.session.Next()
		if !ok {
			break
		}
		if !ending && s.session.Ended() {
			ending = true
			s.hurry()
		}
		if err := s.write(ctx, message); err != nil {
			s.cfg.Log.Debug("socket stuck", "err", err)
			s.cut() // the reader takes it from there
			return
		}
	}
	if code, reason, ok := s.session.Farewell(); ok {
		// The library waits for the peer's answer; meanwhile what the peer sends is thrown away.
		s.wire.seal()
		s.conn.Close(websocket.StatusCode(code), reason) //nolint:gosec // the peer may be gone
		s.cut()
	}
}

func (s *socket) write(ctx context.Context, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, message) //nolint:wrapcheck // goes to the log as it is
}

// pingLoop cuts the socket when the peer does not answer: TCP alone would take a quarter of an hour to notice.
func (s *socket) pingLoop(ctx context.Context) {
	ticker := time.NewTicker(s.cfg.PingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !s.ping(ctx) {
			s.cut()
			return
		}
	}
}

func (s *socket) ping(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.PingTimeout)
	defer cancel()
	if err := s.conn.Ping(ctx); err != nil {
		s.cfg.Log.Debug("ping unanswered", "err", err)
		return false
	}
	return true
}

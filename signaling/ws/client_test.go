package ws

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"nhooyr.io/websocket"

	"hiroba/signaling/protocol"
)

// patience bounds every wait of a test; nothing should come near it.
const patience = 10 * time.Second

// server is a Handler behind a real listener on loopback.
type server struct {
	*testing.T
	rooms   *fakeRooms
	handler *Handler
	http    *httptest.Server
}

// serve starts a server. When the test is over, every goroutine of it must be gone.
func serve(t *testing.T, change func(*Config)) *server {
	t.Helper()
	before := runtime.NumGoroutine()
	s := &server{T: t, rooms: newFakeRooms()}
	cfg := Config{Rooms: s.rooms, CloseTimeout: time.Second}
	if change != nil {
		change(&cfg)
	}
	s.handler = NewHandler(cfg)
	s.http = httptest.NewServer(s.handler)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.handler.Shutdown(ctx, protocol.Bye{Reason: protocol.ByeShutdown}); err != nil {
			t.Errorf("shut down: %v", err)
		}
		s.http.Close()
		if st := s.handler.Stats(); st.Sockets != 0 || st.Waiting != 0 {
			t.Errorf("%d sockets are left, %d wait", st.Sockets, st.Waiting)
		}
		checkGoroutines(t, before)
	})
	return s
}

// checkGoroutines waits for goroutines that are on their way out, such as those of idle HTTP connections.
func checkGoroutines(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks)
			return
		}
		runtime.Gosched()
	}
}

func (s *server) url() string { return "ws" + strings.TrimPrefix(s.http.URL, "http") }

// client is a WebSocket client without opinions.
type client struct {
	*testing.T
	conn *websocket.Conn
	ctx  context.Context //nolint:containedctx // the test's
}

func (s *server) dial() *client {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, s.url(), &websocket.DialOptions{
		CompressionMode: websocket.CompressionNoContextTakeover,
	})
	if err != nil {
		s.Fatal(err)
	}
	conn.SetReadLimit(-1)
	s.Cleanup(func() { conn.CloseNow() }) //nolint:errcheck // it may be closed
	return &client{T: s.T, conn: conn, ctx: ctx}
}

// join dials and goes as far as a room.
func (s *server) join() *client {
	s.Helper()
	c := s.dial()
	c.say(hello, join)
	c.expect("welcome")
	return c
}

const (
	hello = `{"type":"hello","version":1,"client":"test"}`
	join  = `{"type":"join","room":"r","name":"n"}`
	ping  = `{"type":"ping","time":1}`
)

func (c *client) say(messages ...string) {
	c.Helper()
	for _, m := range messages {
		if err := c.conn.Write(c.ctx, websocket.MessageText, []byte(m)); err != nil {
			c.Fatalf("write %.40s: %v", m, err)
		}
	}
}

func (c *client) hear() (protocol.Message, error) {
	_, b, err := c.conn.Read(c.ctx)
	if err != nil {
		return nil, err
	}
	m, _, err := protocol.DecodeServer(b)
	return m, err
}

// expect checks the gist of the next messages: "error bad_name", "bye left", "close 1000", or a type.
func (c *client) expect(want ...string) {
	c.Helper()
	for _, w := range want {
		m, err := c.hear()
		if got := gist(m, err); got != w {
			c.Fatalf("heard %s, want %s (%v)", got, w, err)
		}
	}
}

// expectEnd reads on to the end and checks the gist of the last messages.
func (c *client) expectEnd(want ...string) {
	c.Helper()
	var gists []string
	for {
		m, err := c.hear()
		gists = append(gists, gist(m, err))
		if err != nil {
			break
		}
	}
	last := gists[max(0, len(gists)-len(want)):]
	if strings.Join(last, ", ") != strings.Join(want, ", ") {
		c.Errorf("heard %v at the end, want %v", last, want)
	}
}

func gist(m protocol.Message, err error) string {
	var closed websocket.CloseError
	switch {
	case errors.As(err, &closed):
		return fmt.Sprintf("close %d", closed.Code)
	case err != nil:
		return "lost"
	}
	switch m := m.(type) {
	case protocol.Error:
		return "error " + string(m.Code)
	case protocol.Bye:
		return "bye " + string(m.Reason)
	default:
		return string(m.Type())
	}
}

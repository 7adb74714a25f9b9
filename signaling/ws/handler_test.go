package ws

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"nhooyr.io/websocket"

	"hiroba/signaling/protocol"
)

// event waits for the next thing that the rooms were told.
func (s *server) event(want string) {
	s.Helper()
	select {
	case got := <-s.rooms.events:
		if got != want {
			s.Errorf("the rooms were told %q, want %q", got, want)
		}
	case <-time.After(patience):
		s.Fatalf("the rooms were not told %q", want)
	}
}

func TestJoinTalkLeave(t *testing.T) {
	s := serve(t, nil)
	c := s.join()
	c.say(ping, `{"type":"mute","source":"camera","muted":true}`)
	c.expect("pong")
	if m := <-s.rooms.handled; m != (protocol.Mute{Source: protocol.Camera, Muted: true}) {
		t.Errorf("the room got %#v", m)
	}
	c.say(`{"type":"leave"}`)
	c.expect("bye left", "close 1000")
}

func TestBadMessagesAreAnsweredAndTheSessionGoesOn(t *testing.T) {
	s := serve(t, nil)
	c := s.join()
	for _, tt := range []struct{ say, want string }{
		{"rubbish", "error bad_message"},
		{"", "error bad_message"},
		{`{"type":"mute","source":7}`, "error bad_message"},
		{"{\"type\":\"mute\",\"source\":\"\xff\"}", "error bad_message"},
		{`{"type":"dance"}`, "error unknown_type"},
		{join, "error wrong_order"},
		{hello, "error wrong_order"},
	} {
		c.say(tt.say)
		c.expect(tt.want)
	}
	c.say(ping)
	c.expect("pong")
}

func TestOrder(t *testing.T) {
	s := serve(t, nil)
	c := s.dial()
	c.say(`{"type":"offer","id":1,"sdp":"x"}`, join)
	c.expect("error wrong_order", "error wrong_order")
	c.say(hello, `{"type":"offer","id":1,"sdp":"x"}`, join)
	c.expect("error wrong_order", "welcome")
}

func TestNames(t *testing.T) {
	s := serve(t, nil)
	c := s.dial()
	c.say(hello, `{"type":"join","room":"r","name":"`+strings.Repeat("x", 10_000)+`"}`)
	c.expect("error bad_name")
	c.say(`{"type":"join","room":"r","name":"taken"}`)
	c.expect("error name_taken")
	c.say(join)
	c.expect("welcome")
}

func TestGraveFaultsCloseWithTheirCode(t *testing.T) {
	chat := func(n int) []byte { return []byte(`{"type":"chat_send","text":"` + strings.Repeat("x", n) + `"}`) }
	offer := func(n int) []byte { return []byte(`{"type":"offer","id":1,"sdp":"` + strings.Repeat("x", n) + `"}`) }
	tests := []struct {
		name    string
		kind    websocket.MessageType
		message []byte
		want    []string
	}{
		{"binary", websocket.MessageBinary, []byte{1}, []string{"error binary_not_supported", "bye protocol", "close 1003"}},
		{"chat of 64 KB", websocket.MessageText, chat(64 << 10), []string{"error too_large", "bye protocol", "close 1009"}},
		{"offer of 256 KB", websocket.MessageText, offer(256 << 10), []string{"error too_large", "bye protocol", "close 1009"}},
		{"offer of 8 MB", websocket.MessageText, offer(8 << 20), []string{"error too_large", "bye protocol", "close 1009"}},
		{"large binary", websocket.MessageBinary, make([]byte, 8<<20), []string{"error binary_not_supported", "bye protocol", "close 1003"}},
	}
	for _, joined := range []bool{false, true} {
		for _, tt := range tests {
			name := tt.name + map[bool]string{false: " of a stranger", true: " of a member"}[joined]
			t.Run(name, func(t *testing.T) {
				s := serve(t, nil)
				c := s.dial()
				if joined {
					c.say(hello, join)
					c.expect("welcome")
					s.event("join")
				}
				if err := c.conn.Write(c.ctx, tt.kind, tt.message); err != nil {
					t.Fatal(err)
				}
				c.expect(tt.want...)
				if joined {
					s.event("abuse protocol")
				}
			})
		}
	}
}

func TestALargeOfferArrives(t *testing.T) {
	s := serve(t, nil)
	c := s.join()
	sdp := strings.Repeat("a=rtpmap:111 opus/48000/2\r\n", 9000) // 243 KB
	b, err := protocol.Encode(protocol.Offer{ID: 1, SDP: sdp})
	if err != nil {
		t.Fatal(err)
	}
	c.say(string(b))
	if got, ok := (<-s.rooms.handled).(protocol.Offer); !ok || got.SDP != sdp {
		t.Error("the offer was changed on its way")
	}
	if st := s.handler.Stats(); st.WireBytesReceived > st.BytesReceived/10 {
		t.Errorf("%d bytes of messages took %d on the wire: not compressed", st.BytesReceived, st.WireBytesReceived)
	}
}

func TestSilenceIsClosed(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.HelloTimeout, cfg.JoinTimeout = 20*time.Millisecond, 20*time.Millisecond })
	s.dial().expect("error hello_timeout", "bye protocol", "close 1008")
	c := s.dial()
	c.say(hello)
	c.expect("bye timeout", "close 1000")
}

func TestFloodIsClosed(t *testing.T) {
	s := serve(t, nil)
	c := s.join()
	s.event("join")
	go func() {
		// As fast as the socket takes it, until it is closed.
		for c.conn.Write(c.ctx, websocket.MessageText, []byte(`{"type":"view","tiles":[]}`)) == nil {
		}
	}()
	c.expectEnd("error rate_limited", "bye protocol", "close 1008")
	s.event("abuse protocol")
	if n := len(s.rooms.handled); n > 400 {
		t.Errorf("%d messages reached the room", n)
	}
}

func TestTwentyOneFaultsAreClosed(t *testing.T) {
	s := serve(t, nil)
	c := s.join()
	for range 21 {
		c.say("rubbish")
	}
	for range 21 {
		c.expect("error bad_message")
	}
	c.expect("bye protocol", "close 1008")
}

func TestLostSocketDetaches(t *testing.T) {
	for name, lose := range map[string]func(*client){
		"cut":          func(c *client) { c.conn.CloseNow() },                               //nolint:errcheck // meant
		"closed":       func(c *client) { c.conn.Close(websocket.StatusNormalClosure, "") }, //nolint:errcheck // meant
		"page is gone": func(c *client) { c.conn.Close(websocket.StatusGoingAway, "") },     //nolint:errcheck // meant
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil)
			c := s.join()
			s.event("join")
			lose(c)
			s.event("detach")
		})
	}
}

func TestSilentPeerIsFoundOut(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.PingInterval, cfg.PingTimeout = 20*time.Millisecond, 20*time.Millisecond })
	c := s.join() // from here on it does not read, so it answers no ping
	s.event("join")
	s.event("detach")
	c.expectEnd("lost")
}

func TestPeerThatAnswersPingsStays(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.PingInterval, cfg.PingTimeout = 5*time.Millisecond, 5*time.Second })
	c := s.join()
	read := make(chan string, 1)
	go func() { read <- gist(c.hear()) }()
	time.Sleep(100 * time.Millisecond)
	c.say(ping)
	if got := <-read; got != "pong" {
		t.Errorf("heard %s", got)
	}
}

func TestResume(t *testing.T) {
	const resume = `{"type":"hello","version":1,"resume":"secret"}`
	s := serve(t, nil)
	c := s.dial()
	c.say(resume)
	c.expect("error resume_failed")
	c.say(join)
	c.expect("welcome")
	s.event("join")

	again := s.dial()
	again.say(resume)
	again.expect("welcome")
	c.expect("bye resumed_elsewhere", "close 1000")
	again.say(ping)
	again.expect("pong")
	select {
	case e := <-s.rooms.events:
		t.Errorf("the rooms were told %q: a former socket is no loss", e)
	default:
	}
}

func TestReplaces(t *testing.T) {
	s := serve(t, nil)
	c := s.join()
	page := s.dial()
	page.say(hello, `{"type":"join","room":"r","name":"n","replaces":"secret"}`)
	page.expect("welcome")
	c.expect("bye replaced", "close 1000")
}

func TestSlowReaderIsClosed(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.OutboxMessages = 100 })
	c := s.join()
	s.event("join")
	member := s.rooms.member().current()
	for range 10_000 {
		member.Send(protocol.Left{})
	}
	c.expectEnd("bye too_slow", "close 1008")
	s.event("abuse too_slow")
	if got := s.handler.Stats().Ended[protocol.ByeTooSlow]; got != 1 {
		t.Errorf("%d sessions counted as too slow", got)
	}
}

// noise is a message of 32 kB. What compresses well would not fill the buffers of the system, which may have 40 MB.
func noise() string {
	b := make([]byte, 24<<10)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

func TestStuckSocketIsLostNotSlow(t *testing.T) {
	s := serve(t, func(cfg *Config) {
		cfg.WriteTimeout = 50 * time.Millisecond
		cfg.OutboxBytes = 1 << 30
		cfg.OutboxMessages = 1 << 20
	})
	s.join()
	s.event("join")
	member := s.rooms.member().current()
	for text := noise(); ; {
		member.Send(protocol.Chat{Text: text})
		if len(s.rooms.events) > 0 {
			break
		}
	}
	s.event("detach")
}

func TestShutdownSaysBye(t *testing.T) {
	s := serve(t, nil)
	clients := []*client{s.dial(), s.join()}
	done := make(chan error, 1)
	go func() {
		done <- s.handler.Shutdown(context.Background(), protocol.Bye{Reason: protocol.ByeShutdown, Reconnect: true})
	}()
	for _, c := range clients {
		c.expect("bye shutdown", "close 1001")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	response := s.upgrade(nil)
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("after shutdown: %s, Retry-After %q", response.Status, response.Header.Get("Retry-After"))
	}
}

func TestShutdownDoesNotWaitForAStuckSocket(t *testing.T) {
	s := serve(t, func(cfg *Config) {
		cfg.CloseTimeout, cfg.WriteTimeout = 50*time.Millisecond, time.Minute
		cfg.OutboxBytes, cfg.OutboxMessages = 1<<30, 1<<20
	})
	s.join()
	member := s.rooms.member().current()
	text := noise()
	for range 3000 {
		member.Send(protocol.Chat{Text: text})
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.handler.Shutdown(ctx, protocol.Bye{Reason: protocol.ByeShutdown}); err != nil {
		t.Error(err)
	}
}

func TestShutdownDoesNotWaitForThePeer(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.CloseTimeout = time.Minute })
	s.join() // never answers the close
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.handler.Shutdown(ctx, protocol.Bye{Reason: protocol.ByeShutdown}); err == nil {
		t.Error("no error, though the client was cut off")
	}
}

// upgrade sends the request of a WebSocket handshake, with some more headers, and closes what comes of it.
func (s *server) upgrade(header http.Header) *http.Response {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.http.URL, nil)
	if err != nil {
		s.Fatal(err)
	}
	request.Header = header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "websocket")
	request.Header.Set("Sec-WebSocket-Version", "13")
	request.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { response.Body.Close() }) //nolint:errcheck // enough was read
	return response
}

func body(t *testing.T, r *http.Response) protocol.Error {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := protocol.DecodeServer(b)
	if err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	e, ok := m.(protocol.Error)
	if !ok {
		t.Fatalf("the body is a %s", m.Type())
	}
	return e
}

func TestForeignOriginIsRefused(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.AllowedOrigins = []string{"https://*.example.com"} })
	for origin, want := range map[string]int{
		s.http.URL:                101,
		"https://app.example.com": 101,
		"https://evil.test":       403,
		"null":                    403,
	} {
		response := s.upgrade(http.Header{"Origin": {origin}})
		if response.StatusCode != want {
			t.Errorf("%s: %s, want %d", origin, response.Status, want)
		}
		if want == 403 && body(t, response).Message == "" {
			t.Error("no message in the body")
		}
	}
	if got := s.handler.Stats().Refused["origin"]; got != 2 {
		t.Errorf("%d refusals counted", got)
	}
}

func TestOneAddressMayNotHaveManyWaitingSockets(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.MaxWaitingPerIP = 2 })
	from := func(addr string) http.Header { return http.Header{"X-Forwarded-For": {addr}} }
	for range 2 {
		if r := s.upgrade(from("192.0.2.1")); r.StatusCode != 101 {
			t.Fatal(r.Status)
		}
	}
	r := s.upgrade(from("192.0.2.1"))
	if r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") != "5" {
		t.Errorf("third: %s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
	if e := body(t, r); e.Code != protocol.CodeRateLimited || e.RetryAfterMs != 5000 {
		t.Errorf("body %+v", e)
	}
	if r := s.upgrade(from("192.0.2.2")); r.StatusCode != 101 {
		t.Errorf("another address: %s", r.Status)
	}
	if r := s.upgrade(nil); r.StatusCode != 101 {
		t.Errorf("this machine: %s", r.Status)
	}
}

func TestAllSocketsTogetherAreBounded(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.MaxSockets = 1 })
	c := s.join()
	r := s.upgrade(nil)
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("second: %s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
	if e := body(t, r); e.Code != protocol.CodeServerFull {
		t.Errorf("body %+v", e)
	}
	c.say(`{"type":"leave"}`)
	c.expect("bye left", "close 1000")
}

func TestPlainRequestIsNoSocket(t *testing.T) {
	s := serve(t, nil)
	response, err := http.Get(s.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close() //nolint:errcheck,gosec // not read
	http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != http.StatusUpgradeRequired {
		t.Error(response.Status)
	}
}

func TestLoopbackIsToldApart(t *testing.T) {
	s := serve(t, nil)
	s.join()
	s.event("join")
	if got := s.rooms.requests[0]; !got.Loopback {
		t.Error("a client on this machine is taken for a remote one")
	}
}

// raw opens a WebSocket without a library.
func (s *server) raw() net.Conn {
	s.Helper()
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close() })                    //nolint:errcheck // closed by the server
	conn.SetDeadline(time.Now().Add(patience))            //nolint:errcheck,gosec // a TCP socket has one
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"+ //nolint:errcheck,gosec // the reads tell
		"Connection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	return conn
}

// frame is a short one of a client, masked with zeros.
func frame(first byte, payload string) []byte {
	return append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// TestEndlessFrameDoesNotHoldTheSocket sends a frame header that promises more than will ever come, then goes on
// dripping. The goodbye must not wait for it.
func TestEndlessFrameDoesNotHoldTheSocket(t *testing.T) {
	s := serve(t, func(cfg *Config) { cfg.CloseTimeout = 100 * time.Millisecond })
	conn := s.raw()
	// A binary frame of 2^62 bytes: refused at its header, so the rest is thrown away while saying goodbye.
	conn.Write([]byte{0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}) //nolint:errcheck,gosec // the reads tell
	go func() {
		drip := make([]byte, 1000)
		for {
			if _, err := conn.Write(drip); err != nil {
				return
			}
		}
	}()
	all, _ := io.ReadAll(conn)
	if !bytes.Contains(all, []byte("binary_not_supported")) {
		t.Errorf("no goodbye in %q", all)
	}
}

func TestOneCloseFrameIsSent(t *testing.T) {
	s := serve(t, nil)
	conn := s.raw()
	conn.Write(frame(0x81, hello))              //nolint:errcheck,gosec // the reads tell
	conn.Write(frame(0x81, `{"type":"leave"}`)) //nolint:errcheck,gosec // likewise
	conn.Write(frame(0x89, "ping"))             //nolint:errcheck,gosec // likewise
	closing := append([]byte{opcodeClose, 6, 1000 >> 8, 1000 & 0xff}, "left"...)
	var all []byte
	for !bytes.Contains(all, closing) {
		b := make([]byte, 1000)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatalf("%v after %q", err, all)
		}
		all = append(all, b[:n]...)
	}
	conn.Write(frame(opcodeClose, "\x03\xe8")) //nolint:errcheck,gosec // likewise
	rest, err := io.ReadAll(conn)
	if err != nil || len(rest) > 0 || !bytes.HasSuffix(all, closing) {
		t.Errorf("after the close frame: %x (%v)", rest, err)
	}
}

func TestStatsEncodeForDebugging(t *testing.T) {
	s := serve(t, nil)
	s.join()
	b, err := json.Marshal(s.handler.Stats())
	if err != nil || !bytes.Contains(b, []byte(`"Waiting":0`)) {
		t.Errorf("%s, %v", b, err)
	}
}

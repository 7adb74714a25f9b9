package ws

import (
	"context"
	"testing"
	"time"

	"hiroba/room"
	"hiroba/signaling"
	"hiroba/signaling/protocol"
)

// serveRooms starts a server with the real rooms, but without media.
func serveRooms(t *testing.T) (*server, *room.Registry) {
	t.Helper()
	rooms := room.NewRegistry(room.Config{SessionGrace: 20 * time.Second})
	s := serve(t, func(cfg *Config) { cfg.Rooms = signaling.FromRegistry(rooms) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := rooms.Shutdown(ctx, protocol.Bye{Reason: protocol.ByeShutdown}); err != nil {
			t.Error(err)
		}
	})
	return s, rooms
}

// enter joins under a name and returns the welcome.
func (s *server) enter(name, more string) (*client, protocol.Welcome) {
	s.Helper()
	c := s.dial()
	c.say(hello, `{"type":"join","room":"r","name":"`+name+`"`+more+`}`)
	return c, c.welcome()
}

func (c *client) welcome() protocol.Welcome {
	c.Helper()
	m, err := c.hear()
	w, ok := m.(protocol.Welcome)
	if !ok {
		c.Fatalf("heard %s (%v), want welcome", gist(m, err), err)
	}
	return w
}

func TestRoomsTellOfEachOther(t *testing.T) {
	s, _ := serveRooms(t)
	ada, _ := s.enter("Ada", "")
	bob, w := s.enter("Bob", "")
	if len(w.Participants) != 1 || w.Participants[0].Name != "Ada" || w.Self.Name != "Bob" {
		t.Errorf("welcome %+v", w)
	}
	ada.expect("joined")
	bob.say(`{"type":"chat_send","id":"m1","text":"hello"}`)
	ada.expect("chat")
	bob.expect("chat")
	bob.say(`{"type":"leave"}`)
	bob.expect("bye left", "close 1000")
	ada.expect("left")
}

func TestRoomsRefuse(t *testing.T) {
	s, _ := serveRooms(t)
	s.enter("Ada", "")
	c := s.dial()
	c.say(hello)
	for _, tt := range []struct{ join, want string }{
		{`{"type":"join","room":"r","name":"ada "}`, "error name_taken"},
		{`{"type":"join","room":"r","name":"a\u0007b"}`, "error bad_name"},
		{`{"type":"join","room":"r","name":" "}`, "error bad_name"},
		{`{"type":"join","room":"../x","name":"b"}`, "error bad_room"},
		{`{"type":"join","room":"r","name":"Bob","replaces":"unknown"}`, "welcome"},
	} {
		c.say(tt.join)
		c.expect(tt.want)
	}
	for _, tt := range []struct{ say, want string }{
		{`{"type":"candidate","candidate":""}`, "error wrong_order"},
		{`{"type":"mute","source":"camera","muted":true}`, "error wrong_order"},
		{`{"type":"mute","source":"smell"}`, "error bad_message"},
		{`{"type":"offer","id":0,"sdp":"x"}`, "error bad_offer"},
		{`{"type":"view","tiles":[{"participant":"x","source":"microphone"}]}`, "error bad_view"},
		{`{"type":"chat_send","text":""}`, "error bad_chat"},
	} {
		c.say(tt.say)
		c.expect(tt.want)
	}
}

func TestSessionIsResumedFromAnotherSocket(t *testing.T) {
	s, _ := serveRooms(t)
	first, w := s.enter("Ada", "")
	watcher, _ := s.enter("Bob", "")
	first.expect("joined")
	first.conn.CloseNow() //nolint:errcheck // the network is gone

	second := s.dial()
	second.say(`{"type":"hello","version":1,"resume":"` + w.Session + `"}`)
	if again := second.welcome(); !again.Resumed || again.Self.ID != w.Self.ID || again.Session != w.Session {
		t.Errorf("welcome %+v, was %+v", again, w)
	}
	third := s.dial()
	third.say(`{"type":"hello","version":1,"resume":"` + w.Session + `"}`)
	third.welcome()
	second.expect("bye resumed_elsewhere", "close 1000")

	reloaded, _ := s.enter("Ada", `,"replaces":"`+w.Session+`"`)
	third.expect("bye replaced", "close 1000")
	watcher.expect("left", "joined")
	reloaded.say(ping)
	reloaded.expect("pong")
}

func TestFloodIsToldToTheRoom(t *testing.T) {
	s, _ := serveRooms(t)
	watcher, _ := s.enter("Ada", "")
	flooder, _ := s.enter("Bob", "")
	watcher.expect("joined")
	for range 1000 {
		if err := flooder.conn.Write(flooder.ctx, 1, []byte(ping)); err != nil {
			break
		}
	}
	flooder.expectEnd("error rate_limited", "bye protocol", "close 1008")
	watcher.expect("left")
}

func TestServerShutsDownInOrder(t *testing.T) {
	s, rooms := serveRooms(t)
	member, _ := s.enter("Ada", "")
	stranger := s.dial()
	stranger.say(hello)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := make(chan error, 2)
	go func() {
		bye := protocol.Bye{Reason: protocol.ByeShutdown, Reconnect: true, AfterMs: 1000}
		done <- rooms.Shutdown(ctx, bye)
		done <- s.handler.Shutdown(ctx, bye)
	}()
	member.expect("bye shutdown", "close 1001")
	stranger.expect("bye shutdown", "close 1001")
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"nhooyr.io/websocket"

	"hiroba/signaling/client/synthetic"
	"hiroba/signaling/protocol"
)

// script is what a server does with one WebSocket.
type script func(t *testing.T, s *scripted)

// scripted is a server that follows one script after another, one for each WebSocket.
type scripted struct {
	conn *websocket.Conn
}

func serve(t *testing.T, scripts ...script) (address string) {
	t.Helper()
	next := make(chan script, len(scripts))
	for _, s := range scripts {
		next <- s
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow() //nolint:errcheck // the script's end
		select {
		case s := <-next:
			s(t, &scripted{conn})
		default:
			t.Error("one WebSocket too many")
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// expect reads the next message and fails the test unless it has the wanted type.
func (s *scripted) expect(t *testing.T, want protocol.Type) protocol.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, b, err := s.conn.Read(ctx)
	if err != nil {
		t.Errorf("wait for %s: %v", want, err)
		return nil
	}
	m, got, err := protocol.DecodeClient(b)
	if err != nil || got != want {
		t.Errorf("client sent %s, want %s", b, want)
	}
	return m
}

func (s *scripted) send(t *testing.T, messages ...protocol.Message) {
	t.Helper()
	for _, m := range messages {
		b, err := protocol.Encode(m)
		if err != nil {
			t.Error(err)
			return
		}
		s.sendRaw(t, string(b))
	}
}

func (s *scripted) sendRaw(t *testing.T, text string) {
	t.Helper()
	if err := s.conn.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		t.Errorf("send: %v", err)
	}
}

func ann() protocol.Participant { return protocol.Participant{ID: "a", Name: "Ann"} }

func welcome() protocol.Welcome {
	return protocol.Welcome{
		Version: protocol.Version, Room: "r", Self: protocol.Participant{ID: "me", Name: "Me"},
		Participants: []protocol.Participant{ann()}, Session: "secret", GraceMs: 5000, Seats: 2,
		Limits: protocol.Limits{Seats: 8},
	}
}

// admit lets the client in.
func (s *scripted) admit(t *testing.T) {
	t.Helper()
	s.expect(t, protocol.TypeHello)
	s.expect(t, protocol.TypeJoin)
	s.send(t, welcome())
}

func talk(t *testing.T, address string, change ...func(*Config)) (*Client, error) {
	t.Helper()
	cfg := Config{URL: address, Room: "r", Name: "Me", NoMedia: true}
	for _, f := range change {
		f(&cfg)
	}
	c, err := Dial(bounded(t), cfg)
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestDialTellsWhyItWasRefused(t *testing.T) {
	address := serve(t, func(t *testing.T, s *scripted) {
		s.expect(t, protocol.TypeHello)
		s.expect(t, protocol.TypeJoin)
		s.send(t, protocol.Error{Code: protocol.CodeNameTaken, Message: "Somebody has this name.", Re: protocol.TypeJoin})
	})
	_, err := talk(t, address)
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Code != protocol.CodeNameTaken {
		t.Errorf("%v", err)
	}
}

func TestRoomFollowsTheServer(t *testing.T) {
	bob := protocol.Participant{ID: "b", Name: "Bob"}
	withCamera := ann()
	withCamera.Tracks = []protocol.Track{{Source: protocol.Camera, CSRC: 7}}
	address := serve(t, func(t *testing.T, s *scripted) {
		s.admit(t)
		s.send(t,
			protocol.Joined{Participant: bob}, protocol.Updated{Participant: withCamera},
			protocol.Chat{Seq: 2, Text: "two"}, protocol.Chat{Seq: 1, Text: "one"}, protocol.Chat{Seq: 2, Text: "two"},
			protocol.Speakers{Speakers: []protocol.Speaker{{Participant: "a", Level: 1}}},
			protocol.Seats{Seats: []protocol.SeatState{{Participant: "a", Source: protocol.Camera, VideoCSRC: 7}}},
			protocol.Left{Participant: "b", Reason: protocol.ByeLeft},
		)
		s.sendRaw(t, `{"type":"from_the_future","x":1}`)
		s.send(t, protocol.Bye{Reason: protocol.ByeReplaced, Message: "Another page."})
	})
	var seen []protocol.Type
	c, err := talk(t, address, func(cfg *Config) {
		cfg.OnMessage = func(m protocol.Message) { seen = append(seen, m.Type()) }
	})
	if err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	var bye *ByeError
	if !errors.As(c.Err(), &bye) || bye.Reason != protocol.ByeReplaced {
		t.Errorf("ended with %v", c.Err())
	}
	room := c.Room()
	if len(room.Participants) != 1 || room.CSRC("a", protocol.Camera) != 7 || room.SeatOf("a", protocol.Camera) != 0 ||
		room.SeatOf("b", protocol.Camera) != -1 {
		t.Errorf("%+v", room)
	}
	if len(room.Chat) != 2 || room.Chat[0].Text != "one" || len(room.Speakers) != 1 {
		t.Errorf("%+v", room)
	}
	if len(seen) != 10 || seen[0] != protocol.TypeWelcome || seen[9] != protocol.TypeBye {
		t.Errorf("saw %v", seen)
	}
	if err := c.SendChat("", "too late"); !errors.As(err, &bye) {
		t.Errorf("after the end: %v", err)
	}
}

func TestLostWebSocketIsResumed(t *testing.T) {
	resumed := welcome()
	resumed.Resumed = true
	view := make(chan protocol.Message, 2)
	address := serve(t,
		func(t *testing.T, s *scripted) {
			s.admit(t)
			view <- s.expect(t, protocol.TypeView)
		}, // and is gone
		func(t *testing.T, s *scripted) {}, // not even a word
		func(t *testing.T, s *scripted) {
			if hello, ok := s.expect(t, protocol.TypeHello).(protocol.Hello); !ok || hello.Resume != "secret" {
				t.Errorf("%+v", hello)
			}
			s.send(t, resumed)
			view <- s.expect(t, protocol.TypeView)
			s.expect(t, protocol.TypeLeave)
			s.send(t, protocol.Bye{Reason: protocol.ByeLeft})
		},
	)
	c, err := talk(t, address)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetView(protocol.Tile{Participant: "a", Source: protocol.Camera, Width: 1, Height: 1}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if m, ok := (<-view).(protocol.View); !ok || len(m.Tiles) != 1 {
			t.Errorf("view %+v", m)
		}
	}
	if err := c.Leave(bounded(t)); err != nil {
		t.Error(err)
	}
	if n := c.Counters().Resumes; n != 1 {
		t.Errorf("%d resumes", n)
	}
}

func TestResumeThatIsRefusedIsTheEnd(t *testing.T) {
	address := serve(t,
		func(t *testing.T, s *scripted) { s.admit(t) },
		func(t *testing.T, s *scripted) {
			s.expect(t, protocol.TypeHello)
			s.send(t, protocol.Error{Code: protocol.CodeResumeFailed, Re: protocol.TypeHello})
		},
	)
	c, err := talk(t, address)
	if err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	var refused *RefusedError
	if !errors.As(c.Err(), &refused) || refused.Code != protocol.CodeResumeFailed {
		t.Errorf("ended with %v", c.Err())
	}
}

func TestCloseEndsAResume(t *testing.T) {
	address := serve(t, func(t *testing.T, s *scripted) {
		s.admit(t)
		_, _, _ = s.conn.Read(context.Background()) // until the client is gone
	})
	c, err := talk(t, address)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.DropSocket(time.Hour); err != nil {
		t.Fatal(err)
	}
	c.Close() // or this waits an hour
	if err := c.Err(); err == nil {
		t.Error("no error after Close")
	}
	c.Close()
}

// answer is what a server says to an offer.
func answer(t *testing.T, o protocol.Offer) protocol.Answer {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.SDP}); err != nil {
		t.Fatal(err)
	}
	a, err := pc.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return protocol.Answer{ID: o.ID, SDP: a.SDP}
}

func TestOfferNamesSeatsAndTracksAndGrows(t *testing.T) {
	offers := make(chan protocol.Offer, 4)
	address := serve(t, func(t *testing.T, s *scripted) {
		s.admit(t)
		for {
			_, b, err := s.conn.Read(context.Background())
			if err != nil {
				return
			}
			m, _, err := protocol.DecodeClient(b)
			if err != nil {
				t.Error(err)
				return
			}
			if offer, ok := m.(protocol.Offer); ok {
				offers <- offer
				if offer.ID == 1 {
					s.send(t, protocol.NeedSeats{Seats: 3}, protocol.NeedSeats{Seats: 100}, answer(t, offer))
				} else {
					s.send(t, protocol.Error{Code: protocol.CodeTooManyMedia, Re: protocol.TypeOffer, ID: "2"})
				}
			}
		}
	})
	c, err := talk(t, address, func(cfg *Config) {
		cfg.NoMedia, cfg.MaxSeats = false, 5
		cfg.Publish = []Publication{
			Microphone(synthetic.NewTone(0)), Camera(synthetic.NewVP8(synthetic.VP8Config{})),
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	var refused *RefusedError
	if !errors.As(c.Err(), &refused) || refused.Code != protocol.CodeTooManyMedia {
		t.Errorf("ended with %v", c.Err())
	}
	if n := c.Counters(); n.Offers != 2 || n.Answers != 1 {
		t.Fatalf("%+v, want two offers and one answer", n)
	}
	first, second := <-offers, <-offers // asked for twice while the first one was in flight, and offered once
	if first.ID != 1 || len(first.Seats) != 2 || len(first.Tracks) != 2 || first.Tracks[0].Source != protocol.Microphone {
		t.Errorf("first offer %+v", first)
	}
	mids := []string{first.Tracks[0].MID, first.Tracks[1].MID}
	for _, s := range first.Seats {
		mids = append(mids, s.Audio, s.Video)
	}
	slices.Sort(mids)
	if len(slices.Compact(mids)) != 6 || mids[0] == "" {
		t.Errorf("MIDs %v", mids)
	}
	if second.ID != 2 || len(second.Seats) != 5 || second.Seats[0] != first.Seats[0] {
		t.Errorf("second offer %+v", second)
	}
}

func TestWebSocketURL(t *testing.T) {
	for in, want := range map[string]struct {
		address  string
		loopback bool
	}{
		"http://127.0.0.1:8080":      {"ws://127.0.0.1:8080/ws", true},
		"https://meet.example.org/":  {"wss://meet.example.org/ws", false},
		"ws://localhost:1/other":     {"ws://localhost:1/other", true},
		"http://[::1]:8080":          {"ws://[::1]:8080/ws", true},
		"ftp://127.0.0.1":            {},
		"127.0.0.1:8080":             {},
		"http://":                    {},
		"wss://meet.example.org/a/b": {"wss://meet.example.org/a/b", false},
	} {
		address, loopback, err := webSocketURL(in)
		if address != want.address || loopback != want.loopback || (err != nil) != (want.address == "") {
			t.Errorf("%s: %s, %v, %v", in, address, loopback, err)
		}
	}
}

package room

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hiroba/sfu"
	"hiroba/signaling/protocol"
)

func TestJoinTellsTheWholePicture(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.publish("ann", 2, protocol.Microphone, protocol.Camera)
	w.say("ann", protocol.ChatSend{ID: "m1", Text: "hello"})
	w.clear()
	w.join("bob")
	w.wantTypes("bob", protocol.TypeWelcome)
	w.wantTypes("ann", protocol.TypeJoined)
	got, _ := last[protocol.Welcome](w, "bob")
	want := protocol.Welcome{
		Version: protocol.Version, Server: "test/1", Room: "square",
		Self: protocol.Participant{ID: "bob", Name: "bob", JoinedAt: noon.UnixMilli(), Tracks: []protocol.Track{}},
		Participants: []protocol.Participant{{
			ID: "ann", Name: "ann", JoinedAt: noon.UnixMilli(), Tracks: []protocol.Track{
				{Source: protocol.Microphone, CSRC: 1}, {Source: protocol.Camera, CSRC: 2},
			},
		}},
		Session: "secret of bob", GraceMs: 30000, Limits: DefaultLimits(), Seats: 4,
		Chat: []protocol.Chat{{Seq: 1, From: "ann", Name: "ann", Text: "hello", At: noon.UnixMilli()}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("welcome (-want +got):\n%s", diff)
	}
}

func TestJoinRefusesNamesThatLookTheSame(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("Ann Lee")
	err := w.s.join(w.now, arrival{id: "2", name: "ANN  lee"})
	if !errors.Is(err, ErrNameTaken) {
		t.Errorf("got %v", err)
	}
}

func TestJoinRefusesAFullRoom(t *testing.T) {
	r := testRules()
	r.maxParticipants = 2
	w := newWorld(t, r)
	w.join("ann", "bob")
	if err := w.s.join(w.now, arrival{id: "cid", name: "cid"}); !errors.Is(err, ErrRoomFull) {
		t.Errorf("got %v", err)
	}
	// Who comes back takes the own place.
	if err := w.s.join(w.now, arrival{id: "bob2", name: "bob", replaces: "bob"}); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestJoinReplacesTheFormerSessionInOneStep(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.clear()
	if err := w.s.join(w.now, arrival{id: "ann2", name: "Ann", replaces: "ann"}); err != nil {
		t.Fatal(err)
	}
	w.step()
	w.wantTypes("bob", protocol.TypeLeft, protocol.TypeJoined)
	if left, _ := last[protocol.Left](w, "bob"); left != (protocol.Left{Participant: "ann", Reason: protocol.ByeReplaced}) {
		t.Errorf("bob was told %+v", left)
	}
	if got := w.bye("ann"); got != protocol.ByeReplaced {
		t.Errorf("ann's bye is %q", got)
	}
	w.wantTypes("ann2", protocol.TypeWelcome)
	if welcome, _ := last[protocol.Welcome](w, "ann2"); len(welcome.Participants) != 1 {
		t.Errorf("ann2 sees %v", welcome.Participants)
	}
}

func TestJoinThatFailsReplacesNobody(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	if err := w.s.join(w.now, arrival{id: "ann2", name: "bob", replaces: "ann"}); !errors.Is(err, ErrNameTaken) {
		t.Errorf("got %v", err)
	}
	w.p("ann")
}

func TestResumeTellsEverythingAgain(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("bob", 1, protocol.Microphone)
	w.publish("ann", 1)
	w.s.detach(w.now, w.p("ann"))
	w.step()
	w.clear()
	w.pass(29 * time.Second)
	w.s.resume(w.now, w.p("ann"))
	w.step()
	w.wantTypes("ann", protocol.TypeWelcome, protocol.TypeSeats, protocol.TypeNeedSeats)
	if welcome, _ := last[protocol.Welcome](w, "ann"); !welcome.Resumed || welcome.Session != "secret of ann" {
		t.Errorf("welcome %+v", welcome)
	}
	w.pass(time.Hour)
	w.p("ann")
}

func TestDetachEndsTheSessionAfterItsGrace(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.s.detach(w.now, w.p("ann"))
	w.clear()
	w.pass(29 * time.Second)
	if got := w.bye("ann"); got != "" {
		t.Errorf("ann left too early: %s", got)
	}
	w.pass(time.Second)
	if got := w.bye("ann"); got != protocol.ByeTimeout {
		t.Errorf("ann's bye is %q", got)
	}
	if left, _ := last[protocol.Left](w, "bob"); left.Reason != protocol.ByeTimeout {
		t.Errorf("bob was told %+v", left)
	}
	w.join("ann") // the name is free
}

func TestMediaFailureEndsTheSessionAfterItsGrace(t *testing.T) {
	for _, tt := range []struct {
		name   string
		states []sfu.State
		ends   bool
	}{
		{"failed", []sfu.State{sfu.StateFailed}, true},
		{"disconnected", []sfu.State{sfu.StateDisconnected}, true},
		{"mended", []sfu.State{sfu.StateDisconnected, sfu.StateFailed, sfu.StateConnecting, sfu.StateConnected}, false},
		{"mending", []sfu.State{sfu.StateFailed, sfu.StateConnecting}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, testRules())
			w.join("ann")
			w.publish("ann", 1)
			for _, s := range tt.states {
				w.happen("ann", sfu.StateChanged{State: s})
			}
			w.pass(29 * time.Second)
			w.p("ann")
			w.pass(time.Second)
			if got := w.bye("ann") == protocol.ByeMediaFailed; got != tt.ends {
				t.Errorf("ended: %v, bye %q", got, w.bye("ann"))
			}
		})
	}
}

func TestAbuseOfMediaEndsTheSession(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.publish("ann", 1)
	w.happen("ann", sfu.Abused{Reason: "too many SSRCs"})
	if got := w.bye("ann"); got != protocol.ByeMediaAbuse {
		t.Errorf("bye is %q", got)
	}
}

func TestEmptyRoomVanishesAfterItsGrace(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	if w.s.vanished(w.now.Add(time.Hour)) {
		t.Error("a room with people vanished")
	}
	w.s.expel(w.now, w.p("ann"), protocol.ByeLeft)
	w.step()
	if got, want := w.s.deadline(), w.now.Add(time.Minute); !got.Equal(want) {
		t.Errorf("deadline %v, want %v", got, want)
	}
	if w.s.vanished(w.now.Add(59*time.Second)) || !w.s.vanished(w.now.Add(time.Minute)) {
		t.Error("the grace time is not kept")
	}
	w.join("bob")
	if w.s.vanished(w.now.Add(time.Hour)) {
		t.Error("a room that was entered again vanished")
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	n := 0
	for w.s.people["ann"] != nil && n < 10_000 {
		w.say("ann", protocol.Mute{Source: protocol.Camera})
		n++
	}
	if got := w.bye("ann"); got != protocol.ByeProtocol || n > 1000 {
		t.Errorf("bye %q after %d refusals", got, n)
	}
}

func TestMessagesOfTheWrongFormAreRefused(t *testing.T) {
	for _, tt := range []struct {
		message protocol.Message
		code    protocol.Code
		mark    string
	}{
		{protocol.Offer{ID: 0, SDP: "v=0"}, protocol.CodeBadOffer, "0"},
		{offerOf(3, 65), protocol.CodeTooManyMedia, "3"},
		{offerOf(3, 1, protocol.Camera, protocol.Camera), protocol.CodeBadOffer, "3"},
		{protocol.View{Tiles: make([]protocol.Tile, 65)}, protocol.CodeBadView, ""},
		{protocol.View{Tiles: []protocol.Tile{{Source: protocol.Microphone}}}, protocol.CodeBadView, ""},
		{protocol.Mute{Source: "nose"}, protocol.CodeBadMessage, ""},
		{protocol.Mute{Source: protocol.Camera}, protocol.CodeWrongOrder, ""},
		{protocol.Candidate{Candidate: "candidate:1"}, protocol.CodeWrongOrder, ""},
		{protocol.ChatSend{ID: "x", Text: ""}, protocol.CodeBadChat, "x"},
		{protocol.Welcome{}, protocol.CodeUnknownType, ""},
	} {
		t.Run(fmt.Sprintf("%s %s", tt.message.Type(), tt.code), func(t *testing.T) {
			w := newWorld(t, testRules())
			w.join("ann")
			w.say("ann", tt.message)
			w.wantError("ann", tt.code, tt.message.Type(), tt.mark)
		})
	}
	w := newWorld(t, testRules())
	w.join("ann")
	w.s.handleMessage(w.now, w.p("ann"), nil)
	w.step()
	w.wantError("ann", protocol.CodeBadMessage, "", "")
}

func TestJoinDurationIsMeasuredWhereSomebodyPublishes(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.publish("ann", 1, protocol.Camera)
	w.join("bob")
	w.publish("bob", 1)
	w.now = w.now.Add(time.Second)
	w.clear()
	w.happen("ann", sfu.FirstForwarded{}) // was alone when it came: says nothing about joining
	w.happen("bob", sfu.FirstForwarded{}, sfu.FirstForwarded{})
	want := []effect{measureJoin{"bob", time.Second}}
	if diff := cmp.Diff(want, w.out, cmp.AllowUnexported(measureJoin{})); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
}

// BenchmarkJoin100 has somebody join, publish and leave a room of 100 who all publish.
func BenchmarkJoin100(b *testing.B) {
	r := testRules()
	r.maxParticipants = 200
	w := newWorld(b, r)
	for i := range 100 {
		who := fmt.Sprint("guest", i)
		w.join(who)
		w.publish(id(who), 16, protocol.Microphone, protocol.Camera)
	}
	w.clear()
	b.ReportAllocs()
	for b.Loop() {
		w.join("ann")
		w.publish("ann", 16, protocol.Microphone, protocol.Camera)
		w.s.expel(w.now, w.p("ann"), protocol.ByeLeft)
		w.step()
		w.clear()
	}
}

package signaling

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hiroba/room"
	"hiroba/signaling/protocol"
)

// reached is how the client of a test got here.
var reached = room.Reached{Host: "example.com", Port: 443, Direct: true}

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type harness struct {
	*testing.T
	rooms   *fakeRooms
	session *Session
	now     time.Time
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	h := &harness{T: t, rooms: &fakeRooms{}, now: start}
	h.session = NewSession(Config{Rooms: h.rooms, OutboxMessages: 500}, true, reached)
	t.Cleanup(h.session.Close)
	return h
}

func (h *harness) say(messages ...string) {
	for _, m := range messages {
		h.session.Handle(h.now, []byte(m))
	}
}

// heard takes everything out of the outbox without waiting.
func (h *harness) heard() []protocol.Message {
	h.Helper()
	var heard []protocol.Message
	for {
		h.session.out.mu.Lock()
		waiting := len(h.session.out.queue)
		h.session.out.mu.Unlock()
		if waiting == 0 {
			return heard
		}
		b, _ := h.session.Next()
		m, _, err := protocol.DecodeServer(b)
		if err != nil {
			h.Fatal(err)
		}
		heard = append(heard, m)
	}
}

// expect checks the gist of what was heard: a type, or the code or reason after it.
func (h *harness) expect(want ...string) {
	h.Helper()
	var got []string
	for _, m := range h.heard() {
		switch m := m.(type) {
		case protocol.Error:
			got = append(got, fmt.Sprintf("error %s re %s", m.Code, m.Re))
		case protocol.Bye:
			got = append(got, "bye "+string(m.Reason))
		default:
			got = append(got, string(m.Type()))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.Errorf("-want +heard\n%s", diff)
	}
}

const (
	hello = `{"type":"hello","version":1,"client":"test"}`
	join  = `{"type":"join","room":"r","name":"n"}`
	offer = `{"type":"offer","id":1,"sdp":"v=0","seats":[{"audio":"0","video":"1"}],"tracks":[]}`
)

func TestSessionGoesFromHelloToLeave(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join)
	h.expect("welcome")
	h.say(offer, `{"type":"ping","time":7}`, `{"type":"mute","source":"camera","muted":true}`)
	h.expect("pong")
	if n := len(h.rooms.member.handled); n != 2 {
		t.Errorf("the room got %d messages, want 2", n)
	}
	if got := h.rooms.joins[0]; got.Room != "r" || got.Name != "n" || !got.Loopback || got.Client != h.session || got.Reached != reached {
		t.Errorf("join request %+v", got)
	}
	h.say(`{"type":"leave"}`)
	h.expect("bye left")
	if code, reason, ok := h.session.Farewell(); code != CloseNormal || reason != "left" || !ok {
		t.Errorf("farewell %d %q %t", code, reason, ok)
	}
	h.say(offer)
	if n := len(h.rooms.member.handled); n != 2 {
		t.Error("a message after the end reached the room")
	}
}

func TestSessionRefusesWhatIsNotDue(t *testing.T) {
	for _, tt := range []struct {
		name string
		say  []string
		want []string
	}{
		{"join before hello", []string{join}, []string{"error wrong_order re join"}},
		{"offer before hello", []string{offer}, []string{"error wrong_order re offer"}},
		{"ping before hello", []string{`{"type":"ping","time":1}`}, []string{"error wrong_order re ping"}},
		{"second hello", []string{hello, hello}, []string{"error wrong_order re hello"}},
		{"offer before join", []string{hello, offer, join}, []string{"error wrong_order re offer", "welcome"}},
		{"second join", []string{hello, join, join}, []string{"welcome", "error wrong_order re join"}},
		{"hello in a room", []string{hello, join, hello}, []string{"welcome", "error wrong_order re hello"}},
		{"ping before join", []string{hello, `{"type":"ping","time":1}`}, []string{"pong"}},
		{"leave before join", []string{hello, `{"type":"leave"}`}, []string{"bye left"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.say(tt.say...)
			h.expect(tt.want...)
		})
	}
}

func TestSessionRefusesBadMessages(t *testing.T) {
	tests := []struct {
		name, message, want string
	}{
		{"no JSON", "hello", "error bad_message re "},
		{"empty", "", "error bad_message re "},
		{"not UTF-8", "{\"type\":\"mute\",\"x\":\"\xff\"}", "error bad_message re "},
		{"wrong member", `{"type":"mute","source":1}`, "error bad_message re mute"},
		{"unknown type", `{"type":"dance"}`, "error unknown_type re dance"},
		{"unknown long type", `{"type":"` + strings.Repeat("x", 1000) + `"}`, "error unknown_type re "},
		{"no type", `{}`, "error unknown_type re "},
		{"server's type", `{"type":"welcome"}`, "error unknown_type re welcome"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.say(hello, join, tt.message, `{"type":"ping","time":1}`)
			h.expect("welcome", tt.want, "pong")
			if n := len(h.rooms.member.handled); n != 0 {
				t.Errorf("the room got %d messages", n)
			}
		})
	}
}

func TestSessionEndsForGraveFaults(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	tests := []struct {
		name string
		do   func(*harness)
		want string
		code CloseCode
	}{
		{"binary", func(h *harness) { h.session.HandleBinary() }, "error binary_not_supported re ", CloseUnsupported},
		{"endless", func(h *harness) { h.session.HandleTooLarge() }, "error too_large re ", CloseTooLarge},
		{"long chat", func(h *harness) { h.say(`{"type":"chat_send","text":"` + long + `"}`) }, "error too_large re chat_send", CloseTooLarge},
		{"long rubbish", func(h *harness) { h.say(long + "xxxxx") }, "error too_large re ", CloseTooLarge},
		{"long offer", func(h *harness) {
			h.say(`{"type":"offer","id":1,"sdp":"` + strings.Repeat(long, 4) + `"}`)
		}, "error too_large re ", CloseTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.say(hello, join)
			h.expect("welcome")
			tt.do(h)
			h.expect(tt.want, "bye protocol")
			if code, _, _ := h.session.Farewell(); code != tt.code {
				t.Errorf("close code %d, want %d", code, tt.code)
			}
			if diff := cmp.Diff([]protocol.ByeReason{protocol.ByeProtocol}, h.rooms.member.abused); diff != "" {
				t.Error("the room was not told:", diff)
			}
		})
	}
}

func TestLongOffersAreLetThrough(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join, `{"type":"offer","id":1,"sdp":"`+strings.Repeat("x", 200<<10)+`","seats":[],"tracks":[]}`)
	h.expect("welcome")
	if len(h.rooms.member.handled) != 1 {
		t.Error("the offer did not reach the room")
	}
}

func TestFormIsCheckedBeforeTheRoom(t *testing.T) {
	h := newHarness(t)
	long := strings.Repeat("x", 1000)
	h.say(`{"type":"hello","version":1,"client":"`+long+`"}`, hello)
	h.say(`{"type":"join","room":"r","name":"n","replaces":"` + long + `"}`)
	h.expect("error bad_message re hello", "error bad_message re join")
	h.say(join, `{"type":"mute","source":"smell"}`)
	h.expect("welcome")
	if len(h.rooms.member.handled) != 1 {
		t.Error("what the room checks was checked before")
	}
}

func TestOtherVersionsAreTurnedAway(t *testing.T) {
	h := newHarness(t)
	h.say(`{"type":"hello","version":2}`)
	h.expect("error unsupported_version re hello", "bye protocol")
}

func TestTwentyFaultsAreForgiven(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join)
	for range faultBurst {
		h.say("rubbish")
	}
	if h.session.Ended() {
		t.Fatal("ended too early")
	}
	h.now = h.now.Add(faultEvery)
	h.say("rubbish") // one was forgiven
	if h.session.Ended() {
		t.Fatal("faults are not forgiven with time")
	}
	h.say("rubbish")
	heard := h.heard()
	if last := heard[len(heard)-1]; !h.session.Ended() || last.Type() != protocol.TypeBye {
		t.Errorf("not ended; last message %#v", last)
	}
}

func TestUnknownTypesAreNoFault(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join)
	for range 10 * faultBurst {
		h.now = h.now.Add(time.Second / messageRate)
		h.say(`{"type":"from_the_future"}`)
	}
	if h.session.Ended() {
		t.Error("a newer client is turned away")
	}
}

func TestFloodEndsTheSession(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join)
	sent := 0
	for ; !h.session.Ended() && sent < 10_000; sent++ {
		h.now = h.now.Add(time.Millisecond)
		h.say(`{"type":"view","tiles":[]}`)
	}
	// 1,000 messages a second: the burst lasts 210 ms, 100 refusals another 106 ms.
	if sent < messageBurst+floodBurst || sent > messageBurst+floodBurst+50 {
		t.Errorf("ended after %d messages", sent)
	}
	if n := len(h.rooms.member.handled); n > messageBurst+messageRate {
		t.Errorf("%d messages reached the room", n)
	}
	heard := h.heard()
	bye, ok := heard[len(heard)-1].(protocol.Bye)
	if !ok || bye.Reason != protocol.ByeProtocol || bye.Reconnect {
		t.Errorf("last message %#v", heard[len(heard)-1])
	}
	e, ok := heard[len(heard)-2].(protocol.Error)
	if !ok || e.Code != protocol.CodeRateLimited || e.RetryAfterMs <= 0 {
		t.Errorf("last but one %#v", heard[len(heard)-2])
	}
}

func TestSixtyMessagesASecondAreSlowedNotEnded(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join)
	for i := range 60 * 60 {
		h.now = h.now.Add(time.Second / 60)
		h.say(`{"type":"ping","time":1}`)
		h.heard()
		if h.session.Ended() {
			t.Fatalf("ended after %d messages", i)
		}
	}
}

func TestOffersAreLimited(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join)
	h.heard()
	for range offerBurst + 1 {
		h.say(offer)
	}
	heard := h.heard()
	if len(heard) != 1 || len(h.rooms.member.handled) != offerBurst {
		t.Fatalf("heard %v, %d offers let through", heard, len(h.rooms.member.handled))
	}
	e := heard[0].(protocol.Error) //nolint:errcheck // a panic is as good
	if e.Code != protocol.CodeRateLimited || e.ID != "1" || e.Re != protocol.TypeOffer || e.RetryAfterMs != 500 {
		t.Errorf("error %+v", e)
	}
	h.now = h.now.Add(time.Duration(e.RetryAfterMs) * time.Millisecond)
	h.say(offer)
	h.expect()
}

func TestCandidatesAreCountedByOffer(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join, offer)
	trickle := func(n int) {
		for range n {
			h.now = h.now.Add(time.Second / messageRate)
			h.say(`{"type":"candidate","candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host"}`)
		}
	}
	trickle(candidatesPerOffer)
	h.expect("welcome")
	trickle(1)
	h.expect("error bad_candidate re candidate")
	h.say(offer) // the same again is no new generation
	trickle(1)
	h.expect("error bad_candidate re candidate")
	h.say(strings.Replace(offer, `"id":1`, `"id":2`, 1))
	trickle(candidatesPerOffer)
	h.expect()
}

func TestRefusedJoinMayBeTriedAgain(t *testing.T) {
	h := newHarness(t)
	h.rooms.joinErr = fmt.Errorf("%w: %s", room.ErrNameTaken, "secret detail")
	h.say(hello, join)
	h.expect("error name_taken re join")
	h.rooms.joinErr = errors.New("disk on fire")
	h.say(join)
	if e, ok := h.heard()[0].(protocol.Error); !ok || e.Code != protocol.CodeInternal || strings.Contains(e.Message, "fire") {
		t.Errorf("error %+v", e)
	}
	h.rooms.joinErr = nil
	h.say(`{"type":"join","room":"r","name":"m","replaces":"s"}`)
	h.expect("welcome")
	if got := h.rooms.joins[2]; got.Name != "m" || got.Replaces != "s" {
		t.Errorf("join request %+v", got)
	}
}

func TestAttemptsToJoinAreLimited(t *testing.T) {
	h := newHarness(t)
	h.rooms.joinErr = room.ErrNameTaken
	h.say(hello)
	for range joinBurst {
		h.say(join)
	}
	h.heard()
	h.say(join)
	h.expect("error rate_limited re join")
	if len(h.rooms.joins) != joinBurst {
		t.Errorf("%d attempts reached the rooms", len(h.rooms.joins))
	}
}

func TestResume(t *testing.T) {
	const resume = `{"type":"hello","version":1,"resume":"secret"}`
	t.Run("works", func(t *testing.T) {
		h := newHarness(t)
		h.say(resume, offer, join)
		h.expect("welcome", "error wrong_order re join")
		if h.rooms.resumed[0] != "secret" || len(h.rooms.member.handled) != 1 || !h.session.Joined() {
			t.Error("not resumed")
		}
	})
	t.Run("too late", func(t *testing.T) {
		h := newHarness(t)
		h.rooms.resumeErr = room.ErrNoSession
		h.say(resume)
		h.expect("error resume_failed re hello")
		h.say(offer, join)
		h.expect("error wrong_order re offer", "welcome")
	})
}

func TestSilenceEndsTheSession(t *testing.T) {
	t.Run("before hello", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			time.Sleep(DefaultHelloTimeout - time.Millisecond)
			synctest.Wait()
			h.expect()
			time.Sleep(time.Millisecond)
			synctest.Wait()
			h.expect("error hello_timeout re ", "bye protocol")
			h.say(hello)
			if h.session.gate.phase != awaitingHello {
				t.Error("a late hello counts")
			}
		})
	})
	t.Run("before join", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			h.rooms.joinErr = room.ErrNameTaken
			h.say(hello)
			time.Sleep(DefaultJoinTimeout - time.Second)
			h.say(join)
			time.Sleep(DefaultJoinTimeout - time.Second)
			synctest.Wait()
			h.expect("error name_taken re join")
			time.Sleep(time.Second)
			synctest.Wait()
			h.expect("bye timeout")
		})
	})
	t.Run("never in a room", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			h.say(hello, join)
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			h.expect("welcome")
		})
	})
}

func TestLostConnectionDetaches(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join)
	h.session.Close()
	if m := &h.rooms.member; len(m.detached) != 1 || m.detached[0] != h.session || len(m.abused) != 0 {
		t.Errorf("detached %v, abused %v", m.detached, m.abused)
	}
	if _, ok := h.session.Next(); ok {
		t.Error("there is something to write")
	}
	if _, _, ok := h.session.Farewell(); ok {
		t.Error("there is a farewell")
	}
	h.session.Send(protocol.Pong{}) // the room may not know yet
	h.session.End(protocol.Bye{})
}

func TestClientThatDoesNotReadIsEnded(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join)
	for range 501 {
		h.session.Send(protocol.Left{})
	}
	h.expect("bye too_slow")
	if code, _, _ := h.session.Farewell(); code != ClosePolicy {
		t.Errorf("close code %d", code)
	}
	h.session.Close()
	if diff := cmp.Diff([]protocol.ByeReason{protocol.ByeTooSlow}, h.rooms.member.abused); diff != "" {
		t.Error(diff)
	}
}

func TestByeIsTheLastMessage(t *testing.T) {
	for reason, code := range map[protocol.ByeReason]CloseCode{
		protocol.ByeReplaced: CloseNormal, protocol.ByeResumedElsewhere: CloseNormal, protocol.ByeTimeout: CloseNormal,
		protocol.ByeMediaFailed: CloseNormal, protocol.ByeShutdown: CloseGoingAway, protocol.ByeMediaAbuse: ClosePolicy,
	} {
		h := newHarness(t)
		h.say(hello, join)
		h.session.Send(protocol.Left{})
		h.session.End(protocol.Bye{Reason: reason})
		h.session.Send(protocol.Left{})
		h.session.End(protocol.Bye{Reason: protocol.ByeLeft})
		h.expect("welcome", "left", "bye "+string(reason))
		if got, _, ok := h.session.Farewell(); got != code || !ok {
			t.Errorf("%s: close code %d, want %d", reason, got, code)
		}
	}
}

func TestCountersHaveBoundedKeys(t *testing.T) {
	h := newHarness(t)
	h.say(hello, join, `{"type":"dance"}`, `{"type":"ping","time":1}`)
	h.session.Send(protocol.Speakers{Speakers: []protocol.Speaker{{Level: math.NaN()}}}) // cannot be encoded
	h.session.End(protocol.Bye{Reason: protocol.ByeShutdown})
	got := h.session.cfg.Counters.Snapshot()
	if got.Received["hello"] != 1 || got.Received["other"] != 1 || got.Received["ping"] != 1 {
		t.Errorf("received %v", got.Received)
	}
	if got.Sent["welcome"] != 1 || got.Sent["error"] != 1 || got.Sent["bye"] != 1 || got.Sent["speakers"] != 0 {
		t.Errorf("sent %v", got.Sent)
	}
	if got.Errors[protocol.CodeUnknownType] != 1 || got.Ended[protocol.ByeShutdown] != 1 || got.BytesReceived == 0 {
		t.Errorf("errors %v, ended %v", got.Errors, got.Ended)
	}
	if want := len(protocol.ClientTypes()) + 1; len(got.Received) != want {
		t.Errorf("%d keys, want %d", len(got.Received), want)
	}
}

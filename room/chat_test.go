package room

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hiroba/sfu"
	"hiroba/signaling/protocol"
)

func TestChatReachesEverybodyInOrder(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.clear()
	w.say("ann", protocol.ChatSend{ID: "mine", Text: "hello\n\tthere"})
	w.say("bob", protocol.ChatSend{Text: "hi"})
	for who, mark := range map[id]string{"ann": "mine", "bob": ""} {
		w.wantTypes(who, protocol.TypeChat, protocol.TypeChat)
		want := protocol.Chat{Seq: 1, ID: mark, From: "ann", Name: "ann", Text: "hello\n\tthere", At: noon.UnixMilli()}
		if got := w.told[who][0]; got != want {
			t.Errorf("%s was told %+v, want %+v", who, got, want)
		}
	}
	if got, _ := last[protocol.Chat](w, "ann"); got.Seq != 2 || got.Text != "hi" {
		t.Errorf("ann was told %+v", got)
	}
}

func TestChatTakesTheDataChannelWhileItWorks(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("bob", 1)
	w.happen("bob", sfu.DataOpened{Label: protocol.LabelChat})
	w.clear()
	w.say("ann", protocol.ChatSend{ID: "mine", Text: "one"})
	want := `chat {"type":"chat","seq":1,"from":"ann","name":"ann","text":"one","at":1767268800000}`
	if got := strings.Join(w.data["bob"], "\n"); got != want {
		t.Errorf("bob got %s", got)
	}
	w.wantTypes("bob")
	w.happen("bob", sfu.StateChanged{State: sfu.StateDisconnected})
	w.say("ann", protocol.ChatSend{Text: "two"})
	w.wantTypes("bob", protocol.TypeChat)
	w.clear()
	w.happen("bob", sfu.DataOverflowed{Label: protocol.LabelChat}, sfu.DataClosed{Label: protocol.LabelChat})
	w.wantTypes("bob", protocol.TypeChat, protocol.TypeChat) // what may be lost with the channel is told again
	w.happen("bob", sfu.StateChanged{State: sfu.StateConnected})
	w.say("ann", protocol.ChatSend{Text: "three"})
	if got, _ := last[protocol.Chat](w, "bob"); got.Text != "three" {
		t.Errorf("bob was told %+v", got)
	}
}

func TestPingOnTheChatChannelIsAnsweredThere(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("bob", 1)
	w.happen("bob", sfu.DataOpened{Label: protocol.LabelChat})
	w.clear()
	w.happen("bob", sfu.DataReceived{Label: protocol.LabelChat, Text: true, Data: []byte(`{"type":"ping","time":12.5}`)})
	if got, want := strings.Join(w.data["bob"], "\n"), `chat {"type":"pong","time":12.5}`; got != want {
		t.Errorf("bob got %s, want %s", got, want)
	}
	w.wantTypes("bob")
	w.wantTypes("ann")
}

func TestHistoryIsNotRepeatedAtWill(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.publish("ann", 1)
	w.say("ann", protocol.ChatSend{Text: "one"})
	w.clear()
	for range 100 {
		w.happen("ann", sfu.DataOpened{Label: protocol.LabelChat}, sfu.DataClosed{Label: protocol.LabelChat})
	}
	if got := count[protocol.Chat](w, "ann"); got > 2 {
		t.Errorf("the history came %d times", got)
	}
}

func TestChatComesOverTheDataChannelToo(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("ann", 1)
	receive := func(text bool, data string) {
		w.clear()
		w.happen("ann", sfu.DataReceived{Label: protocol.LabelChat, Text: text, Data: []byte(data)})
	}
	receive(true, `{"type":"chat_send","id":"m","text":"hello"}`)
	w.wantTypes("bob", protocol.TypeChat)
	receive(true, `{"type":"chat_send","id":"m","text":""}`)
	w.wantError("ann", protocol.CodeBadChat, protocol.TypeChatSend, "m")
	receive(true, `{"type":"chat_send","text":1}`)
	w.wantError("ann", protocol.CodeBadMessage, protocol.TypeChatSend, "")
	receive(true, `{"type":"leave"}`)
	w.wantError("ann", protocol.CodeUnknownType, protocol.TypeLeave, "")
	receive(true, `{`)
	w.wantError("ann", protocol.CodeBadMessage, "", "")
	receive(false, `{"type":"chat_send","text":"hello"}`)
	w.wantError("ann", protocol.CodeBadMessage, "", "")
	receive(true, `{"type":"chat_send","text":"`+strings.Repeat("x", 70_000)+`"}`)
	w.wantError("ann", protocol.CodeBadMessage, "", "")
	w.happen("ann", sfu.DataReceived{Label: "other", Text: true, Data: []byte("x")}) // not ours
	w.p("ann")
}

func TestChatTextsAreChecked(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{"x", true},
		{strings.Repeat("é", 4000), true},
		{strings.Repeat("é", 4001), false},
		{"", false},
		{"line\nline\ttab", true},
		{"bell\a", false},
		{"return\r", false},
		{"zero\x00", false},
		{"csi\u009b", false},
		{"bad\xff", false},
	} {
		w := newWorld(t, testRules())
		w.join("ann")
		w.say("ann", protocol.ChatSend{Text: tt.text})
		if got := count[protocol.Chat](w, "ann") == 1; got != tt.ok {
			t.Errorf("%.20q: told %v", tt.text, got)
		}
	}
}

func TestChatBurstsPassAndFloodsDoNot(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	for i := range 400 {
		w.say("ann", protocol.ChatSend{ID: fmt.Sprint(i), Text: "x"})
	}
	if got := count[protocol.Chat](w, "ann"); got != 300 {
		t.Errorf("%d of 400 passed", got)
	}
	e, _ := last[protocol.Error](w, "ann")
	if e.Code != protocol.CodeRateLimited || e.RetryAfterMs <= 0 || e.ID != "399" {
		t.Errorf("error %+v", e)
	}
	w.pass(time.Second)
	w.now = w.now.Add(time.Second)
	w.clear()
	for range 50 {
		w.say("ann", protocol.ChatSend{Text: "x"})
	}
	if got := count[protocol.Chat](w, "ann"); got < 10 || got > 25 {
		t.Errorf("%d passed after two seconds", got)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	log := chatLog{max: 200}
	for range 300 {
		log.add(protocol.Chat{Text: "x"})
	}
	if n := len(log.entries); n != 200 || log.entries[0].Seq != 101 {
		t.Errorf("%d entries from %d", n, log.entries[0].Seq)
	}
	for range 300 {
		log.add(protocol.Chat{Text: strings.Repeat("x", 16_000)})
	}
	if n := len(log.entries); n*16_000 > historyBytes || n < 10 {
		t.Errorf("%d entries of 16000 bytes", n)
	}
	log.add(protocol.Chat{Text: strings.Repeat("x", historyBytes+1)})
	if len(log.entries) != 0 || log.bytes != 0 {
		t.Errorf("%d entries, %d bytes", len(log.entries), log.bytes)
	}
}

func TestBucket(t *testing.T) {
	var b bucket
	r := rate{perSecond: 2, burst: 3}
	now := noon
	for range 3 {
		if _, ok := b.take(now, r); !ok {
			t.Fatal("a full bucket refused")
		}
	}
	wait, ok := b.take(now, r)
	if ok || wait != 500*time.Millisecond {
		t.Errorf("empty bucket: %v, %v", wait, ok)
	}
	if _, ok := b.take(now.Add(wait), r); !ok {
		t.Error("refused after the wait")
	}
	if _, ok := b.take(now.Add(-time.Hour), r); ok { // a clock that goes back earns nothing
		t.Error("the past filled the bucket")
	}
}

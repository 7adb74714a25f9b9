package signaling

import (
	"bytes"
	"testing"
	"time"

	"hiroba/signaling/protocol"
)

// FuzzSession plays lines of input as messages, 10 ms apart, and checks what must hold for any of them: nothing for the
// room before the welcome, and nothing to anybody after the goodbye.
func FuzzSession(f *testing.F) {
	f.Add([]byte(hello + "\n" + join + "\n" + offer + "\n" + `{"type":"leave"}` + "\n" + offer))
	f.Add([]byte(offer + "\n" + join + "\n" + hello + "\n" + hello + "\n" + `{"type":"dance"}`))
	f.Add([]byte(`{"type":"hello","version":1,"resume":"x"}` + "\n" + `{"type":"candidate","candidate":""}`))
	f.Add(bytes.Repeat([]byte("rubbish\n"), faultBurst+2))
	f.Fuzz(func(t *testing.T, input []byte) {
		h := newHarness(t)
		defer h.session.Close()
		welcomed, goodbyes := false, 0
		for line := range bytes.SplitSeq(input, []byte("\n")) {
			before := len(h.rooms.member.handled)
			ended := h.session.Ended()
			h.now = h.now.Add(10 * time.Millisecond)
			h.session.Handle(h.now, line)
			heard := h.heard()
			if len(h.rooms.member.handled) > before && (!welcomed || ended) {
				t.Fatalf("%q reached the room; welcomed %t, ended %t", line, welcomed, ended)
			}
			if ended && len(heard) > 0 {
				t.Fatalf("%v after the goodbye", heard)
			}
			for _, m := range heard {
				switch m.(type) {
				case protocol.Welcome:
					welcomed = true
				case protocol.Bye:
					goodbyes++
				}
			}
		}
		if goodbyes > 1 || (goodbyes == 1) != h.session.Ended() {
			t.Fatalf("%d goodbyes, ended %t", goodbyes, h.session.Ended())
		}
	})
}

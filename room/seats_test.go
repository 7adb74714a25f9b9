package room

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

func tile(who id, source protocol.Source) protocol.Tile {
	return protocol.Tile{Participant: who, Source: source, Width: 640, Height: 360}
}

func (w *world) wantSeats(who id, want ...string) {
	w.t.Helper()
	if got := w.seats(who); !slices.Equal(got, want) {
		w.t.Errorf("%s has the seats %q, want %q", who, got, want)
	}
}

func TestEverybodySitsWithoutAView(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob", "cid")
	csrc := w.publish("bob", 0, protocol.Microphone, protocol.Camera)
	w.publish("cid", 0, protocol.Microphone)
	w.publish("ann", 4, protocol.Camera)
	w.wantSeats("ann", "bob/camera+video", "cid/camera", "-", "-")
	if got, want := w.fed["ann"][0], (fed{audio: csrc[protocol.Microphone], video: csrc[protocol.Camera]}); got != want {
		t.Errorf("seat 0 is fed %v, want %v", got, want)
	}
	seats, _ := last[protocol.Seats](w, "ann")
	if got := seats.Seats[1].SeatMIDs; got != (protocol.SeatMIDs{Audio: "a1", Video: "v1"}) {
		t.Errorf("seat 1 is %v", got)
	}
}

func TestSeatsAreToldAfterTheAnswer(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("bob", "ann")
	w.publish("bob", 0, protocol.Camera)
	w.clear()
	w.say("ann", offerOf(1, 4))
	w.happen("ann", sfu.SeatsBound{Seats: 4})
	if w.fed["ann"][0].video == 0 {
		t.Error("the seat is not fed before the answer")
	}
	w.happen("ann", answered{sfu.Answered{OfferID: 1}, everyCodec})
	w.wantTypes("ann", protocol.TypeAnswer, protocol.TypeSeats)
}

func TestScreenTakesASeatWhileItIsShared(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("bob", 0, protocol.Microphone, protocol.Screen, protocol.ScreenAudio)
	w.publish("ann", 4)
	w.wantSeats("ann", "bob/screen+video", "bob/camera", "-", "-")
	w.say("bob", protocol.Mute{Source: protocol.Screen, Muted: true}, protocol.Mute{Source: protocol.ScreenAudio, Muted: true})
	w.wantSeats("ann", "-", "bob/camera", "-", "-")
	if got := w.fed["ann"][0]; got != (fed{}) {
		t.Errorf("seat 0 is fed %v", got)
	}
	w.say("bob", protocol.Mute{Source: protocol.Screen, Muted: false})
	w.wantSeats("ann", "bob/screen+video", "bob/camera", "-", "-")
}

func TestMutedCameraKeepsItsSeat(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("bob", 0, protocol.Microphone, protocol.Camera)
	w.publish("ann", 4)
	w.clear()
	w.say("bob", protocol.Mute{Source: protocol.Camera, Muted: true}, protocol.Mute{Source: protocol.Microphone, Muted: true})
	w.wantTypes("ann", protocol.TypeUpdated) // and no other seats
}

func TestViewDecidesWhoIsShown(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob", "cid")
	w.publish("bob", 0, protocol.Microphone, protocol.Camera)
	w.publish("cid", 0, protocol.Microphone, protocol.Camera)
	w.publish("ann", 4)
	w.say("ann", protocol.View{Tiles: []protocol.Tile{tile("cid", protocol.Camera), tile("gone", protocol.Camera)}})
	w.wantSeats("ann", "bob/camera", "cid/camera+video", "-", "-")
	if got := w.fed["ann"][0]; got.audio == 0 || got.video != 0 {
		t.Errorf("bob's seat is fed %v", got)
	}
	w.say("ann", protocol.View{})
	w.wantSeats("ann", "bob/camera", "cid/camera", "-", "-")
	w.clear()
	w.say("ann", protocol.View{})
	w.wantTypes("ann") // nothing changed
}

func TestWhoLeavesLeavesTheSeat(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob", "cid")
	w.publish("bob", 0, protocol.Camera)
	w.publish("cid", 0, protocol.Camera)
	w.publish("ann", 4)
	w.clear()
	w.s.expel(w.now, w.p("bob"), protocol.ByeLeft)
	w.step()
	w.wantTypes("ann", protocol.TypeLeft, protocol.TypeSeats)
	w.wantSeats("ann", "-", "cid/camera+video", "-", "-")
}

func TestCodecThatTheClientLacksIsTold(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	csrc := w.publish("bob", 0, protocol.Camera)
	w.say("ann", offerOf(1, 1))
	w.happen("ann", sfu.SeatsBound{Seats: 1}, answered{sfu.Answered{OfferID: 1}, codecSet{media.VP8: true}})
	for _, tt := range []struct {
		codec media.Codec
		want  string
	}{{media.AV1, "av1"}, {media.VP8, ""}} {
		w.happen("bob", trackStarted{csrc[protocol.Camera], tt.codec})
		if seats, _ := last[protocol.Seats](w, "ann"); seats.Seats[0].Unsupported != tt.want {
			t.Errorf("%s: unsupported %q", tt.codec, seats.Seats[0].Unsupported)
		}
	}
}

func TestSeatsAreAskedForAheadOfNeed(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann")
	w.publish("ann", 4)
	w.clear()
	come := func(n int) {
		for range n {
			who := fmt.Sprint("guest", len(w.s.order))
			w.join(who)
			w.publish(id(who), 0, protocol.Camera)
		}
	}
	asked := func(want ...int) {
		t.Helper()
		var got []int
		for _, m := range w.told["ann"] {
			if m, ok := m.(protocol.NeedSeats); ok {
				got = append(got, m.Seats)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("asked for %v seats, want %v", got, want)
		}
	}
	come(2)
	asked() // two are free
	come(1)
	asked(8)
	come(1)
	asked(8) // not repeated
	come(1)
	asked(8, 9) // the need grew
	w.pass(10 * time.Second)
	asked(8, 9, 9)
	w.publish("ann", 9)
	w.pass(time.Minute)
	asked(8, 9, 9)
	w.wantSeats("ann", "guest1/camera+video", "guest2/camera+video", "guest3/camera+video", "guest4/camera+video",
		"guest5/camera+video", "-", "-", "-", "-")
}

func TestSeatsAreNotAskedForWhereNobodyListens(t *testing.T) {
	w := newWorld(t, testRules())
	w.join("ann", "bob")
	w.publish("ann", 1, protocol.Camera)
	w.clear()
	w.s.detach(w.now, w.p("ann"))
	w.publish("bob", 0, protocol.Camera) // takes ann's only seat; bob has none by choice
	w.pass(20 * time.Second)
	if n := count[protocol.NeedSeats](w, "ann") + count[protocol.NeedSeats](w, "bob"); n != 0 {
		t.Errorf("asked %d times", n)
	}
	if w.fed["ann"][0].video == 0 {
		t.Error("a seat of somebody detached is not fed")
	}
}

func TestSpeakerOutsideTheSeatsTakesOne(t *testing.T) {
	r := testRules()
	r.limits.Seats = 2
	w := newWorld(t, r)
	w.join("ann", "bob", "cid", "dan")
	for _, who := range []id{"bob", "cid"} {
		w.publish(who, 0, protocol.Microphone)
	}
	csrc := w.publish("dan", 0, protocol.Microphone)
	w.publish("ann", 2)
	w.wantSeats("ann", "bob/camera", "cid/camera")
	w.clear()
	for range 3 {
		w.happen("dan", heard{csrc[protocol.Microphone], 100})
		w.pass(200 * time.Millisecond)
	}
	w.wantSeats("ann", "bob/camera", "dan/camera")
	w.pass(5 * time.Second)
	w.wantSeats("ann", "bob/camera", "dan/camera") // stays although it is silent
	if got := count[protocol.Seats](w, "ann"); got != 1 {
		t.Errorf("seats were told %d times", got)
	}
}

// TestTenTalkersAndThreeSeats: everybody talks at once, and the three loudest are heard. When they fall silent, the next.
func TestTenTalkersAndThreeSeats(t *testing.T) {
	for _, shows := range []string{"all of them", "nobody", "five of them", "two of them"} {
		t.Run(shows, func(t *testing.T) {
			r := testRules()
			r.limits.Seats = 3
			w := newWorld(t, r)
			w.join("ann")
			var talkers []id
			csrc := map[id]media.CSRC{}
			for i := range 10 {
				name := fmt.Sprint("talker", i)
				w.join(name)
				who := id(name)
				csrc[who] = w.publish(who, 0, protocol.Microphone, protocol.Camera)[protocol.Microphone]
				talkers = append(talkers, who)
			}
			w.publish("ann", 3)
			heardAtLeast := 3
			switch shows {
			case "nobody":
				w.say("ann", protocol.View{})
			case "five of them", "two of them":
				view := protocol.View{}
				for _, who := range talkers[:map[string]int{"five of them": 5, "two of them": 2}[shows]] {
					view.Tiles = append(view.Tiles, tile(who, protocol.Camera))
				}
				w.say("ann", view)
				heardAtLeast = 1 // in half of the seats, or in the one that is free
			}
			talk := func(loudest ...id) {
				t.Helper()
				for range 40 { // 8 s
					for i, who := range talkers {
						level := uint8(80)
						if at := slices.Index(loudest, who); at >= 0 {
							level = uint8(110 - 7*at) //nolint:gosec // small
						}
						w.happen(who, heard{csrc[who], level + uint8(i%3)}) //nolint:gosec // small
					}
					w.pass(200 * time.Millisecond)
				}
				for _, who := range loudest[:heardAtLeast] {
					if !slices.ContainsFunc(slices.Collect(maps.Values(w.fed["ann"])), func(f fed) bool { return f.audio == csrc[who] }) {
						t.Errorf("%s is one of the loudest and not heard: %v, fed %v", who, loudest, w.fed["ann"])
					}
				}
			}
			talk("talker9", "talker4", "talker7")
			talk("talker5", "talker9", "talker8")
			talk("talker3", "talker6", "talker5")
		})
	}
}

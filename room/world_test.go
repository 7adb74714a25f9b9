package room

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// world runs a state without an actor and keeps what came out of it.
type world struct {
	t    testing.TB
	now  time.Time
	s    *state
	told map[id][]protocol.Message // over the WebSocket
	data map[id][]string           // over data channels, as label and text
	fed  map[id]map[int]fed
	out  []effect
	csrc media.CSRC
}

func testRules() rules {
	return rules{
		limits:          DefaultLimits(),
		maxParticipants: 50,
		seats:           4,
		sessionGrace:    30 * time.Second,
		roomGrace:       time.Minute,
		serverName:      "test/1",
	}
}

func newWorld(t testing.TB, r rules) *world {
	return &world{
		t: t, now: noon, s: newState(noon, "square", r),
		told: map[id][]protocol.Message{}, data: map[id][]string{}, fed: map[id]map[int]fed{},
	}
}

// step ends a step and takes its effects in.
func (w *world) step() {
	w.t.Helper()
	w.s.flush(w.now)
	for effects := w.s.takeEffects(); len(effects) > 0; effects = w.s.takeEffects() {
		w.out = append(w.out, effects...)
		for _, e := range effects {
			switch e := e.(type) {
			case send:
				w.told[e.to] = append(w.told[e.to], e.message)
			case sendData:
				w.data[e.to] = append(w.data[e.to], e.label+" "+string(e.data))
			case feed:
				if w.fed[e.to] == nil {
					w.fed[e.to] = map[int]fed{}
				}
				w.fed[e.to][e.seat] = e.fed
			}
		}
	}
}

// clear forgets what came out so far.
func (w *world) clear() {
	w.told, w.data, w.out = map[id][]protocol.Message{}, map[id][]string{}, nil
}

// pass lets time go by, with everything that is due in it.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 1000 {
		next := w.s.deadline()
		if next.IsZero() || next.After(end) || len(w.s.order) == 0 {
			w.now = end
			return
		}
		if next.After(w.now) {
			w.now = next
		}
		w.s.handleTimeout(w.now)
		w.step()
	}
	w.t.Fatal("the deadline does not move on")
}

// join lets somebody in under an ID that is its name.
func (w *world) join(names ...string) {
	w.t.Helper()
	for _, name := range names {
		a := arrival{id: id(name), name: name, secret: "secret of " + name}
		if err := w.s.join(w.now, a); err != nil {
			w.t.Fatalf("%s cannot join: %v", name, err)
		}
	}
	w.step()
}

func (w *world) p(who id) *participant {
	w.t.Helper()
	p := w.s.people[who]
	if p == nil {
		w.t.Fatalf("%s is not there", who)
	}
	return p
}

func (w *world) say(who id, messages ...protocol.Message) {
	w.t.Helper()
	for _, m := range messages {
		w.s.handleMessage(w.now, w.p(who), m)
	}
	w.step()
}

func (w *world) happen(who id, events ...any) {
	w.t.Helper()
	for _, e := range events {
		w.s.handlePeer(w.now, w.p(who), e)
	}
	w.step()
}

// offerOf is an offer with so many seats, and the m-lines of these sources.
func offerOf(n, seats int, sources ...protocol.Source) protocol.Offer {
	o := protocol.Offer{ID: n, SDP: "v=0"}
	for i := range seats {
		o.Seats = append(o.Seats, protocol.SeatMIDs{Audio: fmt.Sprint("a", i), Video: fmt.Sprint("v", i)})
	}
	for _, source := range sources {
		o.Tracks = append(o.Tracks, protocol.TrackMID{MID: "s" + string(source)[:3] + source.Kind(), Source: source})
	}
	return o
}

// everyCodec is what a client that receives all of them has.
var everyCodec = codecSet{media.Opus: true, media.VP8: true, media.VP9: true, media.H264: true, media.AV1: true}

// publish has participants make an offer, answered at once, and connect. It returns their CSRCs by source.
func (w *world) publish(who id, seats int, from ...protocol.Source) map[protocol.Source]media.CSRC {
	w.t.Helper()
	n := 1
	if a := w.p(who).answer; a != nil {
		n = a.ID + 1
	}
	offer := offerOf(n, seats, from...)
	w.say(who, offer)
	events := []any{sfu.SeatsBound{Seats: seats}}
	csrcs := map[protocol.Source]media.CSRC{}
	for _, t := range offer.Tracks {
		if known := w.p(who).track(t.Source); known != nil {
			csrcs[t.Source] = known.csrc
			continue
		}
		w.csrc++
		csrcs[t.Source] = w.csrc
		events = append(events, trackAdded{w.csrc, media.MID(t.MID), kindOf(t.Source)})
	}
	events = append(events, answered{sfu.Answered{OfferID: n, SDP: "answer"}, everyCodec},
		sfu.StateChanged{State: sfu.StateConnected})
	w.happen(who, events...)
	return csrcs
}

// seats is how a client was told its seats last: "participant/source+video" or "-".
func (w *world) seats(who id) (told []string) {
	for _, m := range slices.Backward(w.told[who]) {
		if m, ok := m.(protocol.Seats); ok {
			for _, s := range m.Seats {
				switch {
				case s.Participant == "":
					told = append(told, "-")
				case s.VideoCSRC != 0:
					told = append(told, fmt.Sprintf("%s/%s+video", s.Participant, s.Source))
				default:
					told = append(told, fmt.Sprintf("%s/%s", s.Participant, s.Source))
				}
			}
			return told
		}
	}
	return nil
}

// last is the latest message of a type that a client was told.
func last[M protocol.Message](w *world, who id) (M, bool) {
	for _, m := range slices.Backward(w.told[who]) {
		if m, ok := m.(M); ok {
			return m, true
		}
	}
	var none M
	return none, false
}

// count is how many messages of a type a client was told.
func count[M protocol.Message](w *world, who id) (n int) {
	for _, m := range w.told[who] {
		if _, ok := m.(M); ok {
			n++
		}
	}
	return n
}

func (w *world) types(who id) (types []protocol.Type) {
	for _, m := range w.told[who] {
		types = append(types, m.Type())
	}
	return types
}

func (w *world) wantTypes(who id, want ...protocol.Type) {
	w.t.Helper()
	if got := w.types(who); !slices.Equal(got, want) {
		w.t.Errorf("%s was told %v, want %v", who, got, want)
	}
}

func (w *world) wantError(who id, code protocol.Code, re protocol.Type, mark string) {
	w.t.Helper()
	e, ok := last[protocol.Error](w, who)
	if !ok || e.Code != code || e.Re != re || e.ID != mark || e.Message == "" {
		w.t.Errorf("%s got the error %+v, want %s about %s %q", who, e, code, re, mark)
	}
}

// bye is how a participant's session ended, empty if it did not.
func (w *world) bye(who id) protocol.ByeReason {
	for _, e := range w.out {
		if e, ok := e.(depart); ok && e.to == who {
			return e.bye.Reason
		}
	}
	return ""
}

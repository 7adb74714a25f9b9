package room

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"hiroba/room/seating"
	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// picture is what a client knows of the room when it does nothing but follow its messages.
type picture struct {
	others   map[id]protocol.Participant
	seats    []protocol.SeatState
	speakers []protocol.Speaker
	bye      bool
}

// chaos drives a state with commands read from bytes, and follows all clients.
type chaos struct {
	t        testing.TB
	now      time.Time
	s        *state
	input    []byte
	pictures map[id]*picture
	fed      map[id]map[int]fed
	peers    map[id]bool
	// offers are those handed to peers and not answered yet.
	offers map[id]sfu.Offer
	joined int
	csrc   media.CSRC
}

func newChaos(t testing.TB, input []byte) *chaos {
	r := testRules()
	r.maxParticipants, r.limits.Seats, r.limits.ChatHistory = 6, 7, 5
	return &chaos{
		t: t, now: noon, s: newState(noon, "square", r), input: input, pictures: map[id]*picture{},
		fed: map[id]map[int]fed{}, peers: map[id]bool{}, offers: map[id]sfu.Offer{},
	}
}

// pick is the next number from the input, below n.
func (c *chaos) pick(n int) int {
	if len(c.input) == 0 {
		return 0
	}
	b := int(c.input[0])
	c.input = c.input[1:]
	return b % n
}

func (c *chaos) someone() *participant {
	if len(c.s.order) == 0 {
		return nil
	}
	return c.s.order[c.pick(len(c.s.order))]
}

func (c *chaos) run() {
	for len(c.input) > 0 {
		for range 1 + c.pick(3) {
			c.command()
			c.take()
		}
		if due(c.now, c.s.deadline()) {
			c.s.handleTimeout(c.now)
		}
		c.s.flush(c.now)
		c.take()
		c.check()
		if d := c.s.deadline(); due(c.now, d) && !c.s.vanished(c.now) {
			c.t.Fatalf("the deadline %v is not after %v", d, c.now)
		}
	}
}

func (c *chaos) command() {
	p := c.someone()
	switch n := c.pick(20); {
	case p == nil || n == 0:
		c.join()
	case n == 1 && c.pick(8) == 0:
		c.s.expel(c.now, p, protocol.ByeLeft)
	case n == 2 && c.pick(4) == 0:
		c.s.detach(c.now, p)
	case n == 3:
		c.pictures[p.id] = nil // a new client knows nothing
		c.s.resume(c.now, p)
	case n == 4:
		unit := []time.Duration{time.Millisecond, 100 * time.Millisecond}[c.pick(8)/7]
		c.now = c.now.Add(time.Duration(c.pick(256)) * unit)
		c.s.handleTimeout(c.now)
	case n < 12:
		c.s.handleMessage(c.now, p, c.message(p))
	default:
		if c.peers[p.id] {
			c.peerEvent(p)
		}
	}
}

func (c *chaos) join() {
	c.joined++
	a := arrival{id: id(fmt.Sprint("p", c.joined)), name: fmt.Sprint("name", c.pick(12))}
	if p := c.someone(); p != nil && c.pick(4) == 0 {
		a.replaces = p.id
	}
	_ = c.s.join(c.now, a) // may be refused
}

func (c *chaos) message(p *participant) protocol.Message {
	source := func() protocol.Source { return sources[c.pick(len(sources))] }
	switch c.pick(6) {
	case 0, 1:
		o := offerOf(c.pick(5), c.pick(10))
		for i := range c.pick(4) {
			o.Tracks = append(o.Tracks, protocol.TrackMID{
				MID: fmt.Sprint("s", c.pick(6)+i), Source: source(), Muted: c.pick(3) == 0,
			})
		}
		return o
	case 2:
		v := protocol.View{}
		for range c.pick(5) {
			if other := c.someone(); other != nil {
				v.Tiles = append(v.Tiles, protocol.Tile{
					Participant: other.id, Source: []protocol.Source{protocol.Camera, protocol.Screen}[c.pick(2)],
					Pinned: c.pick(3) == 0,
				})
			}
		}
		return v
	case 3:
		return protocol.Mute{Source: source(), Muted: c.pick(2) == 0}
	case 4:
		return protocol.Candidate{Candidate: "candidate:1"}
	default:
		return protocol.ChatSend{ID: string(p.id), Text: "hello"}
	}
}

// peerEvent is something that a peer may do at this point.
func (c *chaos) peerEvent(p *participant) {
	tell := func(e any) { c.s.handlePeer(c.now, p, e) }
	label := []string{protocol.LabelChat, protocol.LabelFile}[c.pick(2)]
	offer, inFlight := c.offers[p.id]
	switch n := c.pick(12); {
	case inFlight && n < 6:
		delete(c.offers, p.id)
		if n == 0 || len(offer.Seats) < len(p.seats) {
			tell(sfu.OfferFailed{OfferID: offer.ID, Err: sfu.ErrBadOffer})
			return
		}
		tell(sfu.SeatsBound{Seats: len(offer.Seats)})
		for _, t := range append([]*track{}, p.tracks...) {
			if c.pick(3) == 0 {
				tell(trackRemoved{t.csrc})
			}
		}
		for _, mid := range offer.SendMIDs {
			if len(p.tracks) < 8 {
				c.csrc++
				tell(trackAdded{c.csrc, mid, media.Kind(1 + c.pick(2))}) //nolint:gosec // 1 or 2
			}
		}
		tell(answered{sfu.Answered{OfferID: offer.ID, SDP: "answer"}, codecSet{media.VP8: true}})
	case n == 6:
		states := []sfu.State{sfu.StateConnected, sfu.StateDisconnected, sfu.StateFailed}
		tell(sfu.StateChanged{State: states[c.pick(3)]})
	case n == 7:
		tell(sfu.DataOpened{Label: protocol.LabelChat})
		tell(sfu.DataOpened{Label: protocol.LabelFile})
	case n == 8 && c.pick(4) == 0:
		tell([]any{sfu.DataClosed{Label: label}, sfu.DataOverflowed{Label: label}}[c.pick(2)])
	case n == 8 || n == 9:
		file, transfer := c.s.files.lastFile, c.s.files.lastTransfer
		var next int64
		if t := c.s.files.transfers[transfer]; t != nil {
			next = t.sent
		}
		data := []string{
			`{"type":"file_offer","name":"a","size":30}`,
			fmt.Sprintf(`{"type":"file_accept","file":%d}`, file),
			fmt.Sprintf(`{"type":"file_cancel","file":%d}`, file),
			fmt.Sprintf(`{"type":"file_cancel","transfer":%d}`, transfer),
			fmt.Sprintf(`{"type":"file_ack","transfer":%d,"bytes":%d}`, transfer, next),
			string(chunk(transfer, uint64(next), 10)), //nolint:gosec // not negative
			`{"type":"chat_send","text":"x"}`, `{`,
		}[c.pick(8)]
		if c.pick(4) > 0 {
			label = protocol.LabelFile
		}
		tell(sfu.DataReceived{Label: label, Text: data[0] == '{', Data: []byte(data)})
	case n == 10 && c.pick(4) == 0:
		c.peers[p.id] = false
		delete(c.offers, p.id)
		delete(c.fed, p.id)
		tell(sfu.Closed{})
	case n == 10:
		tell(sfu.CandidateFound{Candidate: "candidate:1"})
	case n == 11 && len(p.tracks) > 0:
		t := p.tracks[c.pick(len(p.tracks))]
		tell(heard{t.csrc, uint8(c.pick(128))}) //nolint:gosec // small
		tell(trackStarted{t.csrc, media.AV1})
	}
}

// take follows the effects as clients and peers would.
func (c *chaos) take() {
	for effects := c.s.takeEffects(); len(effects) > 0; effects = c.s.takeEffects() {
		for _, e := range effects {
			switch e := e.(type) {
			case send:
				c.follow(e.to, e.message)
			case depart:
				if pic := c.pictures[e.to]; pic != nil {
					pic.bye = true
				}
				delete(c.fed, e.to)
				delete(c.offers, e.to)
				c.peers[e.to] = false
			case openPeer:
				if c.peers[e.to] {
					c.t.Fatalf("%s got a second peer", e.to)
				}
				c.peers[e.to] = true
			case handOffer:
				if _, inFlight := c.offers[e.to]; inFlight || !c.peers[e.to] {
					c.t.Fatalf("%s: offer in flight %v, peer %v", e.to, inFlight, c.peers[e.to])
				}
				c.offers[e.to] = e.offer
			case feed:
				if c.fed[e.to] == nil {
					c.fed[e.to] = map[int]fed{}
				}
				c.fed[e.to][e.seat] = e.fed
			}
		}
	}
}

// follow is what a client does with a message.
func (c *chaos) follow(to id, m protocol.Message) {
	pic := c.pictures[to]
	if w, ok := m.(protocol.Welcome); ok {
		pic = &picture{others: map[id]protocol.Participant{}, speakers: w.Speakers}
		c.pictures[to] = pic
		for _, p := range w.Participants {
			pic.others[p.ID] = p
		}
		return
	}
	if pic == nil {
		c.t.Fatalf("%s was told %s before its welcome", to, m.Type())
	}
	if pic.bye {
		c.t.Fatalf("%s was told %s after its bye", to, m.Type())
	}
	switch m := m.(type) {
	case protocol.Joined:
		pic.others[m.Participant.ID] = m.Participant
	case protocol.Updated:
		if _, known := pic.others[m.Participant.ID]; !known {
			c.t.Fatalf("%s was told of a change of %s, whom it does not know", to, m.Participant.ID)
		}
		pic.others[m.Participant.ID] = m.Participant
	case protocol.Left:
		delete(pic.others, m.Participant)
	case protocol.Seats:
		pic.seats = m.Seats
	case protocol.Speakers:
		pic.speakers = m.Speakers
	case protocol.NeedSeats:
		if m.Seats > c.s.rules.limits.Seats {
			c.t.Fatalf("%s was asked for %d seats", to, m.Seats)
		}
	}
}

// check compares what clients and peers know with the state, and the state with itself.
func (c *chaos) check() {
	if len(c.s.order) != len(c.s.people) || len(c.s.order) != len(c.s.names) || len(c.s.order) > c.s.rules.maxParticipants {
		c.t.Fatalf("%d in order, %d people, %d names", len(c.s.order), len(c.s.people), len(c.s.names))
	}
	if n := len(c.s.chat.entries); n > c.s.rules.limits.ChatHistory {
		c.t.Fatalf("%d chat messages are kept", n)
	}
	for _, p := range c.s.order {
		c.checkSeats(p)
		pic := c.pictures[p.id]
		if !p.attached() {
			continue // its client would not have been told
		}
		want := map[id]protocol.Participant{}
		for _, other := range c.s.order {
			if other != p {
				want[other.id] = other.describe()
			}
		}
		if !reflect.DeepEqual(pic.others, want) {
			c.t.Fatalf("%s sees %+v, want %+v", p.id, pic.others, want)
		}
		if len(p.seats) > 0 && p.pending == nil && !reflect.DeepEqual(pic.seats, p.told) {
			c.t.Fatalf("%s sees the seats %+v, was told %+v", p.id, pic.seats, p.told)
		}
	}
	for file := range c.s.files.transfers {
		t := c.s.files.transfers[file]
		for _, side := range []id{t.to, t.file.from} {
			if p := c.s.people[side]; p == nil || !p.fileOpen {
				c.t.Fatalf("transfer %d has a side without a channel: %s", file, side)
			}
		}
	}
}

func (c *chaos) checkSeats(p *participant) {
	if len(p.seats) > c.s.rules.limits.Seats || len(p.seats) != len(p.mids) || len(p.seats) != len(p.fed) {
		c.t.Fatalf("%s has %d seats, %d mids, %d fed", p.id, len(p.seats), len(p.mids), len(p.fed))
	}
	taken := map[seating.Occupant]bool{}
	for i, seat := range p.seats {
		if got := c.fed[p.id][i]; got != p.fed[i] {
			c.t.Fatalf("%s: seat %d is fed %v, should be %v", p.id, i, got, p.fed[i])
		}
		if seat == noSeat {
			if p.fed[i] != (fed{}) {
				c.t.Fatalf("%s: the empty seat %d is fed %v", p.id, i, p.fed[i])
			}
			continue
		}
		occupant := c.s.people[seat.Participant]
		if occupant == nil || occupant == p || taken[seat.Occupant] {
			c.t.Fatalf("%s: seat %d has %v", p.id, i, seat)
		}
		taken[seat.Occupant] = true
		audio, video := occupant.sends(seat.Screen)
		want := fed{}
		if audio != nil {
			want.audio = audio.csrc
		}
		if video != nil && seat.Video {
			want.video = video.csrc
		}
		if p.fed[i] != want {
			c.t.Fatalf("%s: seat %d with %v is fed %v, want %v", p.id, i, seat, p.fed[i], want)
		}
	}
	for _, t := range p.tracks {
		if t.source != "" && kindOf(t.source) != t.kind {
			c.t.Fatalf("%s publishes %s as %s", p.id, t.kind, t.source)
		}
	}
}

func FuzzState(f *testing.F) {
	for seed := range byte(8) {
		f.Add(chaosInput(uint64(seed), 400))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 4000 {
			return
		}
		newChaos(t, input).run()
	})
}

func chaosInput(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 4)) //nolint:gosec // a test
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32()) //nolint:gosec // a byte
	}
	return b
}

// TestStateProperties is the fuzz target over long random runs.
func TestStateProperties(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { newChaos(t, chaosInput(seed, 6000)).run() })
	}
}

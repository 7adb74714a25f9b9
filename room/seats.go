package room

import (
	"slices"
	"time"

	"hiroba/room/seating"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// askAgain is how long a client has time to offer the seats that it was asked for.
const askAgain = 10 * time.Second

var noSeat seating.Seat

// handleView takes what a client shows. Tiles of participants who are not there are no error: they may have left this
// moment.
func (s *state) handleView(p *participant, m protocol.View) {
	tiles := make([]seating.Tile, len(m.Tiles))
	p.heights = make(map[seating.Occupant]int, len(m.Tiles))
	for i, t := range m.Tiles {
		tiles[i].Occupant = seating.Occupant{Participant: t.Participant, Screen: t.Source == protocol.Screen}
		tiles[i].Pinned = t.Pinned
		p.heights[tiles[i].Occupant] = max(p.heights[tiles[i].Occupant], t.Height)
	}
	p.view.HasView, p.view.Tiles = true, tiles
	p.reseat = true
}

// describeRoom tells the planner who can sit.
func (s *state) describeRoom() {
	var candidates []seating.Candidate
	for _, p := range s.order {
		candidates = p.appendCandidates(candidates)
	}
	ranked := make([]id, 0, len(s.ranked))
	for _, speaker := range s.ranked {
		ranked = append(ranked, speaker.Participant)
	}
	s.planner.SetRoom(candidates, ranked)
}

// seat assigns one participant's seats, feeds those that changed, and tells its client.
func (s *state) seat(now time.Time, p *participant) {
	if len(p.seats) == 0 {
		return // does not want to receive, or has not offered yet
	}
	s.planner.Assign(p.seats, p.view)
	states := make([]protocol.SeatState, len(p.seats))
	for i, seat := range p.seats {
		var f fed
		states[i], f = s.occupy(p, seat)
		states[i].SeatMIDs = p.mids[i]
		if f != p.fed[i] {
			p.fed[i] = f
			s.emit(feed{p.id, i, f})
		}
	}
	// While an offer is in flight the client may not know the seats yet; it is told right after the answer.
	if p.pending != nil || !p.attached() {
		return
	}
	if !slices.Equal(states, p.told) {
		p.told = states
		s.tell(p, protocol.Seats{Seats: states})
	}
	s.askForSeats(now, p)
}

// occupy is what a seat forwards, and how the client is told.
func (s *state) occupy(p *participant, seat seating.Seat) (protocol.SeatState, fed) {
	occupant := s.people[seat.Participant]
	if occupant == nil {
		return protocol.SeatState{}, fed{}
	}
	state := protocol.SeatState{Participant: occupant.id, Source: protocol.Camera}
	if seat.Screen {
		state.Source = protocol.Screen
	}
	var f fed
	audio, video := occupant.sends(seat.Screen)
	if audio != nil {
		f.audio = audio.csrc
	}
	if video != nil && seat.Video {
		f.video, f.height = video.csrc, p.heights[seat.Occupant]
		if video.codec != media.CodecUnknown && !p.codecs.has(video.codec) {
			state.Unsupported = video.codec.String()
		}
	}
	state.AudioCSRC, state.VideoCSRC = uint32(f.audio), uint32(f.video)
	return state, f
}

// askForSeats asks the client to offer more seats when hardly one is free: when the need grows, and from time to time
// while somebody stands.
func (s *state) askForSeats(now time.Time, p *participant) {
	wanted := s.planner.Wanted(p.view)
	total := seating.Grow(len(p.seats), wanted, s.rules.limits.Seats)
	p.short = wanted > len(p.seats)
	switch {
	case total == len(p.seats):
		p.asked = 0
	case total > p.asked || due(now, p.askAgainAt()):
		p.asked, p.askedAt = total, now
		s.tell(p, protocol.NeedSeats{Seats: total})
	}
}

// askAgainAt is when a client that was asked for seats should be asked again; zero for never.
func (p *participant) askAgainAt() time.Time {
	if p.asked == 0 || !p.short || p.pending != nil || !p.attached() {
		return time.Time{}
	}
	return p.askedAt.Add(askAgain)
}

// countSeats is how many seats there are in the room, and how many are taken.
func (s *state) countSeats() (seats, occupied int64) {
	for _, p := range s.order {
		seats += int64(len(p.seats))
		for _, seat := range p.seats {
			if seat != noSeat {
				occupied++
			}
		}
	}
	return seats, occupied
}

// sameOrder reports whether two lists name the same speakers in the same order.
func sameOrder(a, b []protocol.Speaker) bool {
	return slices.EqualFunc(a, b, func(a, b protocol.Speaker) bool { return a.Participant == b.Participant })
}

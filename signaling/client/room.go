package client

import (
	"slices"

	"hiroba/signaling/protocol"
)

// Room is what the server has told about the room, put together.
type Room struct {
	// Self is the client's own entry, Participants the others in order of joining.
	Self         protocol.Participant
	Participants []protocol.Participant
	Seats        []protocol.SeatState
	// Speakers are those who are heard, the dominant one first.
	Speakers []protocol.Speaker
	// Chat is everything said, oldest first, without gaps or repetitions.
	Chat []protocol.Chat
	// Files are the offers of others that are open.
	Files []protocol.FileOffer
	// Wanted is how many seats the server asked for; 0 when it did not.
	Wanted int
	// Welcome is the last one; the session's secret is in it.
	Welcome protocol.Welcome
}

// apply takes a message of the server in.
func (r *Room) apply(m protocol.Message) {
	switch m := m.(type) {
	case protocol.Welcome:
		r.Welcome, r.Self, r.Participants, r.Speakers = m, m.Self, m.Participants, m.Speakers
		for _, c := range m.Chat {
			r.say(c)
		}
	case protocol.Joined:
		r.update(m.Participant)
	case protocol.Updated:
		r.update(m.Participant)
	case protocol.Left:
		r.Participants = slices.DeleteFunc(r.Participants, func(p protocol.Participant) bool { return p.ID == m.Participant })
		r.Files = slices.DeleteFunc(r.Files, func(f protocol.FileOffer) bool { return f.From == m.Participant })
	case protocol.Seats:
		r.Seats = m.Seats
	case protocol.NeedSeats:
		r.Wanted = m.Seats
	case protocol.Speakers:
		r.Speakers = m.Speakers
	case protocol.Chat:
		r.say(m)
	case protocol.FileOffer:
		if m.From != r.Self.ID {
			r.Files = append(r.Files, m)
		}
	case protocol.FileCancel:
		if m.Transfer == 0 {
			r.Files = slices.DeleteFunc(r.Files, func(f protocol.FileOffer) bool { return f.File == m.File })
		}
	}
}

func (r *Room) update(p protocol.Participant) {
	if p.ID == r.Self.ID {
		r.Self = p
		return
	}
	if i := slices.IndexFunc(r.Participants, func(o protocol.Participant) bool { return o.ID == p.ID }); i >= 0 {
		r.Participants[i] = p
		return
	}
	r.Participants = append(r.Participants, p)
}

// say inserts a chat message by its number, once.
func (r *Room) say(c protocol.Chat) {
	i, found := slices.BinarySearchFunc(r.Chat, c.Seq, func(o protocol.Chat, seq int64) int { return int(o.Seq - seq) })
	if !found {
		r.Chat = slices.Insert(r.Chat, i, c)
	}
}

// clone is a copy that the loop will not change.
func (r *Room) clone() Room {
	c := *r
	c.Participants = slices.Clone(r.Participants)
	c.Seats = slices.Clone(r.Seats)
	c.Speakers = slices.Clone(r.Speakers)
	c.Chat = slices.Clone(r.Chat)
	c.Files = slices.Clone(r.Files)
	return c
}

// ByName finds a participant other than oneself.
func (r *Room) ByName(name string) (protocol.Participant, bool) {
	for _, p := range r.Participants {
		if p.Name == name {
			return p, true
		}
	}
	return protocol.Participant{}, false
}

// CSRC is the mark of a participant's track in the packets of seats; 0 when there is no such track.
func (r *Room) CSRC(id protocol.ParticipantID, source protocol.Source) uint32 {
	for _, p := range r.Participants {
		if p.ID != id {
			continue
		}
		for _, t := range p.Tracks {
			if t.Source == source {
				return t.CSRC
			}
		}
	}
	return 0
}

// SeatOf is the index of the seat in which somebody's camera or screen is; -1 when there is none.
func (r *Room) SeatOf(id protocol.ParticipantID, source protocol.Source) int {
	return slices.IndexFunc(r.Seats, func(s protocol.SeatState) bool {
		return s.Participant == id && s.Source == source.Video()
	})
}

package protocol

// withLists is m with an empty list in place of each nil one. A nil slice encodes as null, which every client would
// have to expect beside []; so the fill-in is done once, here.
func withLists(m Message) Message {
	switch m := m.(type) {
	case Offer:
		m.Seats, m.Tracks = list(m.Seats), list(m.Tracks)
		return m
	case View:
		m.Tiles = list(m.Tiles)
		return m
	case Welcome:
		m.Self = m.Self.withLists()
		m.Participants = participantsWithLists(m.Participants)
		m.ICEServers, m.Chat, m.Speakers = list(m.ICEServers), list(m.Chat), list(m.Speakers)
		return m
	case Joined:
		m.Participant = m.Participant.withLists()
		return m
	case Updated:
		m.Participant = m.Participant.withLists()
		return m
	case Seats:
		m.Seats = list(m.Seats)
		return m
	case Speakers:
		m.Speakers = list(m.Speakers)
		return m
	default:
		return m
	}
}

func (p Participant) withLists() Participant {
	p.Tracks = list(p.Tracks)
	return p
}

// participantsWithLists copies, since the caller's slice may be shared.
func participantsWithLists(ps []Participant) []Participant {
	filled := make([]Participant, len(ps))
	for i, p := range ps {
		filled[i] = p.withLists()
	}
	return filled
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

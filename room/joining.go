package room

import (
	"slices"
	"time"

	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// arrival is somebody who wants to join. The name is checked already; ID and secret are new.
type arrival struct {
	id, replaces id
	name, secret string
	loopback     bool
	reached      Reached
}

// join lets somebody in, or says why not. The session that it replaces ends in the same step.
func (s *state) join(now time.Time, a arrival) error {
	key := fold(a.name)
	former := s.people[a.replaces]
	if holder := s.names[key]; holder != nil && holder != former {
		return ErrNameTaken
	}
	count := len(s.order)
	if former != nil {
		count--
	}
	if count >= s.rules.maxParticipants {
		return ErrRoomFull
	}
	if former != nil {
		s.expel(now, former, protocol.ByeReplaced)
	}
	p := &participant{
		id: a.id, name: a.name, key: key, secret: a.secret, joinedAt: now, loopback: a.loopback, reached: a.reached,
		awaitsFirst: slices.ContainsFunc(s.order, func(o *participant) bool { return len(o.tracks) > 0 }),
	}
	p.view.Self = p.id
	s.people[p.id], s.names[key] = p, p
	s.order = append(s.order, p)
	s.emptySince = time.Time{}
	s.welcome(now, p, false)
	s.tellOthers(p, protocol.Joined{Participant: p.describe()})
	return nil
}

// resume goes on with a session over a new WebSocket: the client is told everything again.
func (s *state) resume(now time.Time, p *participant) {
	p.graceEnds = time.Time{}
	s.welcome(now, p, true)
	p.told, p.asked = nil, 0
	p.reseat = true
	for _, t := range p.tracks {
		if t.highest != media.MaxSpatial {
			s.tellLayers(p, t)
		}
	}
}

// detach starts the grace time of a session whose WebSocket was lost.
func (s *state) detach(now time.Time, p *participant) {
	if p.attached() {
		p.graceEnds = now.Add(s.rules.sessionGrace)
	}
}

// expel ends a session.
func (s *state) expel(now time.Time, p *participant, reason protocol.ByeReason) {
	s.expelWith(now, p, bye(reason))
}

func (s *state) expelWith(now time.Time, p *participant, b protocol.Bye) {
	delete(s.people, p.id)
	delete(s.names, p.key)
	s.order = slices.DeleteFunc(s.order, func(o *participant) bool { return o == p })
	s.speakers.Remove(now, p.id)
	s.files.leave(p.id, cancelLeft)
	s.relayFiles()
	s.reseat = true
	s.emit(depart{p.id, b})
	s.tellOthers(p, protocol.Left{Participant: p.id, Reason: b.Reason})
	if len(s.order) == 0 {
		s.emptySince = now
	}
}

// welcome gives a client the whole picture.
func (s *state) welcome(now time.Time, p *participant, resumed bool) {
	var servers []protocol.ICEServer
	if s.rules.iceServers != nil {
		servers = s.rules.iceServers(now, p.id, p.reached)
	}
	others := make([]protocol.Participant, 0, len(s.order))
	for _, other := range s.order {
		if other != p {
			others = append(others, other.describe())
		}
	}
	s.tell(p, protocol.Welcome{
		Version:      protocol.Version,
		Server:       s.rules.serverName,
		Resumed:      resumed,
		Room:         s.name,
		Self:         p.describe(),
		Participants: others,
		Session:      p.secret,
		GraceMs:      s.rules.sessionGrace.Milliseconds(),
		ICEServers:   servers,
		Limits:       s.rules.limits,
		Seats:        s.rules.seats,
		Chat:         s.chat.historyFor(p.id),
		Speakers:     s.speakers.Speakers(),
	})
	if s.drain != nil {
		s.tell(p, s.drain.message(now))
	}
}

package room

import (
	"slices"
	"time"

	"hiroba/room/seating"
	"hiroba/room/speaker"
	"hiroba/signaling/protocol"
)

// rules are what a state needs of the configuration.
type rules struct {
	limits                  protocol.Limits
	maxParticipants, seats  int
	sessionGrace, roomGrace time.Duration
	iceServers              func(now time.Time, who id, by Reached) []protocol.ICEServer
	serverName              string
}

// state is everything that a room knows. It is a machine: methods that take the time and an input change it and append
// effects, which takeEffects hands out; flush, called when the inputs of a step are through, does once what several of
// them may have asked for. All input of clients is checked here.
type state struct {
	rules rules
	name  string

	people map[id]*participant
	// order is people in the order of joining.
	order []*participant
	names map[string]*participant

	speakers *speaker.Detector
	planner  seating.Planner
	// ranked is the list of speakers that seats were given by.
	ranked []protocol.Speaker
	// reseat asks for a new assignment of everybody's seats: what is published, or who speaks, changed.
	reseat bool
	// reseated says that somebody's seats may be others than when it was last set to false.
	reseated bool

	chat  chatLog
	files fileRelay
	// chatMessages counts what was said since takeTally.
	chatMessages uint64
	// restarts counts ICE restarts by reason since takeTally; nil for none.
	restarts map[protocol.RestartReason]uint64

	// drain is set once the server is about to stop.
	drain *Drain

	// emptySince is when the last participant left; zero while there are any.
	emptySince time.Time
	// acting is the participant that flush works for, so that a panic is laid at the right door.
	acting  id
	effects []effect
}

func newState(now time.Time, name string, r rules) *state {
	return &state{
		rules:      r,
		name:       name,
		people:     make(map[id]*participant),
		names:      make(map[string]*participant),
		speakers:   speaker.New(),
		chat:       chatLog{max: r.limits.ChatHistory},
		files:      newFileRelay(r.limits),
		emptySince: now,
	}
}

// emit appends an effect.
func (s *state) emit(e effect) { s.effects = append(s.effects, e) }

// takeEffects hands out the effects so far. The slice is valid until the next call.
func (s *state) takeEffects() []effect {
	taken := s.effects
	s.effects = nil
	return taken
}

// tell sends a message to one client.
func (s *state) tell(p *participant, m protocol.Message) { s.emit(send{p.id, m}) }

// tellOthers sends a message to everybody but one.
func (s *state) tellOthers(p *participant, m protocol.Message) {
	for _, other := range s.order {
		if other != p {
			s.tell(other, m)
		}
	}
}

// tally counts what happened since it was taken last.
type tally struct {
	chatMessages, fileBytes uint64
	// transfers counts ended transfers by outcome.
	transfers map[string]uint64
	// restarts counts ICE restarts by reason.
	restarts map[protocol.RestartReason]uint64
}

// takeTally hands out the counts since the last call.
func (s *state) takeTally() tally {
	taken := tally{s.chatMessages, s.files.bytes, s.files.outcomes, s.restarts}
	s.restarts = nil
	s.chatMessages, s.files.bytes = 0, 0
	if len(s.files.outcomes) > 0 {
		s.files.outcomes = make(map[string]uint64)
	}
	return taken
}

// handleMessage takes what a client sent over its WebSocket.
func (s *state) handleMessage(now time.Time, p *participant, m protocol.Message) {
	if m == nil {
		s.refuse(now, p, ErrBadMessage, "", "")
		return
	}
	if code, err := protocol.Check(m, s.rules.limits); err != nil {
		s.refuse(now, p, &codedError{code, err.Error()}, m.Type(), markOf(m))
		return
	}
	switch m := m.(type) {
	case protocol.Offer:
		s.handleOffer(now, p, m)
	case protocol.Candidate:
		s.handleCandidate(now, p, m)
	case protocol.View:
		s.handleView(p, m)
	case protocol.Mute:
		s.handleMute(now, p, m)
	case protocol.ChatSend:
		s.handleChat(now, p, m)
	case protocol.Report:
		s.handleReport(now, p, m)
	default:
		s.refuse(now, p, ErrUnknownType, m.Type(), "")
	}
}

// deadline is when handleTimeout should be called, the zero time for never.
func (s *state) deadline() time.Time {
	first := s.speakers.Deadline()
	sooner := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, p := range s.order {
		sooner(p.graceEnds)
		sooner(p.mediaEnds)
		sooner(p.askAgainAt())
	}
	if len(s.order) == 0 {
		sooner(s.emptySince.Add(s.rules.roomGrace))
	}
	return first
}

// handleTimeout does what is due.
func (s *state) handleTimeout(now time.Time) {
	if d := s.speakers.Deadline(); due(now, d) {
		s.speakers.HandleTimeout(now)
	}
	for _, p := range slices.Clone(s.order) {
		switch {
		case due(now, p.graceEnds):
			s.expel(now, p, protocol.ByeTimeout)
		case due(now, p.mediaEnds):
			s.expel(now, p, protocol.ByeMediaFailed)
		case due(now, p.askAgainAt()):
			p.reseat = true
		}
	}
}

// vanished reports whether the room has been empty for so long that it should be forgotten.
func (s *state) vanished(now time.Time) bool {
	return len(s.order) == 0 && due(now, s.emptySince.Add(s.rules.roomGrace))
}

func due(now, t time.Time) bool { return !t.IsZero() && !now.Before(t) }

// flush ends a step: it tells what changed, once.
func (s *state) flush(now time.Time) {
	if list, ok := s.speakers.PollSpeakers(now); ok {
		for _, p := range s.order {
			s.tell(p, protocol.Speakers{Speakers: list})
		}
		s.reseat = s.reseat || !sameOrder(list, s.ranked)
		s.ranked = list
	}
	for _, p := range s.order {
		if s.acting = p.id; p.updated {
			p.updated = false
			s.tellOthers(p, protocol.Updated{Participant: p.describe()})
		}
	}
	if s.reseat {
		s.describeRoom()
		s.reseated = true
	}
	for _, p := range s.order {
		s.acting = p.id
		if s.reseat || p.reseat {
			p.reseat, s.reseated = false, true
			s.seat(now, p)
		}
	}
	s.reseat, s.acting = false, ""
}

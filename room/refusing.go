package room

import (
	"strconv"
	"time"

	"hiroba/signaling/protocol"
)

// refuse tells a client that what it asked for is refused. A client that goes on and on is sent away.
func (s *state) refuse(now time.Time, p *participant, err error, re protocol.Type, mark string) {
	s.refuseLater(now, p, err, re, mark, 0)
}

// refuseLater is refuse with a hint when to try again.
func (s *state) refuseLater(
	now time.Time, p *participant, err error, re protocol.Type, mark string, after time.Duration,
) {
	if !s.mayRefuse(now, p) {
		return
	}
	s.tell(p, refusalMessage(err, re, mark, after))
}

// mayRefuse counts a refusal and ends the session of a client that had too many.
func (s *state) mayRefuse(now time.Time, p *participant) bool {
	if _, ok := p.refusals.take(now, refusalRate); ok {
		return true
	}
	if s.people[p.id] == p {
		s.expel(now, p, protocol.ByeProtocol)
	}
	return false
}

func refusalMessage(err error, re protocol.Type, mark string, after time.Duration) protocol.Error {
	if len(mark) > protocol.MarkBytes {
		mark = ""
	}
	return protocol.Error{
		Code: CodeOf(err), Message: sentence(err), Re: re, ID: mark, RetryAfterMs: after.Milliseconds(),
	}
}

// markOf is what an error about a message is marked with.
func markOf(m protocol.Message) string {
	switch m := m.(type) {
	case protocol.Offer:
		return strconv.Itoa(m.ID)
	case protocol.ChatSend:
		return m.ID
	case protocol.FileOffer:
		return m.ID
	default:
		return ""
	}
}

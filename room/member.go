package room

import (
	"time"

	"hiroba/signaling/protocol"
)

// Client is a participant's way out. Neither method blocks or calls back into the room.
type Client interface {
	// Send queues a message.
	Send(m protocol.Message)
	// End queues the last message, after which the connection is closed.
	End(bye protocol.Bye)
}

// Member is a client's hold on its participant, from Join or Resume on. When another client takes the session over, the
// former Member loses its effect. All methods may be called from any goroutine and never block.
type Member struct {
	room        *room
	participant id
	client      Client
	// attachment counts the participant's clients.
	attachment uint64
}

// Participant is the ID of the member's participant.
func (m *Member) Participant() protocol.ParticipantID { return m.participant }

// Handle takes a message that the client sent: Offer, Candidate, View, Mute or ChatSend. What is refused comes back to
// the client as an Error.
func (m *Member) Handle(msg protocol.Message) {
	m.post(func(now time.Time, p *participant) { m.room.state.handleMessage(now, p, msg) })
}

// Leave ends the session; the client gets a Bye.
func (m *Member) Leave() { m.end(protocol.ByeLeft) }

// Abuse ends the session because the client broke a rule.
func (m *Member) Abuse(reason protocol.ByeReason) { m.end(reason) }

func (m *Member) end(reason protocol.ByeReason) {
	m.post(func(now time.Time, p *participant) { m.room.state.expel(now, p, reason) })
}

// Detach says that the connection of c is gone. The session waits for another one for the grace time. It does nothing
// when c is not the member's client or another one took over.
func (m *Member) Detach(c Client) {
	if c != m.client {
		return
	}
	m.post(func(now time.Time, p *participant) {
		m.room.attendees[p.id].client = nil
		m.room.state.detach(now, p)
	})
}

// post has the room do something for the participant, as long as this member is its latest.
func (m *Member) post(do func(now time.Time, p *participant)) {
	m.room.post(m.participant, func(now time.Time) {
		a, p := m.room.attendees[m.participant], m.room.state.people[m.participant]
		if a != nil && p != nil && a.attachment == m.attachment {
			do(now, p)
		}
	})
}

package signaling

import (
	"hiroba/room"
	"hiroba/signaling/protocol"
)

// Rooms is what a session needs of the rooms: FromRegistry, or a fake in tests.
type Rooms interface {
	// Join enters a room. The Welcome comes through req.Client before Join returns.
	Join(req room.JoinRequest) (Member, error)
	// Resume takes an earlier session over, in the same way.
	Resume(secret string, c room.Client) (Member, error)
}

// Member is a client's place in a room. No method blocks.
type Member interface {
	// Handle takes a message for the room; refusals come back through the client.
	Handle(m protocol.Message)
	// Leave ends the session as its participant wishes.
	Leave()
	// Abuse ends the session because the client broke a rule.
	Abuse(reason protocol.ByeReason)
	// Detach says that c is gone. The participant stays for the grace time, unless another client took over.
	Detach(c room.Client)
}

// FromRegistry makes the real rooms fit.
func FromRegistry(r *room.Registry) Rooms { return registry{r} }

type registry struct{ *room.Registry }

func (r registry) Join(req room.JoinRequest) (Member, error) {
	m, err := r.Registry.Join(req)
	if err != nil {
		return nil, err // not a nil *room.Member in an interface
	}
	return m, nil
}

func (r registry) Resume(secret string, c room.Client) (Member, error) {
	m, err := r.Registry.Resume(secret, c)
	if err != nil {
		return nil, err
	}
	return m, nil
}

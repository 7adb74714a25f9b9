package signaling

import (
	"sync"

	"hiroba/room"
	"hiroba/signaling/protocol"
)

// fakeRooms lets everybody in, unless told otherwise, and remembers what came.
type fakeRooms struct {
	// joinErr and resumeErr are the answers to the next attempts.
	joinErr, resumeErr error
	joins              []room.JoinRequest
	resumed            []string
	member             fakeMember
}

func (r *fakeRooms) Join(req room.JoinRequest) (Member, error) {
	r.joins = append(r.joins, req)
	if r.joinErr != nil {
		return nil, r.joinErr
	}
	req.Client.Send(protocol.Welcome{Version: protocol.Version, Room: req.Room})
	r.member.client = req.Client
	return &r.member, nil
}

func (r *fakeRooms) Resume(secret string, c room.Client) (Member, error) {
	r.resumed = append(r.resumed, secret)
	if r.resumeErr != nil {
		return nil, r.resumeErr
	}
	c.Send(protocol.Welcome{Version: protocol.Version, Resumed: true})
	r.member.client = c
	return &r.member, nil
}

type fakeMember struct {
	client room.Client

	mu       sync.Mutex
	handled  []protocol.Message
	abused   []protocol.ByeReason
	detached []room.Client
}

func (m *fakeMember) Handle(msg protocol.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handled = append(m.handled, msg)
}

func (m *fakeMember) Leave() { m.client.End(protocol.Bye{Reason: protocol.ByeLeft}) }

func (m *fakeMember) Abuse(reason protocol.ByeReason) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.abused = append(m.abused, reason)
	m.client.End(protocol.Bye{Reason: reason})
}

func (m *fakeMember) Detach(c room.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.detached = append(m.detached, c)
}

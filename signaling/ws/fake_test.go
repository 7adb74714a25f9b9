package ws

import (
	"sync"

	"hiroba/room"
	"hiroba/signaling"
	"hiroba/signaling/protocol"
)

// fakeRooms lets everybody in under one secret each, and reports what the sessions tell it.
type fakeRooms struct {
	// events gets "join", "detach", "abuse REASON"; handled gets what came for the room.
	events  chan string
	handled chan protocol.Message

	mu       sync.Mutex
	members  []*fakeMember
	requests []room.JoinRequest
}

func newFakeRooms() *fakeRooms {
	return &fakeRooms{events: make(chan string, 10_000), handled: make(chan protocol.Message, 10_000)}
}

func (r *fakeRooms) Join(req room.JoinRequest) (signaling.Member, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, req)
	switch {
	case len(req.Name) > 64:
		return nil, room.ErrBadName
	case req.Name == "taken":
		return nil, room.ErrNameTaken
	}
	if req.Replaces == "secret" {
		r.members[0].client.End(protocol.Bye{Reason: protocol.ByeReplaced})
	}
	m := &fakeMember{rooms: r, client: req.Client}
	r.members = append(r.members, m)
	req.Client.Send(protocol.Welcome{Version: protocol.Version, Room: req.Room, Session: "secret"})
	r.events <- "join"
	return m, nil
}

func (r *fakeRooms) Resume(secret string, c room.Client) (signaling.Member, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if secret != "secret" || len(r.members) == 0 {
		return nil, room.ErrNoSession
	}
	m := r.members[0]
	m.client.End(protocol.Bye{Reason: protocol.ByeResumedElsewhere})
	m.client = c
	c.Send(protocol.Welcome{Version: protocol.Version, Resumed: true, Session: secret})
	return m, nil
}

// member is the one that joined first.
func (r *fakeRooms) member() *fakeMember {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members[0]
}

type fakeMember struct {
	rooms *fakeRooms
	// client is guarded by rooms.mu.
	client room.Client
}

func (m *fakeMember) current() room.Client {
	m.rooms.mu.Lock()
	defer m.rooms.mu.Unlock()
	return m.client
}

func (m *fakeMember) Handle(msg protocol.Message) { m.rooms.handled <- msg }

func (m *fakeMember) Leave() { m.current().End(protocol.Bye{Reason: protocol.ByeLeft}) }

func (m *fakeMember) Abuse(reason protocol.ByeReason) { m.rooms.events <- "abuse " + string(reason) }

func (m *fakeMember) Detach(c room.Client) {
	if c == m.current() {
		m.rooms.events <- "detach"
	}
}

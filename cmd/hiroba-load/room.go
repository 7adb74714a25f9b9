package main

import (
	"slices"
	"sync"

	"hiroba/cmd/hiroba-load/tap"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// room is one room of the load.
type room struct {
	load *load
	name string

	mu          sync.Mutex // guards what follows
	publishers  []*participant
	subscribers []*participant
	journals    map[uint32]*tap.Journal // by CSRC
}

func newRoom(l *load, name string) *room {
	return &room{load: l, name: name, journals: make(map[uint32]*tap.Journal)}
}

// journal finds the journal of a track.
func (r *room) journal(csrc uint32) *tap.Journal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.journals[csrc]
}

// learn takes from the server's messages which CSRC belongs to which publisher.
func (r *room) learn(m protocol.Message) {
	switch m := m.(type) {
	case protocol.Welcome:
		r.know(m.Participants...)
	case protocol.Joined:
		r.know(m.Participant)
	case protocol.Updated:
		r.know(m.Participant)
	}
}

func (r *room) know(people ...protocol.Participant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, person := range people {
		if len(person.Tracks) == 0 {
			continue
		}
		i := slices.IndexFunc(r.publishers, func(p *participant) bool { return p.id == person.ID })
		if i < 0 {
			continue
		}
		for _, t := range person.Tracks {
			if kindOf(t.Source) == media.Audio {
				r.journals[t.CSRC] = r.publishers[i].soundSent
			} else {
				r.journals[t.CSRC] = r.publishers[i].cameraSent
			}
		}
	}
}

// publisherIDs are the publishers in order of joining.
func (r *room) publisherIDs() []protocol.ParticipantID {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]protocol.ParticipantID, len(r.publishers))
	for i, p := range r.publishers {
		ids[i] = p.id
	}
	return ids
}

// add notes who has joined.
func (r *room) add(p *participant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.cameraSent != nil || p.soundSent != nil {
		r.publishers = append(r.publishers, p)
	} else {
		r.subscribers = append(r.subscribers, p)
	}
}

// remove forgets a subscriber; false when somebody else has.
func (r *room) remove(p *participant) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.subscribers, p)
	if i < 0 {
		return false
	}
	r.subscribers = slices.Delete(r.subscribers, i, i+1)
	return true
}

// people are all in the room.
func (r *room) people() (publishers, subscribers []*participant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.publishers), slices.Clone(r.subscribers)
}

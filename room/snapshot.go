package room

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// ErrNoRoom is returned by Snapshot for a room that is not there.
var ErrNoRoom = errors.New("no such room")

// Snapshot is what a room is like at one moment, for people who debug. It is made to be read as JSON.
type Snapshot struct {
	Room         string                `json:"room"`
	Participants []ParticipantSnapshot `json:"participants"`
}

// ParticipantSnapshot is somebody in a room.
type ParticipantSnapshot struct {
	ID       protocol.ParticipantID `json:"id"`
	Name     string                 `json:"name"`
	JoinedAt time.Time              `json:"joinedAt"`
	// Attached says that there is a WebSocket, Connected that media can flow.
	Attached  bool            `json:"attached"`
	Connected bool            `json:"connected"`
	Tracks    []TrackSnapshot `json:"tracks"`
	Seats     []SeatSnapshot  `json:"seats"`
}

// TrackSnapshot is what somebody publishes.
type TrackSnapshot struct {
	Source protocol.Source `json:"source"`
	CSRC   media.CSRC      `json:"csrc"`
	Codec  string          `json:"codec"`
	Muted  bool            `json:"muted"`
	// Wanted is the highest spatial layer that the publisher was told somebody wants; -1 is none.
	Wanted int8 `json:"wanted"`
}

// SeatSnapshot is a seat in which somebody sits.
type SeatSnapshot struct {
	Seat     int                    `json:"seat"`
	Occupant protocol.ParticipantID `json:"occupant"`
	Screen   bool                   `json:"screen,omitempty"`
	// TileHeight is in pixels; 0 is not known.
	TileHeight int `json:"tileHeight,omitempty"`
}

// Snapshot describes a room. It waits for the room's actor.
func (r *Registry) Snapshot(ctx context.Context, name string) (Snapshot, error) {
	r.mu.Lock()
	rm := r.rooms[fold(name)]
	r.mu.Unlock()
	if rm == nil {
		return Snapshot{}, fmt.Errorf("describe room: %w", ErrNoRoom)
	}
	described := make(chan Snapshot, 1)
	if !rm.post("", func(time.Time) { described <- rm.state.describe() }) {
		return Snapshot{}, fmt.Errorf("describe room: %w", ErrNoRoom)
	}
	select {
	case s := <-described:
		return s, nil
	case <-ctx.Done():
		return Snapshot{}, fmt.Errorf("describe room: %w", ctx.Err())
	}
}

func (s *state) describe() Snapshot {
	snapshot := Snapshot{Room: s.name, Participants: make([]ParticipantSnapshot, 0, len(s.order))}
	for _, p := range s.order {
		described := ParticipantSnapshot{
			ID: p.id, Name: p.name, JoinedAt: p.joinedAt.UTC(), Attached: p.attached(), Connected: p.connected,
		}
		for _, t := range p.tracks {
			described.Tracks = append(described.Tracks, TrackSnapshot{
				Source: t.source, CSRC: t.csrc, Codec: t.codec.String(), Muted: t.muted, Wanted: t.highest,
			})
		}
		for i, seat := range p.seats {
			if seat == noSeat {
				continue
			}
			described.Seats = append(described.Seats, SeatSnapshot{
				Seat: i, Occupant: seat.Participant, Screen: seat.Screen, TileHeight: p.fed[i].height,
			})
		}
		snapshot.Participants = append(snapshot.Participants, described)
	}
	return snapshot
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"hiroba/room"
	"hiroba/sfu"
	"hiroba/signaling/protocol"
)

const (
	// debugTimeout bounds the wait for the goroutines that are asked.
	debugTimeout = 2 * time.Second
	// maxTrace bounds how long packets are recorded, maxTraces how many such recordings there are at once.
	maxTrace  = 10 * time.Second
	maxTraces = 2
)

// debugger answers why a picture is as it is.
type debugger struct {
	engine *sfu.Engine
	rooms  *room.Registry
	log    *slog.Logger
	traces chan struct{} // holds an item for each trace that goes on
}

// handleDebug adds what an operator may look into.
func (s *server) handleDebug(mux *http.ServeMux) {
	d := &debugger{engine: s.engine, rooms: s.rooms, log: s.log, traces: make(chan struct{}, maxTraces)}
	mux.HandleFunc("GET /debug/flight", d.serveFlight)
	mux.HandleFunc("GET /debug/rooms/{room}", d.serveRoom)
}

// serveFlight writes the flight record of a participant, or of all in a room. With packets it records the participant's
// packets for that long instead.
func (d *debugger) serveFlight(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	participant, inRoom, packets := q.Get("participant"), q.Get("room"), q.Get("packets")
	switch {
	case (participant == "") == (inRoom == ""):
		answer(w, http.StatusBadRequest, "say either participant=ID or room=NAME")
	case packets == "":
		d.serveRecords(w, r, participant, inRoom)
	case participant == "":
		answer(w, http.StatusBadRequest, "packets are recorded of one participant only")
	default:
		d.serveTrace(w, r, participant, packets)
	}
}

func (d *debugger) serveRecords(w http.ResponseWriter, r *http.Request, participant, inRoom string) {
	ctx, cancel := context.WithTimeout(r.Context(), debugTimeout)
	defer cancel()
	participants := []string{participant}
	if inRoom != "" {
		snapshot, err := d.rooms.Snapshot(ctx, inRoom)
		if err != nil {
			answerError(w, err)
			return
		}
		participants = participants[:0]
		for _, p := range snapshot.Participants {
			participants = append(participants, string(p.ID))
		}
	} else if len(d.engine.PeersOf(participant)) == 0 {
		answer(w, http.StatusNotFound, "no such participant, or without media")
		return
	}
	answerLines(w)
	for _, participant := range participants {
		for _, peer := range d.engine.PeersOf(participant) {
			record, err := peer.Flight(ctx)
			if err == nil {
				err = record.WriteJSON(w, participant)
			}
			if err != nil && !errors.Is(err, sfu.ErrPeerClosed) {
				return // too late for another status
			}
		}
	}
}

func (d *debugger) serveTrace(w http.ResponseWriter, r *http.Request, participant, packets string) {
	length, err := time.ParseDuration(packets)
	if err != nil || length <= 0 || length > maxTrace {
		answer(w, http.StatusBadRequest, fmt.Sprintf("packets must be a duration up to %v, such as 5s", maxTrace))
		return
	}
	select {
	case d.traces <- struct{}{}:
		defer func() { <-d.traces }()
	default:
		answer(w, http.StatusTooManyRequests, "other traces go on")
		return
	}
	peers := d.engine.PeersOf(participant)
	if len(peers) == 0 {
		answer(w, http.StatusNotFound, "no such participant, or without media")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), length+debugTimeout)
	defer cancel()
	recorded, err := peers[0].Trace(ctx, length)
	if err != nil {
		answerError(w, err)
		return
	}
	answerLines(w)
	if err := recorded.WriteJSON(w, participant); err != nil {
		d.log.Debug("trace not written", "err", err)
	}
}

// participantJSON is somebody in a room as the room and the media plane see them.
type participantJSON struct {
	room.ParticipantSnapshot
	Media []sfu.Snapshot `json:"media"`
}

// serveRoom describes a room.
func (d *debugger) serveRoom(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), debugTimeout)
	defer cancel()
	snapshot, err := d.rooms.Snapshot(ctx, r.PathValue("room"))
	if err != nil {
		answerError(w, err)
		return
	}
	described := struct {
		Room         string            `json:"room"`
		Participants []participantJSON `json:"participants"`
	}{Room: snapshot.Room, Participants: []participantJSON{}}
	for _, p := range snapshot.Participants {
		media, err := d.describeMedia(ctx, p.ID)
		if err != nil {
			answerError(w, err)
			return
		}
		described.Participants = append(described.Participants, participantJSON{p, media})
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(described); err != nil {
		d.log.Debug("room snapshot not written", "err", err)
	}
}

func (d *debugger) describeMedia(ctx context.Context, participant protocol.ParticipantID) ([]sfu.Snapshot, error) {
	snapshots := []sfu.Snapshot{}
	for _, peer := range d.engine.PeersOf(string(participant)) {
		s, err := peer.Snapshot(ctx)
		if errors.Is(err, sfu.ErrPeerClosed) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("describe media: %w", err)
		}
		snapshots = append(snapshots, s)
	}
	return snapshots, nil
}

// answerLines begins an answer of JSON lines.
func answerLines(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
}

func answerError(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, room.ErrNoRoom), errors.Is(err, sfu.ErrPeerClosed):
		code = http.StatusNotFound
	case errors.Is(err, sfu.ErrTracing):
		code = http.StatusConflict
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		code = http.StatusServiceUnavailable
	}
	answer(w, code, err.Error())
}

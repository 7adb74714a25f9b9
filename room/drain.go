package room

import (
	"time"

	"hiroba/signaling/protocol"
)

// drainRetry is when somebody who is refused by a server that drains should try again: a successor may be there then.
const drainRetry = 2 * time.Second

// Drain is how a server empties before it stops.
type Drain struct {
	// Until is when it stops at the latest.
	Until time.Time
	// To is the WebSocket that clients should go to; empty for the same address.
	To string
}

// message tells clients of it.
func (d Drain) message(now time.Time) protocol.Draining {
	return protocol.Draining{EndsInMs: max(0, d.Until.Sub(now)).Milliseconds(), To: d.To}
}

// Drain lets nobody new in from now on and tells everybody in the rooms, and who comes back, where to go until when. Calls go
// on. It may be called again with something else.
func (r *Registry) Drain(d Drain) {
	r.mu.Lock()
	r.drain = &d
	rooms := make([]*room, 0, len(r.rooms))
	for _, rm := range r.rooms {
		rooms = append(rooms, rm)
	}
	r.mu.Unlock()
	for _, rm := range rooms {
		rm.post("", func(now time.Time) { rm.state.startDrain(now, d) })
	}
}

// Newcomers says why nobody new is let in now, or nil: the server stops, drains, or has no headroom. It is for doors that
// want to refuse early.
func (r *Registry) Newcomers() error {
	full := r.headroom()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newcomersLocked(time.Now(), full)
}

// headroom says why there is no room for one more, or nil. It is asked without a lock.
func (r *Registry) headroom() error {
	if r.cfg.Headroom == nil {
		return nil
	}
	return r.cfg.Headroom()
}

// newcomersLocked is Newcomers, where full is what headroom says.
func (r *Registry) newcomersLocked(now time.Time, full error) error {
	switch {
	case r.closing:
		return ErrShuttingDown
	case r.drain != nil:
		return &LaterError{Err: ErrDraining, After: max(time.Second, min(drainRetry, r.drain.Until.Sub(now))), To: r.drain.To}
	default:
		return full
	}
}

// SetLimits changes Config.MaxRooms and Config.MaxParticipants from now on. Who is there already stays.
func (r *Registry) SetLimits(maxRooms, maxParticipants int) {
	r.mu.Lock()
	r.maxRooms, r.maxParticipants = maxRooms, maxParticipants
	rooms := make([]*room, 0, len(r.rooms))
	for _, rm := range r.rooms {
		rooms = append(rooms, rm)
	}
	r.mu.Unlock()
	for _, rm := range rooms {
		rm.post("", func(time.Time) { rm.state.rules.maxParticipants = maxParticipants })
	}
}

// startDrain tells everybody that the server is about to stop.
func (s *state) startDrain(now time.Time, d Drain) {
	s.drain = &d
	for _, p := range s.order {
		s.tell(p, d.message(now))
	}
}

package room

import (
	"runtime/debug"
	"time"

	"hiroba/signaling/protocol"
)

// contain runs f and reports whether it came through. A panic ends the session of the participant that it was run for,
// and no other's; when there is none, the room ends, and no other room.
func (r *room) contain(now time.Time, who id, f func()) (ok bool) {
	defer func() {
		if ok {
			return
		}
		fault := recover()
		if who == "" {
			who, r.state.acting = r.state.acting, ""
		}
		r.registry.counters.panics.Add(1)
		r.log.Error("room command panicked", "participant", who, "panic", fault, "stack", string(debug.Stack()))
		r.expelFaulty(now, who)
	}()
	f()
	return true
}

// expelFaulty ends the session that a panic is laid to. Should that panic too, or nobody be known, the room shuts down.
func (r *room) expelFaulty(now time.Time, who id) {
	defer func() {
		if fault := recover(); fault != nil {
			r.log.Error("room panicked again", "participant", who, "panic", fault, "stack", string(debug.Stack()))
			r.abandon(now)
		}
	}()
	p := r.state.people[who]
	if p == nil {
		if who == "" {
			r.abandon(now)
		}
		return
	}
	r.state.expelWith(now, p, protocol.Bye{
		Reason: protocol.ByeShutdown, Message: "The server made a mistake with this session.", Reconnect: true, AfterMs: 1000,
	})
}

// abandon ends a room whose state cannot be trusted any more, without asking the state.
func (r *room) abandon(now time.Time) {
	farewell := bye(protocol.ByeShutdown)
	r.state = newState(now, r.state.name, r.state.rules)
	for who := range r.attendees {
		r.dismiss(who, farewell)
	}
	r.closing, r.closeBy = true, now.Add(closeWait)
}

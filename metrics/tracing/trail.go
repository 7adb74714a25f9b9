package tracing

import (
	"sync"
	"time"

	"hiroba/room"
	"hiroba/signaling/protocol"
)

// The outcomes of a join, as the attribute hiroba.outcome has them. One that ended earlier has the reason of its end.
const (
	// outcomeShown: the client shows a picture of somebody else.
	outcomeShown = "shown"
	// outcomeAlone: media flows, and there is nobody to be seen.
	outcomeAlone = "alone"
	// outcomeConnected: media can flow, and the client does not say that it shows any: it is of another kind, or all
	// cameras are off.
	outcomeConnected = "connected"
	// outcomeRefused: no attempt to join was let in.
	outcomeRefused = "refused"
	// outcomeStuck: it has come so far, and no further in time.
	outcomeStuck = "stuck"
	// reasonResumed ends the trail of a WebSocket by which an earlier session goes on: that is no join.
	reasonResumed = "resumed"
)

// trail notes down one join.
type trail struct {
	tracer *Tracer

	// mu guards what follows, for a note, or the making of the spans.
	mu          sync.Mutex
	done        bool
	timer       *time.Timer // from the wish to join on
	traceparent string
	passed      [room.Milestones]time.Time
	room        string
	participant protocol.ParticipantID
	alone       bool
	transport   string
	refused     protocol.Code
	attempts    int
}

var _ room.Trail = (*trail)(nil)

// note runs f unless the trail is at its end.
func (t *trail) note(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return
	}
	f()
	if t.complete() {
		t.finish(time.Time{}, "")
	}
}

func (t *trail) Follows(traceparent string) {
	t.note(func() {
		if traceparent != "" {
			t.traceparent = traceparent
		}
	})
}

func (t *trail) Passed(m room.Milestone, at time.Time) {
	t.note(func() {
		if m == room.Asked && t.passed[room.Admitted].IsZero() {
			t.attempts++
			t.passed[m] = at
			t.expire()
		}
		if t.passed[m].IsZero() {
			t.passed[m] = at
		}
	})
}

func (t *trail) Belongs(name string, who protocol.ParticipantID, alone bool) {
	t.note(func() { t.room, t.participant, t.alone = name, who, alone })
}

func (t *trail) Goes(transport string) { t.note(func() { t.transport = transport }) }

func (t *trail) Refused(code protocol.Code) { t.note(func() { t.refused = code }) }

func (t *trail) Ended(reason string) { t.end(reason) }

// expire begins the wait for the rest of the join anew.
func (t *trail) expire() {
	if t.timer != nil {
		t.timer.Stop()
	}
	t.timer = time.AfterFunc(t.tracer.patience, func() { t.end("") })
}

func (t *trail) end(reason string) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.done {
		t.finish(now, reason)
	}
}

// complete reports whether all has been passed that is to be expected. Who sends nothing has no first packet, which the end of
// the patience tells.
func (t *trail) complete() bool {
	if t.passed[room.FirstIn].IsZero() {
		return false
	}
	return t.alone || !t.passed[room.FirstShown].IsZero()
}

// finish makes the spans of what was passed. Reason says why it ended before it was complete.
func (t *trail) finish(now time.Time, reason string) {
	t.done = true
	if t.timer != nil {
		t.timer.Stop()
	}
	if t.passed[room.Asked].IsZero() || reason == reasonResumed {
		return // nobody has joined
	}
	t.record(now, t.outcome(reason))
}

// outcome is what has become of the join.
func (t *trail) outcome(reason string) string {
	has := func(m room.Milestone) bool { return !t.passed[m].IsZero() }
	switch {
	case !has(room.Admitted) && t.refused != "":
		return outcomeRefused
	case has(room.FirstShown):
		return outcomeShown
	case t.alone && has(room.Secured):
		return outcomeAlone
	case has(room.Secured):
		return outcomeConnected
	case reason != "":
		return reason
	default:
		return outcomeStuck
	}
}

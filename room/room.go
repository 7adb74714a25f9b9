package room

import (
	"errors"
	"log/slog"
	"time"

	"hiroba/sfu/mailbox"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

const (
	// idle is how long the actor sleeps when nothing is due.
	idle = time.Hour
	// closeWait bounds how long a room that shuts down waits for its peers.
	closeWait = 5 * time.Second
)

// errGone is the answer of a room that has vanished; the caller makes a new one.
var errGone = errors.New("room is gone")

// command is one item of a room's mailbox. A fault in it is laid at the door of who caused it.
type command struct {
	who id
	do  func(now time.Time)
}

// room is one room's actor: a goroutine that owns a state and does its effects.
type room struct {
	registry *Registry
	key      string // the name as names are compared
	log      *slog.Logger
	inbox    *mailbox.Mailbox[command]
	done     chan struct{}

	// What follows is owned by run.
	state     *state
	attendees map[id]*attendee
	// tracks are all up tracks of the room's peers.
	tracks map[media.CSRC]upTrack
	// openPeers counts peers whose Closed event has not come.
	openPeers int
	gauges    gauges
	// closing is true once the room takes nobody in; closeBy is when it ends, peers or no peers.
	closing bool
	closeBy time.Time
}

// newRoom makes a room; its actor starts with run.
func newRoom(registry *Registry, name, key string) *room {
	return &room{
		registry:  registry,
		key:       key,
		log:       registry.cfg.Log.With("room", name),
		inbox:     mailbox.New[command](),
		done:      make(chan struct{}),
		state:     newState(time.Now(), name, registry.rules),
		attendees: make(map[id]*attendee),
		tracks:    make(map[media.CSRC]upTrack),
	}
}

// post has the actor do something on behalf of a participant. It reports false when the room is gone.
func (r *room) post(who id, do func(now time.Time)) bool { return r.inbox.Post(command{who, do}) }

// run is the loop of the room's goroutine. It ends when the room has been empty for its grace time, or shuts down.
func (r *room) run() {
	defer close(r.done)
	r.log.Info("room opened")
	timer := time.NewTimer(idle)
	defer timer.Stop()
	var batch []command
	for {
		select {
		case <-r.inbox.Wait():
		case <-timer.C:
		}
		now := time.Now()
		batch = r.inbox.Take(batch)
		r.step(now, batch)
		if r.ended(now) {
			break
		}
		timer.Reset(r.sleep(now))
	}
	r.registry.forgetRoom(r)
	r.inbox.Close()
	r.closing = true
	r.step(time.Now(), r.inbox.Take(batch)) // whoever knocked meanwhile hears that the room is gone
	r.gauges.change(&r.registry.counters, gauges{})
	r.log.Info("room closed")
}

// step handles a batch of commands and what is due, and does all effects.
func (r *room) step(now time.Time, batch []command) {
	for _, c := range batch {
		r.contain(now, c.who, func() { c.do(now) })
		r.perform(now)
	}
	if due(now, r.state.deadline()) {
		r.contain(now, "", func() { r.state.handleTimeout(now) })
	}
	for range len(r.state.order) + 1 { // each panic takes one away
		if r.contain(now, "", func() { r.state.flush(now) }) {
			break
		}
	}
	r.perform(now)
	r.count()
}

// ended reports whether the actor is done.
func (r *room) ended(now time.Time) bool {
	if r.closing {
		return r.openPeers == 0 || due(now, r.closeBy)
	}
	return r.state.vanished(now)
}

// sleep is how long until something is due.
func (r *room) sleep(now time.Time) time.Duration {
	next := r.state.deadline()
	if r.closing {
		next = r.closeBy
	}
	if next.IsZero() {
		return idle
	}
	return max(0, next.Sub(now))
}

// shutdown ends all sessions and then the room.
func (r *room) shutdown(now time.Time, b protocol.Bye) {
	r.closing, r.closeBy = true, now.Add(closeWait)
	for len(r.state.order) > 0 {
		r.state.expelWith(now, r.state.order[0], b)
	}
}

// perform does what the state wants done. That may be more than there was at first.
func (r *room) perform(now time.Time) {
	for effects := r.state.takeEffects(); len(effects) > 0; effects = r.state.takeEffects() {
		for _, e := range effects {
			r.contain(now, e.target(), func() { r.do(now, e) })
		}
	}
}

func (r *room) do(now time.Time, e effect) {
	a := r.attendees[e.target()]
	if a == nil {
		return // gone in the same step
	}
	switch e := e.(type) {
	case send:
		if a.client != nil {
			a.client.Send(e.message)
		}
	case depart:
		r.dismiss(e.to, e.bye)
	case openPeer:
		r.openPeer(now, e, a)
	case measureJoin:
		r.registry.counters.joinDuration.Observe(e.took)
	case tellReport:
		r.registry.counters.reports.add(e)
		if shown := e.report.FirstFrame; shown != nil {
			a.trail.Passed(FirstShown, now.Add(-time.Duration(shown.AgoMs)*time.Millisecond))
		}
	case measureRestart:
		r.registry.counters.restartTime.Observe(e.took)
	default:
		if a.peer != nil {
			r.doPeer(a.peer, e)
		}
	}
}

// doPeer does what is for a peer.
func (r *room) doPeer(peer mediaPeer, e effect) {
	switch e := e.(type) {
	case handOffer:
		peer.handleOffer(e.offer)
	case handCandidate:
		peer.addCandidate(e.candidate)
	case feed:
		peer.seat(e.seat, r.tracks[e.audio], r.tracks[e.video], e.height)
	case sendData:
		peer.sendData(e.label, e.text, e.data)
	}
}

// count brings the registry's counters up to date.
func (r *room) count() {
	r.registry.counters.add(r.state.takeTally())
	now := r.gauges
	now.participants = int64(len(r.state.order))
	if r.state.reseated {
		r.state.reseated = false
		now.seats, now.occupied = r.state.countSeats()
	}
	r.gauges.change(&r.registry.counters, now)
}

package room

import (
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"hiroba/sfu"
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

// attendee is what belongs to a participant outside of the state.
type attendee struct {
	// client is nil while there is no WebSocket; attachment counts clients.
	client     Client
	attachment uint64
	secret     secretHash
	log        *slog.Logger
	// peer is nil before the first offer; generation counts peers, so that a former one's events are known.
	peer       mediaPeer
	generation uint64
	tracks     []media.CSRC
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
		peer.seat(e.seat, r.tracks[e.audio], r.tracks[e.video])
	case sendData:
		peer.sendData(e.label, e.text, e.data)
	}
}

// dismiss ends what belongs to a participant that is gone.
func (r *room) dismiss(who id, b protocol.Bye) {
	a := r.attendees[who]
	delete(r.attendees, who)
	r.registry.forgetSession(a.secret)
	r.registry.counters.left(b.Reason)
	a.log.Info("participant left", "reason", b.Reason)
	for _, csrc := range a.tracks {
		delete(r.tracks, csrc)
	}
	if a.peer != nil {
		a.peer.close()
	}
	if a.client != nil {
		a.client.End(b)
	}
}

func (r *room) openPeer(now time.Time, e openPeer, a *attendee) {
	a.generation++
	generation := a.generation
	peer, err := r.registry.media.newPeer(peerConfig{
		participant: e.to,
		loopback:    e.loopback,
		log:         a.log,
		post: func(event any) {
			r.post(e.to, func(now time.Time) { r.handlePeer(now, e.to, generation, event) })
		},
	})
	if err != nil {
		a.log.Error("peer not made", "err", err)
		r.state.handlePeer(now, r.state.people[e.to], peerRefused{})
		return
	}
	a.peer = peer
	r.openPeers++
}

// handlePeer takes an event of a peer, which may be that of somebody who is gone.
func (r *room) handlePeer(now time.Time, who id, generation uint64, event any) {
	_, closed := event.(sfu.Closed)
	if closed {
		r.openPeers--
	}
	a, p := r.attendees[who], r.state.people[who]
	if a == nil || p == nil || a.generation != generation || a.peer == nil {
		return
	}
	switch e := event.(type) {
	case addedTrack:
		r.tracks[e.track.CSRC()] = e.track
		a.tracks = append(a.tracks, e.track.CSRC())
		event = trackAdded{e.track.CSRC(), e.track.MID(), e.track.Kind()}
	case sfu.Answered:
		event = answered{e, supported(a.peer)}
	case sfu.Closed:
		a.peer = nil
		a.log.Warn("peer closed by itself")
	}
	r.state.handlePeer(now, p, event)
	r.forgetTracks(a, p)
}

// forgetTracks lets go of tracks that were removed.
func (r *room) forgetTracks(a *attendee, p *participant) {
	if len(a.tracks) == len(p.tracks) {
		return
	}
	known := make(map[media.CSRC]bool, len(p.tracks))
	for _, t := range p.tracks {
		known[t.csrc] = true
	}
	kept := a.tracks[:0]
	for _, csrc := range a.tracks {
		if known[csrc] {
			kept = append(kept, csrc)
		} else {
			delete(r.tracks, csrc)
		}
	}
	a.tracks = kept
}

// supported asks a peer what its client can receive.
func supported(peer mediaPeer) (set codecSet) {
	for c := media.CodecUnknown + 1; int(c) < len(set); c++ {
		set[c] = peer.supports(c)
	}
	return set
}

// count brings the registry's counters up to date.
func (r *room) count() {
	r.registry.counters.add(r.state.takeTally())
	now := gauges{participants: int64(len(r.state.order))}
	for _, p := range r.state.order {
		now.seats += int64(len(p.seats))
		for _, seat := range p.seats {
			if seat != noSeat {
				now.occupied++
			}
		}
	}
	r.gauges.change(&r.registry.counters, now)
}

// admission is the answer to somebody who wants to join or resume.
type admission struct {
	member *Member
	err    error
}

// admit lets somebody in. The Welcome is sent before the answer is given.
func (r *room) admit(now time.Time, req JoinRequest, replaces id) (*Member, error) {
	if r.closing {
		return nil, errGone
	}
	a := arrival{
		id: newParticipantID(), name: req.Name, secret: newSecret(), replaces: replaces, loopback: req.Loopback,
	}
	if err := r.state.join(now, a); err != nil {
		return nil, err
	}
	attended := &attendee{
		client: req.Client, attachment: 1, secret: hashSecret(a.secret), log: r.log.With("participant", a.id),
	}
	r.attendees[a.id] = attended
	r.registry.rememberSession(attended.secret, session{r, a.id})
	attended.log.Info("participant joined", "participants", len(r.state.order))
	r.perform(now)
	return r.member(a.id)
}

// readmit hands a session over to a new client.
func (r *room) readmit(now time.Time, who id, c Client) (*Member, error) {
	a, p := r.attendees[who], r.state.people[who]
	if a == nil || p == nil {
		return nil, ErrNoSession
	}
	if a.client != nil {
		a.client.End(bye(protocol.ByeResumedElsewhere))
	}
	a.client = c
	a.attachment++
	a.log.Info("participant resumed")
	r.state.resume(now, p)
	r.perform(now)
	return r.member(who)
}

// member is the hold that the latest client has on a participant.
func (r *room) member(who id) (*Member, error) {
	a := r.attendees[who]
	if a == nil { // a fault while letting it in
		return nil, ErrInternal
	}
	return &Member{room: r, participant: who, client: a.client, attachment: a.attachment}, nil
}

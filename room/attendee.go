package room

import (
	"log/slog"
	"time"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

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
	// trail follows how the participant's media comes up.
	trail Trail
	// transport is how the client is reached; connected is true once it was, by the present peer or a former one.
	transport sfu.Transport
	connected bool
	tracks    []media.CSRC
}

// logConnected says that media can flow to somebody who joined at that time, and how, once.
func (a *attendee) logConnected(now, joinedAt time.Time) {
	if !a.connected {
		a.connected = true
		a.log.Info("participant connected", "transport", string(a.transport), "took", now.Sub(joinedAt))
	}
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
		reached: req.Reached,
	}
	if err := r.state.join(now, a); err != nil {
		return nil, err
	}
	attended := &attendee{
		client: req.Client, attachment: 1, secret: hashSecret(a.secret), log: r.log.With("participant", a.id),
		trail: req.Trail,
	}
	if attended.trail == nil {
		attended.trail = NoTrail
	}
	attended.trail.Belongs(r.state.name, a.id, !r.state.people[a.id].awaitsFirst)
	attended.trail.Passed(Admitted, now)
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

// dismiss ends what belongs to a participant that is gone.
func (r *room) dismiss(who id, b protocol.Bye) {
	a := r.attendees[who]
	delete(r.attendees, who)
	r.registry.forgetSession(a.secret)
	r.registry.counters.left(b.Reason)
	a.trail.Ended(string(b.Reason))
	a.log.Info("participant left", "reason", string(b.Reason), "transport", string(a.transport))
	for _, csrc := range a.tracks {
		delete(r.tracks, csrc)
	}
	if a.peer != nil {
		a.peer.close()
	}
	r.registry.media.forget(who)
	if a.client != nil {
		a.client.End(b)
	}
}

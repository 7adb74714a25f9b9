package room

import (
	"time"

	"hiroba/sfu"
	"hiroba/sfu/media"
)

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
		a.trail.Passed(Answered, now)
	case sfu.PairSelected:
		a.trail.Passed(Reachable, e.At)
		a.trail.Goes(string(e.Transport))
		a.transport = e.Transport
		return
	case sfu.StateChanged:
		if e.State == sfu.StateConnected {
			a.trail.Passed(Secured, e.At)
			a.logConnected(now, p.joinedAt)
		}
	case trackStarted:
		a.trail.Passed(FirstIn, now)
	case sfu.FirstForwarded:
		a.trail.Passed(FirstOut, now)
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

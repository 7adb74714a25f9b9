package room

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"hiroba/room/seating"
	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// The events of a peer that carry a track, as the state sees them: sfu's own are read where they arrive, because the
// state knows tracks by their CSRC only.
type (
	trackAdded struct {
		csrc media.CSRC
		mid  media.MID
		kind media.Kind
	}
	trackStarted struct {
		csrc  media.CSRC
		codec media.Codec
	}
	trackRemoved struct{ csrc media.CSRC }
	layersWanted struct {
		csrc    media.CSRC
		highest int8
	}
	heard struct {
		csrc  media.CSRC
		level uint8
	}
	answered struct {
		sfu.Answered
		codecs codecSet
	}
	// peerRefused says that the peer could not be made.
	peerRefused struct{}
)

// handleOffer hands an offer on to the peer, which is made by the first one.
func (s *state) handleOffer(now time.Time, p *participant, m protocol.Offer) {
	mark := strconv.Itoa(m.ID)
	switch {
	case p.pending != nil && p.pending.id == m.ID:
		return // sent again over a new WebSocket; the answer is on its way
	case p.pending != nil:
		err := refuse(ErrWrongOrder, "offer %d is not answered yet", p.pending.id)
		s.refuse(now, p, err, protocol.TypeOffer, mark)
		return
	case p.answer != nil && p.answer.ID == m.ID:
		s.tell(p, *p.answer)
		for _, c := range p.candidates {
			s.tell(p, c)
		}
		return
	}
	pending, offer, err := readOffer(m)
	if err != nil {
		s.refuse(now, p, err, protocol.TypeOffer, mark)
		return
	}
	if !p.hasPeer {
		p.hasPeer = true
		s.emit(openPeer{p.id, p.loopback})
	}
	s.noteRestart(now, p, m.Restart)
	p.pending, p.candidates = pending, nil
	s.emit(handOffer{p.id, offer})
}

// noteRestart counts an ICE restart, and begins to measure it.
func (s *state) noteRestart(now time.Time, p *participant, reason protocol.RestartReason) {
	if reason == "" {
		return
	}
	if !slices.Contains(protocol.RestartReasons(), reason) {
		reason = protocol.RestartOther
	}
	if s.restarts == nil {
		s.restarts = make(map[protocol.RestartReason]uint64)
	}
	s.restarts[reason]++
	p.restartedAt = now
}

// readOffer reads what an offer says besides its SDP. Its form is checked already.
func readOffer(m protocol.Offer) (*pendingOffer, sfu.Offer, error) {
	offer := sfu.Offer{ID: m.ID, SDP: m.SDP}
	for _, seat := range m.Seats {
		offer.Seats = append(offer.Seats, sfu.SeatMIDs{Audio: media.MID(seat.Audio), Video: media.MID(seat.Video)})
	}
	declared := make(map[media.MID]protocol.TrackMID, len(m.Tracks))
	named := make(map[protocol.Source]bool, len(m.Tracks))
	for _, t := range m.Tracks {
		if named[t.Source] {
			return nil, offer, refuse(ErrBadOffer, "two tracks are the %s", t.Source)
		}
		named[t.Source] = true
		declared[media.MID(t.MID)] = t
		offer.SendMIDs = append(offer.SendMIDs, media.MID(t.MID))
	}
	return &pendingOffer{id: m.ID, seats: slices.Clone(m.Seats), sources: declared}, offer, nil
}

func (s *state) handleCandidate(now time.Time, p *participant, m protocol.Candidate) {
	if !p.hasPeer {
		s.refuse(now, p, refuse(ErrWrongOrder, "a candidate before the first offer"), protocol.TypeCandidate, "")
		return
	}
	s.emit(handCandidate{p.id, sfu.Candidate{
		Candidate: m.Candidate, SDPMid: m.SDPMid, SDPMLineIndex: m.SDPMLineIndex, UsernameFragment: m.UsernameFragment,
	}})
}

// handlePeer takes what happened at a participant's peer: one of sfu's events, or one of those above.
func (s *state) handlePeer(now time.Time, p *participant, event any) {
	switch e := event.(type) {
	case answered:
		s.handleAnswered(now, p, e)
	case sfu.OfferFailed:
		s.handleOfferFailed(now, p, e)
	case sfu.CandidateFailed:
		err := refuse(ErrBadCandidate, "%v", e.Err)
		s.refuse(now, p, err, protocol.TypeCandidate, "")
	case sfu.CandidateFound:
		s.handleCandidateFound(p, e)
	case sfu.SeatsBound:
		s.handleSeatsBound(p, e.Seats)
	case trackAdded, trackStarted, trackRemoved, layersWanted, heard:
		s.handleTrack(now, p, e)
	case sfu.StateChanged:
		s.handleState(now, p, e.State)
	case sfu.FirstForwarded:
		if p.awaitsFirst {
			p.awaitsFirst = false
			s.emit(measureJoin{p.id, now.Sub(p.joinedAt)})
		}
	case sfu.DataOpened:
		s.handleDataOpened(p, e.Label)
	case sfu.DataReceived:
		s.handleData(now, p, e)
	case sfu.DataOverflowed:
		s.handleDataClosed(now, p, e.Label, cancelTooSlow)
	case sfu.DataClosed:
		s.handleDataClosed(now, p, e.Label, cancelLeft)
	case sfu.Abused:
		s.expel(now, p, protocol.ByeMediaAbuse)
	case sfu.Closed:
		s.handlePeerClosed(now, p)
	case peerRefused:
		s.handlePeerRefused(now, p)
	}
}

// handleTrack takes what happened to one of a participant's tracks.
func (s *state) handleTrack(now time.Time, p *participant, event any) {
	switch e := event.(type) {
	case trackAdded:
		s.handleTrackAdded(now, p, e)
	case trackStarted:
		s.changeTrack(p, e.csrc, func(t *track) { t.codec = e.codec })
	case trackRemoved:
		s.handleTrackRemoved(now, p, e.csrc)
	case layersWanted:
		s.handleLayersWanted(p, e)
	case heard:
		s.handleHeard(now, p, e)
	}
}

// handleAnswered makes what the offer declared the new truth. Mutes that came while it was in flight are in it.
func (s *state) handleAnswered(now time.Time, p *participant, e answered) {
	if p.pending == nil || p.pending.id != e.OfferID {
		return
	}
	p.sources, p.codecs = p.pending.sources, e.codecs
	p.pending, p.answer = nil, &protocol.Answer{ID: e.OfferID, SDP: e.SDP}
	for _, t := range p.tracks {
		declared := p.sources[t.mid]
		if kindOf(declared.Source) != t.kind {
			declared.Source = ""
		}
		if t.source != declared.Source || t.muted != declared.Muted {
			t.source, t.muted = declared.Source, declared.Muted
			s.trackChanged(now, p, t)
		}
	}
	s.tell(p, *p.answer)
	p.reseat = true
}

func (s *state) handleOfferFailed(now time.Time, p *participant, e sfu.OfferFailed) {
	if p.pending == nil || p.pending.id != e.OfferID {
		return
	}
	p.pending = nil
	p.reseat = true
	err := refuse(ErrBadOffer, "%v", e.Err)
	if errors.Is(e.Err, sfu.ErrTooManyMedia) {
		err = refuse(ErrTooManyMedia, "%v", e.Err)
	}
	s.refuse(now, p, err, protocol.TypeOffer, strconv.Itoa(e.OfferID))
}

func (s *state) handleCandidateFound(p *participant, e sfu.CandidateFound) {
	c := protocol.Candidate{Candidate: e.Candidate}
	if e.Candidate != "" {
		c.SDPMid, c.SDPMLineIndex = &e.SDPMid, &e.SDPMLineIndex
	}
	if len(p.candidates) < maxLocalCandidates {
		p.candidates = append(p.candidates, c)
	}
	s.tell(p, c)
}

// handleSeatsBound takes over the seats of the offer that is being answered.
func (s *state) handleSeatsBound(p *participant, n int) {
	if p.pending == nil {
		return
	}
	n = min(n, len(p.pending.seats))
	if n < len(p.seats) {
		return // seats are never taken back; the media plane refuses such offers
	}
	p.mids = p.pending.seats[:n]
	p.seats = append(p.seats, make([]seating.Seat, n-len(p.seats))...)
	p.fed = append(p.fed, make([]fed, n-len(p.fed))...)
	p.reseat = true
}

// handleState follows the transport. The client is expected to mend it with an ICE restart; its grace time begins with
// the first sign of trouble.
func (s *state) handleState(now time.Time, p *participant, transport sfu.State) {
	p.connected = transport == sfu.StateConnected
	switch transport {
	case sfu.StateConnected:
		p.mediaEnds = time.Time{}
		if !p.restartedAt.IsZero() {
			s.emit(measureRestart{p.id, now.Sub(p.restartedAt)})
			p.restartedAt = time.Time{}
		}
	case sfu.StateDisconnected, sfu.StateFailed:
		if p.mediaEnds.IsZero() {
			p.mediaEnds = now.Add(s.rules.sessionGrace)
		}
		if transport == sfu.StateFailed && p.chatOpen {
			s.repeatHistory(now, p)
		}
	case sfu.StateNew, sfu.StateConnecting, sfu.StateClosed:
	}
}

// handlePeerClosed is the end of a peer that the room did not ask for. The client may make a new one with its next
// offer.
func (s *state) handlePeerClosed(now time.Time, p *participant) {
	s.speakers.Remove(now, p.id)
	s.handleDataClosed(now, p, protocol.LabelChat, cancelLeft)
	s.handleDataClosed(now, p, protocol.LabelFile, cancelLeft)
	if pending := p.pending; pending != nil {
		err := refuse(ErrBadOffer, "the PeerConnection was closed")
		s.refuse(now, p, err, protocol.TypeOffer, strconv.Itoa(pending.id))
	}
	p.negotiation = negotiation{}
	p.receiver = receiver{view: p.view, heights: p.heights}
	p.tracks = nil
	p.updated, s.reseat = true, true
	if p.mediaEnds.IsZero() {
		p.mediaEnds = now.Add(s.rules.sessionGrace)
	}
}

// handlePeerRefused is the media plane's fault: the client may try again.
func (s *state) handlePeerRefused(now time.Time, p *participant) {
	mark := ""
	if p.pending != nil {
		mark = strconv.Itoa(p.pending.id)
	}
	p.negotiation = negotiation{}
	err := refuse(ErrInternal, "no PeerConnection could be made")
	s.refuseLater(now, p, err, protocol.TypeOffer, mark, time.Second)
}

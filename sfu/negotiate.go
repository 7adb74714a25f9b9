package sfu

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
)

const (
	// gatherWait bounds the wait for the server's own candidates, which are known at once; those that come later are
	// trickled.
	gatherWait = 500 * time.Millisecond
	// maxCandidates bounds the remote candidates of one offer.
	maxCandidates = 64
)

// Candidate is an ICE candidate of the client, as RTCIceCandidateInit has it.
type Candidate struct {
	Candidate        string
	SDPMid           *string
	SDPMLineIndex    *uint16
	UsernameFragment *string
}

// HandleOffer answers an offer. The events are SeatsBound, TrackAdded and TrackRemoved, then Answered; or OfferFailed.
func (p *Peer) HandleOffer(o Offer) {
	p.post(func(time.Time) {
		started := time.Now()
		answer, err := p.answer(o)
		if err != nil {
			p.log.Debug("refused offer", "offer", o.ID, "err", err)
			p.emit(OfferFailed{OfferID: o.ID, Err: err})
			return
		}
		p.log.Debug("answered offer", "offer", o.ID, "seats", len(p.seats), "took", time.Since(started))
		p.emit(Answered{OfferID: o.ID, SDP: answer})
	})
}

// AddCandidate takes a candidate that the client trickled. An ICE-lite agent sends nothing to it by itself.
func (p *Peer) AddCandidate(c Candidate) {
	p.post(func(time.Time) {
		p.candidates++
		if p.candidates > maxCandidates {
			p.emit(CandidateFailed{Err: fmt.Errorf("%w: more than %d of them", ErrBadCandidate, maxCandidates)})
			return
		}
		if err := p.pc.AddICECandidate(webrtc.ICECandidateInit{
			Candidate: c.Candidate, SDPMid: c.SDPMid, SDPMLineIndex: c.SDPMLineIndex, UsernameFragment: c.UsernameFragment,
		}); err != nil {
			p.emit(CandidateFailed{Err: fmt.Errorf("%w: %w", ErrBadCandidate, err)})
		}
	})
}

func (p *Peer) handleLocalCandidate(c *webrtc.ICECandidate) {
	if c == nil {
		p.emit(CandidateFound{})
		return
	}
	init := c.ToJSON()
	for _, candidate := range announceCandidate(init.Candidate, p.engine.cfg.PublicIPs) {
		found := CandidateFound{Candidate: candidate}
		if init.SDPMid != nil {
			found.SDPMid = *init.SDPMid
		}
		if init.SDPMLineIndex != nil {
			found.SDPMLineIndex = *init.SDPMLineIndex
		}
		p.emit(found)
	}
}

// answer applies an offer and makes the answer to it.
func (p *Peer) answer(o Offer) (string, error) {
	p.engine.negotiating <- struct{}{}
	defer func() { <-p.engine.negotiating }()
	lines, err := o.check(p.engine.cfg.MaxSeats)
	if err != nil {
		return "", err
	}
	if len(o.Seats) < len(p.seats) {
		return "", fmt.Errorf("%w: %d seats, fewer than the %d of the last offer", ErrBadOffer, len(o.Seats), len(p.seats))
	}
	for i, s := range p.seats {
		if s.mids != o.Seats[i] {
			return "", fmt.Errorf("%w: seat %d has other m-lines than before", ErrBadOffer, i)
		}
	}
	translated, err := withRIDs(o.SDP, lines)
	if err != nil {
		return "", err
	}
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: translated.sdp}
	if err := p.pc.SetRemoteDescription(offer); err != nil {
		p.rollback()
		return "", fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	names := translated.names
	p.names.Store(&names)
	p.candidates = 0
	seats, err := p.bind(o.Seats[len(p.seats):])
	if err != nil {
		p.abuse("offer could not be applied")
		return "", err
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		p.abuse("offer could not be answered")
		return "", fmt.Errorf("%w: create answer: %w", ErrBadOffer, err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		p.abuse("offer could not be answered")
		return "", fmt.Errorf("%w: set answer: %w", ErrBadOffer, err)
	}
	select {
	case <-gathered:
	case <-time.After(gatherWait):
	}
	p.seats = append(p.seats, seats...)
	p.readFeedback()
	if len(seats) > 0 {
		p.emit(SeatsBound{Seats: len(p.seats)})
	}
	p.updateTracks(o.SendMIDs, lines)
	p.lineUp(lines)
	return translated.answerTo(announce(p.pc.LocalDescription().SDP, p.engine.cfg.PublicIPs)), nil
}

// bind gives each new seat its two senders. The seats' m-lines are in the offer that was just applied.
//
// AddTrack takes the first free transceiver of the kind, so walking the transceivers in the order of the m-lines lands
// each track on its own. Were none free it would quietly make a transceiver that is not in the answer: hence the check.
func (p *Peer) bind(mids []SeatMIDs) ([]*seat, error) {
	if len(mids) == 0 {
		return nil, nil
	}
	wanted := make(map[media.MID]*seatTrack, 2*len(mids))
	seats := make([]*seat, len(mids))
	for i, m := range mids {
		s := newSeat(p, len(p.seats)+i, m)
		seats[i] = s
		wanted[m.Audio], wanted[m.Video] = s.audio, s.video
	}
	for _, transceiver := range p.pc.GetTransceivers() {
		track := wanted[media.MID(transceiver.Mid())]
		if track == nil || transceiver.Sender() != nil {
			continue
		}
		sender, err := p.pc.AddTrack(track)
		if err != nil {
			return nil, fmt.Errorf("%w: add seat to m-line %s: %w", ErrBadOffer, transceiver.Mid(), err)
		}
		if transceiver.Sender() != sender {
			return nil, fmt.Errorf("%w: m-line %s cannot be a seat", ErrBadOffer, transceiver.Mid())
		}
		track.sender = sender
		delete(wanted, media.MID(transceiver.Mid()))
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("%w: %d m-lines of seats have no transceiver", ErrBadOffer, len(wanted))
	}
	return seats, nil
}

// rollback undoes an offer that could not be applied. A peer for which that fails too cannot go on.
func (p *Peer) rollback() {
	if p.pc.SignalingState() == webrtc.SignalingStateStable {
		return
	}
	err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeRollback})
	if err != nil || p.pc.SignalingState() != webrtc.SignalingStateStable {
		p.log.Debug("rolled back offer", "err", err)
		p.abuse("offer could not be applied")
	}
}

// readFeedback starts a reader for each sender that has none, on pion's path: there the RTCP of a sender passes the interceptors
// only when somebody reads it. On the server's own path the uplink drives them.
func (p *Peer) readFeedback() {
	if p.Path() != PathPion {
		return
	}
	for ; p.read < len(p.seats); p.read++ {
		s := p.seats[p.read]
		for _, track := range []*seatTrack{s.audio, s.video} {
			p.loop(func() { drainRTCP(track.sender.Read) })
		}
	}
}

// updateTracks makes up tracks for new sending m-lines and ends those that are gone or stopped.
func (p *Peer) updateTracks(mids []media.MID, lines map[media.MID]mLine) {
	for mid, t := range p.tracks {
		if !slices.Contains(mids, mid) {
			p.removeTrack(t)
		}
	}
	for _, mid := range mids {
		if p.tracks[mid] == nil && lines[mid].sends {
			t := newUpTrack(p, mid, lines[mid].kind, lines[mid].rids)
			p.tracks[mid] = t
			p.emit(TrackAdded{Track: t})
		}
	}
}

func (p *Peer) removeTrack(t *UpTrack) {
	delete(p.tracks, t.mid)
	t.end()
	p.emit(TrackRemoved{Track: t})
}

// foundTrack is an incoming RTP stream that pion found, or that an offer declares.
type foundTrack struct {
	remote   *webrtc.TrackRemote
	receiver *webrtc.RTPReceiver
}

// handleTrack begins to read an incoming RTP stream, on pion's path. Before the path is chosen it is kept for then.
func (p *Peer) handleTrack(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	switch p.Path() {
	case PathOwn:
		return
	case PathUndecided:
		p.found = append(p.found, foundTrack{remote, receiver})
		return
	case PathPion:
	}
	mid, err := p.midOf(receiver)
	if err != nil {
		p.log.Debug("ignored stream", "ssrc", remote.SSRC(), "err", err)
		return
	}
	t := p.tracks[mid]
	if t == nil {
		p.log.Debug("ignored stream of an undeclared track", "mid", mid, "ssrc", remote.SSRC())
		return
	}
	t.start(remote, receiver)
}

var errNoTransceiver = errors.New("no transceiver has this receiver")

func (p *Peer) midOf(receiver *webrtc.RTPReceiver) (media.MID, error) {
	for _, t := range p.pc.GetTransceivers() {
		if t.Receiver() == receiver {
			return media.MID(t.Mid()), nil
		}
	}
	return "", errNoTransceiver
}

package room

import (
	"time"

	"hiroba/sfu"
	"hiroba/signaling/protocol"
)

// effect is something that the state wants done outside of it. The actor does it for the participant that it names.
type effect interface{ target() protocol.ParticipantID }

type id = protocol.ParticipantID

type (
	// send gives a message to the participant's client; without one it is dropped, since a resumed client is told all.
	send struct {
		to      id
		message protocol.Message
	}
	// depart ends the client with a bye, closes the peer, and forgets the session.
	depart struct {
		to  id
		bye protocol.Bye
	}
	// openPeer makes the participant's peer.
	openPeer struct {
		to       id
		loopback bool
	}
	// handOffer and handCandidate go to the participant's peer.
	handOffer struct {
		to    id
		offer sfu.Offer
	}
	handCandidate struct {
		to        id
		candidate sfu.Candidate
	}
	// feed sets what a seat of the participant's peer forwards.
	feed struct {
		to   id
		seat int
		fed
	}
	// sendData goes out on a data channel of the participant's peer. The data is shared and not changed any more.
	sendData struct {
		to    id
		label string
		text  bool
		data  []byte
	}
	// measureJoin reports how long it took from joining to the first packet that was forwarded to the participant.
	measureJoin struct {
		to   id
		took time.Duration
	}
	// tellReport hands on what the participant's client says of its call, as far as it counts. Freeze is for how long
	// pictures stood still.
	tellReport struct {
		to     id
		report protocol.Report
		freeze time.Duration
	}
	// measureRestart reports how long it took from an offer that restarts ICE to a transport that works.
	measureRestart struct {
		from id
		took time.Duration
	}
)

func (e send) target() id           { return e.to }
func (e depart) target() id         { return e.to }
func (e openPeer) target() id       { return e.to }
func (e handOffer) target() id      { return e.to }
func (e handCandidate) target() id  { return e.to }
func (e feed) target() id           { return e.to }
func (e sendData) target() id       { return e.to }
func (e measureJoin) target() id    { return e.to }
func (e tellReport) target() id     { return e.to }
func (e measureRestart) target() id { return e.from }

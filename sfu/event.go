package sfu

import (
	"errors"
	"time"

	"hiroba/sfu/media"
)

// Errors that an OfferFailed event carries.
var (
	// ErrBadOffer wraps every fault in what a client offered.
	ErrBadOffer = errors.New("bad offer")
	// ErrTooManyMedia is an offer with more m-lines or seats than allowed.
	ErrTooManyMedia = errors.New("too many m-lines")
	// ErrBadCandidate is an ICE candidate that cannot be used.
	ErrBadCandidate = errors.New("bad candidate")
)

// Sink takes the events of peers. PeerEvent is called from several goroutines and must only post: it must neither
// block nor call back into the Peer. Events of one peer arrive in the order in which they happened, Closed last.
type Sink interface {
	PeerEvent(p *Peer, e Event)
}

// Event is something that happened at a peer.
type Event interface{ event() }

type (
	// Answered is the answer to the offer of the same ID.
	Answered struct {
		OfferID int
		SDP     string
	}
	// OfferFailed says why an offer got no answer. The peer stays as it was.
	OfferFailed struct {
		OfferID int
		Err     error
	}
	// CandidateFailed says why a remote candidate was refused.
	CandidateFailed struct{ Err error }
	// CandidateFound is a local candidate to trickle to the client; an empty one is end-of-candidates.
	CandidateFound struct {
		Candidate     string
		SDPMid        string
		SDPMLineIndex uint16
	}
	// SeatsBound says how many seats the peer has now, after an offer. It comes before Answered.
	SeatsBound struct{ Seats int }
	// TrackAdded announces an m-line on which the client may send. It comes before Answered; media may come later.
	TrackAdded struct{ Track *UpTrack }
	// TrackStarted says that the first packet of a track came, so that its codec is known.
	TrackStarted struct {
		Track *UpTrack
		Codec media.Codec
	}
	// TrackRemoved says that the client stopped the m-line of a track. Its seats must be given to others.
	TrackRemoved struct{ Track *UpTrack }
	// LayersWanted says up to which spatial layer somebody wants the pictures of a track; -1 is nobody, at all. What is
	// above need not be sent. It comes at once for more and after a while for less.
	LayersWanted struct {
		Track   *UpTrack
		Spatial int8
	}
	// StateChanged is the state of the PeerConnection, and since when.
	StateChanged struct {
		State State
		At    time.Time
	}
	// PairSelected says that ICE has found a way to the client, or another one, and when.
	PairSelected struct {
		Transport Transport
		At        time.Time
	}
	// Heard is the loudness of a microphone: one event for each 200 ms in which there was sound, and one more with
	// level 0 when it fell silent. Level is 0 (silent) to 127 (loudest), that is 127 minus the -dBov of RFC 6464.
	Heard struct {
		Track *UpTrack
		Level uint8
	}
	// FirstForwarded says that the first RTP packet was sent to this peer.
	FirstForwarded struct{}
	// DataOpened says that the client opened the data channel of this label; others than the protocol's are closed.
	DataOpened struct{ Label string }
	// DataReceived is one message. Data is owned by the receiver of the event.
	DataReceived struct {
		Label string
		Text  bool
		Data  []byte
	}
	// DataOverflowed says that the client does not read what SendData queued. The channel has been closed.
	DataOverflowed struct{ Label string }
	// DataClosed says that a data channel is gone.
	DataClosed struct{ Label string }
	// Abused says that the client broke a bound of the media plane; the peer closes itself.
	Abused struct{ Reason string }
	// Closed is the last event of a peer.
	Closed struct{}
)

func (Answered) event()        {}
func (OfferFailed) event()     {}
func (CandidateFailed) event() {}
func (CandidateFound) event()  {}
func (SeatsBound) event()      {}
func (TrackAdded) event()      {}
func (TrackStarted) event()    {}
func (TrackRemoved) event()    {}
func (LayersWanted) event()    {}
func (StateChanged) event()    {}
func (PairSelected) event()    {}
func (Heard) event()           {}
func (FirstForwarded) event()  {}
func (DataOpened) event()      {}
func (DataReceived) event()    {}
func (DataOverflowed) event()  {}
func (DataClosed) event()      {}
func (Abused) event()          {}
func (Closed) event()          {}

// State is the state of a peer's transport, as RTCPeerConnectionState names it.
type State string

// The states of a peer.
const (
	StateNew          State = "new"
	StateConnecting   State = "connecting"
	StateConnected    State = "connected"
	StateDisconnected State = "disconnected"
	StateFailed       State = "failed"
	StateClosed       State = "closed"
)

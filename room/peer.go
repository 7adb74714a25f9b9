package room

import (
	"log/slog"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// mediaPlane makes peers: sfu.Engine behind engine, or a fake in tests.
type mediaPlane interface {
	newPeer(cfg peerConfig) (mediaPeer, error)
	// forget ends what a participant who left has besides a peer.
	forget(who protocol.ParticipantID)
}

// mediaPeer is one participant's PeerConnection as a room uses it. No method blocks.
type mediaPeer interface {
	handleOffer(o sfu.Offer)
	addCandidate(c sfu.Candidate)
	// seat sets what a seat forwards; nil is nothing. The height is that of the tile, in pixels; 0 is the best quality.
	seat(n int, audio, video upTrack, height int)
	sendData(label string, text bool, data []byte)
	supports(c media.Codec) bool
	close()
}

// upTrack is what a room knows of a published track; *sfu.UpTrack is the real one.
type upTrack interface {
	CSRC() media.CSRC
	MID() media.MID
	Kind() media.Kind
}

// peerConfig says how a peer is made. Its events go to post: sfu's own, or those of the state that carry a track. post
// never blocks and may be called from several goroutines.
type peerConfig struct {
	participant protocol.ParticipantID
	loopback    bool
	log         *slog.Logger
	post        func(event any)
}

// addedTrack is how trackAdded travels: with the track itself, which the state does not see.
type addedTrack struct{ track upTrack }

// engine is the real media plane.
type engine struct{ *sfu.Engine }

func (e engine) newPeer(cfg peerConfig) (mediaPeer, error) {
	p, err := e.NewPeer(sfu.PeerConfig{
		ID: string(cfg.participant), Sink: sink{cfg.post}, Loopback: cfg.loopback, Log: cfg.log,
	})
	if err != nil {
		return nil, err
	}
	return enginePeer{p}, nil
}

func (e engine) forget(who protocol.ParticipantID) { e.Forget(string(who)) }

// enginePeer is a real peer.
type enginePeer struct{ peer *sfu.Peer }

func (p enginePeer) handleOffer(o sfu.Offer)      { p.peer.HandleOffer(o) }
func (p enginePeer) addCandidate(c sfu.Candidate) { p.peer.AddCandidate(c) }
func (p enginePeer) supports(c media.Codec) bool  { return p.peer.Supports(c) }
func (p enginePeer) close()                       { p.peer.Close() }

func (p enginePeer) seat(n int, audio, video upTrack, height int) {
	o := sfu.Occupant{Height: height}
	o.Audio, _ = audio.(*sfu.UpTrack)
	o.Video, _ = video.(*sfu.UpTrack)
	p.peer.Seat(n, o)
}

func (p enginePeer) sendData(label string, text bool, data []byte) {
	p.peer.SendData(label, text, data)
}

// sink posts a peer's events to its room.
type sink struct{ post func(event any) }

func (s sink) PeerEvent(_ *sfu.Peer, e sfu.Event) {
	switch e := e.(type) {
	case sfu.TrackAdded:
		s.post(addedTrack{e.Track})
	case sfu.TrackStarted:
		s.post(trackStarted{e.Track.CSRC(), e.Codec})
	case sfu.TrackRemoved:
		s.post(trackRemoved{e.Track.CSRC()})
	case sfu.LayersWanted:
		s.post(layersWanted{e.Track.CSRC(), e.Spatial})
	case sfu.Heard:
		s.post(heard{e.Track.CSRC(), e.Level})
	default:
		s.post(e)
	}
}

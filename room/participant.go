package room

import (
	"time"

	"hiroba/room/seating"
	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// participant is somebody in the room, as publisher and as receiver.
type participant struct {
	id       id
	name     string
	key      string // the name as names are compared
	secret   string
	joinedAt time.Time
	loopback bool
	reached  Reached

	// graceEnds is when the session ends because its WebSocket was lost; zero while there is one.
	graceEnds time.Time
	// mediaEnds is when it ends because its media failed; zero while that works or never began.
	mediaEnds time.Time

	negotiation
	receiver
	reporting reporting

	tracks []*track
	// updated asks for an Updated message to the others at the end of the step.
	updated bool
	// awaitsFirst is true until the first packet was forwarded, when there was something to forward at the join.
	awaitsFirst bool
	// restartedAt is when an offer restarted ICE that is not through yet; zero for none.
	restartedAt time.Time

	chatOpen, fileOpen bool
	chatSpent          bucket
	dataSpent          bucket
	fileSpent          bucket
	refusals           bucket
	historySpent       bucket
}

// negotiation is where a participant's PeerConnection stands.
type negotiation struct {
	// hasPeer is true from the first offer until the peer is closed; connected is its transport's state.
	hasPeer, connected bool
	// pending is the offer in flight, answer the last one given, with the candidates that followed it.
	pending    *pendingOffer
	answer     *protocol.Answer
	candidates []protocol.Candidate
	// sources says what the client declared for its sending m-lines.
	sources map[media.MID]protocol.TrackMID
	// codecs are those that the client can receive.
	codecs codecSet
}

// pendingOffer is what an offer says besides its SDP.
type pendingOffer struct {
	id      int
	seats   []protocol.SeatMIDs
	sources map[media.MID]protocol.TrackMID
}

// codecSet is a set of codecs.
type codecSet [media.Codecs]bool

func (s *codecSet) has(c media.Codec) bool { return int(c) < len(s) && s[c] }

// receiver is a participant's seats and what it knows of them.
type receiver struct {
	mids  []protocol.SeatMIDs
	seats []seating.Seat
	// fed is what the peer's seats forward now; told is what the client was told last.
	fed  []fed
	told []protocol.SeatState
	view seating.Viewer
	// heights are those of the tiles that the client shows, in pixels.
	heights map[seating.Occupant]int
	// reseat asks for a new assignment at the end of the step.
	reseat bool
	// asked is how many seats the client was asked for at askedAt; 0 when it has enough. short is true when somebody
	// wanted stands.
	asked   int
	askedAt time.Time
	short   bool
}

// fed is the up tracks that a seat forwards.
type fed struct {
	audio, video media.CSRC
	// height is that of the tile, in pixels; 0 is not known.
	height int
}

// track is an m-line on which a participant sends.
type track struct {
	mid  media.MID
	csrc media.CSRC
	kind media.Kind
	// source is empty for a track that the last offer does not explain, which nobody is told of.
	source protocol.Source
	muted  bool
	codec  media.Codec
	// highest is the highest spatial layer that somebody wants; -1 is nothing at all.
	highest int8
}

// sources is the order in which tracks are told.
var sources = [...]protocol.Source{protocol.Microphone, protocol.Camera, protocol.ScreenAudio, protocol.Screen}

// track is what the participant publishes as a source, or nil.
func (p *participant) track(source protocol.Source) *track {
	for _, t := range p.tracks {
		if t.source == source {
			return t
		}
	}
	return nil
}

// sends is what an occupant of a seat sends: its two tracks, nil where there is none.
func (p *participant) sends(screen bool) (audio, video *track) {
	if screen {
		return p.track(protocol.ScreenAudio), p.track(protocol.Screen)
	}
	return p.track(protocol.Microphone), p.track(protocol.Camera)
}

// attached reports whether the participant has a WebSocket.
func (p *participant) attached() bool { return p.graceEnds.IsZero() }

// describe is the participant as others see it.
func (p *participant) describe() protocol.Participant {
	d := protocol.Participant{
		ID:       p.id,
		Name:     p.name,
		JoinedAt: p.joinedAt.UnixMilli(),
		Tracks:   make([]protocol.Track, 0, len(sources)),
	}
	for _, source := range sources {
		if t := p.track(source); t != nil {
			d.Tracks = append(d.Tracks, protocol.Track{
				Source: source, CSRC: uint32(t.csrc), Muted: t.muted, Codec: t.codec.String(),
			})
		}
	}
	return d
}

// candidates appends the occupants that the participant offers: camera and microphone as soon as one of them is
// published, since unmuting must be instant; the screen only while it is shared.
func (p *participant) appendCandidates(all []seating.Candidate) []seating.Candidate {
	live := func(t *track) bool { return t != nil && !t.muted }
	if audio, video := p.sends(false); audio != nil || video != nil {
		all = append(all, seating.Candidate{
			Occupant: seating.Occupant{Participant: p.id}, Audio: live(audio), Video: live(video),
		})
	}
	if audio, video := p.sends(true); live(audio) || live(video) {
		all = append(all, seating.Candidate{
			Occupant: seating.Occupant{Participant: p.id, Screen: true}, Audio: live(audio), Video: live(video),
		})
	}
	return all
}

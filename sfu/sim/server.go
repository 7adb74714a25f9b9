package sim

import (
	"time"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/stats"
)

// tick is how often the rim's shards look at what is due by time, replayTick how often after the replays under way.
const (
	tick       = 100 * time.Millisecond
	replayTick = 5 * time.Millisecond
)

// Server drives the production machines as the rim of package sfu does, without sockets and goroutines. It takes no time.
type Server struct {
	// Dropped counts packets that were not forwarded and requests that were not answered.
	Dropped map[stats.Reason]int
	// NACKsSent counts sequence numbers that publishers were asked for.
	NACKsSent int

	world   *World
	ids     uint32
	encoded uint32
	owners  map[media.CSRC]*Publisher
}

// NewServer makes a server without participants.
func NewServer(w *World) *Server {
	return &Server{world: w, Dropped: make(map[stats.Reason]int), owners: make(map[media.CSRC]*Publisher)}
}

func (s *Server) id() uint32 {
	s.ids++
	return s.ids
}

// Publish lets somebody in who sends.
func (s *Server) Publish(cfg Participant) *Publisher {
	p := newPublisher(s.world, cfg, func() uint32 { s.encoded++; return s.encoded })
	clock := &rtptime.Publisher{}
	if p.cameras != nil {
		var senders []*sender
		for _, c := range p.cameras {
			senders = append(senders, c.sender)
		}
		p.Video = newTrack(s, p, media.Video, senders, clock)
	}
	if p.voice != nil {
		p.Audio = newTrack(s, p, media.Audio, []*sender{p.voice}, clock)
	}
	p.start()
	return p
}

// View lets somebody in who receives, in so many seats.
func (s *Server) View(n Network, seats int) *Viewer {
	v := &Viewer{world: s.world, server: s, network: n, up: s.world.NewLink(n.Up), down: s.world.NewLink(n.Down)}
	random := s.world.Random()
	for range seats {
		seat := &Seat{viewer: v}
		for _, kind := range []media.Kind{media.Audio, media.Video} {
			l := &line{seat: seat, kind: kind, Line: egress.NewLine(egress.Config{
				Kind: kind, PayloadTypes: viewerTypes, RTXPayloadTypes: viewerRTXTypes,
				FirstSequence: uint16(random.UintN(1 << 16)), FirstTimestamp: random.Uint32(), //nolint:gosec // 16 bits
			})}
			if kind == media.Audio {
				seat.audio = l
			} else {
				seat.video = l
			}
		}
		seat.Audio = newListener(v)
		seat.Video = newScreen(v, seat.video)
		v.Seats = append(v.Seats, seat)
	}
	s.world.After(time.Duration(random.Int64N(int64(tick))), func() { s.world.Every(tick, v.tick) })
	return v
}

package sfu

import (
	"time"

	"github.com/pion/rtcp"

	"hiroba/sfu/egress"
	"hiroba/sfu/flight"
	"hiroba/sfu/media"
	"hiroba/sfu/pacer"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/trace"
)

// subscriber is the receiving half of a peer. Owned by its shard.
type subscriber struct {
	peer  *Peer
	lines map[media.SSRC]*seatTrack // by SSRC and by RTX SSRC
	all   []*seatTrack

	connected bool
	sending   bool
	gone      bool
	// transportSequence is the last transport-wide sequence number; it counts all packets of the peer.
	transportSequence uint16
	outlet            outlet
	queue             queue
	stall             pacer.Stall
	flight            flight.Recorder
	trace             *trace.Recorder // nil while nobody asks for one
}

func newSubscriber(p *Peer) *subscriber {
	s := &subscriber{peer: p, lines: make(map[media.SSRC]*seatTrack)}
	p.shard.post(func(time.Time) { p.shard.subscribers[s] = struct{}{} })
	return s
}

// post hands something to do to the shard. It is not done when the subscriber is gone.
func (s *subscriber) post(do func(s *subscriber, now time.Time)) {
	s.peer.shard.post(func(now time.Time) {
		if !s.gone {
			do(s, now)
		}
	})
}

// leave empties all seats and waits until the shard has forgotten the subscriber, so that nothing is written to a closed
// PeerConnection, nor encrypted with its keys.
func (s *subscriber) leave() {
	left := make(chan struct{})
	if !s.peer.shard.post(func(time.Time) {
		defer close(left)
		s.gone = true
		for _, t := range s.all {
			t.setTarget(nil)
		}
		s.queue.drain()
		s.peer.shard.out.flush() // what was written before
		s.outlet = outlet{}
		delete(s.peer.shard.subscribers, s)
	}) {
		return
	}
	<-left
}

// bind gives a negotiated m-line its line and lets a waiting occupant in.
func (s *subscriber) bind(t *seatTrack, line *egress.Line, out writer) {
	if t.line != nil {
		s.peer.log.Warn("bound seat twice", "seat", t.stream)
		return
	}
	t.line, t.out = trace.NewLine(line), out
	t.out.setMID(t.mid)
	t.out.sealing = s.outlet.streams(&t.out)
	s.all = append(s.all, t)
	s.lines[out.ssrc] = t
	if out.ssrcRTX != 0 {
		s.lines[out.ssrcRTX] = t
	}
	waiting := t.target
	t.target = nil
	t.setTarget(waiting)
}

// handleConnected lets packets out. What publishers sent before is lost, so keyframes are asked for.
func (s *subscriber) handleConnected(now time.Time) {
	if s.connected {
		return
	}
	s.connected = true
	s.flight.HandleConnected(now)
	for _, t := range s.all {
		t.adapt()
	}
}

func (s *subscriber) handleTick(now time.Time) {
	if !s.connected {
		return
	}
	s.flight.HandleTick(now)
	s.checkFlow(now)
	for _, t := range s.all {
		if t.source == nil && t.target == nil { // as most are in a large room
			continue
		}
		t.report(now)
		t.adapt() // sizes and encodings change, and a wish for a keyframe may still stand
	}
}

// report sends the sender report of an m-line if one is due.
func (t *seatTrack) report(now time.Time) {
	r, due := t.line.PollReport(now)
	if !due {
		return
	}
	err := t.peer.pc.WriteRTCP([]rtcp.Packet{
		&rtcp.SenderReport{
			SSRC:        uint32(t.out.ssrc),
			NTPTime:     uint64(rtptime.NewNTP(r.At)),
			RTPTime:     r.RTPTime,
			PacketCount: r.Packets,
			OctetCount:  r.Octets,
		},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: uint32(t.out.ssrc),
			Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: t.stream}},
		}}},
	})
	if err == nil {
		t.peer.engine.counters.SenderReports.Add(1)
	}
}

package main

import (
	"sync"
	"time"

	"hiroba/cmd/hiroba-load/tap"
	"hiroba/sfu/media"
	"hiroba/signaling/client"
)

// probe checks what a subscriber that decrypts receives.
type probe struct {
	p *participant

	mu      sync.Mutex // guards what follows
	viewers map[uint32]*viewer
	latency map[media.Kind]*tap.Histogram
}

// probeStats is what a probe found so far.
type probeStats struct {
	// Frames were shown; Freezes are the times that the next one was late, Frozen how long those intervals were.
	Frames, Freezes uint64
	Frozen          time.Duration
	// Skipped is how often packets were given up and a keyframe had to be waited for.
	Skipped uint64
	// Faults are what a receiver must never see, whatever the network loses (client.LineStats).
	Faults uint64
	// Recovered came after a retransmission or out of order; Missing never came.
	Recovered, Missing uint64
}

func newProbe(p *participant) *probe {
	return &probe{
		p: p, viewers: make(map[uint32]*viewer),
		latency: map[media.Kind]*tap.Histogram{media.Audio: {}, media.Video: {}},
	}
}

// packet takes a decrypted packet.
func (q *probe) packet(p client.Packet) {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if !p.RTX {
		if sent, ok := stampOf(p.Payload); ok {
			at, found := q.p.socket.ArrivedAt(p.Header.SSRC, p.Header.SequenceNumber)
			if !found {
				at = now
			}
			q.latency[p.Kind].Record(at.Sub(sent))
		}
	}
	if p.Kind != media.Video {
		return
	}
	v := q.viewers[p.Header.SSRC]
	if v == nil {
		v = &viewer{}
		q.viewers[p.Header.SSRC] = v
	}
	csrc := uint32(0)
	if len(p.Header.CSRC) > 0 {
		csrc = p.Header.CSRC[0]
	}
	v.handle(now, p.Header.SequenceNumber, csrc, p.Header.Marker, p.Keyframe)
}

// stats is what the probe found so far.
func (q *probe) stats() (s probeStats) {
	q.mu.Lock()
	for _, v := range q.viewers {
		s.Frames += v.frames
		s.Freezes += v.freezes
		s.Frozen += v.frozen
		s.Skipped += v.skipped
	}
	q.mu.Unlock()
	for _, line := range q.p.Lines() {
		s.Faults += line.Faults()
		s.Recovered += line.Recovered
		s.Missing += line.Missing
	}
	return s
}

// settle says that pictures may now stop for a good reason.
func (q *probe) settle() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, v := range q.viewers {
		v.settle()
	}
}

// latencies is the time on the way of stamped packets so far.
func (q *probe) latencies(k media.Kind) tap.Histogram {
	q.mu.Lock()
	defer q.mu.Unlock()
	return *q.latency[k]
}

func (s *probeStats) add(o probeStats) {
	s.Frames += o.Frames
	s.Freezes += o.Freezes
	s.Frozen += o.Frozen
	s.Skipped += o.Skipped
	s.Faults += o.Faults
	s.Recovered += o.Recovered
	s.Missing += o.Missing
}

func (s *probeStats) sub(o probeStats) {
	s.Frames -= o.Frames
	s.Freezes -= o.Freezes
	s.Frozen -= o.Frozen
	s.Skipped -= o.Skipped
	s.Faults -= o.Faults
	s.Recovered -= o.Recovered
	s.Missing -= min(s.Missing, o.Missing)
}

package sfu

import (
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
)

// pionStream reads an upStream on pion's path: each stream in a goroutine of its own. On the server's own path the uplink
// does it.
type pionStream struct {
	*upStream
	remote   *webrtc.TrackRemote
	deadline time.Time // of the read, as it is set now
	ended    atomic.Bool
}

// start reads a new incoming stream of this track that pion found. A former one ends by itself, since pion closes it. Called
// by the peer.
func (t *UpTrack) start(now time.Time, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	encoding := max(slices.Index(t.rids, media.RID(remote.RID())), 0)
	parameters := receiver.GetParameters()
	types := newPayloadTypes(parameters.Codecs)
	s := &pionStream{remote: remote, upStream: newUpStream(
		now, t, int8(encoding), media.SSRC(remote.SSRC()), &types, //nolint:gosec // up to MaxSpatial
		readExtensions(parameters.HeaderExtensions), new(handover),
	)}
	t.streams[encoding] = s.upStream
	t.peer.reading = append(slices.DeleteFunc(t.peer.reading, func(s *pionStream) bool { return s.ended.Load() }), s)
	t.peer.loop(s.readLoop)
	read := receiver.Read
	if rid := remote.RID(); rid != "" {
		read = func(b []byte) (int, interceptor.Attributes, error) { return receiver.ReadSimulcast(b, rid) }
	}
	t.peer.loop(func() { drainRTCP(read) })
}

// stopReading ends the loops of all streams. pion ends those of its streams that it knows when it is closed; with simulcast it
// may forget one.
func (p *Peer) stopReading() {
	p.stopped.Store(true)
	for _, s := range p.reading {
		_ = s.remote.SetReadDeadline(time.Unix(1, 0)) // after stopped: the loop sets its own before it looks at that
	}
}

// readLoop owns the stream. It ends when the PeerConnection or the m-line is closed.
func (s *pionStream) readLoop() {
	defer s.ended.Store(true)
	s.track.peer.log.Debug("stream started", "mid", s.track.mid, "ssrc", s.ssrc, "rid", s.remote.RID())
	for failures := 0; failures < maxFailures; {
		p := packet.New()
		more, failed := s.read(p)
		p.Release()
		if !more {
			return
		}
		if failures++; !failed {
			failures = 0
		}
	}
}

// read waits for a packet or a deadline and handles it. More is false at the end of the stream; failed says that the
// packet could not even be read.
func (s *pionStream) read(p *packet.Packet) (more, failed bool) {
	if due := s.machine.Deadline(); due != s.deadline {
		if err := s.remote.SetReadDeadline(due); err != nil {
			return false, true
		}
		s.deadline = due
	}
	if s.track.peer.stopped.Load() {
		return false, false
	}
	n, attributes, err := s.remote.Read(p.Buffer())
	now := time.Now()
	counters := &s.track.peer.engine.counters
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.deadline = time.Unix(1, 0) // it fired, and stands until another is set
		s.poll(now)
		return true, false
	case isTransient(err):
		counters.Dropped(stats.Up, stats.Malformed)
		return true, true
	case err != nil:
		return false, true
	}
	if attributes.Get(webrtc.AttributeRtxSsrc) != nil {
		counters.RTXReceived.Add(1)
	}
	p.SetLen(n)
	s.handleRTP(now, p, false)
	s.out.flush(counters)
	s.poll(now)
	return true, false
}

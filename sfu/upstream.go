package sfu

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/ingress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/stats"
)

// upStream is one incoming RTP stream of an up track. Its loop owns it.
type upStream struct {
	track    *UpTrack
	remote   *webrtc.TrackRemote
	receiver *webrtc.RTPReceiver
	ssrc     media.SSRC
	encoding int8
	machine  *ingress.Stream
	clock    rtptime.Clock
	source   uint32
	nacks    []uint16
	lost     uint64    // as the machine said when it was asked last
	deadline time.Time // of the read, as it is set now

	report atomic.Pointer[rtcp.SenderReport] // the newest, until the loop takes it
}

func newUpStream(t *UpTrack, encoding int8, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) *upStream {
	parameters := receiver.GetParameters()
	return &upStream{
		track:    t,
		remote:   remote,
		receiver: receiver,
		ssrc:     media.SSRC(remote.SSRC()),
		encoding: encoding,
		machine: ingress.New(ingress.Config{
			Kind:     t.kind,
			Encoding: encoding,
			Codecs:   newPayloadTypes(parameters.Codecs).codecs,
			Extensions: packet.ExtensionIDs{
				AudioLevel:           extensionID(parameters.HeaderExtensions, uriAudioLevel),
				DependencyDescriptor: extensionID(parameters.HeaderExtensions, uriDependencyDescriptor),
			},
		}),
		source: t.peer.engine.nextID.Add(1),
		clock:  rtptime.NewClock(&t.peer.clock, t.kind.ClockRate()),
	}
}

// readLoop owns the stream. It ends when the PeerConnection or the m-line is closed.
func (s *upStream) readLoop() {
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
func (s *upStream) read(p *packet.Packet) (more, failed bool) {
	if due := s.machine.Deadline(); due != s.deadline {
		if err := s.remote.SetReadDeadline(due); err != nil {
			return false, true
		}
		s.deadline = due
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
	s.handle(now, p)
	s.poll(now)
	return true, false
}

// handle passes one packet through the machine and on to the shards.
func (s *upStream) handle(now time.Time, p *packet.Packet) {
	counters := &s.track.peer.engine.counters
	if r := s.report.Swap(nil); r != nil {
		s.handleReport(now, r)
	}
	result, reason, ok := s.machine.HandleRTP(now, p)
	if !ok {
		counters.Dropped(stats.Up, reason)
		return
	}
	counters.Forwarded(stats.Up, s.track.kind, len(p.Bytes()))
	if result.Restarted {
		s.source = s.track.peer.engine.nextID.Add(1)
		s.clock = rtptime.NewClock(&s.track.peer.clock, s.track.kind.ClockRate())
	}
	p.Source = s.source
	p.Captured = s.clock.CaptureTime(now, p.Header.Timestamp)
	if result.Started {
		s.track.peer.emit(TrackStarted{Track: s.track, Codec: s.machine.Codec()})
	}
	if result.Keyframe {
		counters.Keyframes.Add(1)
		s.track.peer.post(func(now time.Time) { s.track.handleKeyframe(now, s.encoding) })
	}
	s.track.supply.HandleRTP(now, p)
	s.track.meters[s.encoding].HandleRTP(p)
	for lost := s.machine.PollRecovered(p); lost != nil; lost = s.machine.PollRecovered(p) {
		counters.Recovered.Add(1)
		s.track.fanOut(lost)
		lost.Release()
	}
	s.track.fanOut(p)
}

// poll asks for what is missing and tells how loud it is.
func (s *upStream) poll(now time.Time) {
	peer := s.track.peer
	s.nacks = s.machine.PollNACK(now, s.nacks[:0])
	if len(s.nacks) > 0 {
		peer.engine.counters.NACKsSent.Add(uint64(len(s.nacks)))
		lost := s.machine.Lost()
		peer.engine.counters.Lost(stats.Up, lost-s.lost)
		s.lost = lost
		_ = peer.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{
			MediaSSRC: uint32(s.ssrc),
			Nacks:     rtcp.NackPairsFromSequenceNumbers(s.nacks),
		}})
	}
	if level, news := s.machine.PollLevel(now); news {
		peer.emit(Heard{Track: s.track, Level: level})
	}
}

// handleReport ties the stream's timestamps to the clock that all streams of this publisher share.
func (s *upStream) handleReport(now time.Time, r *rtcp.SenderReport) {
	peer := s.track.peer
	peer.clockMu.Lock()
	defer peer.clockMu.Unlock()
	s.clock.HandleSenderReport(now, rtptime.NTP(r.NTPTime), r.RTPTime)
}

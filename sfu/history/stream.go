package history

import (
	"time"

	"hiroba/sfu/packet"
)

const (
	// kept is how many packets of an incoming stream stay: three seconds of a picture of 3 Mbit/s.
	kept = 1024
	// replayAge, replayFrames and replayBytes bound what is sent to show a new occupant: more would take the subscriber
	// longer to decode than a keyframe takes to come, and overrun its link.
	replayAge    = 3 * time.Second
	replayFrames = 100
	replayBytes  = 256 << 10
	// rateWindow is over how long the rate of a stream is measured, rateLeast over how long at least when it began just now.
	rateWindow, rateLeast = 2 * time.Second, 300 * time.Millisecond
)

// Stream is what was forwarded of one incoming stream: its newest packets, for NACKs, and where in them somebody new can
// begin. They are shared by all subscribers. The zero value is ready.
type Stream struct {
	source  uint32
	packets *Ring[*packet.Packet] // nil before the first

	// keyframe is the sequence number at which the newest keyframe begins, 0 for none; highest is that of the newest packet.
	keyframe, highest int64
	keyframeAt        time.Time
	timestamp         uint32 // of the keyframe
	// keyframeBytes is the size of the keyframe; bytes and frames count all from it on.
	keyframeBytes, bytes, frames int

	// rate is what came in the last full window, in bytes per second; windowBytes came since windowBegan, in so long.
	rate        float64
	windowBegan time.Time
	window      time.Duration
	windowBytes int
}

// Source is the stream that the packets are of, as packet.Packet has it; 0 while there are none.
func (s *Stream) Source() uint32 { return s.source }

// Continues reports whether a packet belongs to the stream that is kept, if any is.
func (s *Stream) Continues(p *packet.Packet) bool { return s.source == 0 || s.source == p.Source }

// Put keeps a packet, whose reference it takes over. A stream that started again loses its history.
func (s *Stream) Put(p *packet.Packet) {
	if s.packets == nil {
		s.packets = NewRing[*packet.Packet](kept)
	}
	if s.source != p.Source {
		s.Drain()
		s.source = p.Source
	}
	if p.Info.Keyframe && p.Sequence > s.keyframe {
		s.keyframe, s.keyframeAt, s.timestamp = p.Sequence, p.Arrived, p.Header.Timestamp
		s.bytes, s.keyframeBytes, s.frames = 0, 0, 1
	}
	if p.Sequence > s.highest && p.Info.StartOfFrame {
		s.frames++
	}
	s.highest = max(s.highest, p.Sequence)
	s.measure(p)
	s.bytes += len(p.Bytes())
	if p.Header.Timestamp == s.timestamp {
		s.keyframeBytes += len(p.Bytes())
	}
	if gone, full := s.packets.Put(p.Sequence, p); full {
		gone.Release()
	}
}

func (s *Stream) measure(p *packet.Packet) {
	if s.windowBegan.IsZero() {
		s.windowBegan = p.Arrived
	}
	if s.window = p.Arrived.Sub(s.windowBegan); s.window >= rateWindow {
		s.rate = float64(s.windowBytes) / s.window.Seconds()
		s.windowBegan, s.window, s.windowBytes = p.Arrived, 0, 0
	}
	s.windowBytes += len(p.Bytes())
}

// Rate is about how much comes, in bytes per second. Just after the beginning, which is a keyframe, it is more than that.
func (s *Stream) Rate() float64 {
	if s.rate > 0 {
		return s.rate
	}
	return float64(s.windowBytes) / max(s.window, rateLeast).Seconds()
}

// Newest is the packet with the highest sequence number, borrowed.
func (s *Stream) Newest() (*packet.Packet, bool) { return s.At(s.highest) }

// At is the packet with an extended sequence number, borrowed.
func (s *Stream) At(sequence int64) (*packet.Packet, bool) {
	if s.packets == nil {
		return nil, false
	}
	return s.packets.At(sequence)
}

// Replay is the range of packets from the newest keyframe on. It is false when there is none, a packet of it is missing,
// or another keyframe would cost less: that goes to all viewers, of whom there are so many, while a replay goes to one.
// Where keyframes are scarce there is no other, and what is kept may be twice as old.
func (s *Stream) Replay(now time.Time, viewers int, scarce bool) (from, to int64, ok bool) {
	age, frames, bytes := replayAge, replayFrames, min(s.keyframeBytes*(1+viewers), replayBytes)
	if scarce {
		age, frames, bytes = 2*age, 2*frames, replayBytes
	}
	if s.packets == nil || s.keyframe == 0 || s.highest-s.keyframe >= kept ||
		now.Sub(s.keyframeAt) > age || s.frames > frames || s.bytes > bytes {
		return 0, 0, false
	}
	for n := s.keyframe; n <= s.highest; n++ {
		if _, ok := s.packets.At(n); !ok {
			return 0, 0, false
		}
	}
	return s.keyframe, s.highest, true
}

// Drain forgets everything.
func (s *Stream) Drain() {
	if s.packets != nil {
		s.packets.Drain((*packet.Packet).Release)
	}
	*s = Stream{packets: s.packets}
}

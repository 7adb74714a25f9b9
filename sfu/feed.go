package sfu

import (
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// kept is how many packets of an incoming stream stay for NACKs: three seconds of a picture of 3 Mbit/s. They are
// shared by all subscribers.
const kept = 1024

// feed is a shard's view of an up track: who wants it, and what was sent of it.
type feed struct {
	track *UpTrack
	seats []*seatTrack
	sent  [media.MaxSpatial + 1]sentStream // by encoding
	// closed is set when the last seat left.
	closed bool
	// packets are those that are gathered and have not been handed to the seats yet.
	packets []gathered
	// borrowing is until when another shard may still give what it kept; zero when it has, or there is none.
	borrowing time.Time
}

// gathered is a packet that waits for its slot, with the reference of the shard, and for how many seats it was sent.
type gathered struct {
	*packet.Packet
	padding uint8
	seats   int
}

// maxPadding is how many bytes are added to a packet to make it as long as the next.
const maxPadding = 8

// align makes packets that leave together equally long, where only a few bytes are missing: packets of one size cost half
// as much to send as those of two. Encoders cut a frame into packets that differ by a byte, the longer ones last.
func align(packets []gathered) {
	for i := len(packets) - 2; i >= 0; i-- {
		p, next := &packets[i], &packets[i+1]
		missing := len(next.Payload()) + int(next.padding) - len(p.Payload())
		if missing > 0 && missing <= maxPadding && p.Encoding == next.Encoding && len(p.Payload()) > 0 {
			p.padding = uint8(missing)
		}
	}
}

// sentStream is what was forwarded of one incoming stream.
type sentStream struct {
	source  uint32
	packets *history.Ring[*packet.Packet] // nil before the first

	// keyframe is the sequence number at which the newest keyframe begins, 0 for none; highest is that of the newest packet.
	keyframe, highest int64
	keyframeAt        time.Time
	timestamp         uint32 // of the keyframe
	// keyframeBytes is the size of the keyframe; bytes and frames count all from it on.
	keyframeBytes, bytes, frames int
}

const (
	// replayAge, replayFrames and replayBytes bound what is sent at once to show a new occupant: more would take the
	// subscriber longer to decode than a keyframe takes to come, and overrun its link.
	replayAge    = 3 * time.Second
	replayFrames = 100
	replayBytes  = 256 << 10
)

// replay is the range of packets from the newest keyframe on. It is false when there is none, a packet of it is missing,
// or another keyframe would cost less: that goes to all viewers, while a replay goes to one. Where keyframes are scarce
// there is no other, and what is kept may be twice as old.
func (s *sentStream) replay(now time.Time, viewers int, scarce bool) (from, to int64, ok bool) {
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

// put keeps a packet, whose reference it takes over. A stream that started again loses its history.
func (s *sentStream) put(p *packet.Packet) {
	if s.packets == nil {
		s.packets = history.NewRing[*packet.Packet](kept)
	}
	if s.source != p.Source {
		s.drain()
		s.source, s.keyframe, s.highest = p.Source, 0, 0
	}
	if p.Info.Keyframe && p.Sequence > s.keyframe {
		s.keyframe, s.keyframeAt, s.timestamp = p.Sequence, p.Arrived, p.Header.Timestamp
		s.bytes, s.keyframeBytes, s.frames = 0, 0, 1
	}
	if p.Sequence > s.highest && p.Info.StartOfFrame {
		s.frames++
	}
	s.highest = max(s.highest, p.Sequence)
	s.bytes += len(p.Bytes())
	if p.Header.Timestamp == s.timestamp {
		s.keyframeBytes += len(p.Bytes())
	}
	if gone, full := s.packets.Put(p.Sequence, p); full {
		gone.Release()
	}
}

func (s *sentStream) drain() {
	if s.packets != nil {
		s.packets.Drain((*packet.Packet).Release)
	}
}

// attach makes a seat get the packets of a track.
func (s *shard) attach(track *UpTrack, seat *seatTrack) {
	f := s.feeds[track]
	if f == nil {
		f = &feed{track: track}
		s.feeds[track] = f
		track.attach(s)
		s.borrow(f)
	}
	for _, t := range f.seats {
		if t == seat {
			return
		}
	}
	f.seats = append(f.seats, seat)
}

// detach undoes attach.
func (s *shard) detach(track *UpTrack, seat *seatTrack) {
	f := s.feeds[track]
	if f == nil {
		return
	}
	for i, t := range f.seats {
		if t == seat {
			f.seats[i] = f.seats[len(f.seats)-1]
			f.seats = f.seats[:len(f.seats)-1]
			break
		}
	}
	if len(f.seats) == 0 {
		track.detach(s)
		for i := range f.sent {
			f.sent[i].drain()
		}
		f.closed = true
		delete(s.feeds, track)
	}
}

// end takes an ended track away from the seats in which it is.
func (s *shard) end(track *UpTrack) {
	if f := s.feeds[track]; f != nil {
		for len(f.seats) > 0 {
			f.seats[len(f.seats)-1].vacate(track)
		}
	}
}

// sent finds a packet that was forwarded.
func (s *shard) sent(track *UpTrack, source uint32, sequence int64) (*packet.Packet, bool) {
	if f := s.feeds[track]; f != nil {
		for i := range f.sent {
			if f.sent[i].packets != nil && f.sent[i].source == source {
				return f.sent[i].packets.At(sequence)
			}
		}
	}
	return nil, false
}

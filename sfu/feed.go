package sfu

import (
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// feed is a shard's view of an up track: who wants it, and what was sent of it.
type feed struct {
	track *UpTrack
	seats []*seatTrack
	sent  [media.MaxSpatial + 1]history.Stream // what was forwarded, by encoding
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
			f.sent[i].Drain()
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
			if f.sent[i].Source() == source {
				return f.sent[i].At(sequence)
			}
		}
	}
	return nil, false
}

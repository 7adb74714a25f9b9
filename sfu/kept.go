package sfu

import (
	"slices"
	"time"

	"hiroba/sfu/packet"
)

// lendPatience bounds how long a shard waits for what another one kept. It takes as long as that one's mailbox is.
const lendPatience = 100 * time.Millisecond

// borrow asks another shard for what it kept of a track: the first seat here shall be shown it at once, as another seat
// there would be.
func (s *shard) borrow(f *feed) {
	list := f.track.shards.Load()
	if list == nil {
		return
	}
	at := slices.IndexFunc(*list, func(other *shard) bool { return other != s })
	if at < 0 {
		return
	}
	lender := (*list)[at]
	if lender.post(func(now time.Time) { lender.lend(now, f.track, s) }) {
		f.borrowing = time.Now().Add(lendPatience)
	}
}

// lend gives another shard the packets of a track from its newest keyframes on, if they can be of use there.
func (s *shard) lend(now time.Time, track *UpTrack, to *shard) {
	var packets []*packet.Packet
	if f := s.feeds[track]; f != nil {
		s.serveFeed(now, f) // what came before the other shard got packets of its own must not be missing
		for i := range f.sent {
			k := &f.sent[i]
			from, last, ok := k.Replay(now, 0, true)
			for n := from; ok && n <= last; n++ {
				p, _ := k.At(n)
				p.Retain()
				packets = append(packets, p)
			}
		}
	}
	if !to.post(func(time.Time) { to.adopt(track, packets) }) {
		for _, p := range packets {
			p.Release()
		}
	}
}

// adopt keeps packets that another shard lent, with the references that come with them, and shows them to whoever waits.
func (s *shard) adopt(track *UpTrack, packets []*packet.Packet) {
	f := s.feeds[track]
	for _, p := range packets {
		if f == nil || !f.sent[p.Encoding].Continues(p) {
			p.Release()
			continue
		}
		f.sent[p.Encoding].Put(p)
	}
	if f == nil {
		return
	}
	f.borrowing = time.Time{}
	for i := len(f.seats) - 1; i >= 0; i-- { // backwards: a switch may remove the seat
		f.seats[i].adapt()
	}
}

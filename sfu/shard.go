package sfu

import (
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/mailbox"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
)

// tick is how often a shard looks at what is due by time, which is sender reports.
const tick = 100 * time.Millisecond

// shard is the goroutine that owns the egress of its subscribers. A packet is handed to it once, however many of its
// subscribers want it; they are served one after the other without a lock.
type shard struct {
	inbox    *mailbox.Mailbox[shardItem]
	counters *stats.Counters
	log      *slog.Logger
	peers    atomic.Int64 // guarded by Engine.mu for writes
	stopped  chan struct{}

	// What follows is owned by run.
	feeds       map[*UpTrack]*feed
	subscribers map[*subscriber]struct{}
	replays     []*seatTrack // those under way
	pace        *time.Timer  // for them
	nextTick    time.Time
	now         time.Time // of the batch
}

// shardItem is a packet of an up track, or something to do.
type shardItem struct {
	track *UpTrack
	pkt   *packet.Packet
	do    func(now time.Time)
}

// feed is a shard's view of an up track: who wants it, and what was sent of it.
type feed struct {
	track *UpTrack
	seats []*seatTrack
	sent  [media.MaxSpatial + 1]history.Stream // what was forwarded, by encoding
	// borrowing is until when another shard may still give what it kept; zero when it has, or there is none.
	borrowing time.Time
}

func newShard(counters *stats.Counters, log *slog.Logger) *shard {
	return &shard{
		inbox:       mailbox.New[shardItem](),
		counters:    counters,
		log:         log,
		stopped:     make(chan struct{}),
		feeds:       make(map[*UpTrack]*feed),
		subscribers: make(map[*subscriber]struct{}),
	}
}

// stop ends the shard after what was posted before, and waits.
func (s *shard) stop() {
	s.inbox.Close()
	<-s.stopped
}

// post hands something to do to the shard.
func (s *shard) post(do func(now time.Time)) bool { return s.inbox.Post(shardItem{do: do}) }

// forward hands a packet to the shard, with a reference of its own.
func (s *shard) forward(track *UpTrack, p *packet.Packet) {
	p.Retain()
	if !s.inbox.Post(shardItem{track: track, pkt: p}) {
		p.Release()
	}
}

// run is the loop of the shard's goroutine. It ends when the mailbox is closed and empty.
func (s *shard) run() {
	defer close(s.stopped)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	s.pace = time.NewTimer(0)
	defer s.pace.Stop()
	var batch []shardItem
	for {
		select {
		case <-s.inbox.Wait():
		case <-ticker.C:
		case <-s.pace.C:
		}
		now := time.Now()
		s.now = now
		batch = s.inbox.Take(batch)
		for i := range batch {
			s.contain(now, &batch[i])
		}
		s.contain(now, &shardItem{do: s.advanceReplays})
		if !now.Before(s.nextTick) {
			s.nextTick = now.Add(tick)
			for sub := range s.subscribers {
				sub.handleTick(now)
			}
		}
		if len(batch) == 0 && s.inbox.Closed() {
			return
		}
	}
}

// contain handles one item. A panic costs that item only: the shard serves many calls.
func (s *shard) contain(now time.Time, item *shardItem) {
	defer func() {
		if r := recover(); r != nil {
			s.counters.Panics.Add(1)
			s.log.Error("shard panicked", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	if item.pkt == nil {
		item.do(now)
		return
	}
	s.handleRTP(now, item.track, item.pkt)
}

// handleRTP sends a packet to all seats that want it, and keeps it for those that lose it.
func (s *shard) handleRTP(now time.Time, track *UpTrack, p *packet.Packet) {
	f := s.feeds[track]
	if f == nil { // the last seat left while the packet was under way
		p.Release()
		return
	}
	for i := len(f.seats) - 1; i >= 0; i-- { // backwards: a switch removes the seat from its former feed
		f.seats[i].handleRTP(now, track, p)
	}
	f.sent[p.Encoding].Put(p)
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

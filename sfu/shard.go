package sfu

import (
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"hiroba/sfu/mailbox"
	"hiroba/sfu/media"
	"hiroba/sfu/pacer"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
	"hiroba/sfu/udp"
)

const (
	// tick is how often a shard looks at what is due by time, such as sender reports.
	tick = 100 * time.Millisecond
	// audioSlot bounds how long sound is gathered. It is also how often a shard that gathers looks whether some has come, so
	// that it waits for twice as long at most.
	audioSlot = time.Millisecond
	// maxLag is how late pictures are forwarded at most. A shard that is further behind than that would never catch up, and its
	// queue would grow without end. Up to then a decoder would rather wait: machines stand still for a while at times.
	maxLag = time.Second
)

// shard is the goroutine that owns the egress of its subscribers. A packet is handed to it once, however many of its
// subscribers want it; they are served one after the other without a lock, and what they are sent leaves in one batch.
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
	replayDue   time.Time    // when they go on
	// gathered are the feeds with packets that wait for the end of their slot, by kind of media.
	gathered [media.Video + 1]slot
	slots    pacer.Slots
	// parked are the subscribers with packets that wait because so many left just before.
	parked   []*subscriber
	nextTick time.Time
	now      time.Time // of the batch
	out      transmitter
	tally    stats.Tally
	// delays are how long ago packets arrived that leave with this batch.
	delays []delay
}

// shardItem is a packet of an up track, or something to do.
type shardItem struct {
	track *UpTrack
	pkt   *packet.Packet
	do    func(now time.Time)
}

// slot is a time in which packets are gathered. Due is when it ends; zero while there are none.
type slot struct {
	due   time.Time
	feeds []*feed
}

// delay is when a packet arrived, and how often it is sent.
type delay struct {
	arrived time.Time
	times   int
}

func newShard(counters *stats.Counters, sender *udp.Sender, log *slog.Logger) *shard {
	return &shard{
		inbox:       mailbox.New[shardItem](),
		counters:    counters,
		log:         log,
		stopped:     make(chan struct{}),
		feeds:       make(map[*UpTrack]*feed),
		subscribers: make(map[*subscriber]struct{}),
		out:         transmitter{sender: sender},
	}
}

// stop ends the shard after what was posted before, and waits.
func (s *shard) stop() {
	s.inbox.Close()
	<-s.stopped
}

// post hands something to do to the shard.
func (s *shard) post(do func(now time.Time)) bool { return s.inbox.Post(shardItem{do: do}) }

// forward hands packets to the shard, with the references that come with them.
func (s *shard) forward(items []shardItem) {
	if !s.inbox.PostAll(items) {
		for i := range items {
			items[i].pkt.Release()
		}
	}
}

// run is the loop of the shard's goroutine. It ends when the mailbox is closed and empty.
func (s *shard) run() {
	defer close(s.stopped)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	var batch []shardItem
	for {
		if s.gathering() { // what comes meanwhile is taken at the end of the slot
			<-timer.C
		} else {
			select {
			case <-s.inbox.Wait():
			case <-timer.C:
			}
		}
		s.now = time.Now()
		batch = s.inbox.Take(batch)
		s.handle(s.now, batch)
		if len(batch) == 0 && !s.gathering() && s.inbox.Closed() {
			return
		}
		timer.Reset(s.untilDue())
	}
}

// handle does one turn of the loop: what was posted, what is due, and one flush.
func (s *shard) handle(now time.Time, batch []shardItem) {
	for i := range batch {
		if item := &batch[i]; item.pkt == nil {
			s.do(now, item.do)
		} else {
			s.gather(item.track, item.pkt)
		}
	}
	s.serve(now)
	s.do(now, s.advanceReplays)
	s.unpark(now)
	if !now.Before(s.nextTick) {
		s.nextTick = now.Add(tick)
		s.do(now, s.handleTick)
	}
	s.flush()
}

// flush sends what this turn of the loop wrote. The counters follow, so that they tell of what has left.
func (s *shard) flush() {
	s.out.flush()
	done := time.Now()
	for _, d := range s.delays {
		s.counters.ForwardDelay.ObserveTimes(done.Sub(d.arrived), d.times)
	}
	s.delays = s.delays[:0]
	s.counters.Take(stats.Down, &s.tally)
	s.slots.HandleWork(s.now, done)
}

// do does something that was posted. A panic costs that only: the shard serves many calls.
func (s *shard) do(now time.Time, do func(now time.Time)) {
	defer s.contain()
	do(now)
}

// contain ends a panic. It is to be deferred.
func (s *shard) contain() {
	if r := recover(); r != nil {
		s.counters.Panics.Add(1)
		s.log.Error("shard panicked", "panic", r, "stack", string(debug.Stack()))
	}
}

func (s *shard) handleTick(now time.Time) {
	for sub := range s.subscribers {
		s.do(now, sub.handleTick)
	}
}

// gathering reports whether packets wait for the end of their slot.
func (s *shard) gathering() bool {
	return !s.gathered[media.Audio].due.IsZero() || !s.gathered[media.Video].due.IsZero()
}

// gather keeps a packet until the end of its slot, which has come when there is none. Its time begins with its arrival.
func (s *shard) gather(track *UpTrack, p *packet.Packet) {
	f := s.feeds[track]
	if f == nil { // the last seat left while the packet was under way
		p.Release()
		return
	}
	if track.kind == media.Video && s.now.Sub(p.Arrived) > maxLag {
		for _, seat := range f.seats {
			seat.dropped(stats.Overloaded)
		}
		f.sent[p.Encoding].Put(p) // it can be asked for
		return
	}
	g := &s.gathered[track.kind]
	if len(f.packets) == 0 {
		g.feeds = append(g.feeds, f)
	}
	f.packets = append(f.packets, gathered{Packet: p})
	if g.due.IsZero() {
		length := s.slots.Length()
		if track.kind == media.Audio {
			length = min(length, audioSlot)
		}
		g.due = p.Arrived.Add(length)
	}
}

// serve hands out what was gathered in the slots that are over. Sound goes along with pictures.
func (s *shard) serve(now time.Time) {
	video := s.gathered[media.Video].due
	over := !video.IsZero() && !now.Before(video)
	for kind := range s.gathered {
		g := &s.gathered[kind]
		if g.due.IsZero() || (!over && now.Before(g.due)) {
			continue
		}
		for _, f := range g.feeds {
			s.serveFeed(now, f)
		}
		clear(g.feeds)
		g.feeds, g.due = g.feeds[:0], time.Time{}
	}
}

// serveFeed offers the packets of a feed to all seats that want it, and keeps them for those that lose them. Each seat gets
// all of them in a row: they leave together, and its state is at hand.
func (s *shard) serveFeed(now time.Time, f *feed) {
	align(f.packets)
	for i := len(f.seats) - 1; i >= 0; i-- {
		s.serveSeat(now, f, f.seats[i])
	}
	for _, p := range f.packets {
		if p.seats > 0 {
			s.delays = append(s.delays, delay{p.Arrived, p.seats})
		}
		if f.closed {
			p.Release()
		} else {
			f.sent[p.Encoding].Put(p.Packet)
		}
	}
	clear(f.packets)
	f.packets = f.packets[:0]
}

// serveSeat offers the packets of a feed to one of its seats. A panic costs those of this seat.
func (s *shard) serveSeat(now time.Time, f *feed, seat *seatTrack) {
	defer s.contain()
	seat.handleRTP(now, f)
}

// untilDue is how long the shard may sleep.
func (s *shard) untilDue() time.Duration {
	due := s.nextTick
	for kind := range s.gathered {
		if at := s.gathered[kind].due; !at.IsZero() && at.Before(due) {
			due = at
		}
	}
	for _, sub := range s.parked {
		if at := sub.queue.due(); at.Before(due) {
			due = at
		}
	}
	if len(s.replays) > 0 && s.replayDue.Before(due) {
		due = s.replayDue
	}
	wait := max(time.Until(due), 0)
	if s.gathering() {
		wait = min(wait, audioSlot)
	}
	return wait
}

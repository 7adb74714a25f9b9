package room

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"hiroba/sfu/stats"
	"hiroba/signaling/protocol"
)

// Stats is a copy of what the rooms count.
type Stats struct {
	// Rooms, Participants, Seats and OccupiedSeats are how many there are now; Detached participants count.
	Rooms, Participants, Seats, OccupiedSeats int
	// MailboxDepth is the longest mailbox of a room now.
	MailboxDepth int
	// Joins and Resumes count those that were let in, Refused those that were not.
	Joins, Resumes uint64
	Refused        map[protocol.Code]uint64
	// Left counts ended sessions.
	Left map[protocol.ByeReason]uint64
	// JoinDuration is from a join to the first media packet that was forwarded to the participant, for those who came
	// into a room where somebody published.
	JoinDuration stats.HistogramSnapshot
	// Restarts counts ICE restarts by the reasons that clients gave, RestartTime is from the offer to a transport that works.
	Restarts     map[protocol.RestartReason]uint64
	RestartTime  stats.HistogramSnapshot
	ChatMessages uint64
	// FileBytes counts what was relayed, FileTransfers the ended transfers by outcome: "done" or the reason of FileCancel.
	FileBytes     uint64
	FileTransfers map[string]uint64
	// Reports is what clients say of their calls.
	Reports ReportStats
	// Panics counts those that were contained.
	Panics uint64
}

// joinBounds are the upper bounds of the buckets of Stats.JoinDuration and Stats.RestartTime.
var joinBounds = []time.Duration{
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond,
	500 * time.Millisecond, 800 * time.Millisecond, 1200 * time.Millisecond, 2 * time.Second, 4 * time.Second,
	8 * time.Second, 20 * time.Second,
}

// counters are what all rooms count together.
type counters struct {
	joins, resumes, panics        atomic.Uint64
	chatMessages, fileBytes       atomic.Uint64
	participants, seats, occupied atomic.Int64
	joinDuration, restartTime     *stats.Histogram
	reports                       reportCounters

	// mu guards the maps, for one increment or a copy.
	mu        sync.Mutex
	refusals  map[protocol.Code]uint64
	leavings  map[protocol.ByeReason]uint64
	transfers map[string]uint64
	restarts  map[protocol.RestartReason]uint64
}

func newCounters() counters {
	return counters{
		joinDuration: stats.NewHistogram(joinBounds...),
		reports:      newReportCounters(),
		refusals:     make(map[protocol.Code]uint64),
		leavings:     make(map[protocol.ByeReason]uint64),
		transfers:    make(map[string]uint64),
		restarts:     make(map[protocol.RestartReason]uint64),
		restartTime:  stats.NewHistogram(joinBounds...),
	}
}

func (c *counters) refused(code protocol.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusals[code]++
}

func (c *counters) left(reason protocol.ByeReason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leavings[reason]++
}

func (c *counters) add(t tally) {
	c.chatMessages.Add(t.chatMessages)
	c.fileBytes.Add(t.fileBytes)
	if len(t.transfers)+len(t.restarts) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for outcome, n := range t.transfers {
		c.transfers[outcome] += n
	}
	for reason, n := range t.restarts {
		c.restarts[reason] += n
	}
}

// gauges are one room's share of the counters that go up and down.
type gauges struct{ participants, seats, occupied int64 }

// change adds the difference to now to the counters.
func (g *gauges) change(c *counters, now gauges) {
	c.participants.Add(now.participants - g.participants)
	c.seats.Add(now.seats - g.seats)
	c.occupied.Add(now.occupied - g.occupied)
	*g = now
}

// Stats is what the rooms count.
func (r *Registry) Stats() Stats {
	c := &r.counters
	s := Stats{
		Participants:  int(c.participants.Load()),
		Seats:         int(c.seats.Load()),
		OccupiedSeats: int(c.occupied.Load()),
		Joins:         c.joins.Load(),
		Resumes:       c.resumes.Load(),
		JoinDuration:  c.joinDuration.Snapshot(),
		RestartTime:   c.restartTime.Snapshot(),
		ChatMessages:  c.chatMessages.Load(),
		FileBytes:     c.fileBytes.Load(),
		Reports:       c.reports.snapshot(),
		Panics:        c.panics.Load(),
	}
	c.mu.Lock()
	s.Refused, s.Left, s.FileTransfers = maps.Clone(c.refusals), maps.Clone(c.leavings), maps.Clone(c.transfers)
	s.Restarts = maps.Clone(c.restarts)
	c.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Rooms = len(r.rooms)
	for _, rm := range r.rooms {
		s.MailboxDepth = max(s.MailboxDepth, rm.inbox.Len())
	}
	return s
}

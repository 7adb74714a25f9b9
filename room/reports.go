package room

import (
	"sync"
	"time"

	"hiroba/sfu/stats"
	"hiroba/signaling/protocol"
)

// reporting is what is kept of a participant's reports.
type reporting struct {
	// last is when the last one came; zero before.
	last time.Time
	// shown is true after the first picture was reported.
	shown bool
}

// handleReport takes what a client says of its call. Its form is checked already; what it says is believed only as far as it
// is possible.
func (s *state) handleReport(now time.Time, p *participant, m protocol.Report) {
	since := p.reporting.last
	if since.IsZero() {
		since = p.joinedAt
	}
	p.reporting.last = now
	// Each seat stands still for the time that has passed, at most.
	possible := now.Sub(since) * time.Duration(len(p.seats))
	told := tellReport{to: p.id, report: m, freeze: min(time.Duration(m.FreezeMs)*time.Millisecond, possible)}
	if p.reporting.shown {
		told.report.FirstFrame = nil
	}
	p.reporting.shown = p.reporting.shown || m.FirstFrame != nil
	s.emit(told)
}

// ReportStats counts what clients report. Nobody has measured it but they.
type ReportStats struct {
	// Paths counts reports by how the client's media went: candidate type and protocol.
	Paths map[protocol.CandidateType]map[protocol.PathProtocol]uint64
	// Pathless counts those without a path.
	Pathless uint64
	// Freezes and FramesDropped are sums, FreezeTime is that of all freezes.
	Freezes, FramesDropped uint64
	FreezeTime             time.Duration
	// FirstFrame is from the wish to join to the first picture, RTT the round-trip times of ICE.
	FirstFrame, RTT stats.HistogramSnapshot
}

// rttBounds are the upper bounds of the buckets of ReportStats.RTT.
var rttBounds = []time.Duration{
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond,
	400 * time.Millisecond, time.Second,
}

// mediaWay is the part of a protocol.MediaPath that is counted.
type mediaWay struct {
	candidate protocol.CandidateType
	protocol  protocol.PathProtocol
}

// reportCounters are what the clients of all rooms report together.
type reportCounters struct {
	firstFrame, rtt *stats.Histogram

	// mu guards what follows, for some additions or a copy.
	mu               sync.Mutex
	ways             map[mediaWay]uint64 // bounded: protocol.Check knows them all
	pathless         uint64
	freezes, dropped uint64
	freeze           time.Duration
}

func newReportCounters() reportCounters {
	return reportCounters{
		firstFrame: stats.NewHistogram(joinBounds...), rtt: stats.NewHistogram(rttBounds...), ways: make(map[mediaWay]uint64),
	}
}

func (c *reportCounters) add(e tellReport) {
	r := e.report
	if r.FirstFrame != nil {
		c.firstFrame.Observe(time.Duration(r.FirstFrame.TookMs) * time.Millisecond)
	}
	if r.Path != nil && r.Path.RTTMs != nil {
		c.rtt.Observe(time.Duration(*r.Path.RTTMs) * time.Millisecond)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.freezes += uint64(r.Freezes)       //nolint:gosec // checked to be positive
	c.dropped += uint64(r.FramesDropped) //nolint:gosec // likewise
	c.freeze += e.freeze
	if r.Path == nil {
		c.pathless++
		return
	}
	c.ways[mediaWay{r.Path.Candidate, r.Path.Protocol}]++
}

// snapshot has all paths that there can be.
func (c *reportCounters) snapshot() ReportStats {
	s := ReportStats{
		Paths:      make(map[protocol.CandidateType]map[protocol.PathProtocol]uint64),
		FirstFrame: c.firstFrame.Snapshot(), RTT: c.rtt.Snapshot(),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, candidate := range protocol.CandidateTypes() {
		s.Paths[candidate] = make(map[protocol.PathProtocol]uint64)
		for _, p := range protocol.PathProtocols() {
			if p == "tls" && candidate != "relay" {
				continue
			}
			s.Paths[candidate][p] = c.ways[mediaWay{candidate, p}]
		}
	}
	s.Pathless, s.Freezes, s.FramesDropped, s.FreezeTime = c.pathless, c.freezes, c.dropped, c.freeze
	return s
}

package room

import (
	"testing"
	"time"

	"hiroba/room/seating"
	"hiroba/signaling/protocol"
)

func TestReportsAreBelievedAsFarAsTheyArePossible(t *testing.T) {
	joined := time.Unix(1_800_000_000, 0)
	s := newState(joined, "square", rules{limits: DefaultLimits()})
	p := &participant{id: "p", joinedAt: joined, receiver: receiver{seats: make([]seating.Seat, 2)}}
	for _, tt := range []struct {
		after      time.Duration // since the join
		freezeMs   int
		first      bool
		wantFreeze time.Duration
		wantFirst  bool
	}{
		{10 * time.Second, 500, false, 500 * time.Millisecond, false},
		{20 * time.Second, protocol.ReportFreezeMs, true, 20 * time.Second, true}, // both seats, all the time
		{20 * time.Second, protocol.ReportFreezeMs, true, 0, false},               // at once again
		{21 * time.Second, 1500, true, 1500 * time.Millisecond, false},
	} {
		m := protocol.Report{Freezes: 1, FreezeMs: tt.freezeMs}
		if tt.first {
			m.FirstFrame = &protocol.FirstFrame{TookMs: 300}
		}
		s.handleReport(joined.Add(tt.after), p, m)
		effects := s.takeEffects()
		told, ok := effects[0].(tellReport)
		if !ok || len(effects) != 1 || told.freeze != tt.wantFreeze || (told.report.FirstFrame != nil) != tt.wantFirst {
			t.Errorf("after %v: %+v; want a freeze of %v, first %v", tt.after, effects, tt.wantFreeze, tt.wantFirst)
		}
	}
}

package speaker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hiroba/signaling/protocol"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// script runs a detector over reports that come every 200 ms from several microphones.
type script struct {
	t       *testing.T
	d       *Detector
	now     time.Time
	changes []change
}

type change struct {
	at   time.Duration
	list []protocol.Speaker
}

func newScript(t *testing.T) *script {
	t.Helper()
	return &script{t: t, d: New(), now: start}
}

// step reports one loudness per microphone and lets one report period pass, with all timeouts in it.
func (s *script) step(levels map[protocol.ParticipantID]uint8) {
	s.t.Helper()
	for _, id := range sortedKeys(levels) {
		s.d.HandleLevel(s.now, id, levels[id])
	}
	end := s.now.Add(reportPeriod)
	s.poll()
	for range 100 {
		next := s.d.Deadline()
		if next.IsZero() || !next.Before(end) {
			s.now = end
			return
		}
		if next.After(s.now) {
			s.now = next
		}
		s.d.HandleTimeout(s.now)
		s.poll()
	}
	s.t.Fatal("the deadline does not move on")
}

func (s *script) steps(n int, levels map[protocol.ParticipantID]uint8) {
	s.t.Helper()
	for range n {
		s.step(levels)
	}
}

func (s *script) poll() {
	if list, ok := s.d.PollSpeakers(s.now); ok {
		s.changes = append(s.changes, change{s.now.Sub(start), list})
	}
}

func (s *script) expect(ids ...protocol.ParticipantID) {
	s.t.Helper()
	var got []protocol.ParticipantID
	for _, sp := range s.d.Speakers() {
		got = append(got, sp.Participant)
	}
	if !slices.Equal(got, ids) {
		s.t.Fatalf("after %v: speakers %v, want %v", s.now.Sub(start), got, ids)
	}
}

func sortedKeys(m map[protocol.ParticipantID]uint8) []protocol.ParticipantID {
	keys := make([]protocol.ParticipantID, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

type levels = map[protocol.ParticipantID]uint8

func TestDetectorListsSpeechAfterTwoReports(t *testing.T) {
	s := newScript(t)
	s.step(levels{"a": 100})
	s.expect()
	s.step(levels{"a": 100})
	s.expect("a")
	if at := s.changes[0].at; at > 600*time.Millisecond {
		t.Errorf("listed after %v", at)
	}
	if level := s.d.Speakers()[0].Level; level != 0.7 {
		t.Errorf("level %v, want 0.7", level)
	}
}

func TestDetectorIgnoresAClick(t *testing.T) {
	s := newScript(t)
	for range 20 {
		s.step(levels{"a": 110})
		s.steps(2, levels{"a": 0})
	}
	s.expect()
}

func TestDetectorKeepsSpeakersAcrossPauses(t *testing.T) {
	s := newScript(t)
	s.steps(5, levels{"a": 100})
	s.step(levels{"a": 0})
	s.steps(5, nil)
	s.expect("a")
	s.steps(4, nil)
	s.expect()
}

func TestDetectorEndsASourceThatStoppedReporting(t *testing.T) {
	s := newScript(t)
	s.steps(5, levels{"a": 100})
	s.steps(20, nil)
	s.expect()
	if d := s.d.Deadline(); !d.IsZero() {
		t.Errorf("a silent room has the deadline %v", d)
	}
}

func TestDetectorLearnsSteadyNoise(t *testing.T) {
	s := newScript(t)
	s.steps(50, levels{"a": 68})
	s.expect()
	s.steps(3, levels{"a": 95})
	s.expect("a")
}

func TestDetectorNeverLearnsALoudTone(t *testing.T) {
	s := newScript(t)
	s.steps(5*600, levels{"a": 100})
	s.expect("a")
}

func TestDetectorPutsTheLouderFirst(t *testing.T) {
	s := newScript(t)
	s.steps(20, levels{"a": 90, "b": 80, "c": 100})
	s.expect("c", "a", "b")
}

func TestDetectorKeepsTheDominantSpeakerAgainstEquals(t *testing.T) {
	s := newScript(t)
	s.steps(10, levels{"a": 100})
	s.steps(50, levels{"a": 100, "b": 104})
	s.expect("a", "b")
}

func TestDetectorYieldsWhenTheDominantSpeakerFallsSilent(t *testing.T) {
	s := newScript(t)
	s.steps(20, levels{"a": 100})
	s.step(levels{"a": 0, "b": 90})
	s.steps(4, levels{"b": 90})
	s.expect("b", "a")
}

func TestDetectorForgetsTheRemoved(t *testing.T) {
	s := newScript(t)
	s.steps(5, levels{"a": 100, "b": 90})
	s.d.Remove(s.now, "a")
	s.step(levels{"b": 90})
	s.expect("b")
	s.d.Remove(s.now, "nobody")
}

func TestDetectorListsFiveAtMost(t *testing.T) {
	s := newScript(t)
	all := levels{}
	for i := range 30 {
		all[protocol.ParticipantID(fmt.Sprintf("p%02d", i))] = 100
	}
	s.steps(5, all)
	if n := len(s.d.Speakers()); n != maxListed {
		t.Errorf("%d listed", n)
	}
}

// TestDetectorCrossTalk lets two people talk over each other, in bursts of one to three seconds with pauses of up to
// 600 ms.
func TestDetectorCrossTalk(t *testing.T) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test
		s := newScript(t)
		talk, pause := map[protocol.ParticipantID]int{}, map[protocol.ParticipantID]int{}
		const minutes = 10
		for range minutes * 60 * 5 {
			now := levels{}
			for _, id := range []protocol.ParticipantID{"a", "b"} {
				if talk[id] == 0 { // so many reports of speech after so many of a pause
					talk[id] = 5 + rng.IntN(10)
					pause[id] = 1 + rng.IntN(3)
				}
				if pause[id] > 0 {
					pause[id]--
					now[id] = uint8(rng.IntN(2) * 50) //nolint:gosec // small
				} else {
					talk[id]--
					now[id] = uint8(88 + rng.IntN(20)) //nolint:gosec // small
				}
			}
			s.step(now)
		}
		flips, head := 0, protocol.ParticipantID("")
		for _, c := range s.changes {
			if len(c.list) > 0 && c.list[0].Participant != head {
				flips++
				head = c.list[0].Participant
			}
		}
		t.Logf("seed %d: %.1f flips a minute", seed, float64(flips)/minutes)
		if flips > 6*minutes {
			t.Errorf("seed %d: %d flips in %d minutes", seed, flips, minutes)
		}
	}
}

// TestDetectorProperties feeds noise: changes are far enough apart, nobody is listed twice or after Remove, levels are
// in range, and the same reports give the same changes.
func TestDetectorProperties(t *testing.T) {
	for seed := range uint64(50) {
		run := func() []change {
			rng := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a test
			s := newScript(t)
			for range 200 {
				now := levels{}
				for range rng.IntN(8) {
					now[protocol.ParticipantID(fmt.Sprint("p", rng.IntN(10)))] = uint8(rng.IntN(256)) //nolint:gosec // a byte
				}
				gone := protocol.ParticipantID(fmt.Sprint("p", rng.IntN(10)))
				s.d.Remove(s.now, gone)
				if slices.ContainsFunc(s.d.speaking, func(o *source) bool { return o.id == gone }) {
					t.Fatalf("seed %d: %s speaks after Remove", seed, gone)
				}
				s.step(now)
			}
			return s.changes
		}
		first, second := run(), run()
		if fmt.Sprint(first) != fmt.Sprint(second) {
			t.Fatalf("seed %d: two runs differ", seed)
		}
		for i, c := range first {
			if i > 0 && c.at-first[i-1].at < minGap {
				t.Fatalf("seed %d: changes at %v and %v", seed, first[i-1].at, c.at)
			}
			seen := map[protocol.ParticipantID]bool{}
			for _, sp := range c.list {
				if seen[sp.Participant] || sp.Level < 0 || sp.Level > 1 {
					t.Fatalf("seed %d: bad list %v", seed, c.list)
				}
				seen[sp.Participant] = true
			}
		}
	}
}

func BenchmarkHandleLevel(b *testing.B) {
	d := New()
	now := start
	ids := make([]protocol.ParticipantID, 100)
	for i := range ids {
		ids[i] = protocol.ParticipantID(fmt.Sprint("participant", i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(2 * time.Millisecond)
		d.HandleLevel(now, ids[i%100], uint8(60+i%50)) //nolint:gosec // small
	}
}

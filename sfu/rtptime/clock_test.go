package rtptime_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"hiroba/sfu/rtptime"
)

const (
	ms        = time.Millisecond
	videoRate = 90000
	audioRate = 48000
)

// began is the server's time at which the publishers of these tests begin.
var began = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// source is a stream of a model publisher. Its clock is ahead of the server's by skew and counts (1 + drift) seconds a
// second.
type source struct {
	clock rtptime.Clock
	rate  int64
	first uint32 // the RTP timestamp at the beginning
	skew  time.Duration
	drift float64
}

// local is a time since the beginning on the publisher's clock.
func (s *source) local(since time.Duration) time.Duration {
	return since + time.Duration(float64(since)*s.drift)
}

func (s *source) timestamp(since time.Duration) uint32 {
	return s.first + uint32(int64(s.local(since))*s.rate/int64(time.Second))
}

// report sends a sender report that travels for delay.
func (s *source) report(since, delay time.Duration) {
	ntp := rtptime.NewNTP(began.Add(s.skew + s.local(since)))
	s.clock.HandleSenderReport(began.Add(since+delay), ntp, s.timestamp(since))
}

// packet sends a packet that travels for delay, and gives by how much the server believes it younger than it is.
func (s *source) packet(since, delay time.Duration) time.Duration {
	return s.clock.CaptureTime(began.Add(since+delay), s.timestamp(since)).Sub(began.Add(since))
}

func newPair(skew time.Duration) (audio, video *source) {
	p := new(rtptime.Publisher)
	audio = &source{clock: rtptime.NewClock(p, audioRate), rate: audioRate, first: 4_294_960_000, skew: skew}
	video = &source{clock: rtptime.NewClock(p, videoRate), rate: videoRate, first: 1_000, skew: skew}
	return audio, video
}

func near(a, b, tolerance time.Duration) bool { return (a - b).Abs() <= tolerance }

// Sound arrives after 50 ms and pictures after 250 ms: the reports alone tell that they belong together.
func TestClocksOfOnePublisherKeepLipsInSync(t *testing.T) {
	for _, skew := range []time.Duration{0, -time.Hour, 30 * 365 * 24 * time.Hour} {
		audio, video := newPair(skew)
		video.report(0, 250*ms)
		audio.report(100*ms, 50*ms)
		for since := time.Second; since < time.Minute; since += 20 * ms {
			if since%(5*time.Second) == 0 {
				audio.report(since, 50*ms)
			}
			if since%time.Second == 0 {
				video.report(since, 250*ms)
			}
			a, v := audio.packet(since, 50*ms), video.packet(since, 250*ms)
			if !near(a, v, ms/10) || !near(a, 50*ms, 2*ms) {
				t.Fatalf("skew %v, after %v: audio %v, video %v", skew, since, a, v)
			}
		}
	}
}

func TestClocksFollowDriftThroughJitter(t *testing.T) {
	for _, drift := range []float64{-100e-6, 100e-6} {
		const seed = 4
		random := rand.New(rand.NewPCG(seed, 0))
		audio, video := newPair(time.Hour)
		audio.drift, video.drift = drift, drift
		jitter := func() time.Duration { return time.Duration(random.Int64N(int64(80 * ms))) }
		for since := time.Duration(0); since < 30*time.Minute; since += 500 * ms {
			if since%time.Second == 0 {
				video.report(since, 20*ms+jitter())
			}
			if since%(5*time.Second) == 0 {
				audio.report(since, 20*ms+jitter())
			}
			a, v := audio.packet(since, 20*ms+jitter()), video.packet(since, 20*ms+jitter())
			if !near(a, v, ms) {
				t.Fatalf("seed %d, drift %v, after %v: audio %v, video %v", seed, drift, since, a, v)
			}
			if since > time.Minute && !near(a, 20*ms, 20*ms) {
				t.Fatalf("seed %d, drift %v, after %v: %v, want about 20ms", seed, drift, since, a)
			}
		}
	}
}

func TestClockGoesByArrivalBeforeTheFirstReport(t *testing.T) {
	_, video := newPair(time.Hour)
	if _, ok := video.clock.TimestampAt(began); ok {
		t.Error("a timestamp before the first packet")
	}
	random := rand.New(rand.NewPCG(9, 0))
	video.packet(0, 90*ms)
	video.packet(33*ms, 20*ms) // the fastest
	for since := 66 * ms; since < 10*time.Second; since += 33 * ms {
		if got := video.packet(since, 20*ms+time.Duration(random.Int64N(int64(100*ms)))); !near(got, 20*ms, 3*ms) {
			t.Fatalf("after %v: %v, want about 20ms", since, got)
		}
	}
	if video.clock.Reported() {
		t.Error("reported without a report")
	}
	got, ok := video.clock.TimestampAt(began.Add(5*time.Second + 20*ms))
	if want := video.timestamp(5 * time.Second); !ok || !near(time.Duration(int32(got-want)), 0, 3*videoRate/1000) {
		t.Errorf("TimestampAt gives %d, %v; want about %d", got, ok, want)
	}
}

func TestClockByArrivalFollowsAJumpOfTimestamps(t *testing.T) {
	for _, jump := range []uint32{60 * videoRate, 1 << 31, 1<<32 - 60*videoRate} {
		_, video := newPair(0)
		video.packet(0, 20*ms)
		video.first += jump
		for since := time.Second; since < 5*time.Second; since += 33 * ms {
			if got := video.packet(since, 20*ms); !near(got, 20*ms, ms) {
				t.Fatalf("jump of %d, after %v: %v, want 20ms", jump, since, got)
			}
		}
	}
}

func TestClockIgnoresReportsOutOfOrderAndWithoutTime(t *testing.T) {
	audio, video := newPair(0)
	audio.report(2*time.Second, 20*ms)
	video.report(2*time.Second, 20*ms)
	right := video.first
	video.first += 1000 * videoRate
	video.report(time.Second, 3*time.Second) // overtaken
	video.report(2*time.Second, 2*time.Second)
	video.clock.HandleSenderReport(began.Add(4*time.Second), 0, 12345)
	video.first = right
	if got := video.packet(3*time.Second, 30*ms); !near(got, 20*ms, ms) {
		t.Errorf("%v, want 20ms", got)
	}
}

// A report that has nothing to do with the packets must not put them into another year.
func TestClockDistrustsReportsThatDoNotFitThePackets(t *testing.T) {
	_, video := newPair(0)
	video.packet(0, 20*ms)
	right := video.first
	video.first += 1 << 30
	video.report(time.Second, 20*ms)
	video.first = right
	if got := video.packet(2*time.Second, 20*ms); !near(got, 20*ms, ms) {
		t.Errorf("%v, want 20ms by arrival", got)
	}
	video.report(3*time.Second, 20*ms)
	if got := video.packet(4*time.Second, 40*ms); !near(got, 20*ms, ms) {
		t.Errorf("%v, want 20ms by the good report", got)
	}
}

func TestPublisherFollowsAClockThatIsSet(t *testing.T) {
	for _, step := range []time.Duration{-time.Hour, -3 * time.Second, 3 * time.Second, time.Hour} {
		audio, video := newPair(0)
		stream := func(from, to time.Duration) (a, v time.Duration) {
			for since := from; since < to; since += time.Second {
				video.report(since, 20*ms)
				if since%(5*time.Second) == 0 {
					audio.report(since, 20*ms)
				}
				a, v = audio.packet(since, 20*ms), video.packet(since, 20*ms)
			}
			return a, v
		}
		stream(0, 30*time.Second)
		audio.skew, video.skew = step, step
		if a, v := stream(30*time.Second, time.Minute); !near(a, 20*ms, 10*ms) || !near(v, a, ms) {
			t.Errorf("set by %v: audio %v, video %v; want 20ms", step, a, v)
		}
	}
}

// One report that was stuck in a queue is not a clock that was set.
func TestPublisherOverlooksALateReport(t *testing.T) {
	_, video := newPair(0)
	video.report(0, 20*ms)
	video.report(time.Second, 9*time.Second)
	for since := 11 * time.Second; since < 30*time.Second; since += time.Second {
		video.report(since, 20*ms)
		if got := video.packet(since, 20*ms); !near(got, 20*ms, 5*ms) {
			t.Fatalf("after %v: %v, want 20ms", since, got)
		}
	}
}

func TestTimestampAtIsTheInverseOfCaptureTime(t *testing.T) {
	audio, video := newPair(time.Hour)
	for _, s := range []*source{audio, video} {
		s.report(0, 20*ms)
		for since := 100 * ms; since < 3*time.Second; since += 20 * ms {
			timestamp := s.timestamp(since)
			captured := s.clock.CaptureTime(began.Add(since+20*ms), timestamp)
			got, ok := s.clock.TimestampAt(captured)
			if off := int32(got - timestamp); !ok || off < -1 || off > 1 {
				t.Fatalf("rate %d: %d became %d, %v", s.rate, timestamp, got, ok)
			}
		}
	}
}

func TestNewClockNeedsAPublisherAndARate(t *testing.T) {
	for _, f := range []func(){
		func() { rtptime.NewClock(nil, videoRate) },
		func() { rtptime.NewClock(new(rtptime.Publisher), 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			f()
		}()
	}
}

// CaptureTime of one stream may run at the same time as a report of another: the race detector looks at this.
func TestCaptureTimeMayRunBesideReportsOfOtherStreams(t *testing.T) {
	audio, video := newPair(0)
	audio.report(0, 20*ms)
	video.report(0, 20*ms)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for since := ms; since < time.Second; since += ms {
			video.report(since, 20*ms)
		}
	}()
	for since := ms; since < time.Second; since += ms {
		audio.packet(since, 20*ms)
	}
	<-done
}

func FuzzClock(f *testing.F) {
	f.Add(int64(0), uint64(0xEEAD57C0_80000000), uint32(1), uint64(0xEEAD57C1_80000000), uint32(90001), uint32(180001))
	f.Add(int64(1e9), uint64(1), uint32(0), uint64(1<<63), uint32(1<<31), uint32(1<<31))
	f.Fuzz(func(t *testing.T, later int64, ntp1 uint64, ts1 uint32, ntp2 uint64, ts2, ts uint32) {
		clock := rtptime.NewClock(new(rtptime.Publisher), videoRate)
		now := began.Add(time.Duration(later % int64(time.Hour)).Abs())
		clock.HandleSenderReport(began, rtptime.NTP(ntp1), ts1)
		clock.HandleSenderReport(now, rtptime.NTP(ntp2), ts2)
		captured := clock.CaptureTime(now, ts)
		if age := now.Sub(captured); age > 10*time.Second || age < -time.Second {
			t.Fatalf("captured %v ago", age)
		}
		clock.TimestampAt(now)
	})
}

func TestClockAllocatesNothing(t *testing.T) {
	_, video := newPair(0)
	since := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		since += 33 * ms
		video.report(since, 20*ms)
		video.packet(since, 20*ms)
		video.clock.TimestampAt(began)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

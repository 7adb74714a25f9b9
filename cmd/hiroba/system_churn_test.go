package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/signaling/client"
	"hiroba/signaling/client/synthetic"
	"hiroba/signaling/protocol"
)

// churnCycles is how often somebody joins and leaves: HIROBA_TEST_CHURN, or enough to see a leak of each.
func churnCycles(t *testing.T) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("HIROBA_TEST_CHURN")); err == nil {
		return n
	}
	if testing.Short() {
		return 12
	}
	return 60
}

// TestSystemChurnLeavesNothingBehind lets people join a room with two residents, see them, and leave or vanish. When
// all are gone, goroutines and heap must be what they were before.
func TestSystemChurnLeavesNothingBehind(t *testing.T) {
	cfg := testConfig()
	cfg.SessionGrace, cfg.RoomGrace = 200*time.Millisecond, time.Millisecond
	s := startServer(t, cfg)
	cycles := churnCycles(t)
	// In subtests, so that nothing of theirs is kept for the end of the test.
	t.Run("warm up", func(t *testing.T) { churn(t, s, max(8, cycles/10)) }) // caches and pools fill
	goroutines, heap := settled(t, 0)
	started := time.Now()
	t.Run("churn", func(t *testing.T) { churn(t, s, cycles) })
	took := time.Since(started)
	goroutinesAfter, heapAfter := settled(t, goroutines)
	t.Logf("%d cycles in %v: goroutines %d -> %d, heap %d -> %d kB", cycles, took.Round(time.Millisecond),
		goroutines, goroutinesAfter, heap>>10, heapAfter>>10)
	if goroutinesAfter > goroutines {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", goroutinesAfter, goroutines, stacks[:runtime.Stack(stacks, true)])
	}
	// 1 MB is for what has not gone yet; one leaked PeerConnection is over 100 kB.
	if heapAfter > heap+1<<20 {
		t.Errorf("heap of %d kB, %d kB before", heapAfter>>10, heap>>10)
	}
	if n := s.rooms.Stats().Rooms; n != 0 {
		t.Errorf("%d rooms are left", n)
	}
	if n := s.engine.UpTracks(); n != 0 {
		t.Errorf("%d up tracks are left", n)
	}
}

// churn runs cycles of joining and leaving, four at a time, beside two residents, who leave in the end. Half of the
// visitors are gone before they see anything, and half vanish without a word.
func churn(t *testing.T, s *server, cycles int) {
	t.Helper()
	residents := []*person{enter(t, s, "square", 0), enter(t, s, "square", 1)}
	residents[0].sees(t, residents[1])
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for n := next.Add(1); n <= int64(cycles) && !t.Failed(); n = next.Add(1) {
				if err := visit(t, s, residents[0], int(n)); err != nil {
					t.Errorf("visit %d: %v", n, err)
				}
			}
		})
	}
	workers.Wait()
	residents[0].sees(t, residents[1])
	residents[0].checkFaultless(t)
	for _, p := range residents {
		if err := p.Leave(bounded(t)); err != nil {
			t.Error(err)
		}
	}
}

func visit(t *testing.T, s *server, resident *person, n int) error {
	ctx := bounded(t)
	c, err := client.Dial(ctx, client.Config{
		URL: s.URL(), Room: "square", Name: fmt.Sprintf("visitor %d", n), Seats: 3, CountOnly: true,
		Publish: []client.Publication{
			client.Microphone(synthetic.NewTone(n)),
			client.Camera(synthetic.NewVP8(synthetic.VP8Config{Colour: synthetic.Palette(n)})),
		},
	})
	if err != nil {
		return err
	}
	defer c.Close()
	switch n % 4 { // leave as soon as possible, when connections are being made
	case 1:
		if err := c.Connected(ctx); err != nil {
			return err
		}
		return c.Leave(ctx)
	case 2:
		return c.Await(ctx, func() bool { return c.State() != webrtc.PeerConnectionStateNew })
	}
	if err := c.Await(ctx, func() bool { return c.Received(resident.ID(), protocol.Camera).Keyframes > 0 }); err != nil {
		return fmt.Errorf("see the resident: %w", err)
	}
	if n%4 == 0 {
		return nil // without a word
	}
	return c.Leave(ctx)
}

// settled waits until the number of goroutines stays, and returns it with the size of the live heap. It waits longer
// while there are more goroutines than want, when that is not 0.
func settled(t *testing.T, want int) (goroutines int, heap uint64) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := bounded(t)
	for still := 0; still < 50 || want > 0 && goroutines > want; {
		select {
		case <-ticker.C:
		case <-deadline.Done():
			still = 1 << 30
			want = 0
		}
		n := runtime.NumGoroutine()
		if still++; n != goroutines {
			goroutines, still = n, 0
		}
	}
	for range 2 { // the second collection empties what the first one moved out of pools
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return goroutines, m.HeapAlloc
}

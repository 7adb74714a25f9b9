package main

import (
	"math/rand/v2"
	"sync"
	"testing"

	"hiroba/sfu/media"
	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

// loses drops a share of all packets, by a seed.
func loses(share float64, seed uint64) func(media.SSRC, uint16) bool {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a test
	return func(media.SSRC, uint16) bool {
		mu.Lock()
		defer mu.Unlock()
		return random.Float64() < share
	}
}

// TestSystemLostPacketsAreSentAgain loses packets on the way to a subscriber, then on the way from a publisher. NACK
// and RTX must bring nearly all of them.
func TestSystemLostPacketsAreSentAgain(t *testing.T) {
	for _, c := range []struct {
		name         string
		sender, view client.StackConfig
	}{
		{"downstream", client.StackConfig{Loopback: true}, client.StackConfig{Loopback: true, Loss: loses(0.1, 1)}},
		{"upstream", client.StackConfig{Loopback: true, UpLoss: loses(0.1, 2)}, client.StackConfig{Loopback: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, testConfig())
			withStack := func(cfg client.StackConfig) func(*client.Config) {
				stack, err := client.NewStack(cfg)
				if err != nil {
					t.Fatal(err)
				}
				return func(c *client.Config) { c.Stack = stack }
			}
			a := enter(t, s, "square", 0, withStack(c.sender))
			b := enter(t, s, "square", 1, listener, withStack(c.view))
			b.sees(t, a)
			await(t, b.Client, "120 frames", func() bool { return b.Received(a.ID(), protocol.Camera).Frames > 120 })
			room := b.Room()
			line := func() client.LineStats { return b.Lines()[2*room.SeatOf(a.ID(), protocol.Camera)+1] }
			// What was lost a moment ago may still be on its way.
			await(t, b.Client, "repair", func() bool { l := line(); return l.Missing <= l.Packets/50 })
			t.Logf("publisher: %+v", a.Counters())
			if line := line(); line.BlindSwitches > 0 || line.Jumps > 0 {
				t.Errorf("not repaired: %+v", line)
			}
			if c.name == "downstream" && line().RTX == 0 {
				t.Error("nothing came as RTX")
			}
			if c.name == "upstream" && a.Counters().NACKed == 0 {
				t.Error("the server did not ask for what was lost")
			}
		})
	}
}

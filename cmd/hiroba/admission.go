package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hiroba/room"
	"hiroba/room/headroom"
)

const (
	// measureEvery is how often the server looks at what it uses.
	measureEvery = 500 * time.Millisecond
	// overloadedFor is when somebody who was refused should try again: about as long as the average takes to fall.
	overloadedFor = 5 * time.Second
	megabit       = 1e6
)

// admission measures the server, and says whether there is room for somebody new.
type admission struct {
	log *slog.Logger
	// sent is how many bytes of media have left.
	sent func() uint64

	// mu guards the gauge, for a sample or a look.
	mu    sync.Mutex
	gauge *headroom.Gauge
}

func newAdmission(limits headroom.Limits, log *slog.Logger, sent func() uint64) *admission {
	return &admission{log: log, sent: sent, gauge: headroom.New(limits)}
}

// admissionLimits are those of --max-cpu and --max-egress.
func (c *Config) admissionLimits() headroom.Limits {
	return headroom.Limits{CPU: float64(c.MaxCPU) / 100, Egress: float64(c.MaxEgress) * megabit}
}

// run measures until ctx ends.
func (a *admission) run(ctx context.Context) {
	ticker := time.NewTicker(measureEvery)
	defer ticker.Stop()
	for {
		a.measure(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (a *admission) measure(now time.Time) {
	s := usage()
	s.EgressBytes = a.sent()
	a.mu.Lock()
	before, was := a.gauge.Full()
	a.gauge.HandleSample(now, s)
	part, is := a.gauge.Full()
	a.mu.Unlock()
	switch {
	case is && !was:
		a.log.Warn("no headroom left, newcomers refused", "part", part.String())
	case was && !is:
		a.log.Info("headroom back, newcomers taken", "part", before.String())
	}
}

// refusal says why nobody new should be let in, or nil.
func (a *admission) refusal() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	part, full := a.gauge.Full()
	if !full {
		return nil
	}
	return &room.LaterError{Err: fmt.Errorf("%w: %v", room.ErrOverloaded, part), After: overloadedFor}
}

// left is the headroom of each part, for metrics.
func (a *admission) left() [headroom.PartCount]float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gauge.Left()
}

func (a *admission) setLimits(limits headroom.Limits) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gauge.SetLimits(limits)
}

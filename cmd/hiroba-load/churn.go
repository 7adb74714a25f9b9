package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// offTime is how long a camera that is turned off stays off.
const offTime = time.Second

// churnCounts are what happened besides media.
type churnCounts struct{ left, paged, toggled atomic.Uint64 }

// startChurn lets participants come and go, page, and turn their cameras off and on, until stop is called.
func (l *load) startChurn(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, c := range []struct {
		rate float64
		act  func(context.Context)
	}{
		{l.settings.Churn, l.replace},
		{l.settings.Page, func(context.Context) { l.turnAPage() }},
		{l.settings.Toggle, l.toggle},
	} {
		if c.rate > 0 {
			wg.Go(func() { every(ctx, &wg, c.rate, c.act) })
		}
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// every starts act so many times in a second.
func every(ctx context.Context, wg *sync.WaitGroup, rate float64, act func(context.Context)) {
	ticker := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			wg.Go(func() { act(ctx) })
		}
	}
}

// replace lets one subscriber leave and another join.
func (l *load) replace(ctx context.Context) {
	_, subscribers := l.everybody()
	var candidates []*participant
	for _, p := range subscribers {
		if p.probe == nil {
			candidates = append(candidates, p)
		}
	}
	if len(candidates) == 0 {
		return
	}
	p := candidates[rand.N(len(candidates))] //nolint:gosec // any will do
	if !p.room.remove(p) {
		return
	}
	l.retire(p)
	l.churn.left.Add(1)
	l.joinOne(ctx, joiner{p.room, func(ctx context.Context) (*participant, error) {
		return p.room.subscriber(ctx, l.newName())
	}})
}

// turnAPage lets one subscriber look at others.
func (l *load) turnAPage() {
	_, subscribers := l.everybody()
	if len(subscribers) == 0 {
		return
	}
	p := subscribers[rand.N(len(subscribers))] //nolint:gosec // any will do
	if p.probe == nil {
		p.turnPage()
		l.churn.paged.Add(1)
	}
}

// toggle turns one camera off and on again.
func (l *load) toggle(ctx context.Context) {
	publishers, _ := l.everybody()
	p := publishers[rand.N(len(publishers))] //nolint:gosec // any will do
	if p.camera == nil || !p.off.CompareAndSwap(false, true) {
		return
	}
	defer p.off.Store(false)
	p.turnCamera(true)
	l.churn.toggled.Add(1)
	timer := time.NewTimer(offTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	p.turnCamera(false)
}

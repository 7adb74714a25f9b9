package client

import (
	"context"
	"sync/atomic"
	"time"

	"hiroba/sfu/mailbox"
)

// sender is the goroutine that sends all that a client publishes: one timer for all of it.
type sender struct {
	inbox  *mailbox.Mailbox[func(now time.Time)]
	counts sendCounts

	// Owned by run.
	uplinks   []*uplink
	connected bool
}

// sendCounts are written by the sender and by the readers of RTCP.
type sendCounts struct {
	packets, bytes, frames, keyframes atomic.Uint64
	plis, firs, nacked                atomic.Uint64
}

func newSender() *sender { return &sender{inbox: mailbox.New[func(time.Time)]()} }

func (s *sender) post(f func(now time.Time)) { s.inbox.Post(f) }

// idle is how long the sender sleeps when nothing is due.
const idle = time.Hour

// run sends until ctx ends.
func (s *sender) run(ctx context.Context) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	var batch []func(time.Time)
	for {
		select {
		case <-ctx.Done():
			s.inbox.Close()
			return
		case <-timer.C:
		case <-s.inbox.Wait():
		}
		now := time.Now()
		batch = s.inbox.Take(batch)
		for _, f := range batch {
			f(now)
		}
		timer.Reset(s.sendDue(now))
	}
}

// sendDue sends what is due and returns the time until something is.
func (s *sender) sendDue(now time.Time) time.Duration {
	wait := idle
	if !s.connected {
		return wait
	}
	for _, u := range s.uplinks {
		if !u.live() {
			continue
		}
		u.catchUp(now)
		for u.live() && (u.early || !u.next.After(now)) {
			u.early = false
			packets, bytes, frame := u.send()
			s.counts.packets.Add(uint64(packets)) //nolint:gosec // not negative
			s.counts.bytes.Add(uint64(bytes))     //nolint:gosec // not negative
			if packets > 0 {
				s.counts.frames.Add(1)
			}
			if frame.Keyframe {
				s.counts.keyframes.Add(1)
			}
		}
		wait = min(wait, u.next.Sub(now))
	}
	return wait
}

// connect starts sending, each stream with a keyframe.
func (s *sender) connect(connected bool) {
	s.post(func(now time.Time) {
		if connected && !s.connected {
			for _, u := range s.uplinks {
				u.wantKey, u.next = true, maxTime(u.next, now)
			}
		}
		s.connected = connected
	})
}

// mute stops or starts a stream. What starts again does so with a keyframe.
func (s *sender) mute(u *uplink, muted bool) {
	s.post(func(time.Time) { u.muted, u.wantKey = muted, true })
}

func maxTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

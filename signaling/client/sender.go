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
	paced := false
	for _, u := range s.uplinks {
		if !u.live() {
			continue
		}
		s.sendPaced(u, now)
		u.catchUp(now)
		for u.live() && (u.early || !u.next.After(now)) {
			u.early = false
			s.count(u.flush()) // a picture that is not yet gone when the next one comes goes now
			frame := u.begin(now)
			if len(frame.Payloads) > 0 {
				s.counts.frames.Add(1)
			}
			if frame.Keyframe {
				s.counts.keyframes.Add(1)
			}
			s.sendPaced(u, now)
		}
		wait = min(wait, u.due().Sub(now))
		paced = paced || u.pace > 0
	}
	if paced {
		late := now.Add(wait).Sub(epoch) % pacingGrid
		wait += (pacingGrid - late) % pacingGrid
	}
	return wait
}

// sendPaced sends the packets of the current picture whose time has come.
func (s *sender) sendPaced(u *uplink, now time.Time) {
	for u.sent < len(u.frame.Payloads) && !u.packetDue.After(now) {
		s.count(u.sendNext())
	}
}

// finish sends what is left of the current picture, so that no half of it waits until the stream goes on.
func (s *sender) finish(u *uplink) {
	if u.bound != nil {
		s.count(u.flush())
	}
}

// count counts what was sent.
func (s *sender) count(packets, bytes int) {
	s.counts.packets.Add(uint64(packets)) //nolint:gosec // not negative
	s.counts.bytes.Add(uint64(bytes))     //nolint:gosec // not negative
}

// pacingGrid is what the times at which paced clients wake are rounded up to, all to the same moments, so that the timers
// of many clients fire as one.
const pacingGrid = time.Millisecond

// epoch is the time from which the grid is counted.
var epoch = time.Now()

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
	s.post(func(time.Time) {
		s.finish(u)
		u.muted, u.wantKey = muted, true
	})
}

// rest stops or starts a stream that nobody wants or somebody wants again.
func (s *sender) rest(u *uplink, resting bool) {
	s.post(func(time.Time) {
		if u.resting != resting {
			s.finish(u)
			u.resting, u.wantKey = resting, true
		}
	})
}

func maxTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

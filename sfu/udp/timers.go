package udp

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// soonest is how far ahead a deadline is at least: the poller keeps no finer time, and a Receiver that is always due must
// not keep its reader from reading.
const soonest = time.Millisecond

// timers wakes Receivers without a goroutine or timer for each: the next of their deadlines is the read deadline of the
// reader's socket. All times are since Mux.start.
type timers struct {
	start time.Time
	// setDeadline is SetReadDeadline of the socket. It may be called while the reader waits there.
	setDeadline func(time.Time) error
	// next is the first deadline, 0 if there is none: for a look without the lock.
	next atomic.Int64

	mu    sync.Mutex // guards what follows
	queue alarms
	armed time.Duration // the deadline that the socket has; 0 is none

	expired []*PeerMux // owned by the reader
}

// alarm is a PeerMux's place among the timers.
type alarm struct {
	due   time.Duration // 0 is never
	index int           // in the queue, if due is not 0
}

// schedule sets when the Receiver of p is to be called next. The zero time is never.
func (t *timers) schedule(p *PeerMux, now, due time.Time) {
	var at time.Duration
	if !due.IsZero() {
		at = max(due.Sub(t.start), now.Sub(t.start)+soonest)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(p, at)
}

// hurry brings the call forward to p.wake, if that is earlier.
func (t *timers) hurry(p *PeerMux) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(p, p.alarm.due)
}

// cancel forgets p.
func (t *timers) cancel(p *PeerMux) {
	p.wake.Store(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(p, 0)
}

// set moves p to at or to its wake time, whichever is earlier. t.mu is held, so that no Wake is overlooked: either it is seen
// here, or its hurry comes later.
func (t *timers) set(p *PeerMux, at time.Duration) {
	if wake := time.Duration(p.wake.Load()); wake != 0 && (at == 0 || wake < at) {
		at = wake
	}
	was := p.alarm.due
	p.alarm.due = at
	switch {
	case was == 0 && at != 0:
		heap.Push(&t.queue, p)
	case was != 0 && at == 0:
		heap.Remove(&t.queue, p.alarm.index)
	case at != was:
		heap.Fix(&t.queue, p.alarm.index)
	}
	t.arm(false)
}

// arm gives the socket its deadline. A deadline that is too early does no harm, and spares moving it each time that a
// Receiver wants to be called a little later. t.mu is held.
func (t *timers) arm(exactly bool) {
	var head time.Duration
	if len(t.queue) > 0 {
		head = t.queue[0].alarm.due
	}
	t.next.Store(int64(head))
	if !exactly && (head == 0 || (t.armed != 0 && t.armed <= head)) {
		return
	}
	t.armed = head
	var deadline time.Time
	if head != 0 {
		deadline = t.start.Add(head)
	}
	_ = t.setDeadline(deadline) // it fails only on a closed socket, whose reader ends
}

// due reports whether somebody is due.
func (t *timers) due(now time.Time) bool {
	next := t.next.Load()
	return next != 0 && next <= int64(now.Sub(t.start))
}

// takeExpired are those who are due, taken out. The slice is valid until the next call.
func (t *timers) takeExpired(now time.Time) []*PeerMux {
	t.expired = t.expired[:0]
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.queue) > 0 && t.queue[0].alarm.due <= now.Sub(t.start) {
		p, _ := heap.Pop(&t.queue).(*PeerMux)
		p.alarm.due = 0
		t.expired = append(t.expired, p)
	}
	t.arm(true)
	return t.expired
}

// alarms is a heap, the earliest first.
type alarms []*PeerMux

func (q alarms) Len() int           { return len(q) }
func (q alarms) Less(i, j int) bool { return q[i].alarm.due < q[j].alarm.due }

func (q alarms) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].alarm.index, q[j].alarm.index = i, j
}

// Push implements heap.Interface.
func (q *alarms) Push(x any) {
	p, _ := x.(*PeerMux)
	p.alarm.index = len(*q)
	*q = append(*q, p)
}

// Pop implements heap.Interface.
func (q *alarms) Pop() any {
	old := *q
	p := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return p
}

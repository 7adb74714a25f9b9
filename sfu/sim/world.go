package sim

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// epoch is when each World begins.
var epoch = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)

// World is virtual time: a queue of things to do, in order. Everything in it happens in one goroutine.
type World struct {
	seed    uint64
	now     time.Time
	queue   events
	ordinal uint64
	streams uint64
}

// NewWorld makes a World in which nothing has happened. All that is random in it follows from the seed.
func NewWorld(seed uint64) *World { return &World{seed: seed, now: epoch} }

// Now is the virtual time.
func (w *World) Now() time.Time { return w.now }

// Since is the virtual time since the World began.
func (w *World) Since() time.Duration { return w.now.Sub(epoch) }

// Random makes a stream of random numbers of its own, so that one part of the World that draws more does not change the
// luck of the others.
func (w *World) Random() *rand.Rand {
	w.streams++
	return rand.New(rand.NewPCG(w.seed, w.streams)) //nolint:gosec // it must be repeatable, not secret
}

// At does f at an instant; at once if that is past. What is due at the same instant is done in the order of the calls.
func (w *World) At(at time.Time, f func()) {
	if at.Before(w.now) {
		at = w.now
	}
	w.ordinal++
	heap.Push(&w.queue, event{at: at, ordinal: w.ordinal, do: f})
}

// After does f in a while.
func (w *World) After(d time.Duration, f func()) { w.At(w.now.Add(d), f) }

// Every does f now and then again and again, until it returns false.
func (w *World) Every(d time.Duration, f func() bool) {
	if f() {
		w.After(d, func() { w.Every(d, f) })
	}
}

// Run lets so much time pass.
func (w *World) Run(d time.Duration) {
	end := w.now.Add(d)
	for len(w.queue) > 0 && !w.queue[0].at.After(end) {
		e, _ := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
	}
	w.now = end
}

type event struct {
	at      time.Time
	ordinal uint64
	do      func()
}

// events is a heap, the earliest first.
type events []event

func (q events) Len() int      { return len(q) }
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q events) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].ordinal < q[j].ordinal
}

func (q *events) Push(x any) {
	e, _ := x.(event)
	*q = append(*q, e)
}

func (q *events) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = event{}
	*q = (*q)[:last]
	return e
}

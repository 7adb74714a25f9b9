package sim

import (
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
	w.queue.push(event{at: at.Sub(epoch), ordinal: w.ordinal, do: f})
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
	for len(w.queue) > 0 && w.queue[0].at <= end.Sub(epoch) {
		e := w.queue.pop()
		w.now = epoch.Add(e.at)
		e.do()
	}
	w.now = end
}

// event is something to do so many nanoseconds after the World began.
type event struct {
	at      time.Duration
	ordinal uint64
	do      func()
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.ordinal < o.ordinal }

// events is a heap, the earliest first. A simulation spends its time here, hence not container/heap.
type events []event

func (q *events) push(e event) {
	heap := append(*q, e)
	i := len(heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(&heap[parent]) {
			break
		}
		heap[i] = heap[parent]
		i = parent
	}
	heap[i] = e
	*q = heap
}

func (q *events) pop() event {
	heap := *q
	first, last := heap[0], heap[len(heap)-1]
	heap[len(heap)-1] = event{}
	heap = heap[:len(heap)-1]
	i := 0
	for {
		child := 2*i + 1
		if child >= len(heap) {
			break
		}
		if child+1 < len(heap) && heap[child+1].before(&heap[child]) {
			child++
		}
		if !heap[child].before(&last) {
			break
		}
		heap[i] = heap[child]
		i = child
	}
	if len(heap) > 0 {
		heap[i] = last
	}
	*q = heap
	return first
}

package sim

import (
	"math/rand/v2"
	"time"

	"hiroba/sfu/media"
)

// defaultQueue is what a drop-tail queue holds where nothing else is said (RFC 8867, section 4).
const defaultQueue = 300 * time.Millisecond

// overhead are the bytes of IP, UDP and SRTP around an RTP packet.
const overhead = 20 + 8 + 16

// Path says how packets travel in one direction. The zero value is a perfect network.
type Path struct {
	// Rate is that of the bottleneck; 0 is without limit. In front of it is a drop-tail queue that holds as much as passes
	// in Queue (300 ms if 0).
	Rate  media.Bitrate
	Queue time.Duration
	// Delay is the propagation delay. Jitter is the mean of what is added to it, exponentially distributed; it keeps the
	// order of packets.
	Delay, Jitter time.Duration
	Loss          Loss
	// Reorder is the probability that a packet is overtaken by those that follow in the next ReorderBy.
	Reorder   float64
	ReorderBy time.Duration
	// Duplicate is the probability that a packet arrives twice.
	Duplicate float64
}

// LinkCounts say what became of packets.
type LinkCounts struct{ Sent, Duplicated, Delivered, Lost, Overflowed int }

// Link is one direction of a network.
type Link struct {
	Counts LinkCounts

	world  *World
	path   Path
	loss   lossState
	random *rand.Rand
	free   time.Time // when the bottleneck has sent all that is queued
	last   time.Time // when the newest packet in order arrives
}

// NewLink makes a link.
func (w *World) NewLink(p Path) *Link {
	l := &Link{world: w, random: w.Random()}
	l.SetPath(p)
	return l
}

// Path is how packets travel now.
func (l *Link) Path() Path { return l.path }

// SetPath changes how packets travel from now on.
func (l *Link) SetPath(p Path) {
	l.path = p
	l.loss = lossState{Loss: p.Loss, random: l.random}
}

// Send sends n bytes. Arrive is called when they are there: never, once or twice.
func (l *Link) Send(n int, arrive func()) {
	l.Counts.Sent++
	sent := l.world.now
	if l.path.Rate > 0 {
		var fits bool
		if sent, fits = l.enqueue(n + overhead); !fits {
			l.Counts.Overflowed++
			return
		}
	}
	if l.loss.next() {
		l.Counts.Lost++
		return
	}
	l.deliver(sent, arrive)
	if l.path.Duplicate > 0 && l.random.Float64() < l.path.Duplicate {
		l.Counts.Duplicated++
		l.deliver(sent, arrive)
	}
}

// enqueue is when the last bit of n bytes has passed the bottleneck.
func (l *Link) enqueue(n int) (passed time.Time, fits bool) {
	queue := l.path.Queue
	if queue == 0 {
		queue = defaultQueue
	}
	start := l.free
	if start.Before(l.world.now) {
		start = l.world.now
	}
	if start.Sub(l.world.now) > queue {
		return passed, false
	}
	l.free = start.Add(time.Duration(int64(n) * 8 * int64(time.Second) / int64(l.path.Rate)))
	return l.free, true
}

func (l *Link) deliver(sent time.Time, arrive func()) {
	at := sent.Add(l.path.Delay)
	if l.path.Jitter > 0 {
		at = at.Add(time.Duration(l.random.ExpFloat64() * float64(l.path.Jitter)))
	}
	if l.path.Reorder > 0 && l.random.Float64() < l.path.Reorder {
		at = at.Add(l.path.ReorderBy)
	} else {
		if at.Before(l.last) {
			at = l.last
		}
		l.last = at
	}
	l.world.At(at, func() {
		l.Counts.Delivered++
		arrive()
	})
}

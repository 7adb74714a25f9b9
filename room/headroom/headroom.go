// Package headroom decides whether a server has room for one more participant, from what it measures of itself: the CPU
// that it uses, the bits that it sends, the descriptors that it has open. It is pure: samples and the time come in.
package headroom

import "time"

const (
	// window is what CPU and egress are averaged over. A join alone costs a moment of CPU and must not shut the door.
	window = 5 * time.Second
	// reopen is how much headroom there must be again before a part that was full takes somebody: less would flap.
	reopen = 0.05
	// descriptorShare is how many of the descriptors may be in use; the rest is for files, logs and those who come back.
	descriptorShare = 0.9
)

// Part is one of the things that can run out.
type Part int

// The parts.
const (
	CPU Part = iota
	Egress
	Descriptors
	PartCount
)

// String is the part's name in metrics and logs.
func (p Part) String() string {
	return [PartCount]string{"cpu", "egress", "descriptors"}[p]
}

// Limits is how much of each may be used before nobody new is let in. Zero turns a part off.
type Limits struct {
	// CPU is the share of the cores, up to 1.
	CPU float64
	// Egress is in bits per second.
	Egress float64
}

// Sample is what was measured at one moment.
type Sample struct {
	// CPU is what the process has used since it began.
	CPU time.Duration
	// Cores is how many it may use at once; it need not be whole. 0 is not known, as where CPU cannot be measured.
	Cores float64
	// EgressBytes is what it has sent.
	EgressBytes uint64
	// Descriptors are open of MaxDescriptors; 0 of the latter is not known.
	Descriptors, MaxDescriptors int
}

// taken is a Sample with its time.
type taken struct {
	at time.Time
	Sample
}

// Gauge is the machine. It belongs to one goroutine or lock.
type Gauge struct {
	limits  Limits
	samples []taken // the newest last; the first is the last one before the window
	left    [PartCount]float64
	full    [PartCount]bool
}

// New makes a gauge that takes everybody until samples say otherwise.
func New(limits Limits) *Gauge {
	g := &Gauge{limits: limits}
	for part := range g.left {
		g.left[part] = 1
	}
	return g
}

// SetLimits changes the limits; they count from the next sample on.
func (g *Gauge) SetLimits(limits Limits) { g.limits = limits }

// HandleSample takes a measurement in.
func (g *Gauge) HandleSample(now time.Time, s Sample) {
	g.samples = append(g.samples, taken{now, s})
	for len(g.samples) > 2 && now.Sub(g.samples[1].at) >= window {
		g.samples = append(g.samples[:0], g.samples[1:]...)
	}
	cores, bits := g.rates()
	g.set(CPU, cores, g.limits.CPU*s.Cores)
	g.set(Egress, bits, g.limits.Egress)
	g.set(Descriptors, float64(s.Descriptors), descriptorShare*float64(s.MaxDescriptors))
}

// rates are the cores in use and the bits sent in a second, on average over the window. Before there is a whole window,
// what is not known counts as nothing, so that the work of starting up is not taken for load.
func (g *Gauge) rates() (cores, bits float64) {
	first, last := g.samples[0], g.samples[len(g.samples)-1]
	span := max(last.at.Sub(first.at), window).Seconds()
	used := max(0, last.CPU-first.CPU)
	var sent uint64
	if last.EgressBytes > first.EgressBytes {
		sent = last.EgressBytes - first.EgressBytes
	}
	return used.Seconds() / span, 8 * float64(sent) / span
}

// set notes how much is left of a part, and whether it is full.
func (g *Gauge) set(part Part, used, limit float64) {
	left := 1.0
	if limit > 0 {
		left = min(1, max(0, 1-used/limit))
	}
	g.left[part] = left
	if g.full[part] {
		g.full[part] = left < reopen
	} else {
		g.full[part] = left <= 0
	}
}

// Left is the share of each part's limit that is not used: 1 is all of it, 0 none.
func (g *Gauge) Left() [PartCount]float64 { return g.left }

// Full names a part because of which nobody new should be let in.
func (g *Gauge) Full() (Part, bool) {
	for part, full := range g.full {
		if full {
			return Part(part), true
		}
	}
	return 0, false
}

package pacer

import "time"

const (
	// BurstBytes is how much may leave for one subscriber at once. A link that is slower than the server's must queue a
	// burst; queues of routers hold some dozens of packets.
	BurstBytes = 10_000
	// burstInterval is how long it takes until as much may leave again: 80 Mbit/s in the long run, above all that a subscriber
	// watches at once.
	burstInterval = time.Millisecond
	// perByte is the time that a byte of the burst takes.
	perByte = burstInterval / BurstBytes
)

// Burst bounds what leaves for one subscriber at once. The zero value is ready.
type Burst struct {
	// free is when all that has left is paid off.
	free time.Time
}

// Admit reports whether a packet of n bytes may leave now, and counts it if so.
func (b *Burst) Admit(now time.Time, n int) bool {
	if b.free.Before(now) {
		b.free = now
	}
	if b.free.Sub(now) >= burstInterval {
		return false
	}
	b.free = b.free.Add(time.Duration(n) * perByte)
	return true
}

// Next is from when on a packet may leave that may not now: when half of a burst may, so that those that wait leave together.
func (b *Burst) Next() time.Time { return b.free.Add(-burstInterval / 2) }

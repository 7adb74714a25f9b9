package seqnum

// Counter unrolls a counter of a few bits by taking each value as the one nearest to the highest before it. It has no
// notion of a restart: use it for numbers whose jumps mean nothing, such as timestamps and picture ids.
type Counter struct {
	bits    uint8
	started bool
	highest int64
}

// NewCounter makes a counter of 1 to 32 bits.
func NewCounter(bits uint8) Counter {
	if bits == 0 || bits > 32 {
		panic("seqnum: a counter has 1 to 32 bits")
	}
	return Counter{bits: bits}
}

// Extend gives the unrolled value of v, of which only the counter's bits are read. The first value is itself; values
// before it can be negative.
func (c *Counter) Extend(v uint32) int64 {
	if !c.started {
		c.started = true
		c.highest = int64(v & c.mask())
		return c.highest
	}
	extended := c.highest + Distance(c.bits, uint32(c.highest), v) //nolint:gosec // the lower bits are meant
	c.highest = max(c.highest, extended)
	return extended
}

// Reset forgets all values.
func (c *Counter) Reset() { c.started, c.highest = false, 0 }

func (c *Counter) mask() uint32 { return 1<<c.bits - 1 }

// Distance is how far the counter of 1 to 32 bits moved from one value to another: positive when to is newer. A
// distance of exactly half a round is negative.
func Distance(bits uint8, from, to uint32) int64 {
	unused := 32 - bits
	return int64(int32((to-from)<<unused) >> unused) //nolint:gosec // sign extension is meant
}

package client

// Continuity is what a receiver can say about the numbers of one RTP stream. The server promises that a seat's numbers
// run on, also when its occupant changes: nothing is missing but what the network lost.
type Continuity struct {
	// Packets were counted once each, whether they came as they were or as RTX.
	Packets uint64
	// Missing is how many sequence numbers were skipped and have not come since.
	Missing uint64
	// Recovered is how many came after a later one: reordered, or retransmitted.
	Recovered uint64
	// Duplicates came twice, or so late that nobody was waiting for them.
	Duplicates uint64
	// Jumps are steps of more than maxStep, either way: a decoder would think that another stream began.
	Jumps uint64
	// TimestampsBackward are packets whose timestamp is before that of the packet ahead of them.
	TimestampsBackward uint64
	// OffGrid are packets of sound whose timestamp is not a whole number of 20 ms after the one ahead; each is heard.
	OffGrid uint64
}

// Faults is the number of things that a receiver must never see, whatever the network loses.
func (c Continuity) Faults() uint64 { return c.Jumps + c.TimestampsBackward + c.OffGrid }

// Lost is the number of packets that the network lost or delayed, whether they came later or not.
func (c Continuity) Lost() uint64 { return c.Missing + c.Recovered }

const (
	// maxStep is the largest step of sequence numbers that is taken for loss.
	maxStep = 1000
	// maxMissing bounds the numbers that are waited for.
	maxMissing = 4096
)

// order is what continuity found about one packet.
type order uint8

const (
	inOrder  order = iota // the number after the last one
	afterGap              // a later one
	late                  // one that was missing
	unwanted              // a duplicate
)

// continuity follows the numbers of one RTP stream. It is a machine: no lock, no clock.
type continuity struct {
	Continuity
	audio     bool
	started   bool
	seq       uint16 // highest
	timestamp uint32 // of seq
	missing   map[uint16]struct{}
}

// handle takes the next packet.
func (c *continuity) handle(seq uint16, timestamp uint32) order {
	if !c.started {
		c.started, c.seq, c.timestamp = true, seq, timestamp
		c.Packets++
		return inOrder
	}
	step := int16(seq - c.seq) //nolint:gosec // wraps as it must
	switch {
	case step > maxStep || step < -maxStep:
		c.Jumps++
		c.Packets++
		c.seq, c.timestamp = seq, timestamp
		clear(c.missing)
		return afterGap
	case step > 0:
		c.skip(seq)
		c.Packets++
		c.checkTimestamp(timestamp)
		c.seq, c.timestamp = seq, timestamp
		if step > 1 {
			return afterGap
		}
		return inOrder
	}
	if _, wanted := c.missing[seq]; !wanted {
		c.Duplicates++
		return unwanted
	}
	delete(c.missing, seq)
	c.Missing--
	c.Recovered++
	c.Packets++
	return late
}

// skip notes the numbers between the last one and seq.
func (c *continuity) skip(seq uint16) {
	for s := c.seq + 1; s != seq; s++ {
		if c.missing == nil {
			c.missing = make(map[uint16]struct{})
		}
		c.Missing++
		if len(c.missing) < maxMissing {
			c.missing[s] = struct{}{}
		}
	}
}

func (c *continuity) checkTimestamp(timestamp uint32) {
	step := int32(timestamp - c.timestamp) //nolint:gosec // wraps as it must
	if step < 0 {
		c.TimestampsBackward++
	}
	if c.audio && step%960 != 0 {
		c.OffGrid++
	}
}

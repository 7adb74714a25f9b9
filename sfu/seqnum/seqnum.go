// Package seqnum unrolls the counters of RTP, which wrap around, into numbers that only grow: sequence numbers of 16
// bits, picture ids of 7 or 15, TL0PICIDX of 8, timestamps of 32. Its machines are values without clock or memory
// management; the zero value is ready to use where not said otherwise.
package seqnum

// Bounds that tell a gap, a late packet and a restart apart. RFC 3550, appendix A.1, has 3,000 and 100 for them; a
// second of 4K video is 2,000 packets and a retransmission may be that late, hence the larger second one.
const (
	// MaxDropout is the largest forward step that counts as loss.
	MaxDropout = 3000
	// MaxMisorder is the largest backward step that counts as late.
	MaxMisorder = 3000
	// near is how far a packet may be from a suspect one to tell that the sender did start again.
	near = 100
)

// Order says how a packet stands to those before it.
type Order uint8

const (
	// First is the first packet of the stream.
	First Order = iota + 1
	// Next is newer than all before it; packets between may be missing, MaxDropout at most.
	Next
	// Late is older than the newest, or the newest again: reordered, retransmitted or duplicated.
	Late
	// Jumped is newer than all before it, but so far that the numbers between were never used: the sender started
	// again, or there was nothing for a long time. What lies between must not be asked for with NACK.
	Jumped
	// Suspect is too far from all before it. The sender may have started again or the packet may be a stray: drop it.
	// When one near to it comes next, in whatever order, that one is Jumped.
	Suspect
)

// String is the name of the order, for logs and tests.
func (o Order) String() string {
	switch o {
	case First:
		return "first"
	case Next:
		return "next"
	case Late:
		return "late"
	case Jumped:
		return "jumped"
	case Suspect:
		return "suspect"
	default:
		return "none"
	}
}

// Extender extends the 16-bit sequence numbers of one RTP stream. The lower 16 bits of an extended number are always
// the number on the wire, also after a jump.
type Extender struct {
	newest  int64
	suspect uint16 // the number of a suspect packet
	doubt   bool   // suspect is meant
	started bool
}

// Extend gives the extended sequence number of a packet. It is meaningless for a Suspect packet, and positive otherwise
// unless more than 65,535 packets before the first one arrive late.
func (e *Extender) Extend(seq uint16) (int64, Order) {
	if !e.started {
		e.started = true
		e.newest = 1<<16 + int64(seq) // one round up, so that what came before the first is not negative
		return e.newest, First
	}
	ahead := seq - uint16(e.newest) //nolint:gosec // the lower 16 bits are meant
	step := int64(int16(ahead))     //nolint:gosec // serial number arithmetic (RFC 1982)
	switch {
	case step > 0 && step <= MaxDropout:
		e.doubt = false
		e.newest += step
		return e.newest, Next
	case step <= 0 && step >= -MaxMisorder:
		return e.newest + step, Late
	case e.doubt && seq != e.suspect && min(seq-e.suspect, e.suspect-seq) <= near:
		return e.jump(ahead), Jumped
	default:
		e.doubt, e.suspect = true, seq
		return 0, Suspect
	}
}

// Newest is the highest extended sequence number so far; false before the first packet.
func (e *Extender) Newest() (int64, bool) { return e.newest, e.started }

func (e *Extender) jump(ahead uint16) int64 {
	e.doubt = false
	e.newest += int64(ahead)
	return e.newest
}

package history

import "time"

// Verdict is what a Gate says about a request to send a packet again.
type Verdict uint8

// The verdicts.
const (
	// Send it again.
	Send Verdict = iota
	// TooSoon: it was sent again less than about a round trip ago; the subscriber cannot have it yet.
	TooSoon
	// OverBudget: the subscriber asked for more than its share.
	OverBudget
)

const (
	// remembered is how many of the last retransmissions a gate knows.
	remembered = 128
	// A request that comes by the patience-th part of a round trip too soon is answered. Receivers ask again after one round
	// trip, as they measure it; because of jitter one in four would be refused, and each costs another round trip.
	patience = 4
	// budgetShare is the part of what is sent that may be sent again, and budgetFloor is what may be on top, in bytes
	// per second. One NACK of a hostile client must not make the server send hundreds of packets for ever.
	budgetShare = 4 // a quarter
	budgetFloor = 64 << 10
	// budgetBurst bounds what can be saved up: as much as half a second of a picture of 2 Mbit/s.
	budgetBurst = 128 << 10
)

// Gate decides whether a packet that a subscriber asks for is sent again. One gate serves one m-line of one subscriber.
type Gate struct {
	resent *[remembered]resent // nil before the first; the ring is as large as the rest of an m-line
	next   int
	budget int64 // bytes that may be sent again now
	filled time.Time
}

type resent struct {
	sequence uint16
	at       time.Time
}

// HandleSent counts n bytes that were sent for the first time, which earn budget.
func (g *Gate) HandleSent(n int) { g.budget = min(g.budget+int64(n)/budgetShare, budgetBurst) }

// HandleNACK decides about one outgoing sequence number of a packet of n bytes. Rtt is the subscriber's round trip time.
func (g *Gate) HandleNACK(now time.Time, sequence uint16, n int, rtt time.Duration) Verdict {
	if g.resent == nil {
		g.resent = new([remembered]resent)
	}
	for i := range g.resent {
		if g.resent[i].sequence == sequence && !g.resent[i].at.IsZero() && now.Sub(g.resent[i].at) < rtt-rtt/patience {
			return TooSoon
		}
	}
	if g.filled.IsZero() {
		g.budget = budgetBurst
	} else {
		g.budget = min(g.budget+int64(now.Sub(g.filled).Seconds()*budgetFloor), budgetBurst)
	}
	g.filled = now
	if g.budget < int64(n) {
		return OverBudget
	}
	g.budget -= int64(n)
	g.resent[g.next].sequence, g.resent[g.next].at = sequence, now
	g.next = (g.next + 1) % remembered
	return Send
}

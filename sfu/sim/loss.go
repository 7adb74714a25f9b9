package sim

import "math/rand/v2"

// Loss is the model of Gilbert and Elliott: a link is in a good or a bad state and loses packets with another probability
// in each. The zero value loses nothing.
type Loss struct {
	// Good and Bad are the probabilities of losing a packet in each state.
	Good, Bad float64
	// Worsen and Recover are the probabilities of changing from good to bad, and back, with each packet.
	Worsen, Recover float64
}

// RandomLoss loses packets independently of each other.
func RandomLoss(probability float64) Loss { return Loss{Good: probability} }

// BurstLoss loses the same share of all packets, in runs of so many on average.
func BurstLoss(probability, length float64) Loss {
	recovery := 1 / length
	return Loss{Bad: 1, Recover: recovery, Worsen: recovery * probability / (1 - probability)}
}

// lossState is a Loss at work.
type lossState struct {
	Loss
	bad    bool
	random *rand.Rand
}

// next tells whether the next packet is lost.
func (l *lossState) next() bool {
	if l.Loss == (Loss{}) {
		return false
	}
	change := l.Worsen
	if l.bad {
		change = l.Recover
	}
	if change > 0 && l.random.Float64() < change {
		l.bad = !l.bad
	}
	p := l.Good
	if l.bad {
		p = l.Bad
	}
	return p > 0 && l.random.Float64() < p
}

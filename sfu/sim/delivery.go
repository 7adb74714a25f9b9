package sim

import (
	"time"

	"hiroba/sfu/seqnum"
)

// inTime is how long after it was sent a packet is still of use.
const inTime = 500 * time.Millisecond

// delivery follows packets from one end of a network to the other: what is lost although it was asked for again.
type delivery struct {
	order   seqnum.Extender
	pending map[int64]time.Time
	// total were sent, late came after inTime; those that never came are pending.
	total, late int
	// doubled came although they had come.
	doubled int
}

func (d *delivery) sent(sequence uint16, at time.Time) {
	if d.pending == nil {
		d.pending = make(map[int64]time.Time)
	}
	n, _ := d.order.Extend(sequence)
	d.pending[n] = at
	d.total++
}

func (d *delivery) arrived(sequence uint16, at time.Time) {
	newest, _ := d.order.Newest()
	n := newest + int64(int16(sequence-uint16(newest))) //nolint:gosec // serial number arithmetic (RFC 1982)
	sent, ok := d.pending[n]
	if !ok {
		d.doubled++
		return
	}
	delete(d.pending, n)
	if at.Sub(sent) > inTime {
		d.late++
	}
}

// residual is the share of the packets sent before a moment that were of no use: lost, or too late.
func (d *delivery) residual(before time.Time) float64 {
	lost, recent := 0, 0
	for _, at := range d.pending {
		if at.Before(before) {
			lost++
		} else {
			recent++
		}
	}
	if d.total == recent {
		return 0
	}
	return float64(lost+d.late) / float64(d.total-recent)
}

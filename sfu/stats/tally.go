package stats

import "hiroba/sfu/media"

// Tally counts the packets of one direction for one goroutine, where an atomic for each would cost more than the decision
// that it counts. From time to time its owner hands it to Counters.Take. The zero value is ready.
type Tally struct {
	packets, bytes [media.Video + 1]uint64
	drops          [reasons]uint64
	dropped        bool
}

// Forwarded counts one packet of n bytes.
func (t *Tally) Forwarded(k media.Kind, n int) {
	t.packets[k]++
	t.bytes[k] += uint64(n) //nolint:gosec // sizes are positive
}

// Dropped counts one packet that was not forwarded.
func (t *Tally) Dropped(r Reason) {
	t.drops[r]++
	t.dropped = true
}

// Take adds what a tally counted, and empties it.
func (c *Counters) Take(d Direction, t *Tally) {
	for k := range t.packets {
		if t.packets[k] != 0 {
			c.packets[d][k].Add(t.packets[k])
			c.bytes[d][k].Add(t.bytes[k])
		}
	}
	if t.dropped {
		for r, n := range t.drops {
			if n != 0 {
				c.drops[d][r].Add(n)
			}
		}
		t.drops, t.dropped = [reasons]uint64{}, false
	}
	t.packets, t.bytes = [media.Video + 1]uint64{}, [media.Video + 1]uint64{}
}

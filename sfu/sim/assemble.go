package sim

import "hiroba/sfu/media"

// assembled is a frame of which all packets are there.
type assembled struct {
	// id and references are what the finder makes of the descriptor.
	id         int64
	references []int64
	key        bool
	// ends says that the picture ends with this frame.
	ends      bool
	timestamp int64
	wire      uint32
	// last is the sequence number of its last packet.
	last int64
	// jumps says that the id may go back at a keyframe.
	jumps bool
	// repaired says that a part of it was sent again.
	repaired bool
	csrc     media.CSRC
	truth    truth
}

// assembler collects the packets of frames: a run without gaps from one that begins a frame to one that ends it.
type assembler struct {
	packets map[int64]*arrival
	cleared int64
}

func newAssembler() assembler { return assembler{packets: make(map[int64]*arrival)} }

// add takes a packet and gives those of its frame, when that is complete.
func (a *assembler) add(p *arrival) []*arrival {
	if a.cleared == 0 {
		a.cleared = p.sequence - 1000 // what was reordered at the beginning
	}
	if p.sequence <= a.cleared || a.packets[p.sequence] != nil {
		return nil
	}
	a.packets[p.sequence] = p
	first := p
	for !first.first {
		before := a.packets[first.sequence-1]
		if before == nil || before.timestamp != p.timestamp || before.last {
			return nil
		}
		first = before
	}
	run := []*arrival{first}
	for last := first; !last.last; {
		next := a.packets[last.sequence+1]
		if next == nil || next.timestamp != p.timestamp || next.first {
			return nil
		}
		run = append(run, next)
		last = next
	}
	return run
}

// clear forgets the packets up to the end of a decoded frame.
func (a *assembler) clear(sequence int64) {
	for ; len(a.packets) > 0 && a.cleared < sequence; a.cleared++ {
		delete(a.packets, a.cleared+1)
	}
	a.cleared = max(a.cleared, sequence)
}

package egress

// record is how the newest packets were sent. A line has one from its first packet on.
type record struct {
	marks marks
	known marks // those that were sent at all, up to Line.newest
	empty marks // those that were sent without a payload
	tells marks // those that told active decode targets, see told
	told  told
}

// marksKept is how many of the newest packets' markers are known: at least as many as the histories keep packets.
const marksKept = 2048

// marks remembers the markers that were sent, by sequence number. The marker of a packet depends on the layer that was
// the highest when it was sent, and a retransmission must carry the same: a browser waits for the end of the picture.
type marks [marksKept / 64]uint64

func (m *marks) set(sequence uint16, marker bool) {
	i, bit := sequence%marksKept/64, uint64(1)<<(sequence%64)
	m[i] &^= bit
	if marker {
		m[i] |= bit
	}
}

func (m *marks) at(sequence uint16) bool { return m[sequence%marksKept/64]&(1<<(sequence%64)) != 0 }

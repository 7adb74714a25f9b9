package sim

import "time"

// Hostile is somebody with a seat who does all the harm that feedback can do.
type Hostile struct {
	*Viewer
	// PLIs and NACKs are how much was asked for.
	PLIs, NACKs int
}

// Attack lets somebody in who watches a publisher, sends 1,000 PLIs and 50 NACKs for 250 packets each in a second, for
// what was sent and for what never was, and changes the size of the tile ten times in a second.
func (s *Server) Attack(n Network, p *Publisher) *Hostile {
	h := &Hostile{Viewer: s.View(n, 1)}
	seat := h.Seats[0]
	seat.Show(p, 0)
	random := s.world.Random()
	s.world.Every(time.Millisecond, func() bool {
		h.PLIs++
		h.up.Send(nackBytes, seat.video.handlePLI)
		return !h.left
	})
	s.world.Every(20*time.Millisecond, func() bool {
		asked := make([]uint16, 250)
		first := seat.video.highest - uint16(random.UintN(1000)) //nolint:gosec // 16 bits
		if random.IntN(4) == 0 {
			first = uint16(random.UintN(1 << 16)) //nolint:gosec // 16 bits
		}
		for i := range asked {
			asked[i] = first + uint16(i)
		}
		h.NACKs += len(asked)
		h.up.Send(1000, func() { seat.video.handleNACK(asked) })
		return !h.left
	})
	s.world.Every(100*time.Millisecond, func() bool {
		seat.Resize([]int{150, 720}[random.IntN(2)])
		return !h.left
	})
	return h
}

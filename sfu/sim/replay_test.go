package sim_test

import (
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/sim"
)

// narrow is a link that bears a large picture and not much more: 5 Mbit/s with a queue of 100 ms.
func narrow() sim.Network {
	n := near()
	n.Down = sim.Path{Delay: 25 * ms, Jitter: 2 * ms, Rate: 5_000_000, Queue: 100 * ms}
	return n
}

// replayScenarios show that what was kept is shown at once without overrunning the links of those who come.
func replayScenarios() (all []scenario) {
	for _, v := range []struct {
		name  string
		video sim.Video
	}{
		{"VP8 simulcast", sim.Simulcast()}, {"VP9 L3T3_KEY", sim.Scalable(media.VP9, true)},
	} {
		all = append(all, together(
			func(seed uint64, o []outcome) { arriving(o, seed, v.video) },
			scenario{name: "Q5 packets lost by replays, 5 Mbit/s, " + v.name, of: highest, limit: 0},
			scenario{name: "Q5 freezes in 3 s after a replay, 5 Mbit/s, " + v.name, of: highest, limit: 0},
			scenario{name: "Q6 seat to picture by replay, 5 Mbit/s, " + v.name, unit: "ms", of: p95, limit: 600},
		)...)
	}
	return all
}

// arriving lets people come one by one, who are shown what is kept of a large picture, and counts what their links lost, how
// often their pictures stood still, and after how long they saw the first.
func arriving(o []outcome, seed uint64, v sim.Video) {
	lost, freezes, firstPicture := &o[0], &o[1], &o[2]
	w := sim.NewWorld(seed)
	s := sim.NewServer(w)
	alice := s.Publish(somebody(v))
	luck := w.Random()
	for range 4 { // so many viewers that a keyframe costs more than a replay
		s.View(near(), 1).Seats[0].Show(alice, 720)
	}
	w.Run(5 * time.Second)
	replays := 0
	for range 4 {
		w.Run(time.Duration(luck.Int64N(int64(2 * time.Second))))
		another := s.View(near(), 1)
		another.Seats[0].Show(alice, 720) // who makes the keyframe, or has it replayed
		w.Run(time.Duration(luck.Int64N(int64(1200 * time.Millisecond))))
		viewer := s.View(narrow(), 1)
		seat := viewer.Seats[0]
		took := until(w, seat, func(sim.Picture) bool { return true })
		seat.Show(alice, 720)
		w.Run(3 * time.Second)
		viewer.Leave()
		another.Leave()
		if *took < 0 {
			firstPicture.fault("no picture")
			continue
		}
		freezes.sound("viewer", seat)
		_, down := viewer.Links()
		if seat.Sent().Replays > 0 {
			replays++
			lost.add(float64(down.Counts.Overflowed))
			freezes.add(float64(seat.Video.Freezes))
			firstPicture.add(took.Seconds() * 1000)
		}
	}
	if replays == 0 {
		lost.fault("nobody was shown what was kept")
	}
}

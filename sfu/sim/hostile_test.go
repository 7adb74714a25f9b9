package sim_test

import (
	"time"

	"hiroba/sfu/sim"
)

// hostileSubscriber is A7: somebody who does what sim.Attack says, beside ten others, while people come and go.
func hostileSubscriber() []scenario {
	return together(
		attacked,
		scenario{name: "A7 freezes of 10 viewers beside a hostile one", unit: "/min", of: highest, limit: 0},
		scenario{name: "A7 keyframe requests of a layer beside a hostile one", unit: "/min", of: highest, limit: 30},
		scenario{name: "A7 seat to first picture beside a hostile one", unit: "ms", of: p95, limit: 600},
		scenario{name: "A7 sent to a hostile one for each byte of the largest layer", of: highest, limit: 3},
	)
}

func attacked(seed uint64, o []outcome) {
	const others, newcomers, each = 10, 20, 3 * time.Second
	freezes, requests, firstPicture, share := &o[0], &o[1], &o[2], &o[3]
	w := sim.NewWorld(seed)
	s := sim.NewServer(w)
	alice := s.Publish(somebody(sim.Simulcast()))
	w.Run(time.Second)
	var good []*sim.Seat
	for i := range others {
		seat := s.View(near(), 1).Seats[0]
		seat.Show(alice, tiles[i%3])
		good = append(good, seat)
	}
	w.Run(5 * time.Second)
	_, before := alice.Spent(2)
	var asked [3]int
	for i := range asked {
		asked[i] = len(alice.Video.Requests[i])
	}
	hostile := s.Attack(near(), alice)
	luck := w.Random()
	for range newcomers {
		wait := time.Second + time.Duration(luck.Int64N(int64(time.Second)))
		w.Run(wait)
		newcomer := s.View(near(), 1)
		seat := newcomer.Seats[0]
		took := until(w, seat, func(sim.Picture) bool { return true })
		seat.Show(alice, tiles[luck.IntN(3)])
		w.Run(each - wait)
		newcomer.Leave()
		if *took < 0 {
			firstPicture.fault("a newcomer sees nothing")
			continue
		}
		firstPicture.add(took.Seconds() * 1000)
	}
	stood := 0
	for _, seat := range good {
		seat.Video.Finish()
		freezes.sound("viewer", seat)
		stood += seat.Video.Freezes
	}
	freezes.add(float64(stood))
	for i := range asked {
		requests.add(float64(len(alice.Video.Requests[i]) - asked[i]))
	}
	sent := hostile.Seats[0].Sent()
	_, after := alice.Spent(2)
	share.add(float64(sent.Bytes) / float64(after-before))
	const seconds = newcomers * int(each/time.Second)
	if budget := (sent.Bytes-sent.RTXBytes)/4 + seconds*64<<10 + 128<<10; sent.RTXBytes > budget {
		share.fault("%d bytes sent again, the budget is %d", sent.RTXBytes, budget)
	}
}

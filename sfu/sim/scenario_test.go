package sim_test

import (
	"fmt"
	"math"
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/sim"
)

const ms = time.Millisecond

// near is a good network: 50 ms there and back, a little jitter, 10 Mbit/s.
func near() sim.Network {
	p := sim.Path{Delay: 25 * ms, Jitter: 2 * ms, Rate: 10_000_000}
	return sim.Network{Up: p, Down: p}
}

// lossy is near with loss in both directions: of media, and of what is said about them.
func lossy(l sim.Loss) sim.Network {
	n := near()
	n.Up.Loss, n.Down.Loss = l, l
	return n
}

// somebody publishes from a good network.
func somebody(v sim.Video) sim.Participant {
	return sim.Participant{Network: near(), Video: &v, Audio: true, VideoDelay: 40 * ms, AudioDelay: 20 * ms}
}

// sound notes what must never be, whatever the network: a picture made of wrong parts, or a number that the server left out
// although it lost nothing.
func (o *outcome) sound(who string, s *sim.Seat) {
	o.never(s.Video.Corrupt, who+": corrupt pictures")
	sent := s.Sent()
	o.never(sent.Gaps, who+": gaps")
	o.never(sent.NACKsInVain, who+": NACKs for what was never sent")
	o.never(s.Audio.Uneven, who+": uneven steps of sound")
}

// still notes that the picture stood still for longer than a large keyframe takes to come: 70 kB, paced as browsers pace.
func (o *outcome) still(s *sim.Seat) {
	if each := s.Video.Frozen / time.Duration(max(s.Video.Freezes, 1)); each > 300*ms {
		o.fault("frozen for %v", each)
	}
}

// videos are all the ways to encode a camera.
var videos = []struct {
	name  string
	video sim.Video
}{
	{"VP8", sim.VP8()},
	{"VP8 simulcast", sim.Simulcast()},
	{"VP9 L3T3", sim.Scalable(media.VP9, false)},
	{"VP9 L3T3_KEY", sim.Scalable(media.VP9, true)},
	{"AV1 L3T3", sim.Scalable(media.AV1, false)},
	{"AV1 L3T3_KEY", sim.Scalable(media.AV1, true)},
}

func scenarios() (all []scenario) {
	for _, v := range videos {
		all = append(all, scenario{
			name: "Q5 freezes on a clean network, " + v.name, unit: "in 30 s", of: highest, limit: 0,
			run: func(o *outcome, seed uint64) {
				o.add(watching(o, seed, v.video, near(), 30*time.Second, func(s *sim.Seat) float64 {
					return float64(s.Video.Freezes)
				}))
			},
		})
	}
	for _, v := range videos {
		all = append(all, scenario{
			name: "Q5 time frozen at 5 % loss, " + v.name, unit: "%", of: mean, limit: 0.5,
			run: func(o *outcome, seed uint64) {
				n := lossy(sim.RandomLoss(0.05))
				o.add(watching(o, seed, v.video, n, 30*time.Second, func(s *sim.Seat) float64 {
					return 100 * s.Video.Frozen.Seconds() / 30
				}))
			},
		})
	}
	all = append(all, harderNetworks()...)
	all = append(all, layerSwitches()...)
	all = append(all, keyframeScenarios()...)
	all = append(all, keyframeShares()...)
	all = append(all, lossScenarios()...)
	all = append(all, longWay()...)
	all = append(all, replayScenarios()...)
	all = append(all, skewScenarios()...)
	all = append(all, badSubscriber()...)
	return append(all, hostileSubscriber()...)
}

// harderNetworks are S6, S7 and S8 of a viewer, and a publisher who loses packets.
func harderNetworks() (all []scenario) {
	jitter, reorder, doubled := near(), near(), near()
	bursts := func(length float64) sim.Network {
		n := lossy(sim.RandomLoss(0.02))
		n.Down.Loss = sim.BurstLoss(0.02, length)
		return n
	}
	jitter.Down.Jitter = 30 * ms
	reorder.Down.Reorder, reorder.Down.ReorderBy = 0.05, 12*ms
	doubled.Down.Duplicate, doubled.Up.Duplicate = 0.05, 0.05
	for _, row := range []struct {
		name    string
		network sim.Network
		limit   float64
	}{
		{"S6 time frozen at 2 % loss in bursts of 3", bursts(3), 0.5},
		{"S6 time frozen at 2 % loss in bursts of 10", bursts(10), 0.5},
		{"S7 time frozen at 30 ms of jitter", jitter, 0.5},
		{"S8 time frozen at 5 % reordering", reorder, 0},
		{"S8 time frozen at 5 % of packets doubled", doubled, 0},
	} {
		for _, v := range videos[1:4:4] {
			all = append(all, scenario{
				name: row.name + ", " + v.name, unit: "%", of: mean, limit: row.limit,
				run: func(o *outcome, seed uint64) {
					o.add(watching(o, seed, v.video, row.network, 30*time.Second, func(s *sim.Seat) float64 {
						return 100 * s.Video.Frozen.Seconds() / 30
					}))
				},
			})
		}
	}
	for _, v := range videos {
		all = append(all, scenario{
			name: "Q5 time frozen, publisher at 5 % loss, " + v.name, unit: "%", of: mean, limit: 0.5,
			run: func(o *outcome, seed uint64) {
				w := sim.NewWorld(seed)
				s := sim.NewServer(w)
				unlucky := somebody(v.video)
				unlucky.Network = lossy(sim.RandomLoss(0.05))
				alice := s.Publish(unlucky)
				seat := s.View(near(), 1).Seats[0]
				w.Run(time.Second)
				seat.Show(alice, 0)
				w.Run(30 * time.Second)
				seat.Video.Finish()
				o.never(seat.Video.Corrupt, "corrupt pictures")
				if seat.Video.Pictures < 450 {
					o.fault("only %d pictures", seat.Video.Pictures)
				}
				o.add(100 * seat.Video.Frozen.Seconds() / 30)
			},
		})
	}
	return all
}

// watching lets one viewer watch one publisher for a while, the whole picture.
func watching(o *outcome, seed uint64, v sim.Video, n sim.Network, d time.Duration, measure func(*sim.Seat) float64) float64 {
	w := sim.NewWorld(seed)
	s := sim.NewServer(w)
	alice := s.Publish(somebody(v))
	seat := s.View(n, 1).Seats[0]
	w.Run(time.Second)
	seat.Show(alice, 0)
	w.Run(d)
	seat.Video.Finish()
	o.sound("viewer", seat)
	if seat.Video.Pictures < int(d.Seconds()*15) {
		o.fault("only %d pictures", seat.Video.Pictures)
	}
	return measure(seat)
}

// layerSwitches are Q6: from the wish for another quality, or another occupant, to its first decoded picture.
func layerSwitches() (all []scenario) {
	for _, v := range videos[1:] {
		for _, loss := range []float64{0, 0.02} {
			name := "Q6 small tile to large, " + v.name
			if loss > 0 {
				name += fmt.Sprintf(", %g %% loss", loss*100)
			}
			all = append(all, scenario{name: name, unit: "ms", of: p95, limit: 600, run: func(o *outcome, seed uint64) {
				resizing(o, seed, v.video, lossy(sim.RandomLoss(loss)), 150, 720, 1280)
			}})
		}
		all = append(all, scenario{
			name: "Q6 large tile to small, " + v.name, unit: "ms", of: p95, limit: 600,
			run: func(o *outcome, seed uint64) { resizing(o, seed, v.video, near(), 720, 150, 320) },
		})
	}
	all = append(all, scenario{
		name: "Q6 another occupant, VP8 simulcast", unit: "ms", of: p95, limit: 600,
		run: func(o *outcome, seed uint64) { changing(o, seed, sim.Simulcast(), sim.Simulcast()) },
	})
	for _, v := range videos[2:] {
		all = append(all, scenario{
			name: "T6 longest freeze as layers vanish and return, " + v.name, unit: "ms", of: p95, limit: 600,
			run: func(o *outcome, seed uint64) { vanishing(o, seed, v.video) },
		})
	}
	all = append(all, scenario{
		name: "Q9 seat to first picture, VP8", unit: "ms", of: p95, limit: 600,
		run: func(o *outcome, seed uint64) { joining(o, seed, somebody(sim.VP8())) },
	})
	all = append(all, scenario{
		name: "T15 seat to first picture, half of the requests lost", unit: "ms", of: p95, limit: 2000,
		run: func(o *outcome, seed uint64) { joining(o, seed, deaf()) },
	})
	return append(all, scenario{
		name: "Q6 another occupant, VP8 to AV1 and back", unit: "ms", of: p95, limit: 600,
		run: func(o *outcome, seed uint64) { changing(o, seed, sim.VP8(), sim.Scalable(media.AV1, true)) },
	})
}

// vanishing lets the upper layers of a publisher go and come back, and measures how long the picture stood at most.
func vanishing(o *outcome, seed uint64, v sim.Video) {
	w := sim.NewWorld(seed)
	s := sim.NewServer(w)
	alice := s.Publish(somebody(v))
	seat := s.View(near(), 1).Seats[0]
	w.Run(time.Second)
	seat.Show(alice, 0)
	w.Run(5 * time.Second)
	luck := w.Random()
	last, longest := w.Now(), time.Duration(0)
	seat.Video.OnPicture = func(p sim.Picture) {
		longest = max(longest, p.At.Sub(last))
		last = p.At
	}
	for _, n := range []int{2, 3, 1, 3, 2, 1, 2, 3} {
		alice.SetSpatialLayers(n)
		w.Run(time.Second + time.Duration(luck.Int64N(int64(2*time.Second))))
	}
	o.add(max(longest, w.Now().Sub(last)).Seconds() * 1000)
	o.sound("viewer", seat)
}

// deaf is a publisher who hears only every second request, and whose packets are lost.
func deaf() sim.Participant {
	p := somebody(sim.VP8())
	p.Network = lossy(sim.RandomLoss(0.05))
	p.Down.Loss = sim.RandomLoss(0.5)
	return p
}

// joining measures from the first moment in a seat to the first picture.
func joining(o *outcome, seed uint64, p sim.Participant) {
	w := sim.NewWorld(seed)
	s := sim.NewServer(w)
	alice := s.Publish(p)
	seat := s.View(near(), 1).Seats[0]
	w.Run(5*time.Second + time.Duration(w.Random().Int64N(int64(time.Second))))
	took := until(w, seat, func(sim.Picture) bool { return true })
	seat.Show(alice, 0)
	w.Run(10 * time.Second)
	if *took < 0 {
		o.fault("no picture")
		return
	}
	o.add(took.Seconds() * 1000)
}

// resizing changes the height of a tile and measures until a picture of the wanted width is decoded.
func resizing(o *outcome, seed uint64, v sim.Video, n sim.Network, from, to, width int) {
	w := sim.NewWorld(seed)
	s := sim.NewServer(w)
	alice := s.Publish(somebody(v))
	seat := s.View(n, 1).Seats[0]
	w.Run(time.Second)
	seat.Show(alice, from)
	w.Run(6*time.Second + time.Duration(w.Random().Int64N(int64(time.Second))))
	took := until(w, seat, func(p sim.Picture) bool { return p.Width == width })
	seat.Resize(to)
	w.Run(5 * time.Second)
	if *took < 0 {
		o.fault("no picture %d pixels wide", width)
		return
	}
	o.add(took.Seconds() * 1000)
	seat.Video.Finish()
	o.sound("viewer", seat)
	if n.Down.Loss == (sim.Loss{}) {
		o.still(seat)
	}
}

// until measures the time from now to the first picture of a kind; -1 when there is none.
func until(w *sim.World, seat *sim.Seat, f func(sim.Picture) bool) *time.Duration {
	began, took := w.Now(), time.Duration(-1)
	seat.Video.OnPicture = func(p sim.Picture) {
		if took < 0 && f(p) {
			took = p.At.Sub(began)
		}
	}
	return &took
}

// changing lets two publishers take turns in a seat.
func changing(o *outcome, seed uint64, a, b sim.Video) {
	w := sim.NewWorld(seed)
	s := sim.NewServer(w)
	publishers := []*sim.Publisher{s.Publish(somebody(a)), s.Publish(somebody(b))}
	seat := s.View(near(), 1).Seats[0]
	w.Run(time.Second)
	seat.Show(publishers[0], 720)
	luck := w.Random()
	for i := range 6 {
		w.Run(2*time.Second + time.Duration(luck.Int64N(int64(4*time.Second))))
		next := publishers[(i+1)%2]
		took := until(w, seat, func(p sim.Picture) bool { return p.CSRC == next.Video.CSRC() })
		seat.Show(next, 720)
		w.Run(2 * time.Second)
		if *took < 0 {
			o.fault("occupant %d not seen", i+1)
			continue
		}
		o.add(took.Seconds() * 1000)
	}
	seat.Video.Finish()
	o.sound("viewer", seat)
	o.still(seat)
}

// keyframeScenarios are Q7: what joining costs the publisher.
func keyframeScenarios() []scenario {
	burst := func(o *outcome, seed uint64, v sim.Video) {
		w := sim.NewWorld(seed)
		s := sim.NewServer(w)
		alice := s.Publish(somebody(v))
		luck := w.Random()
		tiles := []int{150, 300, 720}
		var seats []*sim.Seat
		w.Run(3 * time.Second)
		for i := range 100 {
			w.After(time.Duration(luck.Int64N(int64(time.Second))), func() {
				seat := s.View(near(), 1).Seats[0]
				seat.Show(alice, tiles[i%3])
				seats = append(seats, seat)
			})
		}
		w.Run(2 * time.Second)
		for _, requests := range alice.Video.Requests {
			o.add(float64(len(requests)))
		}
		for _, seat := range seats {
			o.sound("viewer", seat)
			if seat.Video.Pictures == 0 {
				o.fault("a viewer sees nothing")
			}
		}
	}
	steady := func(o *outcome, seed uint64) {
		w := sim.NewWorld(seed)
		s := sim.NewServer(w)
		alice := s.Publish(somebody(sim.Simulcast()))
		tiles := []int{150, 300, 720}
		luck := w.Random()
		for i := range 12 { // of whom three are on a bad network, and one resizes all the time
			n := near()
			if i%4 == 3 {
				n = lossy(sim.BurstLoss(0.1, 5))
			}
			seat := s.View(n, 1).Seats[0]
			seat.Show(alice, tiles[i%3])
			if i == 0 {
				w.Every(time.Second, func() bool { seat.Resize(tiles[luck.IntN(3)]); return true })
			}
		}
		w.Run(10 * time.Second)
		var before [3]int
		for i := range before {
			before[i] = len(alice.Video.Requests[i])
		}
		w.Run(time.Minute)
		for i := range before {
			o.add(float64(len(alice.Video.Requests[i]) - before[i]))
		}
	}
	return []scenario{
		{
			name: "Q7 keyframe requests of a layer, 100 joins, VP8", unit: "", of: highest, limit: 2,
			run: func(o *outcome, seed uint64) { burst(o, seed, sim.VP8()) },
		},
		{
			name: "Q7 keyframe requests of a layer, 100 joins, simulcast", unit: "", of: highest, limit: 2,
			run: func(o *outcome, seed uint64) { burst(o, seed, sim.Simulcast()) },
		},
		{
			name: "Q7 keyframe requests of a layer, 100 joins, VP9 L3T3_KEY", unit: "", of: highest, limit: 2,
			run: func(o *outcome, seed uint64) { burst(o, seed, sim.Scalable(media.VP9, true)) },
		},
		{name: "Q7 keyframe requests of a layer, 12 viewers, 3 bad", unit: "/min", of: highest, limit: 30, run: steady},
	}
}

// lossScenarios are Q8: what NACK and RTX leave of loss.
func lossScenarios() (all []scenario) {
	for _, row := range []struct{ loss, limit float64 }{{0.05, 0.05}, {0.10, 0.2}, {0.20, 1.5}} {
		all = append(all,
			scenario{
				name: fmt.Sprintf("Q8 residual loss to a viewer at %g %%", row.loss*100), unit: "%", of: mean, limit: row.limit,
				run: func(o *outcome, seed uint64) {
					w := sim.NewWorld(seed)
					s := sim.NewServer(w)
					alice := s.Publish(somebody(sim.VP8()))
					seat := s.View(lossy(sim.RandomLoss(row.loss)), 1).Seats[0]
					seat.Show(alice, 0)
					w.Run(30 * time.Second)
					o.sound("viewer", seat)
					o.add(100 * seat.Video.Residual())
				},
			},
			scenario{
				name: fmt.Sprintf("Q8 residual loss of a publisher at %g %%", row.loss*100), unit: "%", of: mean, limit: row.limit,
				run: func(o *outcome, seed uint64) {
					w := sim.NewWorld(seed)
					s := sim.NewServer(w)
					unlucky := somebody(sim.VP8())
					unlucky.Network = lossy(sim.RandomLoss(row.loss))
					alice := s.Publish(unlucky)
					seat := s.View(near(), 1).Seats[0]
					seat.Show(alice, 0)
					w.Run(30 * time.Second)
					o.never(seat.Video.Corrupt, "corrupt pictures")
					o.add(100 * alice.Residual())
				},
			},
		)
	}
	return all
}

// skewScenarios are Q13: lips and voice, over changes of occupants whose clocks and delays differ.
func skewScenarios() []scenario {
	return []scenario{{
		name: "Q13 lips and voice apart, 20 changes of occupant", unit: "ms", of: p99, limit: 80,
		run: func(o *outcome, seed uint64) {
			w := sim.NewWorld(seed)
			s := sim.NewServer(w)
			luck := w.Random()
			var all []*sim.Publisher
			for i := range 4 {
				p := somebody(videos[i%2].video)
				p.Up.Delay = time.Duration(10+luck.IntN(90)) * ms
				p.ClockOffset = time.Duration(luck.Int64N(int64(time.Hour)))
				p.ClockDrift = time.Duration(luck.IntN(100)-50) * time.Microsecond
				p.VideoDelay = time.Duration(20+luck.IntN(230)) * ms
				p.AudioDelay = time.Duration(10+luck.IntN(50)) * ms
				all = append(all, s.Publish(p))
				all[i].Talk(true)
			}
			seat := s.View(near(), 1).Seats[0]
			w.Run(8 * time.Second)
			seat.Video.OnPicture = func(p sim.Picture) {
				if p.SkewKnown && !p.Retimed {
					o.add(math.Abs(p.Skew.Seconds()) * 1000)
				}
			}
			for i := range 20 {
				seat.Show(all[i%len(all)], []int{150, 720}[luck.IntN(2)])
				w.Run(time.Second + time.Duration(luck.Int64N(int64(4*time.Second))))
			}
			o.sound("viewer", seat)
		},
	}}
}

// badSubscriber is S3: of twenty viewers one has a terrible network.
func badSubscriber() []scenario {
	run := func(seed uint64, bad bool) (freezes, requests, faults int) {
		w := sim.NewWorld(seed)
		s := sim.NewServer(w)
		alice := s.Publish(somebody(sim.Simulcast()))
		var good []*sim.Seat
		for range 19 {
			seat := s.View(near(), 1).Seats[0]
			seat.Show(alice, 720)
			good = append(good, seat)
		}
		if bad {
			n := lossy(sim.BurstLoss(0.2, 8))
			n.Down.Rate = 600_000
			s.View(n, 1).Seats[0].Show(alice, 720)
		}
		w.Run(20 * time.Second)
		for _, seat := range good {
			seat.Video.Finish()
			freezes += seat.Video.Freezes
			faults += seat.Video.Corrupt + seat.Sent().Gaps + seat.Video.NACKs
		}
		return freezes, len(alice.Video.Requests[2]), faults
	}
	return []scenario{
		{
			name: "S3 freezes of 19 viewers beside a bad one", unit: "in 20 s", of: highest, limit: 0,
			run: func(o *outcome, seed uint64) {
				freezes, _, faults := run(seed, true)
				o.never(faults, "losses")
				o.add(float64(freezes))
			},
		},
		{name: "S3 more keyframe requests because of a bad one", unit: "in 20 s", of: highest, limit: 10, // 30 in a minute
			run: func(o *outcome, seed uint64) {
				_, without, _ := run(seed, false)
				_, with, _ := run(seed, true)
				o.add(float64(with - without))
			}},
	}
}

package egress_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/rtptime"
)

// camera is an up with a clock of its own: timestamps start anywhere, run a little wrong, and packets travel.
type camera struct {
	*up
	first    uint32
	drift    float64
	delay    time.Duration
	jitter   time.Duration
	random   *rand.Rand
	pictures int
}

func (c *camera) timestamp(since time.Duration) uint32 {
	rate := float64(c.codec.ClockRate())
	return c.first + uint32(int64(since.Seconds()*rate*(1+c.drift))) //nolint:gosec // modulo 2^32
}

// shoot sends a picture, or a sound, captured so long after the epoch. It tells whether it was sent.
func (c *camera) shoot(since time.Duration, keyframe bool) bool {
	c.header.Timestamp = c.timestamp(since)
	c.pictures++
	travel := c.delay
	if c.jitter > 0 {
		travel += time.Duration(c.random.Int64N(int64(c.jitter)))
	}
	payload := vp8{pictureID: c.pictures, tl0: c.pictures, key: keyframe}.bytes()
	if c.codec == media.Opus {
		payload = []byte{0x78, 1, 2, 3}
	}
	return c.send(epoch.Add(since+travel), payload, c.codec != media.Opus)
}

// report sends a sender report.
func (c *camera) report(since time.Duration) {
	c.clock.HandleSenderReport(epoch.Add(since+c.delay), rtptime.NewNTP(epoch.Add(since+time.Hour)), c.timestamp(since))
}

const frame = time.Second / 30

// TestT03TimestampsMoveForwardOverEachSwitch changes between encodings whose timestamps have nothing to do with each other,
// and whose clocks run apart.
func TestT03TimestampsMoveForwardOverEachSwitch(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // a test
		r := newRig(t, media.Video)
		clock := new(rtptime.Publisher)
		var cameras []*camera
		for encoding := range int8(3) {
			cameras = append(cameras, &camera{
				up: r.up(alice, encoding, media.VP8, clock), first: random.Uint32(), drift: (random.Float64() - 0.5) * 400e-6,
				delay: 20 * time.Millisecond, jitter: 30 * time.Millisecond, random: random,
			})
		}
		r.line.SetTarget(alice, true)
		for picture := range 1800 {
			since := time.Duration(picture) * frame
			if picture%40 == 0 {
				r.line.SetWanted(media.Layer{Spatial: int8(random.IntN(3)), Temporal: 3})
			}
			if picture%700 > 600 { // all encodings pause
				continue
			}
			encoding, needed := r.line.NeedsKeyframe(2)
			for i, c := range cameras {
				if picture%30 == 0 {
					c.report(since)
				}
				c.shoot(since, needed && int8(i) == encoding)
			}
		}
		for i := 1; i < len(r.sent); i++ {
			a, b := r.sent[i-1], r.sent[i]
			moved := time.Duration(int32(b.Out.Timestamp-a.Out.Timestamp)) * time.Second / 90_000 //nolint:gosec // modulo 2^32
			passed := b.Source.Captured.Sub(a.Source.Captured)
			if a.Source.Source != b.Source.Source {
				if moved < frame-time.Millisecond || moved > 2*time.Second && moved > passed+frame {
					t.Fatalf("seed %d: the timestamp moved by %v over a switch after %v", seed, moved, passed)
				}
			} else if moved < 0 || moved > passed+100*time.Millisecond {
				t.Fatalf("seed %d: the timestamp moved by %v in %v", seed, moved, passed)
			}
		}
		if r.switches < 20 {
			t.Errorf("seed %d: %d switches", seed, r.switches)
		}
	}
}

// TestT04SwitchBeforeTheFirstSenderReport has nothing but arrival to go by: it must be good enough for lips.
func TestT04SwitchBeforeTheFirstSenderReport(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 4)) //nolint:gosec // a test
		r := newRig(t, media.Video)
		clock := new(rtptime.Publisher)
		var cameras []*camera
		for encoding := range int8(2) {
			cameras = append(cameras, &camera{
				up: r.up(alice, encoding, media.VP8, clock), first: random.Uint32(),
				delay: 20*time.Millisecond + time.Duration(encoding)*15*time.Millisecond, jitter: 40 * time.Millisecond, random: random,
			})
		}
		r.line.SetTarget(alice, true)
		r.line.SetWanted(media.Layer{Temporal: 3})
		var captured []time.Duration
		for picture := range 30 {
			since := time.Duration(picture) * frame
			if picture == 15 {
				r.line.SetWanted(media.Layer{Spatial: 1, Temporal: 3})
			}
			for i, c := range cameras {
				if c.shoot(since, picture == 0 || picture == 17 && i == 1) {
					captured = append(captured, since)
				}
			}
		}
		if r.switches != 2 {
			t.Fatalf("seed %d: %d switches", seed, r.switches)
		}
		last := len(r.sent) - 1
		moved := time.Duration(r.sent[last].Out.Timestamp-r.sent[0].Out.Timestamp) * time.Second / 90_000
		if off := moved - (captured[last] - captured[0]); off.Abs() > 75*time.Millisecond {
			t.Errorf("seed %d: off by %v after the switch", seed, off)
		}
	}
}

// TestT13LipsStayTogether lets pictures travel 200 ms longer than sound. What the sender reports tell a receiver must put
// both where they were captured, through loss, reordering, mute and changes of occupant and layer.
func TestT13LipsStayTogether(t *testing.T) {
	sound, pictures := newRig(t, media.Audio), newRig(t, media.Video)
	type participant struct {
		mic     *camera
		cameras []*camera
	}
	random := rand.New(rand.NewPCG(13, 0)) //nolint:gosec // a test
	var all []participant
	for track := range media.CSRC(2) {
		clock := new(rtptime.Publisher)
		p := participant{mic: &camera{
			up: sound.up(track+1, 0, media.Opus, clock), first: random.Uint32(), delay: 50 * time.Millisecond,
			jitter: 10 * time.Millisecond, random: random,
		}}
		for encoding := range int8(2) {
			p.cameras = append(p.cameras, &camera{
				up: pictures.up(track+1, encoding, media.VP8, clock), first: random.Uint32(),
				delay: 250 * time.Millisecond, jitter: 20 * time.Millisecond, random: random,
			})
		}
		all = append(all, p)
	}
	target := media.CSRC(1)
	var skews []time.Duration
	for tick := range 30_000 { // each 10 ms
		since := time.Duration(tick) * 10 * time.Millisecond
		now := epoch.Add(since)
		if tick%2000 == 0 {
			target = 3 - target
			sound.line.SetTarget(target, false)
			pictures.line.SetTarget(target, true)
		}
		if tick%700 == 0 {
			pictures.line.SetWanted(media.Layer{Spatial: int8(random.IntN(2)), Temporal: 3})
		}
		muted := tick%5000 > 4500
		for i, p := range all {
			if tick%100 == 10*i {
				p.mic.report(since)
				for _, c := range p.cameras {
					c.report(since)
				}
			}
			if muted || tick < 300 && i > 0 {
				continue
			}
			if tick%2 == 0 && random.IntN(50) > 0 {
				p.mic.shoot(since, true)
			}
			if tick%4 == 0 {
				encoding, needed := pictures.line.NeedsKeyframe(1)
				for i, c := range p.cameras {
					c.shoot(since, needed && int8(i) == encoding)
				}
			}
		}
		if muted || tick%2000 < 300 || tick%5000 < 100 { // a report comes half a second after a switch at the latest
			continue
		}
		a, okA := skew(sound, now, all[target-1].mic, since)
		v, okV := skew(pictures, now, all[target-1].cameras[max(pictures.line.Layer().Spatial, 0)], since)
		if okA && okV {
			skews = append(skews, v-a)
		}
	}
	if len(skews) < 400 {
		t.Fatalf("only %d samples", len(skews))
	}
	for i, s := range skews {
		if s.Abs() > 40*time.Millisecond {
			t.Fatalf("sample %d of %d: lips are off by %v", i, len(skews), s)
		}
	}
}

// skew is when a receiver that goes by the line's report takes what is captured now as captured, less now.
func skew(r *rig, now time.Time, c *camera, since time.Duration) (time.Duration, bool) {
	report, due := r.line.PollReport(now)
	if !due || len(r.sent) == 0 || r.last().Source.Source != c.source {
		return 0, false
	}
	newest := r.last()
	// The timestamp that what is captured now would get.
	timestamp := newest.Out.Timestamp + c.timestamp(since) - newest.Source.Header.Timestamp
	behind := int32(timestamp - report.RTPTime) //nolint:gosec // modulo 2^32
	at := report.At.Add(time.Duration(behind) * time.Second / time.Duration(c.codec.ClockRate()))
	return at.Sub(now), true
}

// TestT13LatePacketsDoNotMoveReports sends a report after a packet from before a switch came late.
func TestT13LatePacketsDoNotMoveReports(t *testing.T) {
	r := newRig(t, media.Video)
	u := r.up(alice, 0, media.VP8, new(rtptime.Publisher))
	r.line.SetTarget(alice, false)
	u.send(at(0), vp8{key: true}.bytes(), true)
	u.header.Timestamp += 3000
	late := u.raw(vp8{pictureID: 1, tl0: 1}.bytes(), nil, true)
	u.header.Timestamp += 3000
	u.send(at(66), vp8{pictureID: 2, tl0: 2}.bytes(), true)
	newest := r.last().Out.Timestamp
	u.arrive(at(300), late)
	report, due := r.line.PollReport(at(300))
	if want := newest + 90*(300-66); !due || report.RTPTime-want+90 > 180 || report.Packets != 3 {
		t.Errorf("report %+v, want the timestamp %d", report, want)
	}
}

// TestT20SilenceIsNotLoss is a minute of DTX: few packets, then none.
func TestT20SilenceIsNotLoss(t *testing.T) {
	r := newRig(t, media.Audio)
	u := r.up(alice, 0, media.Opus, new(rtptime.Publisher))
	r.line.SetTarget(alice, false)
	say := func(ms int, payload []byte, level byte) {
		t.Helper()
		if err := u.header.SetExtension(1, []byte{level}); err != nil {
			t.Fatal(err)
		}
		u.send(at(ms), payload, false)
	}
	for ms := 0; ms < 1000; ms += 20 {
		u.header.Timestamp += 960
		say(ms, []byte{0x78, 1, 2, 3, 4}, 30)
	}
	var levels []uint8
	poll := func(ms int) {
		if level, news := u.stream.PollLevel(at(ms)); news {
			levels = append(levels, level)
		}
		if nacks := u.stream.PollNACK(at(ms), nil); len(nacks) > 0 {
			t.Fatalf("asks for %v in silence", nacks)
		}
		if _, needed := r.line.NeedsKeyframe(0); needed {
			t.Fatal("asks for a keyframe of sound")
		}
	}
	poll(1000)
	for ms := 1000; ms < 31_000; ms += 20 {
		if ms%400 == 0 { // comfort noise
			u.header.Timestamp += 20 * 960
			say(ms, []byte{0x78, 0}, 127)
		}
		poll(ms)
	}
	for ms := 31_000; ms < 61_000; ms += 20 { // not even that
		poll(ms)
	}
	u.header.Timestamp += 30 * 48_000
	say(61_000, []byte{0x78, 1, 2, 3, 4}, 30)
	if len(r.sent) != 50+75+1 || r.line.Current() != alice {
		t.Errorf("%d packets were sent, want all 126; refused %v, dropped %v", len(r.sent), r.refused, r.dropped)
	}
	r.continuous()
	if r.switches != 1 {
		t.Errorf("%d switches, want that of the beginning", r.switches)
	}
	if len(levels) != 2 || levels[0] == 0 || levels[1] != 0 {
		t.Errorf("levels %v, want that of speech and one of silence", levels)
	}
	if got, want := r.last().Out.Timestamp-r.sent[0].Out.Timestamp, uint32(49*960+75*20*960+30*48_000); got != want {
		t.Errorf("the timestamp moved by %d, want %d", got, want)
	}
}

package sim

import (
	"math/rand/v2"
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/rtptime"
)

const (
	// pacing is how much faster than its bitrate a browser may send: keyframes take their time.
	pacing = 2.5
	// keyframeHoldOff is how long after a keyframe request a browser ignores the next.
	keyframeHoldOff = 300 * time.Millisecond
	// videoReports and audioReports are about how often browsers send sender reports.
	videoReports, audioReports = time.Second, 5 * time.Second
	// reportBytes is the size of an RTCP packet with a sender report, nackBytes that of one with a NACK.
	reportBytes, nackBytes = 64, 32
)

// Network is how somebody is connected to the server.
type Network struct{ Up, Down Path }

// RTT is the round trip time of an empty network.
func (n Network) RTT() time.Duration { return n.Up.Delay + n.Down.Delay }

// Participant says what somebody publishes, and how.
type Participant struct {
	Network
	// Video is the camera; nil for none.
	Video *Video
	// Audio says that there is a microphone, DTX that it sends nothing in silence.
	Audio, DTX bool
	// Louder is by how many decibels the voice is louder than others.
	Louder float64
	// ClockOffset and ClockDrift say how wrong the clock is: at first, and how much more in each second.
	ClockOffset, ClockDrift time.Duration
	// VideoDelay and AudioDelay are from capture to sending: camera, encoder, audio processing.
	VideoDelay, AudioDelay time.Duration
	// KeyframesApart says that a keyframe of one encoding is none of the others. Browsers make one of all.
	KeyframesApart bool
}

// Publisher is a browser that sends.
type Publisher struct {
	// Video and Audio are the tracks at the server; nil where there are none.
	Video, Audio *Track

	world    *World
	cfg      Participant
	up, down *Link
	random   *rand.Rand
	cameras  []*camera
	mic      *microphone
	voice    *sender
	paced    time.Time // when the pacer has sent all that is queued
	rate     media.Bitrate
	asked    time.Time // when the newest keyframe request was taken
	stopped  bool
}

// camera is an encoding with its RTP stream.
type camera struct {
	*encoder
	*sender
	active bool
	// keyframes and all are the bytes of keyframes and of all that were made.
	keyframes, all int
}

func newPublisher(w *World, cfg Participant, nextStream func() uint32) *Publisher {
	p := &Publisher{world: w, cfg: cfg, random: w.Random(), up: w.NewLink(cfg.Up), down: w.NewLink(cfg.Down)}
	if cfg.Video != nil {
		for i, e := range cfg.Video.Encodings {
			p.cameras = append(p.cameras, &camera{
				encoder: newEncoder(*cfg.Video, i, nextStream(), w.Random()),
				sender:  newSender(p, publisherTypes[cfg.Video.Codec], media.Video),
				active:  true,
			})
			p.rate += e.Bitrate
		}
	}
	if cfg.Audio {
		p.mic = &microphone{stream: nextStream(), dtx: cfg.DTX, louder: cfg.Louder, random: w.Random()}
		p.voice = newSender(p, publisherTypes[media.Opus], media.Audio)
	}
	return p
}

// start begins to send. Cameras and microphones do not tick together.
func (p *Publisher) start() {
	if len(p.cameras) > 0 {
		interval := time.Second / time.Duration(p.cfg.Video.FrameRate)
		p.world.After(time.Duration(p.random.Int64N(int64(interval))), func() { p.world.Every(interval, p.shoot) })
		for _, c := range p.cameras {
			p.reportEvery(c.sender, videoReports, p.cfg.VideoDelay)
		}
	}
	if p.mic != nil {
		p.world.After(time.Duration(p.random.Int64N(int64(audioFrame))), func() { p.world.Every(audioFrame, p.hear) })
		p.reportEvery(p.voice, audioReports, p.cfg.AudioDelay)
	}
}

// Stop closes the browser.
func (p *Publisher) Stop() { p.stopped = true }

// SetSpatialLayers changes how many spatial layers the encoders make, as browsers do when the machine or the network is slow.
func (p *Publisher) SetSpatialLayers(n int) {
	for _, c := range p.cameras {
		c.setLayers(n)
	}
}

// Talk begins or ends to speak.
func (p *Publisher) Talk(on bool) { p.mic.talking = on }

// Spent are the bytes that an encoding has cost so far: those of its keyframes, and all.
func (p *Publisher) Spent(encoding int) (keyframes, all int) {
	return p.cameras[encoding].keyframes, p.cameras[encoding].all
}

// Bitrate is what an encoding should have.
func (p *Publisher) Bitrate(encoding int) media.Bitrate { return p.cameras[encoding].Bitrate }

// Encodings is how many there are.
func (p *Publisher) Encodings() int { return len(p.cameras) }

// Louder makes the voice so many decibels louder than others.
func (p *Publisher) Louder(decibels float64) { p.mic.louder = decibels }

// Links are the two directions of the publisher's network.
func (p *Publisher) Links() (up, down *Link) { return p.up, p.down }

// local is an instant on the publisher's clock.
func (p *Publisher) local(t time.Time) time.Time {
	return t.Add(p.cfg.ClockOffset + time.Duration(t.Sub(epoch).Seconds()*float64(p.cfg.ClockDrift)))
}

// shoot takes a picture and sends it when it is encoded.
func (p *Publisher) shoot() bool {
	captured := p.world.now
	p.world.After(p.cfg.VideoDelay, func() {
		for _, c := range p.cameras {
			if !c.active {
				continue
			}
			packets, key := c.encode(captured)
			timestamp := c.capture(captured)
			for _, pkt := range packets {
				c.all += len(pkt.bytes)
				if key {
					c.keyframes += len(pkt.bytes)
				}
				p.pace(c.sender.packet(pkt, timestamp, nil), c.sender)
			}
		}
	})
	return !p.stopped
}

// hear sends what the microphone heard.
func (p *Publisher) hear() bool {
	captured := p.world.now
	bytes, level, start, ok := p.mic.encode(captured, captured)
	if !ok {
		return !p.stopped
	}
	p.world.After(p.cfg.AudioDelay, func() {
		timestamp := p.voice.capture(captured)
		p.voice.send(p.voice.packet(payload{bytes: bytes, marker: start}, timestamp, level))
	})
	return !p.stopped
}

// pace sends a packet when those before it are out.
func (p *Publisher) pace(pkt *sentPacket, s *sender) {
	if p.paced.Before(p.world.now) {
		p.paced = p.world.now
	}
	p.world.At(p.paced, func() { s.send(pkt) })
	p.paced = p.paced.Add(time.Duration(float64(len(pkt.bytes)*8) / (float64(p.rate) * pacing) * float64(time.Second)))
}

// reportEvery sends sender reports, the first one early (RFC 3550, section 6.2).
func (p *Publisher) reportEvery(s *sender, interval, delay time.Duration) {
	var next func()
	next = func() {
		if p.stopped {
			return
		}
		s.report()
		p.world.After(time.Duration((0.5+p.random.Float64())*float64(interval)), next)
	}
	p.world.After(delay+time.Duration((0.25+0.5*p.random.Float64())*float64(interval)), next)
}

// handlePLI makes a keyframe of the next picture, unless one was asked for just now.
func (p *Publisher) handlePLI(encoding int) {
	now := p.world.now
	if !p.asked.IsZero() && now.Sub(p.asked) < keyframeHoldOff {
		return
	}
	p.asked = now
	for i, c := range p.cameras {
		if i == encoding || !p.cfg.KeyframesApart {
			c.wantsKey = true
		}
	}
}

// handleWanted stops the encodings that nobody wants, and starts those that somebody does.
func (p *Publisher) handleWanted(highest int8) {
	for i, c := range p.cameras {
		active := i <= int(highest)
		if active && !c.active {
			c.wantsKey = true
		}
		c.active = active
	}
}

// ntp is the publisher's wall clock.
func (p *Publisher) ntp() rtptime.NTP { return rtptime.NewNTP(p.local(p.world.now)) }

// Residual is the share of packets of pictures that were lost for good, or came later than 500 ms after they were sent, up
// to a second ago.
func (p *Publisher) Residual() float64 {
	sum, all := 0.0, 0
	for _, c := range p.cameras {
		sum += c.delivery.residual(p.world.now.Add(-time.Second)) * float64(c.delivery.total)
		all += c.delivery.total
	}
	return sum / float64(max(all, 1))
}

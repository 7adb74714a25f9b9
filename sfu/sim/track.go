package sim

import (
	"slices"
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/ingress"
	"hiroba/sfu/keyframe"
	"hiroba/sfu/layer"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
)

// Track is an up track at the server. It drives the machines of its streams as the rim's UpTrack and upStream do.
type Track struct {
	// Requests are when keyframes were asked for, by encoding, and Keyframes when they came.
	Requests, Keyframes [media.MaxSpatial + 1][]time.Time
	// Told counts how often the publisher was told what is wanted of it.
	Told int
	// OnLevel is called with each level that the room would hear of.
	OnLevel func(level uint8)

	server     *Server
	publisher  *Publisher
	kind       media.Kind
	csrc       media.CSRC
	streams    []*stream
	requesters [media.MaxSpatial + 1]keyframe.Requester
	meters     [media.MaxSpatial + 1]keyframe.Meter
	supply     *layer.Supply
	demand     layer.Demand[*line]
	timer      timer
	lines      []*line // attached, or sitting
}

// stream is one incoming RTP stream.
type stream struct {
	track    *Track
	encoding int
	sender   *sender
	machine  *ingress.Stream
	clock    rtptime.Clock
	source   uint32
	timer    timer
	nacks    []uint16
	kept     history.Stream
}

func newTrack(s *Server, p *Publisher, kind media.Kind, senders []*sender, clock *rtptime.Publisher) *Track {
	t := &Track{
		server: s, publisher: p, kind: kind, csrc: media.CSRC(s.id()),
		supply: layer.NewSupply(len(senders)), demand: layer.NewDemand[*line](s.world.now, media.MaxSpatial),
	}
	s.owners[t.csrc] = p
	for i, sender := range senders {
		u := &stream{
			track: t, encoding: i, sender: sender, source: s.id(),
			machine: ingress.New(ingress.Config{
				Kind: kind, Codecs: codecsOf(publisherTypes), Extensions: extensions, Encoding: int8(i),
			}),
			clock: rtptime.NewClock(clock, kind.ClockRate()),
		}
		sender.handleRTP, sender.handleReport = u.handleRTP, u.handleReport
		t.streams = append(t.streams, u)
	}
	return t
}

func (t *Track) simulcast() bool { return t.supply.Simulcast() }

// handleRTP passes one packet through the machine and on to the lines.
func (u *stream) handleRTP(b []byte) {
	t, now := u.track, u.track.server.world.now
	p := packet.New()
	defer p.Release()
	p.SetLen(copy(p.Buffer(), b))
	result, reason, ok := u.machine.HandleRTP(now, p)
	defer u.poll()
	if !ok {
		t.server.Dropped[reason]++
		return
	}
	if result.Restarted {
		panic("sim: no publisher starts again")
	}
	p.Source = u.source
	p.Captured = u.clock.CaptureTime(now, p.Header.Timestamp)
	if result.Keyframe {
		t.Keyframes[u.encoding] = append(t.Keyframes[u.encoding], now)
		t.requesters[u.encoding].HandleBytes(now, t.meters[u.encoding].Counts())
		t.requesters[u.encoding].HandleKeyframe()
	}
	t.supply.HandleRTP(now, p)
	t.meters[u.encoding].HandleRTP(p)
	for _, l := range slices.Clone(t.lines) {
		l.handleRTP(t, p)
	}
	if len(t.lines) > 0 {
		p.Retain()
		u.kept.Put(p)
	}
}

// poll asks for what is missing and tells how loud it is.
func (u *stream) poll() {
	t, now := u.track, u.track.server.world.now
	u.nacks = u.machine.PollNACK(now, u.nacks[:0])
	if len(u.nacks) > 0 {
		asked := slices.Clone(u.nacks)
		t.server.NACKsSent += len(asked)
		t.publisher.down.Send(nackBytes, func() { u.sender.handleNACK(asked) })
	}
	if level, news := u.machine.PollLevel(now); news && t.OnLevel != nil {
		t.OnLevel(level)
	}
	u.timer.set(t.server.world, u.machine.Deadline(), u.poll)
}

func (u *stream) handleReport(ntp rtptime.NTP, timestamp uint32) {
	u.clock.HandleSenderReport(u.track.server.world.now, ntp, timestamp)
}

// wantKeyframe says that a subscriber cannot go on without a keyframe of an encoding.
func (t *Track) wantKeyframe(encoding int8) {
	t.requesters[encoding].HandleBytes(t.server.world.now, t.meters[encoding].Counts())
	t.requesters[encoding].Want(t.server.world.now)
	t.handleTimeout()
}

// scarce reports whether a keyframe of an encoding is not to be had soon.
func (t *Track) scarce(encoding int8) bool {
	return keyframe.Scarce(t.server.world.now, t.requesters[encoding].Free())
}

// want says which spatial layer a line should get; -1 is nothing.
func (t *Track) want(l *line, spatial int8) {
	t.demand.HandleWant(t.server.world.now, l, spatial)
	t.handleTimeout()
}

// handleTimeout asks for the keyframes that are due and tells the publisher what is wanted.
func (t *Track) handleTimeout() {
	w := t.server.world
	if t.kind == media.Video && t.simulcast() {
		t.demand.HandleTimeout(w.now)
		if highest, news := t.demand.PollHighest(); news {
			t.Told++
			w.After(t.publisher.cfg.Down.Delay, func() { t.publisher.handleWanted(highest) }) // over the WebSocket
		}
	}
	next := t.demand.Deadline()
	if !t.simulcast() {
		next = time.Time{}
	}
	for i := range t.streams {
		t.requesters[i].HandleBytes(w.now, t.meters[i].Counts())
		if t.requesters[i].HandleTimeout(w.now) && !t.supply.Asleep(w.now, i) {
			t.Requests[i] = append(t.Requests[i], w.now)
			t.publisher.down.Send(nackBytes, func() { t.publisher.handlePLI(i) })
		}
		if due := t.requesters[i].Deadline(); !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	t.timer.set(w, next, t.handleTimeout)
}

// recall finds a packet that was forwarded.
func (t *Track) recall(source uint32, sequence int64) (*packet.Packet, bool) {
	for _, u := range t.streams {
		if u.source == source {
			return u.kept.At(sequence)
		}
	}
	return nil, false
}

// timer calls back when a machine's deadline has come, unless that changed.
type timer struct{ at time.Time }

func (t *timer) set(w *World, at time.Time, f func()) {
	if at.Equal(t.at) {
		return
	}
	t.at = at
	if at.IsZero() {
		return
	}
	w.At(at, func() {
		if t.at.Equal(at) {
			t.at = time.Time{}
			f()
		}
	})
}

// CSRC names the track in the packets of seats.
func (t *Track) CSRC() media.CSRC { return t.csrc }

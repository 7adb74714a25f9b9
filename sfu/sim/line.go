package sim

import (
	"slices"
	"time"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/stats"
)

// line is one m-line of a seat at the server. It drives egress.Line as the rim's seatTrack does.
type line struct {
	egress.Line

	seat   *Seat
	kind   media.Kind
	target *Track // the one that Line.Target names
	source *Track // the one that Line.Current names
	tile   int    // its height in pixels; 0 is the best quality
	wants  int8
	of     *Track // whose publisher was told what is wanted

	echoed time.Time // when the viewer last echoed a report

	replays    egress.Replay
	replayed   *Track // the track of the replay
	replayedIn int8   // its encoding
	pace       timer

	retimed [1 << 16]bool // by sequence number, what was sent by a replay

	// highest and started follow the sequence numbers that go out, see LineCounts.Gaps.
	highest uint16
	started bool
	counts  LineCounts
}

// LineCounts say what the server did for one m-line.
type LineCounts struct {
	// Packets were sent, of which RTX again; Bytes are those of all, RTXBytes those that were sent again. Switches are changes
	// of occupant or encoding.
	Packets, RTX, Bytes, RTXBytes, Switches int
	// Gaps counts sequence numbers that were left out. Behind a publisher who loses nothing there must be none.
	Gaps int
	// NACKs counts the numbers that were asked for, NACKsInVain those that the server never sent, or kept no longer;
	// NACKsRefused those that came too soon or over the budget.
	NACKs, NACKsInVain, NACKsRefused int
	// PLIs were received. Replays counts how often a picture began with what was kept.
	PLIs, Replays int
}

// setTarget changes the occupant.
func (l *line) setTarget(track *Track) {
	if l.target == track {
		return
	}
	l.replays.Forget()
	former := l.target
	l.target = track
	l.SetTarget(csrcOf(track), track != nil && track.simulcast())
	if former != nil && former != l.source {
		former.detach(l)
	}
	if track == nil || l.Current() == csrcOf(track) {
		l.leaveSource(track)
	}
	if track == nil {
		l.demand(nil, -1)
		return
	}
	track.attach(l)
	l.adapt()
}

func (l *line) leaveSource(track *Track) {
	if l.source == track {
		return
	}
	if l.source != nil {
		l.source.detach(l)
	}
	l.source = track
}

// demand tells a publisher what this seat wants of its track, when that changed.
func (l *line) demand(track *Track, spatial int8) {
	if l.of == track && l.wants == spatial {
		return
	}
	if l.of != nil && l.of != track {
		l.of.want(l, -1)
	}
	l.of, l.wants = track, spatial
	if track != nil {
		track.want(l, spatial)
	}
}

// adapt chooses the layer for the tile, and asks for a keyframe when the seat cannot go on as it should without.
func (l *line) adapt() {
	if l.target == nil || l.kind != media.Video {
		return
	}
	wanted, best := l.target.supply.Fit(l.tile), l.target.supply.Best()
	l.demand(l.target, wanted.Spatial)
	if l.target.simulcast() {
		wanted.Spatial = min(wanted.Spatial, best)
	}
	l.SetWanted(wanted)
	encoding, needed := l.NeedsKeyframe(best)
	if !needed || l.replays.Active() && l.replayed == l.target || l.replay(encoding, false) {
		return
	}
	blind := l.isBlind()
	if !blind && !l.Allow(l.seat.viewer.world.now) {
		return
	}
	l.target.wantKeyframe(encoding)
	for scarce := l.target.scarce(encoding); encoding >= 0 && blind && scarce; encoding-- {
		l.replay(encoding, true)
		blind = l.isBlind()
	}
}

// isBlind reports whether nothing of the target is seen yet.
func (l *line) isBlind() bool { return l.Current() != l.target.csrc || l.Layer().Spatial < 0 }

// replay shows the target at once, with what was kept since its last keyframe, if that was not long ago.
func (l *line) replay(encoding int8, scarce bool) bool {
	kept, viewers := &l.target.streams[encoding].kept, len(l.target.lines)
	if _, ok := l.replays.Begin(l.seat.viewer.world.now, kept, viewers, scarce); !ok {
		return false
	}
	l.counts.Replays++
	l.replayed, l.replayedIn = l.target, encoding
	l.advance()
	if l.replays.Active() {
		return true
	}
	_, needed := l.NeedsKeyframe(l.target.supply.Best())
	return !needed
}

// advance sends what is due of a replay, and comes back as often as the rim's shards do.
func (l *line) advance() {
	w := l.seat.viewer.world
	share := 0
	for _, other := range l.seat.viewer.Seats {
		if other.video.replays.Active() {
			share++
		}
	}
	for {
		p, newest, ok := l.replays.Poll(w.now, &l.replayed.streams[l.replayedIn].kept, share)
		if !ok {
			break
		}
		l.send(newest.Captured, l.replayed, p, true)
		if !l.Sends(p.Source) {
			l.replays.End()
		}
	}
	if l.replays.Active() {
		l.pace.set(w, w.now.Add(replayTick), l.advance)
	}
}

// handleRTP sends a packet of a track that this seat is attached to, if it should.
func (l *line) handleRTP(track *Track, p *packet.Packet) {
	if !l.replays.Holds(p) {
		l.send(time.Time{}, track, p, false)
	}
}

// send passes a packet through the machine, and on to the viewer. Those of a replay are shown as if captured at an instant.
func (l *line) send(captured time.Time, track *Track, p *packet.Packet, replay bool) {
	server := l.seat.viewer.server
	var (
		out          egress.Packet
		switched, ok bool
		reason       stats.Reason
	)
	if replay {
		out, switched, reason, ok = l.HandleReplay(captured, track.csrc, p)
	} else {
		out, switched, reason, ok = l.HandleRTP(track.csrc, p)
	}
	if !ok {
		server.Dropped[reason]++
		return
	}
	l.retimed[out.Out.Sequence] = replay
	if switched {
		l.leaveSource(track)
		l.counts.Switches++
		l.HandleSwitch()
	}
	l.write(track, &out)
	l.report()
}

// write puts a packet on the wire as the rim's writer does.
func (l *line) write(track *Track, out *egress.Packet) {
	v := l.seat.viewer
	h := header{
		marker: out.Marker, pt: out.PayloadType, sequence: out.Out.Sequence, timestamp: out.Out.Timestamp, csrc: track.csrc,
		level: out.Source.Slice(out.Source.Header.AudioLevel), descriptor: out.AppendDescriptor(nil),
	}
	if out.RTX {
		h.sequence = out.RTXSequence
		l.counts.RTX++
	} else {
		l.follow(out.Out.Sequence)
	}
	b := h.append(make([]byte, 0, packet.MaxBytes))
	b = out.AppendPayload(b)
	l.counts.Packets++
	l.counts.Bytes += len(b)
	if out.RTX {
		l.counts.RTXBytes += len(b)
	}
	if l.kind == media.Audio {
		v.down.Send(len(b), func() { l.seat.Audio.handleRTP(b) })
		return
	}
	if !out.RTX {
		l.seat.Video.delivery.sent(out.Out.Sequence, v.world.now)
	}
	v.down.Send(len(b), func() { l.seat.Video.handleRTP(b) })
}

// follow counts gaps in what goes out.
func (l *line) follow(sequence uint16) {
	ahead := int16(sequence - l.highest) //nolint:gosec // serial number arithmetic (RFC 1982)
	switch {
	case !l.started || ahead == 1:
	case ahead > 1:
		l.counts.Gaps += int(ahead) - 1
	default: // late: it fills a gap
		l.counts.Gaps--
		return
	}
	l.started, l.highest = true, sequence
}

// report sends the sender report that is due, if any.
func (l *line) report() {
	v := l.seat.viewer
	r, due := l.PollReport(v.world.now)
	if !due {
		return
	}
	sent := v.world.now
	v.down.Send(reportBytes, func() {
		l.seat.handleReport(l.kind, sent, rtptime.NewNTP(r.At), r.RTPTime)
	})
}

// handleNACK sends again what the viewer lost.
func (l *line) handleNACK(sequences []uint16) {
	for i, sequence := range sequences {
		if i == egress.MaxPerNACK {
			l.demandKeyframe()
			return
		}
		l.counts.NACKs++
		source, number, ok := l.Recall(sequence)
		var p *packet.Packet
		if ok && l.source != nil {
			p, ok = l.source.recall(source, number)
		}
		if !ok || l.source == nil {
			l.counts.NACKsInVain++
			continue
		}
		out, reason, ok := l.HandleNACK(l.seat.viewer.world.now, sequence, p)
		if !ok {
			l.counts.NACKsRefused++
			if reason == stats.NACKOverBudget {
				l.demandKeyframe()
			}
			continue
		}
		l.write(l.source, &out)
	}
}

// handlePLI passes the viewer's wish on.
func (l *line) handlePLI() {
	l.counts.PLIs++
	l.demandKeyframe()
}

func (l *line) demandKeyframe() {
	if encoding, ok := l.Demand(l.seat.viewer.world.now); ok && l.target != nil {
		l.target.wantKeyframe(encoding)
	}
}

// handleEcho takes the echo of a sender report.
func (l *line) handleEcho(sent time.Time, delay time.Duration) {
	l.SetRTT(l.seat.viewer.world.now.Sub(sent) - delay)
}

// attach makes a line get the packets of a track.
func (t *Track) attach(l *line) {
	if !slices.Contains(t.lines, l) {
		t.lines = append(t.lines, l)
	}
}

func (t *Track) detach(l *line) {
	t.lines = slices.DeleteFunc(t.lines, func(other *line) bool { return other == l })
	if len(t.lines) == 0 {
		for _, u := range t.streams {
			u.kept.Drain()
		}
	}
}

func csrcOf(t *Track) media.CSRC {
	if t == nil {
		return 0
	}
	return t.csrc
}

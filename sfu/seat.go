package sfu

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/egress"
	"hiroba/sfu/flight"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
	"hiroba/sfu/trace"
)

// Occupant is who sits in a seat: up tracks of one participant, or none.
type Occupant struct {
	Audio, Video *UpTrack
	// Height is that of the tile in which the picture is shown, in pixels of the screen; 0 is the best quality.
	Height int
}

// Seat changes the occupant of a seat. The client sees and hears it without a new offer: sound changes with the next
// packet, pictures with the next keyframe.
func (p *Peer) Seat(index int, o Occupant) {
	p.post(func(time.Time) {
		if index < 0 || index >= len(p.seats) {
			return
		}
		s := p.seats[index]
		p.down.post(func(_ *subscriber, _ time.Time) {
			s.video.height = o.Height
			s.audio.setTarget(o.Audio)
			s.video.setTarget(o.Video)
			s.video.adapt()
		})
	})
}

// seat is one audio and one video m-line that share a MediaStream, so that the browser keeps their lips in sync.
type seat struct {
	mids         SeatMIDs
	audio, video *seatTrack
}

func newSeat(p *Peer, index int, mids SeatMIDs) *seat {
	stream := fmt.Sprintf("seat%d", index)
	track := func(kind media.Kind, mid media.MID, id string) *seatTrack {
		return &seatTrack{
			peer: p, index: index, kind: kind, mid: mid, id: fmt.Sprintf("%s%d", id, index), stream: stream,
			flight: p.down.flight.Line(index, kind),
		}
	}
	return &seat{mids: mids, audio: track(media.Audio, mids.Audio, "a"), video: track(media.Video, mids.Video, "v")}
}

// seatTrack is one m-line of a seat. Towards pion it is a TrackLocal; towards the shard it is a line.
type seatTrack struct {
	peer       *Peer
	index      int // of the seat
	kind       media.Kind
	mid        media.MID
	id, stream string
	sender     *webrtc.RTPSender // set before the track is bound

	// What follows is owned by the shard.
	line   *trace.Line // nil until the m-line is negotiated
	out    writer
	target *UpTrack // the one that line.Target names
	height int      // of the tile, in pixels; 0 is the best quality
	// wants is what target's publisher was told last, and of which track.
	wants   int8
	wantsOf *UpTrack
	replay  replay
	source  *UpTrack // the one that line.Current names
	flight  flight.Line
	loss    egress.Loss
}

var errNoCodec = errors.New("no codec in common")

// Bind implements webrtc.TrackLocal. pion calls it when the m-line is negotiated. The payload types are those of the
// whole connection; which of them a packet has is decided packet by packet, and pion's idea of one codec is not used.
func (t *seatTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	types := newPayloadTypes(c.CodecParameters())
	var first webrtc.RTPCodecParameters
	for _, p := range c.CodecParameters() {
		if media.ParseCodec(p.MimeType).Kind() == t.kind {
			first = p
			break
		}
	}
	if first.MimeType == "" {
		return first, errNoCodec
	}
	if c.SSRCRetransmission() == 0 {
		types.rtx = [media.Codecs]media.PayloadType{}
	}
	t.peer.learn(t.kind, &types)
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		return first, fmt.Errorf("pick first sequence number: %w", err)
	}
	line := egress.NewLine(egress.Config{
		Kind:            t.kind,
		PayloadTypes:    types.media,
		RTXPayloadTypes: types.rtx,
		FirstSequence:   binary.BigEndian.Uint16(random[:]),
		FirstTimestamp:  binary.BigEndian.Uint32(random[2:]),
	})
	out := newWriter(c, t.kind)
	t.peer.down.post(func(sub *subscriber, _ time.Time) { sub.bind(t, &line, out) })
	return first, nil
}

// Unbind implements webrtc.TrackLocal.
func (t *seatTrack) Unbind(webrtc.TrackLocalContext) error {
	t.peer.down.post(func(_ *subscriber, _ time.Time) { t.setTarget(nil) })
	return nil
}

// ID implements webrtc.TrackLocal.
func (t *seatTrack) ID() string { return t.id }

// RID implements webrtc.TrackLocal.
func (t *seatTrack) RID() string { return "" }

// StreamID implements webrtc.TrackLocal. It is also the CNAME that pion writes into the answer.
func (t *seatTrack) StreamID() string { return t.stream }

// Kind implements webrtc.TrackLocal.
func (t *seatTrack) Kind() webrtc.RTPCodecType {
	if t.kind == media.Audio {
		return webrtc.RTPCodecTypeAudio
	}
	return webrtc.RTPCodecTypeVideo
}

// setTarget changes the occupant. Until its keyframe comes the former one goes on.
func (t *seatTrack) setTarget(track *UpTrack) {
	if track != nil && track.ended.Load() {
		track = nil
	}
	if t.target == track {
		return
	}
	t.replay.Forget()
	former := t.target
	t.target = track
	t.flight.Asked(t.peer.shard.now, csrcOf(track))
	if t.line == nil {
		return // bind catches up
	}
	t.line.SetTarget(csrcOf(track), track != nil && track.simulcast())
	if former != nil && former != t.source {
		t.peer.shard.detach(former, t)
	}
	if track == nil || t.line.Current() == csrcOf(track) {
		t.leaveSource(track)
	}
	if track == nil {
		t.demand(nil, -1)
	}
	if track != nil {
		t.peer.shard.attach(track, t)
		t.adapt()
	}
}

// leaveSource makes track the one that is sent.
func (t *seatTrack) leaveSource(track *UpTrack) {
	if t.source == track {
		return
	}
	if t.source != nil {
		t.peer.shard.detach(t.source, t)
	}
	t.source = track
}

// vacate takes an ended track away.
func (t *seatTrack) vacate(track *UpTrack) {
	if t.line != nil {
		t.line.Vacate(track.csrc)
	}
	t.peer.shard.detach(track, t)
	if t.source == track {
		t.source = nil
		if t.line != nil && t.line.Current() != 0 {
			t.source = t.target
		}
	}
	if t.target == track {
		t.target = nil
	}
	if t.replay.of(track) {
		t.replay.End()
	}
	if t.wantsOf == track {
		t.wantsOf = nil
	}
}

// demand tells a publisher what this seat wants of its track, when that changed; a nil track is nothing of the former.
func (t *seatTrack) demand(track *UpTrack, spatial int8) {
	if t.wantsOf == track && t.wants == spatial {
		return
	}
	if t.wantsOf != nil && t.wantsOf != track {
		t.wantsOf.want(t, -1)
	}
	t.wantsOf, t.wants = track, spatial
	if track != nil {
		track.want(t, spatial)
	}
}

// adapt chooses the layer for the tile, and asks the target's publisher for a keyframe when the seat cannot go on, or not
// as it should, without.
func (t *seatTrack) adapt() {
	if t.line == nil || t.target == nil || t.kind != media.Video {
		return
	}
	wanted, best := t.target.supply.Fit(t.height), t.target.supply.Best()
	wanted.Spatial = min(wanted.Spatial, t.peer.down.stall.Highest())
	t.demand(t.target, wanted.Spatial)
	if t.target.simulcast() {
		wanted.Spatial = min(wanted.Spatial, best)
	}
	t.line.SetWanted(wanted)
	t.flight.Wanted(t.peer.shard.now, t.target.csrc, wanted)
	if !t.peer.down.connected || t.peer.down.stall.Stalled() {
		return
	}
	encoding, needed := t.line.NeedsKeyframe(best)
	if !needed || t.replay.of(t.target) || t.show(encoding, false) {
		return
	}
	if f := t.peer.shard.feeds[t.target]; f != nil && t.peer.shard.now.Before(f.borrowing) {
		return // what is kept is on its way
	}
	now, blind := t.peer.shard.now, t.isBlind()
	if !blind && !t.line.Allow(now) {
		return
	}
	t.target.wantKeyframe(encoding)
	t.flight.KeyframeWanted(now, t.target.csrc, encoding)
	// A smaller picture is better than none until the keyframe comes.
	for scarce := t.target.scarce(now, encoding); encoding >= 0 && blind && scarce; encoding-- {
		t.show(encoding, true)
		blind = t.isBlind()
	}
}

// isBlind reports whether nothing of the target is seen yet.
func (t *seatTrack) isBlind() bool {
	return t.line.Current() != t.target.csrc || t.line.Layer().Spatial < 0
}

// handleRTP sends the packets of a track that this seat is attached to, if it should.
func (t *seatTrack) handleRTP(now time.Time, f *feed) {
	stalled := t.kind == media.Video && t.peer.down.checkFlow(now)
	for i := range f.packets {
		p := &f.packets[i]
		switch {
		case !t.peer.down.connected:
			t.dropped(stats.NotConnected)
		case stalled:
			t.dropped(stats.Stalled)
		case t.replay.Holds(p.Packet): // its turn comes
		case t.send(now, f.track, p.Packet, nil, p.padding):
			p.seats++
		}
	}
}

// send passes a packet through the line, and on to the client. Newest is the last packet of a replay, nil outside of one.
// Padding is added where it helps. It reports whether the packet leaves now.
func (t *seatTrack) send(now time.Time, track *UpTrack, p, newest *packet.Packet, padding uint8) bool {
	var (
		out          egress.Packet
		switched, ok bool
		reason       stats.Reason
	)
	if newest != nil {
		out, switched, reason, ok = t.line.HandleReplay(newest.Captured, track.csrc, p)
	} else {
		out, switched, reason, ok = t.line.HandleRTP(track.csrc, p)
	}
	t.countLayer(t.flight.Layer(now, t.line.Current(), t.line.Layer()))
	if !ok {
		t.dropped(reason)
		return false
	}
	if switched {
		t.leaveSource(track)
		t.peer.engine.counters.SeatSwitches.Add(1)
		t.line.HandleSwitch()
		t.flight.Switched(now, track.csrc)
	}
	if t.peer.down.outlet.path == PathOwn && !out.Empty {
		out.Padding = padding
	}
	left := t.write(now, track.csrc, &out)
	t.report(now) // at once after a switch, for lip sync
	return left
}

// countLayer counts a change of the layer that is sent; -1 is none.
func (t *seatTrack) countLayer(from, to media.Layer) {
	switch counters := &t.peer.engine.counters; {
	case from == to || from.Spatial < 0 || to.Spatial < 0:
	case to.Spatial > from.Spatial, to.Spatial == from.Spatial && to.Temporal > from.Temporal:
		counters.LayersRaised.Add(1)
	default:
		counters.LayersLowered.Add(1)
	}
}

// handleNACK sends again what the subscriber lost.
func (t *seatTrack) handleNACK(now time.Time, sequence uint16) {
	counters := &t.peer.engine.counters
	counters.NACKsReceived.Add(1)
	t.flight.NACK()
	if t.peer.down.stall.Stalled() {
		t.dropped(stats.Stalled)
		return
	}
	source, number, ok := t.line.Recall(sequence)
	if !ok || t.source == nil {
		t.dropped(stats.NACKUnknown)
		return
	}
	p, ok := t.peer.shard.sent(t.source, source, number)
	if !ok {
		t.dropped(stats.NACKUnknown)
		return
	}
	out, reason, ok := t.line.HandleNACK(now, sequence, p)
	if !ok {
		t.dropped(reason)
		if reason == stats.NACKOverBudget { // so much is lost that a keyframe costs less
			t.demandKeyframe(now)
		}
		return
	}
	counters.RTXSent.Add(1)
	t.flight.RTX()
	t.write(now, t.source.csrc, &out)
}

// handlePLI passes a subscriber's wish on to the publisher. An empty seat is asked for one by browsers, too.
func (t *seatTrack) handlePLI(now time.Time) {
	t.peer.engine.counters.PLIsReceived.Add(1)
	t.flight.PLI()
	t.demandKeyframe(now)
}

// demandKeyframe asks the publisher for what the subscriber needs to go on after a loss.
func (t *seatTrack) demandKeyframe(now time.Time) {
	if encoding, ok := t.line.Demand(now); ok && t.target != nil {
		t.target.wantKeyframe(encoding)
		t.flight.KeyframeWanted(t.peer.shard.now, t.target.csrc, encoding)
	}
}

// write sends a packet, or makes it wait because so much left just before. It reports whether it leaves now.
func (t *seatTrack) write(now time.Time, csrc media.CSRC, out *egress.Packet) bool {
	down := t.peer.down
	if t.kind == media.Video && !down.queue.admit(now, out) {
		down.park(t, csrc, out)
		return false
	}
	return t.transmit(now, csrc, out)
}

// transmit sends a packet now.
func (t *seatTrack) transmit(now time.Time, csrc media.CSRC, out *egress.Packet) bool {
	down, shard := t.peer.down, t.peer.shard
	down.transportSequence++
	n, err := shard.out.write(now, &down.outlet, &t.out, out, csrc, down.transportSequence)
	if err != nil {
		t.dropped(stats.WriteFailed)
		return false
	}
	shard.tally.Forwarded(t.kind, n)
	t.flight.Sent(now, n, csrc, out.Source.Encoding, out.Source.Info.Keyframe && !out.RTX)
	if !down.sending {
		down.sending = true
		t.peer.emit(FirstForwarded{})
	}
	return true
}

// dropped counts a packet that is not sent, for everybody and for this subscriber.
func (t *seatTrack) dropped(reason stats.Reason) {
	t.peer.shard.tally.Dropped(reason)
	t.flight.Dropped(reason)
}

// csrcOf is the CSRC of a track; 0 for none.
func csrcOf(t *UpTrack) media.CSRC {
	if t == nil {
		return 0
	}
	return t.csrc
}

package sim

import (
	"encoding/binary"
	"errors"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/seqnum"
)

// Screen is how a browser receives pictures: it follows libwebrtc, which is in Chromium, Firefox and Safari. The parts are
// nackList (what to ask for again), assembler (packets to frames), finder (what a frame needs), frameBuffer (what to
// decode, and when) and playout (when it is seen, and freezes).
type Screen struct {
	ScreenCounts
	// OnPicture is called with each picture that is decoded.
	OnPicture func(Picture)

	viewer    *Viewer
	line      *line
	clock     receiverClock
	order     seqnum.Extender
	timestamp seqnum.Counter
	nacks     nackList
	assembler assembler
	finder    finder
	buffer    frameBuffer
	playout   playout
	delivery  delivery
	decoded   map[uint64]bool // frames by truth
	decodes   uint64

	askedKey       time.Time
	askedStructure time.Time
	newest         time.Time // when the newest packet came
	progress       time.Time // when a frame was last decoded
	assembled      bool      // at least one frame
	hasDecoded     bool
	watching       bool
	wake           timer
}

// ScreenCounts say how it went.
type ScreenCounts struct {
	// Packets were received, Repaired by RTX.
	Packets, Repaired int
	// Pictures were decoded; Corrupt are those of them that were decoded without what they are predicted from.
	Pictures, Corrupt int
	// NACKs are the sequence numbers that were asked for, PLIs the keyframe requests.
	NACKs, PLIs int
	// Freezes counts gaps of at least max(3 x average, average + 150 ms) between pictures, as the W3C defines freezeCount;
	// Frozen is their sum, totalFreezesDuration.
	Freezes int
	Frozen  time.Duration
}

// Picture is what a browser decoded.
type Picture struct {
	// At is when it was decoded, Captured when it was taken.
	At, Captured time.Time
	CSRC         media.CSRC
	Width        int
	Temporal     int
	Keyframe     bool
	// Retimed says that it was sent by a replay, which shows old pictures as if they were new.
	Retimed bool
	// Skew is how much later than the sound the pictures are played when the browser thinks that they fit. It is not known
	// before the browser has reports of both, nor while they are of different people.
	Skew      time.Duration
	SkewKnown bool
}

// arrival is a received packet.
type arrival struct {
	sequence    int64
	timestamp   int64
	wire        uint32 // the timestamp as received
	first, last bool   // of its frame
	marker      bool
	csrc        media.CSRC
	codec       media.Codec
	vp8         codec.VP8
	vp9         codec.VP9
	descriptor  codec.Descriptor
	described   bool
	truth       truth
	repaired    bool
}

func newScreen(v *Viewer, l *line) *Screen {
	s := &Screen{
		viewer: v, line: l, clock: newReceiverClock(media.Video.ClockRate()), timestamp: seqnum.NewCounter(32),
		decoded: make(map[uint64]bool), assembler: newAssembler(), buffer: newFrameBuffer(),
	}
	s.nacks.rtt = v.network.RTT() + v.network.Up.Jitter + v.network.Down.Jitter // as measured
	s.playout.rtt = s.nacks.rtt
	return s
}

// Residual is the share of packets that were lost for good, or came later than 500 ms after they were sent, up to a second
// ago.
func (s *Screen) Residual() float64 { return s.delivery.residual(s.viewer.world.now.Add(-time.Second)) }

// Doubled is the share of packets that came although they had come before.
func (s *Screen) Doubled() float64 {
	return float64(s.delivery.doubled) / float64(max(s.delivery.total, 1))
}

// handleRTP takes a packet from the network.
func (s *Screen) handleRTP(b []byte) {
	if s.viewer.left {
		return
	}
	now := s.viewer.world.now
	a, payload, descriptor := s.read(b)
	if a == nil {
		return
	}
	s.newest = now
	s.Packets++
	s.delivery.arrived(uint16(a.sequence), now) //nolint:gosec // the lower 16 bits are meant
	if a.repaired {
		s.Repaired++
	}
	s.nacks.handle(a.sequence)
	s.ask()
	s.watch()
	if len(payload) == 0 { // nothing but its number
		return
	}
	s.parse(a, payload)
	if len(descriptor) > 0 && !s.describe(a, descriptor) {
		return
	}
	if run := s.assembler.add(a); run != nil {
		s.handleFrame(run)
	}
}

// read parses the header of a packet and numbers it. The server must have made it well.
func (s *Screen) read(b []byte) (a *arrival, payload, descriptor []byte) {
	h, err := packet.ParseHeader(b, extensions)
	if err != nil {
		panic("sim: broken packet to a viewer: " + err.Error())
	}
	a = &arrival{csrc: media.CSRC(binary.BigEndian.Uint32(b[12:])), marker: h.Marker, wire: h.Timestamp}
	payload = b[h.Payload.From:h.Payload.To]
	sequence := h.SequenceNumber
	for c := media.VP8; c <= media.AV1; c++ {
		switch h.PayloadType {
		case viewerTypes[c]:
			a.codec = c
		case viewerRTXTypes[c]:
			a.codec, a.repaired = c, true
		}
	}
	if a.repaired {
		sequence = binary.BigEndian.Uint16(payload)
		payload = payload[2:]
	}
	if _, started := s.order.Newest(); a.repaired && !started {
		return nil, nil, nil
	}
	extended, order := s.order.Extend(sequence)
	if order == seqnum.Suspect || order == seqnum.Jumped {
		s.Corrupt++ // a browser would drop all that follows
		return nil, nil, nil
	}
	a.sequence = extended
	a.timestamp = s.timestamp.Extend(h.Timestamp)
	return a, payload, b[h.DependencyDescriptor.From:h.DependencyDescriptor.To]
}

// parse reads the payload descriptor, and the truth behind it.
func (s *Screen) parse(a *arrival, payload []byte) {
	var err error
	head := 2
	switch a.codec {
	case media.VP8:
		a.vp8, err = codec.ParseVP8(payload)
		a.first, a.last = a.vp8.StartsFrame(), a.marker
		head = int(a.vp8.HeaderBytes) + keyframeHeader
	case media.VP9:
		a.vp9, err = codec.ParseVP9(payload)
		a.first, a.last = a.vp9.Start, a.vp9.End
		head = int(a.vp9.HeaderBytes)
	default:
	}
	if err != nil {
		panic("sim: broken payload to a viewer: " + err.Error())
	}
	var ok bool
	if a.truth, ok = readTruth(payload[head:]); !ok {
		panic("sim: packet without truth")
	}
}

// describe reads the dependency descriptor. A packet whose structure has not come is of no use (libwebrtc,
// ParseGenericDependenciesExtension).
func (s *Screen) describe(a *arrival, descriptor []byte) bool {
	err := s.finder.descriptors.Read(descriptor, &a.descriptor)
	switch {
	case errors.Is(err, codec.ErrNoStructure):
		now := s.viewer.world.now
		if s.finder.descriptors.Structure() == nil && now.Sub(s.askedStructure) >= time.Second {
			s.askedStructure = now
			s.requestKeyframe()
		}
		return false
	case err != nil:
		panic("sim: broken descriptor to a viewer: " + err.Error())
	}
	a.described = true
	a.first, a.last = a.descriptor.StartOfFrame, a.descriptor.EndOfFrame
	return true
}

// handleFrame takes a frame that is complete.
func (s *Screen) handleFrame(run []*arrival) {
	now := s.viewer.world.now
	for _, f := range s.finder.handle(run) {
		if !s.assembled && !f.key {
			s.requestKeyframe() // nothing can be seen without
		}
		s.assembled = true
		if s.buffer.insert(f) {
			s.playout.handleArrival(now, f.timestamp, f.repaired)
		}
	}
	s.decode()
}

// decode decodes what is due, and comes back for what is due later.
func (s *Screen) decode() {
	w := s.viewer.world
	for {
		unit := s.buffer.next(!s.hasDecoded)
		if unit == nil {
			s.wake.set(w, time.Time{}, nil)
			return
		}
		if due := s.playout.decodeAt(unit[0].timestamp); due.After(w.now) {
			s.wake.set(w, due, s.decode)
			return
		}
		s.show(unit)
	}
}

// show decodes the frames of one picture.
func (s *Screen) show(unit []*assembled) {
	now := s.viewer.world.now
	s.buffer.decoded(unit)
	s.hasDecoded, s.progress = true, now
	top := unit[len(unit)-1]
	s.nacks.clear(top.last)
	s.assembler.clear(top.last)
	s.Pictures++
	for _, f := range unit {
		if !s.judge(&f.truth) {
			s.Corrupt++
		}
	}
	s.playout.show(now, top.timestamp, &s.ScreenCounts)
	if s.OnPicture == nil {
		return
	}
	p := Picture{
		At: now, Captured: top.truth.captured, CSRC: top.csrc, Width: int(top.truth.width),
		Temporal: int(top.truth.temporal), Keyframe: top.truth.key,
		Retimed: s.line.retimed[uint16(top.last)], //nolint:gosec // the lower 16 bits are meant
	}
	sound := s.line.seat.Audio
	owners := s.viewer.server.owners
	if believed, ok := s.clock.captured(top.wire); ok && sound.known && owners[sound.csrc] == owners[top.csrc] {
		p.Skew, p.SkewKnown = sound.off-believed.Sub(p.Captured), true
	}
	s.OnPicture(p)
}

// judge tells whether all is there that a frame is predicted from.
func (s *Screen) judge(t *truth) bool {
	id := func(frame uint32) uint64 { return uint64(t.stream)<<32 | uint64(frame) }
	whole := true
	for _, r := range t.references[:t.referenceCount] {
		whole = whole && s.decoded[id(r)]
	}
	s.decoded[id(t.frame)] = true
	if s.decodes++; s.decodes%1024 == 0 {
		for n := range s.decoded {
			if n>>32 != uint64(t.stream) || uint32(n)+512 < t.frame { //nolint:gosec // the lower bits are meant
				delete(s.decoded, n)
			}
		}
	}
	return whole
}

// ask sends the NACKs that are due.
func (s *Screen) ask() {
	asked, overflow := s.nacks.poll(s.viewer.world.now)
	if overflow {
		s.requestKeyframe()
	}
	if len(asked) == 0 {
		return
	}
	s.NACKs += len(asked)
	s.viewer.up.Send(nackBytes, func() { s.line.handleNACK(asked) })
}

const (
	// nackTick is how often a browser looks whether to ask again.
	nackTick = 20 * time.Millisecond
	// maxWaitForKeyframe and maxWaitForFrame are how long it goes without a picture before it asks for a keyframe.
	maxWaitForKeyframe = 200 * time.Millisecond
	maxWaitForFrame    = 3 * time.Second
	// inactiveAfter is how long without packets a stream counts as paused.
	inactiveAfter = 5 * time.Second
)

// watch begins to look after what does not come, with the first packet.
func (s *Screen) watch() {
	if s.watching {
		return
	}
	s.watching = true
	w := s.viewer.world
	s.progress = w.now
	w.Every(nackTick, func() bool {
		s.ask()
		wait := maxWaitForFrame
		if !s.hasDecoded {
			wait = maxWaitForKeyframe
		}
		if w.now.Sub(s.progress) >= wait && w.now.Sub(s.askedKey) >= wait && w.now.Sub(s.newest) < inactiveAfter {
			s.requestKeyframe()
		}
		return !s.viewer.left
	})
}

// requestKeyframe sends a PLI, at most one in 200 ms.
func (s *Screen) requestKeyframe() {
	now := s.viewer.world.now
	if !s.askedKey.IsZero() && now.Sub(s.askedKey) < maxWaitForKeyframe {
		return
	}
	s.askedKey = now
	s.PLIs++
	s.viewer.up.Send(nackBytes, s.line.handlePLI)
}

// pause says that nothing is to be seen here on purpose.
func (s *Screen) pause() { s.playout.pause() }

// Finish counts the freeze in which the screen still is, if any.
func (s *Screen) Finish() { s.playout.finish(s.viewer.world.now, &s.ScreenCounts) }

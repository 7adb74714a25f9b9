package egress_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"

	"hiroba/sfu/egress"
	"hiroba/sfu/ingress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/stats"
)

const descriptorID = 12

// rig leads RTP packets, as bytes, through the production machines from a publisher to one line, as the shards do.
type rig struct {
	t    testing.TB
	line *egress.Line
	sent []sent
	// dropped counts by reason, at the publisher's end and at the line's.
	refused, dropped map[stats.Reason]int
	switches         int
	sources          uint32
	kept             map[uint32]map[int64]*packet.Packet
}

// sent is what a subscriber gets.
type sent struct {
	egress.Packet
	payload, descriptor []byte
	at                  time.Time
}

// newRig makes a rig of a subscriber who has all codecs but those that are left out.
func newRig(t testing.TB, kind media.Kind, without ...media.Codec) *rig {
	cfg := egress.Config{Kind: kind, FirstSequence: 0xFFF0, FirstTimestamp: 1<<32 - 10_000}
	for c := media.Opus; int(c) < len(cfg.PayloadTypes); c++ {
		cfg.PayloadTypes[c], cfg.RTXPayloadTypes[c] = 100+media.PayloadType(c), 110+media.PayloadType(c)
	}
	for _, c := range without {
		cfg.PayloadTypes[c] = 0
	}
	l := egress.NewLine(cfg)
	return &rig{
		t: t, line: &l, refused: map[stats.Reason]int{}, dropped: map[stats.Reason]int{}, kept: map[uint32]map[int64]*packet.Packet{},
	}
}

// up is one incoming stream of a rig.
type up struct {
	rig    *rig
	track  media.CSRC
	codec  media.Codec
	stream *ingress.Stream
	clock  rtptime.Clock
	source uint32
	header rtp.Header // of the next packet
}

func (r *rig) up(track media.CSRC, encoding int8, c media.Codec, clock *rtptime.Publisher) *up {
	cfg := ingress.Config{
		Kind: c.Kind(), Encoding: encoding, Extensions: packet.ExtensionIDs{DependencyDescriptor: descriptorID, AudioLevel: 1},
	}
	for known := media.Opus; known < media.Codecs; known++ {
		cfg.Codecs[40+int(known)] = known
	}
	r.sources++
	return &up{
		rig: r, track: track, codec: c, stream: ingress.New(cfg), clock: rtptime.NewClock(clock, c.ClockRate()), source: r.sources,
		header: rtp.Header{Version: 2, SequenceNumber: 65_530, Timestamp: 1<<32 - 20_000, SSRC: 7},
	}
}

// raw is the next packet on the wire. A payload of nil is padding.
func (u *up) raw(payload, descriptor []byte, marker bool) []byte {
	u.rig.t.Helper()
	h := u.header
	u.header.SequenceNumber++
	h.PayloadType, h.Marker = uint8(40+u.codec), marker
	if descriptor != nil {
		if err := h.SetExtension(descriptorID, descriptor); err != nil {
			u.rig.t.Fatal(err)
		}
	}
	p := rtp.Packet{Header: h, Payload: payload}
	if payload == nil {
		p.Header.Padding, p.Header.PaddingSize = true, 200
	}
	b, err := p.Marshal()
	if err != nil {
		u.rig.t.Fatal(err)
	}
	return b
}

// arrive is a packet that comes in. It tells whether it was sent.
func (u *up) arrive(now time.Time, raw []byte) bool {
	r := u.rig
	p := packet.New()
	p.SetLen(copy(p.Buffer(), raw))
	result, reason, ok := u.stream.HandleRTP(now, p)
	if !ok {
		r.refused[reason]++
		return false
	}
	if result.Restarted {
		r.sources++
		u.source = r.sources
	}
	p.Source = u.source
	p.Captured = u.clock.CaptureTime(now, p.Header.Timestamp)
	if r.kept[u.source] == nil {
		r.kept[u.source] = map[int64]*packet.Packet{}
	}
	for lost := u.stream.PollRecovered(p); lost != nil; lost = u.stream.PollRecovered(p) {
		r.offer(u.track, lost, now)
	}
	return r.offer(u.track, p, now)
}

// offer hands a packet to the line, as the shards do.
func (r *rig) offer(track media.CSRC, p *packet.Packet, now time.Time) bool {
	r.kept[p.Source][p.Sequence] = p
	out, switched, reason, ok := r.line.HandleRTP(track, p)
	if !ok {
		r.dropped[reason]++
		return false
	}
	if switched {
		r.switches++
		r.line.HandleSwitch()
	}
	r.sent = append(r.sent, sent{out, out.AppendPayload(nil), out.AppendDescriptor(nil), now})
	return true
}

// send is raw and arrive.
func (u *up) send(now time.Time, payload []byte, marker bool) bool {
	u.rig.t.Helper()
	return u.arrive(now, u.raw(payload, nil, marker))
}

// nack asks for an outgoing number, as the shards do.
func (r *rig) nack(now time.Time, sequence uint16) (sent, bool) {
	source, number, ok := r.line.Recall(sequence)
	if !ok {
		return sent{}, false
	}
	p := r.kept[source][number]
	if p == nil {
		return sent{}, false
	}
	out, _, ok := r.line.HandleNACK(now, sequence, p)
	if !ok {
		return sent{}, false
	}
	return sent{out, out.AppendPayload(nil), out.AppendDescriptor(nil), now}, true
}

func (r *rig) last() sent {
	r.t.Helper()
	if len(r.sent) == 0 {
		r.t.Fatal("nothing was sent")
	}
	return r.sent[len(r.sent)-1]
}

// continuous checks that the numbers of all that was sent grow by one, with timestamps that do not go back.
func (r *rig) continuous() {
	r.t.Helper()
	for i := 1; i < len(r.sent); i++ {
		a, b := r.sent[i-1].Out, r.sent[i].Out
		if b.Sequence != a.Sequence+1 {
			r.t.Fatalf("packet %d: sequence number %d after %d", i, b.Sequence, a.Sequence)
		}
		if int32(b.Timestamp-a.Timestamp) < 0 { //nolint:gosec // modulo 2^32
			r.t.Fatalf("packet %d: timestamp %d after %d", i, b.Timestamp, a.Timestamp)
		}
	}
}

// vp8 writes a payload with a descriptor of RFC 7741, section 4.2. Numbers below 0 are left out.
type vp8 struct {
	pictureID, tl0 int
	short          bool // 7 bits of picture id
	tid, keyIdx    int
	noTID          bool
	sync, key      bool
	more           bool // not the first packet of the picture
}

func (v vp8) bytes() []byte {
	first, present := byte(0x80), byte(0)
	if !v.more {
		first |= 0x10
	}
	var fields []byte
	if v.pictureID >= 0 {
		present |= 0x80
		if v.short {
			fields = append(fields, byte(v.pictureID&0x7F))
		} else {
			fields = binary.BigEndian.AppendUint16(fields, 0x8000|uint16(v.pictureID&0x7FFF)) //nolint:gosec // masked
		}
	}
	if v.tl0 >= 0 {
		present |= 0x40
		fields = append(fields, byte(v.tl0))
	}
	if !v.noTID {
		present |= 0x20 | 0x10
		layer := byte(v.tid<<6 | v.keyIdx&0x1F)
		if v.sync {
			layer |= 0x20
		}
		fields = append(fields, layer)
	}
	b := append([]byte{first, present}, fields...)
	if v.key && !v.more {
		return append(b, 0, 0, 0, 0x9D, 1, 0x2A, 0x40, 1, 0xB4, 0)
	}
	return append(b, 1, 0, 0, 0)
}

// vp9 writes a payload with a descriptor of RFC 9628, section 4.2, in the flexible mode.
type vp9 struct {
	pictureID       int
	sid, tid        int
	inter, below    bool // depends on the picture before, on the layer below
	start, end      bool
	notForUpper     bool
	bytesOfPayload  int
	nonFlexible     bool
	tl0             int
	withoutLayers   bool
	withoutSwitchUp bool
}

func (v vp9) bytes() []byte {
	first := byte(0x80)
	for _, f := range []struct {
		set bool
		bit byte
	}{
		{v.inter, 0x40}, {!v.withoutLayers, 0x20}, {!v.nonFlexible, 0x10}, {v.start, 0x08}, {v.end, 0x04}, {v.notForUpper, 0x01},
	} {
		if f.set {
			first |= f.bit
		}
	}
	b := binary.BigEndian.AppendUint16([]byte{first}, 0x8000|uint16(v.pictureID&0x7FFF)) //nolint:gosec // masked
	if !v.withoutLayers {
		layers := byte(v.tid<<5 | v.sid<<1)
		if !v.withoutSwitchUp {
			layers |= 0x10
		}
		if v.below {
			layers |= 1
		}
		b = append(b, layers)
		if v.nonFlexible {
			b = append(b, byte(v.tl0))
		}
	}
	if v.inter && !v.nonFlexible {
		b = append(b, 1<<1)
	}
	return append(b, make([]byte, max(v.bytesOfPayload, 1))...)
}

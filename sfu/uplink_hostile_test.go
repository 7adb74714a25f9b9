package sfu

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/stats"
)

// state is all of the uplink that packets move, as text.
func (r *uplinkRig) state() string {
	s := fmt.Sprint("open ", r.open, " feedback ", r.feedback.due.UnixNano(), " reports ", r.reports.due.UnixNano())
	if f := r.feedback.recorder; f != nil {
		s += fmt.Sprintf(" span %d, order %+v", f.Span(), r.feedback.order)
	}
	var ssrcs []media.SSRC
	for ssrc := range r.named {
		ssrcs = append(ssrcs, ssrc)
	}
	slices.Sort(ssrcs)
	for _, ssrc := range ssrcs {
		n := r.named[ssrc]
		s += fmt.Sprintf("\n%d: %s/%d", ssrc, n.mid, n.encoding)
		if n.reception != nil {
			s += fmt.Sprintf(" %+v", *n.reception)
		}
		if n.stream != nil {
			newest := n.line.track.supply.Encoding(int(n.encoding)).Newest
			s += fmt.Sprintf(" %+v %v %v", *n.stream.machine, newest, n.stream.report.Load())
		}
	}
	return s
}

// TestUplinkIgnoresWhatIsNotAuthentic: datagrams that somebody cut, changed or sent again move nothing: no sequence number, no
// feedback, no level, no name.
func TestUplinkIgnoresWhatIsNotAuthentic(t *testing.T) {
	r := newUplinkRig(t).connect()
	number := func(n uint16) extension { return extension{rigTWCC, string(binary.BigEndian.AppendUint16(nil, n))} }
	sound := r.seal(rtpOf(t, 10, rigOpus, 100, []byte{1, 2, 3}, number(1), extension{rigLevel, "\x05"}))
	picture := r.seal(rtpOf(t, 20, rigVP8, 100, aVP8Keyframe, number(2)))
	report, err := r.rtcp.EncryptRTCP(nil, marshalRTCP(t, &rtcp.SenderReport{SSRC: 20, NTPTime: 1 << 40, RTPTime: 5}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{sound, picture, report} {
		r.receive(b)
	}
	r.expect("0/0:100", "2/0:100")
	next := [][]byte{
		r.seal(rtpOf(t, 10, rigOpus, 101, []byte{1, 2, 3}, number(3), extension{rigLevel, "\x05"})),
		r.seal(rtpOf(t, 20, rigVP8, 101, aVP8Keyframe, number(4))),
		r.seal(rtpOf(t, 33, rigVP8, 101, aVP8Keyframe, number(5), extension{rigMID, "1"}, extension{rigRID, "q"})),
	}
	another, err := r.rtcp.EncryptRTCP(nil, marshalRTCP(t, &rtcp.SenderReport{SSRC: 20, NTPTime: 2 << 40, RTPTime: 6}), nil)
	if err != nil {
		t.Fatal(err)
	}
	next = append(next, another)

	before := r.state()
	check := func(what string) {
		t.Helper()
		if got := r.state(); got != before {
			t.Fatalf("%s: state is\n%s\nand was\n%s", what, got, before)
		}
		r.expect()
	}
	for i, b := range [][]byte{sound, picture, report} {
		r.receive(b)
		check(fmt.Sprint("replay of datagram ", i))
	}
	for i, b := range next {
		for at := range b {
			for bit := range 8 {
				changed := slices.Clone(b)
				changed[at] ^= 1 << bit
				r.receive(changed)
				check(fmt.Sprintf("datagram %d, byte %d, bit %d", i, at, bit))
			}
		}
		for n := range b {
			r.receive(b[:n])
			check(fmt.Sprintf("datagram %d cut to %d", i, n))
		}
		r.receive(append(slices.Clone(b), 0))
		check(fmt.Sprintf("datagram %d with something behind it", i))
	}
	if r.drops(stats.NotAuthentic) == 0 || r.drops(stats.Duplicate) == 0 || r.drops(stats.Malformed) == 0 {
		t.Error("not all of that is counted")
	}
	for _, b := range next { // the true ones still count
		r.receive(b)
	}
	r.expect("0/0:101", "2/0:101", "1/0:101")
}

func marshalRTCP(t testing.TB, packets ...rtcp.Packet) []byte {
	t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestUplinkBoundsSSRCs: a flood ends the client, while tracks may come and go.
func TestUplinkBoundsSSRCs(t *testing.T) {
	r := newUplinkRig(t).connect()
	for ssrc := range uint32(maxStreams + 20) {
		r.send(rtpOf(t, 1000+ssrc, rigVP8, 1, aVP8Keyframe))
	}
	if len(r.named) != maxStreams {
		t.Errorf("%d SSRCs are known, want %d", len(r.named), maxStreams)
	}
	if !r.peer.abused.Load() {
		t.Error("the client goes on")
	}
	calm := newUplinkRig(t).connect()
	for round := range uint32(2 * maxStreams) {
		screen := newUpTrack(calm.peer, media.MID(fmt.Sprint("s", round)), media.Video, nil)
		calm.negotiate(calm.mic, screen)
		calm.send(rtpOf(t, 5000+round, rigVP8, 1, aVP8Keyframe, extension{rigMID, string(screen.mid)}))
	}
	if calm.peer.abused.Load() {
		t.Error("sharing a screen many times ended the client")
	}
}

// TestUplinkSurvivesLies of an authentic client: about lengths, numbers and names.
func TestUplinkSurvivesLies(t *testing.T) {
	r := newUplinkRig(t).connect()
	r.send(rtpOf(t, 20, rigVP8, 1, aVP8Keyframe))
	r.expect("2/0:1")
	lies := [][]byte{
		rtpOf(t, 20, rigVP8, 2, aVP8Keyframe, extension{rigTWCC, "\x01"}),          // half a number
		rtpOf(t, 20, rigVP8, 3, aVP8Keyframe, extension{rigTWCC, "\x01\x02\x03"}),  // one and a half
		rtpOf(t, 22, rigVP8, 4, aVP8Keyframe, extension{rigMID, "a longer name!"}), // of nothing
		rtpOf(t, 21, rigRTX, 5, []byte{0xFF, 0xFF}),                                // repeats a packet that never was
		rtpOf(t, 21, rigRTX, 6, append([]byte{0xFF, 0x00}, aVP8Keyframe...)),       // repeats one far ahead
		rtpOf(t, 20, rigOpus, 7, aVP8Keyframe),                                     // sound in a stream of pictures
	}
	padded := rtpOf(t, 20, rigVP8, 8, []byte{1, 2, 3})
	padded[0] |= 0x20
	padded[len(padded)-1] = 200
	lies = append(lies, padded)
	short := rtpOf(t, 20, rigVP8, 9, aVP8Keyframe, extension{rigTWCC, "\x00\x01"})
	short[16] |= 0x0F // the extension is longer than all extensions
	lies = append(lies, short)
	for _, b := range lies {
		r.send(b)
	}
	r.forwarded()
	r.send(rtpOf(t, 20, rigVP8, 10, aVP8Keyframe))
	r.expect("2/0:10")
	if r.peer.abused.Load() || r.peer.engine.counters.Panics.Load() != 0 {
		t.Error("the lies ended the client")
	}
}

// TestUplinkFeedbackSkipsStrayNumbers: a report spans all that lies between its numbers, so one that leaps would cost.
func TestUplinkFeedbackSkipsStrayNumbers(t *testing.T) {
	r := newUplinkRig(t).connect()
	sequence := uint16(0)
	send := func(number uint16) {
		sequence++
		r.send(rtpOf(t, 10, rigOpus, sequence, []byte{1}, extension{rigTWCC, string(binary.BigEndian.AppendUint16(nil, number))}))
	}
	for n := range uint16(200) {
		send(n)
		send(20_000 + 20_000*(n%2))
	}
	r.clock = r.clock.Add(time.Second)
	r.HandleBatch(r.clock)
	for _, p := range r.wrote {
		if feedback, ok := p.(*rtcp.TransportLayerCC); ok && feedback.PacketStatusCount > 1000 {
			t.Errorf("feedback on %d numbers", feedback.PacketStatusCount)
		}
	}
}

func FuzzUplink(f *testing.F) {
	seed := func(packets ...[]byte) {
		var b []byte
		for _, p := range packets {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(p))), p...) //nolint:gosec // small
		}
		f.Add(b)
	}
	names := []extension{{rigMID, "1"}, {rigRID, "h"}, {rigTWCC, "\x12\x34"}}
	seed(rtpOf(f, 1, rigVP8, 1, aVP8Keyframe, names...), rtpOf(f, 1, rigVP8, 2, aVP8Keyframe))
	seed(rtpOf(f, 20, rigVP8, 1, aVP8Keyframe), rtpOf(f, 21, rigRTX, 1, append([]byte{0, 3}, aVP8Keyframe...)), rtpOf(f, 21, rigRTX, 2, []byte{0}))
	seed(rtpOf(f, 2, rigRTX, 1, nil, extension{rigMID, "1"}, extension{rigRRID, "q"}), rtpOf(f, 10, rigOpus, 65535, []byte{1}, extension{rigLevel, "\x80"}))
	seed(rtpOf(f, 9, rigVP8, 9, aVP8Keyframe, extension{rigMID, "2"}), rtpOf(f, 20, rigVP8, 40_000, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newUplinkRig(t).connect()
		var references []*packet.Packet
		for len(b) >= 2 {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-2, packet.MaxBytes)
			p := packet.New()
			p.SetLen(copy(p.Buffer(), b[2:2+n]))
			b = b[2+n:]
			if _, err := packet.HeaderSize(p.Bytes()); err != nil {
				p.Release()
				continue // handle refuses it before
			}
			r.clock = r.clock.Add(7 * time.Millisecond)
			r.uplink.handleRTP(r.clock, p)
			references = append(references, p)
			if due := r.HandleBatch(r.clock); !due.IsZero() && due.Before(r.clock) {
				t.Fatalf("due %v ago", r.clock.Sub(due))
			}
		}
		if r.peer.engine.counters.Panics.Load() != 0 || len(r.named) > maxStreams {
			t.Fatal("a panic, or too many SSRCs")
		}
		r.forwarded()
		for _, p := range references {
			p.Release() // panics if somebody released it without a reference
		}
	})
}

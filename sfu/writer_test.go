package sfu

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtp"

	"hiroba/sfu/egress"
	"hiroba/sfu/ingress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// wire keeps what a writer builds, as somebody else's parser reads it.
type wire struct {
	packets []rtp.Packet
}

func (w *wire) write(writer *writer, p *egress.Packet, csrc media.CSRC, transportSequence uint16) error {
	b := make([]byte, writer.bound(p))
	header, n, err := writer.build(b, time.Now(), p, csrc, transportSequence, new(scratch))
	if err != nil {
		return err
	}
	var read rtp.Packet
	if err := read.Unmarshal(b[:n]); err != nil {
		return err
	}
	if got := read.Header.MarshalSize(); got != header {
		return fmt.Errorf("header of %d bytes was called one of %d", got, header)
	}
	w.packets = append(w.packets, read)
	return nil
}

// av1Keyframe is a packet of AV1 that begins a keyframe, with the longest descriptor of a usual stream, as a publisher sends
// it under its own ids.
func av1Keyframe(t testing.TB, descriptorID, midID uint8) *packet.Packet {
	t.Helper()
	h := rtp.Header{Version: 2, PayloadType: 45, SequenceNumber: 9, Timestamp: 9, SSRC: 77, Marker: true, CSRC: []uint32{1, 2}}
	descriptor := []byte{
		0xfc, 0, 0x64, 0x87, 0x83, 0x18, 0x7a, 0xaa, 1, 0, 0xa0, 0xa0, 0x14, 0xd1, 0x41, 0x34, 0x51, 0x80, 0x21, 0x90, 0x88,
		0x8a, 0x19, 0x40, 0x9f, 0xc0, 0x59, 0xc1, 0x3f, 0xc0, 0xb3, 0xc0,
	}
	h.Extension, h.ExtensionProfile = true, rtp.ExtensionProfileTwoByte
	for id, value := range map[uint8][]byte{descriptorID: descriptor, midID: []byte("publisher's")} {
		if err := h.SetExtension(id, value); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := (&rtp.Packet{Header: h, Payload: []byte{0x18, 6 << 3, 0}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	cfg := ingress.Config{Kind: media.Video, Extensions: packet.ExtensionIDs{DependencyDescriptor: descriptorID}}
	cfg.Codecs[45] = media.AV1
	p := packet.New()
	p.SetLen(copy(p.Buffer(), raw))
	if _, reason, ok := ingress.New(cfg).HandleRTP(time.Now(), p); !ok {
		t.Fatal(reason)
	}
	return p
}

func newAV1Line() *egress.Line {
	cfg := egress.Config{Kind: media.Video}
	cfg.PayloadTypes[media.AV1], cfg.RTXPayloadTypes[media.AV1] = 35, 36
	l := egress.NewLine(cfg)
	l.SetTarget(1, false)
	return &l
}

// TestT18ExtensionsGoOutUnderTheSubscribersIDs sends one packet to subscribers with all kinds of ids.
func TestT18ExtensionsGoOutUnderTheSubscribersIDs(t *testing.T) {
	for shift := range uint8(20) {
		p := av1Keyframe(t, 1+shift, 25+shift)
		line := newAV1Line()
		out, _, reason, ok := line.HandleRTP(1, p)
		if !ok {
			t.Fatal(reason)
		}
		w := &wire{}
		writer := writer{
			ssrc: 5, ssrcRTX: 6, idMID: 1 + (shift+4)%20, idAbsSendTime: 1 + (shift+3)%20,
			idTransportCC: 1 + (shift+2)%20, idDescriptor: 1 + (shift+1)%20,
		}
		writer.setMID("v0")
		if err := w.write(&writer, &out, 99, 7); err != nil {
			t.Fatalf("shift %d: %v", shift, err)
		}
		got := w.packets[0]
		if ids := got.GetExtensionIDs(); len(ids) != 4 {
			t.Errorf("shift %d: extensions %v, want 4: nothing of the publisher's own", shift, ids)
		}
		if mid := got.GetExtension(writer.idMID); string(mid) != "v0" {
			t.Errorf("shift %d: mid %q", shift, mid)
		}
		if dd := got.GetExtension(writer.idDescriptor); len(dd) < 32 {
			t.Errorf("shift %d: descriptor %x", shift, dd)
		}
		if got.SSRC != 5 || len(got.CSRC) != 1 || got.CSRC[0] != 99 || got.PayloadType != 35 {
			t.Errorf("shift %d: %+v", shift, got.Header)
		}
	}
}

// TestT18LargeIDsTakeTheTwoByteForm: without a long extension pion would choose the other form, and refuse the id.
func TestT18LargeIDsTakeTheTwoByteForm(t *testing.T) {
	for _, id := range []uint8{14, 15, 200} {
		w := &wire{}
		writer := writer{ssrc: 5, idTransportCC: id, idAbsSendTime: 3}
		out := egress.Packet{Source: packet.New(), Empty: true}
		if err := w.write(&writer, &out, 99, 7); err != nil {
			t.Fatalf("id %d: %v", id, err)
		}
		if cc := w.packets[0].GetExtension(id); len(cc) != 2 || cc[1] != 7 {
			t.Errorf("id %d: %v", id, cc)
		}
		if two := w.packets[0].ExtensionProfile == rtp.ExtensionProfileTwoByte; two != (id > 14) {
			t.Errorf("id %d: two-byte form %v", id, two)
		}
	}
}

// TestT11RTXHasItsOwnNumbers checks a retransmission on the wire (RFC 4588, section 4).
func TestT11RTXHasItsOwnNumbers(t *testing.T) {
	p := av1Keyframe(t, 12, 4)
	line := newAV1Line()
	first, _, _, _ := line.HandleRTP(1, p)
	w := &wire{}
	writer := writer{ssrc: 5, ssrcRTX: 6, idTransportCC: 3, idDescriptor: 12}
	if err := w.write(&writer, &first, 99, 7); err != nil {
		t.Fatal(err)
	}
	again, reason, ok := line.HandleNACK(time.Now(), first.Out.Sequence, p)
	if !ok {
		t.Fatal(reason)
	}
	if err := w.write(&writer, &again, 99, 8); err != nil {
		t.Fatal(err)
	}
	was, rtx := w.packets[0], w.packets[1]
	if rtx.SSRC != 6 || rtx.PayloadType != 36 || rtx.Timestamp != was.Timestamp || rtx.Marker != was.Marker {
		t.Errorf("sent %+v again as %+v", was.Header, rtx.Header)
	}
	if osn := binary.BigEndian.Uint16(rtx.Payload); osn != was.SequenceNumber || string(rtx.Payload[2:]) != string(was.Payload) {
		t.Errorf("payload %x, want the number %d before %x", rtx.Payload, was.SequenceNumber, was.Payload)
	}
	if string(rtx.GetExtension(12)) != string(was.GetExtension(12)) {
		t.Error("another dependency descriptor")
	}
	if cc := rtx.GetExtension(3); len(cc) != 2 || cc[1] != 8 {
		t.Errorf("transport-wide number %v, want one of its own", cc)
	}
}

// TestPaddingIsNoPayload: packets that are made equally long have the payload that they had (RFC 3550, section 5.1).
func TestPaddingIsNoPayload(t *testing.T) {
	p := av1Keyframe(t, 12, 4)
	for _, padding := range []uint8{0, 1, 7, maxPadding} {
		out, _, _, _ := newAV1Line().HandleRTP(1, p)
		out.Padding = padding
		writer := writer{ssrc: 5, idDescriptor: 12}
		w := &wire{}
		if err := w.write(&writer, &out, 99, 7); err != nil {
			t.Fatal(err)
		}
		if got := w.packets[0]; string(got.Payload) != string(p.Payload()) || got.PaddingSize != padding {
			t.Errorf("padding of %d: payload %x and %d bytes of padding", padding, got.Payload, got.PaddingSize)
		}
	}
}

func TestPacketsOfAFrameAreMadeEquallyLong(t *testing.T) {
	sizes := func(sizes ...int) (packets []gathered) {
		for _, n := range sizes {
			p := packet.New()
			p.Header.Payload = packet.Span{From: 12, To: uint16(12 + n)} //nolint:gosec // small
			packets = append(packets, gathered{Packet: p})
		}
		return packets
	}
	for _, test := range []struct{ sizes, want []int }{
		{nil, nil},
		{[]int{1100}, []int{1100}},
		{[]int{1100, 1100, 1101, 1101}, []int{1101, 1101, 1101, 1101}},
		{[]int{1098, 1100, 1101}, []int{1101, 1101, 1101}},
		{[]int{1100, 900, 905}, []int{1100, 905, 905}},
		{[]int{900, 1100}, []int{900, 1100}}, // too much to add
		{[]int{0, 5}, []int{0, 5}},           // no payload stays none
		{[]int{1090, 1097, 1104}, []int{1090, 1104, 1104}},
	} {
		packets := sizes(test.sizes...)
		align(packets)
		for i, p := range packets {
			if got := len(p.Payload()) + int(p.padding); got != test.want[i] {
				t.Errorf("%v: packet %d is made %d bytes long, want %d", test.sizes, i, got, test.want[i])
			}
		}
	}
}

// TestWriterAllocatesNothing counts allocations per packet, with descriptors of both forms.
func TestWriterAllocatesNothing(t *testing.T) {
	p := av1Keyframe(t, 12, 4)
	line := newAV1Line()
	out, _, _, _ := line.HandleRTP(1, p)
	writer := writer{ssrc: 5, idTransportCC: 3, idDescriptor: 12, idAbsSendTime: 2, idMID: 4}
	writer.setMID("v0")
	s := new(scratch)
	b := make([]byte, writer.bound(&out))
	now := time.Now()
	if n := testing.AllocsPerRun(1000, func() {
		if _, _, err := writer.build(b, now, &out, 99, 7, s); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

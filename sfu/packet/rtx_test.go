package packet_test

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// retransmission is an RTX packet with extensions and padding.
func retransmission(t testing.TB, payload []byte, padding byte) []byte {
	t.Helper()
	p := rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: true, SSRC: 7, PayloadType: 97, SequenceNumber: 900, Timestamp: 5, CSRC: []uint32{1}},
		Payload: payload,
	}
	if padding > 0 {
		p.Header.Padding, p.Header.PaddingSize = true, padding
	}
	if err := p.SetExtension(3, []byte("name")); err != nil {
		t.Fatal(err)
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t testing.TB, b []byte) *packet.Packet {
	t.Helper()
	p := packet.New()
	p.SetLen(copy(p.Buffer(), b))
	h, err := packet.ParseHeader(p.Bytes(), packet.ExtensionIDs{MID: 3})
	if err != nil {
		t.Fatal(err)
	}
	p.Header = h
	return p
}

func TestUnwrapGivesTheOriginal(t *testing.T) {
	for _, padding := range []byte{0, 1, 9} {
		p := read(t, retransmission(t, []byte{0x12, 0x34, 'a', 'b', 'c'}, padding))
		if !p.Unwrap(42, 96) {
			t.Fatal("refused")
		}
		h, err := packet.ParseHeader(p.Bytes(), packet.ExtensionIDs{MID: 3})
		if err != nil {
			t.Fatal(err)
		}
		if h != p.Header {
			t.Errorf("the packet says %+v, its header %+v", h, p.Header)
		}
		if h.SSRC != 42 || h.PayloadType != 96 || h.SequenceNumber != 0x1234 || !h.Marker || h.Timestamp != 5 ||
			string(p.Payload()) != "abc" || string(p.Slice(h.MID)) != "name" {
			t.Errorf("padding %d: %+v %q", padding, h, p.Payload())
		}
	}
}

func TestUnwrapRefusesProbes(t *testing.T) {
	for _, payload := range [][]byte{nil, {1}} {
		b := retransmission(t, payload, 5)
		p := read(t, b)
		if p.Unwrap(42, 96) {
			t.Errorf("payload of %d bytes was taken", len(payload))
		}
		if !bytes.Equal(p.Bytes(), b) {
			t.Error("the packet was changed")
		}
	}
}

func TestHeaderSizeAgreesWithParseHeader(t *testing.T) {
	b := retransmission(t, []byte("payload"), 0)
	h, err := packet.ParseHeader(b, packet.ExtensionIDs{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := packet.HeaderSize(b); err != nil || n != int(h.Payload.From) {
		t.Errorf("size %d, %v; want %d", n, err, h.Payload.From)
	}
	for n := range int(h.Payload.From) {
		if _, err := packet.HeaderSize(b[:n]); err == nil {
			t.Errorf("%d bytes have a header", n)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add(retransmission(f, []byte{0x12, 0x34, 'a'}, 0))
	f.Add(retransmission(f, []byte{0x12}, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > packet.MaxBytes {
			return
		}
		size, sizeErr := packet.HeaderSize(b)
		h, err := packet.ParseHeader(b, packet.ExtensionIDs{MID: 3})
		if err != nil {
			return
		}
		if sizeErr != nil || size != int(h.Payload.From) {
			t.Fatalf("header of %d bytes, or %d: %v", size, h.Payload.From, sizeErr)
		}
		p := read(t, b)
		defer p.Release()
		if !p.Unwrap(media.SSRC(42), 96) {
			return
		}
		again, err := packet.ParseHeader(p.Bytes(), packet.ExtensionIDs{MID: 3})
		if err != nil || again != p.Header {
			t.Fatalf("%v: the packet says %+v, its header %+v", err, again, p.Header)
		}
	})
}

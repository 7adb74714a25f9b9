package packet_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pion/rtp"

	"hiroba/sfu/packet"
)

var ids = packet.ExtensionIDs{AudioLevel: 1, DependencyDescriptor: 12}

func TestParseHeaderRefusesWhatLies(t *testing.T) {
	good := []byte{0x80, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xAA}
	with := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(good)) }
	for _, test := range []struct {
		name string
		b    []byte
		want error
	}{
		{"good", good, nil},
		{"empty", nil, packet.ErrTruncated},
		{"header cut short", good[:11], packet.ErrTruncated},
		{"header alone", good[:12], nil},
		{"version 1", with(func(b []byte) []byte { b[0] = 0x40; return b }), packet.ErrVersion},
		{"CSRCs beyond the end", with(func(b []byte) []byte { b[0] |= 15; return b }), packet.ErrTruncated},
		{"extension without header", with(func(b []byte) []byte { b[0] |= 0x10; return b }), packet.ErrTruncated},
		{"extension beyond the end", with(func(b []byte) []byte { b[0] |= 0x10; return append(b[:12], 0xBE, 0xDE, 0xFF, 0xFF) }), packet.ErrTruncated},
		{"element beyond the extension", with(func(b []byte) []byte {
			b[0] |= 0x10
			return append(b[:12], 0xBE, 0xDE, 0, 1, 0x1F, 0, 0, 0)
		}), packet.ErrTruncated},
		{"two-byte element cut short", with(func(b []byte) []byte {
			b[0] |= 0x10
			return append(b[:12], 0x10, 0x00, 0, 1, 0, 0, 0, 1)
		}), packet.ErrTruncated},
		{"padding of 0", with(func(b []byte) []byte { b[0] |= 0x20; b[12] = 0; return b }), packet.ErrPadding},
		{"padding only", with(func(b []byte) []byte { b[0] |= 0x20; b[12] = 1; return b }), nil},
		{"padding longer than the payload", with(func(b []byte) []byte { b[0] |= 0x20; b[12] = 2; return b }), packet.ErrPadding},
		{"padding without a byte", with(func(b []byte) []byte { b[0] |= 0x20; return b[:12] }), packet.ErrPadding},
	} {
		if _, err := packet.ParseHeader(test.b, ids); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestParseHeaderFindsExtensions(t *testing.T) {
	level, descriptor := []byte{0x85}, []byte{1, 2, 3, 4, 5}
	for _, long := range []bool{false, true} {
		h := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: 7, Timestamp: 8, SSRC: 9, Marker: true, CSRC: []uint32{1, 2}}
		if long { // only the two-byte form has room
			descriptor = bytes.Repeat([]byte{7}, 40)
			if err := h.SetExtension(12, descriptor); err != nil {
				t.Fatal(err)
			}
		}
		for id, b := range map[uint8][]byte{1: level, 5: {0xFF, 0xFF}, 12: descriptor} {
			if err := h.SetExtension(id, b); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := (&rtp.Packet{Header: h, Payload: []byte("payload"), PaddingSize: 9}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		p := packet.New()
		p.SetLen(copy(p.Buffer(), raw))
		if p.Header, err = packet.ParseHeader(p.Bytes(), ids); err != nil {
			t.Fatal(err)
		}
		if got := p.Slice(p.Header.AudioLevel); !bytes.Equal(got, level) {
			t.Errorf("audio level = %x, want %x", got, level)
		}
		if got := p.Slice(p.Header.DependencyDescriptor); !bytes.Equal(got, descriptor) {
			t.Errorf("dependency descriptor = %x, want %x", got, descriptor)
		}
		if got := p.Payload(); !bytes.HasPrefix(got, []byte("payload")) {
			t.Errorf("payload = %q", got)
		}
		p.Release()
	}
}

func TestReleaseTooOftenPanics(t *testing.T) {
	p := packet.New()
	p.Retain()
	p.Release()
	p.Release()
	defer func() {
		if recover() == nil {
			t.Error("a third Release of two references went unnoticed")
		}
	}()
	p.Release()
}

func TestParseHeaderAllocatesNothing(t *testing.T) {
	raw := []byte{0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1, 0x10, 0x85, 0, 0, 0xAA, 0xBB}
	if n := testing.AllocsPerRun(100, func() {
		p := packet.New()
		p.SetLen(copy(p.Buffer(), raw))
		p.Header, _ = packet.ParseHeader(p.Bytes(), ids)
		p.Release()
	}); n != 0 {
		t.Errorf("allocations per packet = %v, want 0", n)
	}
}

// FuzzParseHeader compares with pion's parser: what both accept they must read alike.
func FuzzParseHeader(f *testing.F) {
	f.Add([]byte{0x80, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xAA})
	f.Add([]byte{0xB0, 0xE0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1, 0x10, 0x85, 0, 0, 0xAA, 1})
	f.Add([]byte{0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0x00, 0, 1, 12, 2, 7, 7, 0xAA})
	f.Add([]byte{0xA0, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := packet.ParseHeader(b, ids)
		if err != nil {
			return
		}
		for _, s := range []packet.Span{h.Payload, h.AudioLevel, h.DependencyDescriptor} {
			if s.From > s.To || int(s.To) > len(b) {
				t.Fatalf("span %v in %d bytes", s, len(b))
			}
		}
		var other rtp.Packet
		if err := other.Unmarshal(b); err != nil {
			return
		}
		if h.SequenceNumber != other.SequenceNumber || h.Timestamp != other.Timestamp || uint32(h.SSRC) != other.SSRC ||
			uint8(h.PayloadType) != other.PayloadType || h.Marker != other.Marker {
			t.Fatalf("got %+v, pion %+v", h, other.Header)
		}
		if payload := b[h.Payload.From:h.Payload.To]; !bytes.Equal(payload, other.Payload) {
			t.Fatalf("payload %x, pion %x", payload, other.Payload)
		}
	})
}

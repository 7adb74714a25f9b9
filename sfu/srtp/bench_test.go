package srtp_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"

	"hiroba/sfu/srtp"
)

// The sizes of a packet of video and of one of sound.
var sizes = []int{1200, 120}

// benchHeader is a header as the server sends it: a CSRC and three extensions.
func benchHeader(b *testing.B) rtp.Header {
	b.Helper()
	h := rtp.Header{Version: 2, SSRC: 0x01020304, PayloadType: 96, CSRC: []uint32{1}}
	for id := range uint8(3) {
		if err := h.SetExtension(id+1, make([]byte, 3)); err != nil {
			b.Fatal(err)
		}
	}
	return h
}

// eachBench runs a benchmark for each profile and size, "ours" next to "pion", so that one run compares them.
func eachBench(b *testing.B, ours, theirs func(*testing.B, srtp.Profile, []byte, int)) {
	b.Helper()
	for _, p := range profiles {
		for _, size := range sizes {
			h := benchHeader(b)
			packet, header := marshal(b, rtp.Packet{Header: h, Payload: make([]byte, size-h.MarshalSize())})
			for name, run := range map[string]func(*testing.B, srtp.Profile, []byte, int){"ours": ours, "pion": theirs} {
				b.Run(fmt.Sprintf("%v/%d/%s", p, size, name), func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(int64(size))
					run(b, p, packet, header)
				})
			}
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	eachBench(b, func(b *testing.B, p srtp.Profile, packet []byte, header int) {
		b.Helper()
		stream := newSealer(b, p, secret(p, 1)).Stream(0x01020304)
		var seq uint16
		for b.Loop() {
			binary.BigEndian.PutUint16(packet[2:], seq)
			if _, err := stream.Seal(packet, header); err != nil {
				b.Fatal(err)
			}
			seq++
		}
	}, func(b *testing.B, p srtp.Profile, packet []byte, _ int) {
		b.Helper()
		context := newPion(b, p, secret(p, 1))
		var h rtp.Header
		if _, err := h.Unmarshal(packet); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			binary.BigEndian.PutUint16(packet[2:], h.SequenceNumber)
			if _, err := context.EncryptRTP(packet, packet, &h); err != nil {
				b.Fatal(err)
			}
			h.SequenceNumber++
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	const packets = 1 << 15 // sealed beforehand; afterwards a new receiver begins again
	sealed := func(b *testing.B, p srtp.Profile, packet []byte, header int) [][]byte {
		b.Helper()
		stream := newSealer(b, p, secret(p, 1)).Stream(0x01020304)
		all := make([][]byte, packets)
		for i := range all {
			copied := append(make([]byte, 0, len(packet)+p.Overhead()), packet...)
			binary.BigEndian.PutUint16(copied[2:], uint16(i))
			var err error
			if all[i], err = stream.Seal(copied, header); err != nil {
				b.Fatal(err)
			}
		}
		return all
	}
	eachBench(b, func(b *testing.B, p srtp.Profile, packet []byte, header int) {
		b.Helper()
		all := sealed(b, p, packet, header)
		scratch := make([]byte, 0, 1500)
		var opener *srtp.Opener
		for i := 0; b.Loop(); i++ {
			if i%packets == 0 {
				opener = newOpener(b, p, secret(p, 1), 1)
			}
			scratch = append(scratch[:0], all[i%packets]...)
			if _, err := opener.Open(scratch, header); err != nil {
				b.Fatal(err)
			}
		}
	}, func(b *testing.B, p srtp.Profile, packet []byte, header int) {
		b.Helper()
		all := sealed(b, p, packet, header)
		scratch := make([]byte, 0, 1500)
		var h rtp.Header
		var context *pion.Context
		for i := 0; b.Loop(); i++ {
			if i%packets == 0 {
				context = newPion(b, p, secret(p, 1), pion.SRTPReplayProtection(1024))
			}
			scratch = append(scratch[:0], all[i%packets]...)
			if _, err := h.Unmarshal(scratch); err != nil {
				b.Fatal(err)
			}
			if _, err := context.DecryptRTP(scratch, scratch, &h); err != nil {
				b.Fatal(err)
			}
		}
	})
}

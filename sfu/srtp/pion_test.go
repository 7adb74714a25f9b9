package srtp_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"

	"hiroba/sfu/srtp"
)

var profiles = []srtp.Profile{srtp.AEADAES128GCM, srtp.AEADAES256GCM, srtp.AES128CMHMACSHA180}

// secret is a master key and salt of the profile that the seed decides.
func secret(p srtp.Profile, seed uint64) srtp.Secret {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test must repeat
	material := make([]byte, p.MaterialLen())
	for i := range material {
		material[i] = byte(random.Uint32())
	}
	keys, err := srtp.Extract(p, material, true)
	if err != nil {
		panic(err)
	}
	return keys.Local
}

func newSealer(t testing.TB, p srtp.Profile, s srtp.Secret) *srtp.Sealer {
	t.Helper()
	sealer, err := srtp.NewSealer(p, s.Clone())
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

func newOpener(t testing.TB, p srtp.Profile, s srtp.Secret, maxStreams int) *srtp.Opener {
	t.Helper()
	opener, err := srtp.NewOpener(p, s.Clone(), maxStreams)
	if err != nil {
		t.Fatal(err)
	}
	return opener
}

func newPion(t testing.TB, p srtp.Profile, s srtp.Secret, options ...pion.ContextOption) *pion.Context {
	t.Helper()
	context, err := pion.CreateContext(bytes.Clone(s.Key), bytes.Clone(s.Salt), pion.ProtectionProfile(p), options...)
	if err != nil {
		t.Fatal(err)
	}
	return context
}

// shapes are packets with all that RTP headers may have.
func shapes(ssrc uint32) []rtp.Packet {
	payload := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i)
		}
		return b
	}
	oneByte := rtp.Header{Version: 2, SSRC: ssrc, PayloadType: 96, CSRC: []uint32{7, 8, 9}}
	twoByte := rtp.Header{Version: 2, SSRC: ssrc, PayloadType: 97, Marker: true}
	for id, n := range map[uint8]int{1: 1, 2: 3, 14: 16} {
		if oneByte.SetExtension(id, payload(n)) != nil || twoByte.SetExtension(id+20, payload(n+20)) != nil {
			panic("extension refused")
		}
	}
	plain := rtp.Header{Version: 2, SSRC: ssrc, PayloadType: 111, Timestamp: 0xfffffff0}
	padded := plain
	padded.Padding = true
	return []rtp.Packet{
		{Header: plain, Payload: payload(120)},
		{Header: plain},
		{Header: plain, Payload: payload(1)},
		{Header: plain, Payload: payload(255)},
		{Header: plain, Payload: payload(256)},
		{Header: plain, Payload: payload(1200)},
		{Header: oneByte, Payload: payload(1160)},
		{Header: twoByte, Payload: payload(77)},
		{Header: padded, Payload: payload(20), PaddingSize: 200},
		{Header: padded, PaddingSize: 255}, // a probe
	}
}

// marshal gives the bytes of a packet with room for a tag, and the size of its header.
func marshal(t testing.TB, p rtp.Packet) ([]byte, int) {
	t.Helper()
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Grow(b, 16)[: len(b) : len(b)+16], p.MarshalSize() - len(p.Payload) - int(p.PaddingSize)
}

func eachProfile(t *testing.T, test func(*testing.T, srtp.Profile)) {
	t.Helper()
	for _, p := range profiles {
		t.Run(p.String(), func(t *testing.T) { test(t, p) })
	}
}

// sequences are starts from which the walk of the tests below wraps soon, late, and at once.
var sequences = []uint16{0, 1, 0x7ffe, 65535, 65520}

func TestPionOpensWhatWeSeal(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		for _, first := range sequences {
			s := secret(p, uint64(first))
			sealer := newSealer(t, p, s)
			theirs := newPion(t, p, s, pion.SRTPReplayProtection(1024))
			for i := range 40 {
				ssrc := uint32(0x80000001 + i%2)
				packet := shapes(ssrc)[i/2%len(shapes(ssrc))]
				packet.SequenceNumber = first + uint16(i/2)
				plain, header := marshal(t, packet)
				want := bytes.Clone(plain)
				sealed, err := sealer.Stream(ssrc).Seal(plain, header)
				if err != nil {
					t.Fatalf("first %d, packet %d: seal: %v", first, i, err)
				}
				if len(sealed) != len(want)+sealer.Overhead() || &sealed[0] != &plain[0] {
					t.Fatalf("first %d, packet %d: %d bytes of %d, in place: %t",
						first, i, len(sealed), len(want), &sealed[0] == &plain[0])
				}
				got, err := theirs.DecryptRTP(nil, sealed, nil)
				if err != nil {
					t.Fatalf("first %d, packet %d: pion: %v", first, i, err)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("first %d, packet %d: pion read %x, want %x", first, i, got, want)
				}
			}
		}
	})
}

func TestWeOpenWhatPionSeals(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		for _, first := range sequences {
			s := secret(p, uint64(first))
			theirs := newPion(t, p, s)
			opener := newOpener(t, p, s, 2)
			for i := range 40 {
				ssrc := uint32(0x80000001 + i%2)
				packet := shapes(ssrc)[i/2%len(shapes(ssrc))]
				packet.SequenceNumber = first + uint16(i/2)
				want, header := marshal(t, packet)
				sealed, err := theirs.EncryptRTP(nil, want, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := opener.Open(sealed, header)
				if err != nil {
					t.Fatalf("first %d, packet %d: %v", first, i, err)
				}
				if !bytes.Equal(got, want) || &got[0] != &sealed[0] {
					t.Fatalf("first %d, packet %d: read %x, want %x", first, i, got, want)
				}
			}
		}
	})
}

// TestWeOpenLongJumps: a publisher may go on anywhere, also before its first wrap, where there is no counter to go back to.
func TestWeOpenLongJumps(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		s := secret(p, 3)
		theirs, opener := newPion(t, p, s), newOpener(t, p, s, 1)
		for _, seq := range []uint16{100, 40_000, 40_001, 65_535, 0, 30_000, 62_000, 3, 65_500, 4} {
			want, header := marshal(t, rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{1, 2, 3}})
			sealed, err := theirs.EncryptRTP(nil, want, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := opener.Open(sealed, header); err != nil || !bytes.Equal(got, want) {
				t.Errorf("sequence number %d: %x, %v", seq, got, err)
			}
		}
	})
}

func TestWeOpenRTCPThatPionSeals(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		s := secret(p, 5)
		theirs := newPion(t, p, s)
		opener := newOpener(t, p, s, 2)
		for i := range uint32(100) {
			sender := i % 2
			var packets []rtcp.Packet
			packets = append(packets, &rtcp.ReceiverReport{SSRC: sender, Reports: make([]rtcp.ReceptionReport, i%5)})
			packets = append(packets, &rtcp.PictureLossIndication{SenderSSRC: sender, MediaSSRC: i})
			if i%10 == 9 { // nothing but the part in the clear
				packets = []rtcp.Packet{&rtcp.ReceiverReport{SSRC: sender}}
			}
			want, err := rtcp.Marshal(packets)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := theirs.EncryptRTCP(nil, want, nil)
			if err != nil {
				t.Fatal(err)
			}
			replayed := bytes.Clone(sealed)
			got, err := opener.OpenRTCP(sealed)
			if err != nil {
				t.Fatalf("packet %d: %v", i, err)
			}
			if !bytes.Equal(got, want) || &got[0] != &sealed[0] {
				t.Fatalf("packet %d: read %x, want %x", i, got, want)
			}
			if _, err := opener.OpenRTCP(replayed); err != srtp.ErrReplay { //nolint:errorlint // returned bare
				t.Fatalf("packet %d again: %v", i, err)
			}
		}
	})
}

func ExampleSealer() {
	keys, err := srtp.Extract(srtp.AEADAES128GCM, bytes.Repeat([]byte{1}, srtp.AEADAES128GCM.MaterialLen()), false)
	if err != nil {
		panic(err)
	}
	sealer, err := srtp.NewSealer(keys.Profile, keys.Local)
	if err != nil {
		panic(err)
	}
	stream := sealer.Stream(0x01020304)

	header := []byte{0x80, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4}
	packet := make([]byte, 0, 1500)
	packet = append(append(packet, header...), "picture"...)
	sealed, err := stream.Seal(packet, len(header))
	fmt.Println(len(sealed), err)

	_, err = stream.Seal(packet, len(header))
	fmt.Println(err)
	// Output:
	// 35 <nil>
	// srtp: index used before or too old
}

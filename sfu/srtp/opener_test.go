package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	pion "github.com/pion/srtp/v3"
)

var allProfiles = []Profile{AEADAES128GCM, AEADAES256GCM, AES128CMHMACSHA180}

func testSecret(p Profile) Secret {
	n, _ := p.sizes()
	return Secret{Key: bytes.Repeat([]byte{7}, n.key), Salt: bytes.Repeat([]byte{9}, n.salt)}
}

func testOpener(t testing.TB, p Profile, maxStreams int) *Opener {
	t.Helper()
	o, err := NewOpener(p, testSecret(p), maxStreams)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// state is all that an Opener remembers.
func (o *Opener) state() (rtp, rtcp map[uint32]window) {
	copied := func(from map[uint32]*window) map[uint32]window {
		to := map[uint32]window{}
		for ssrc, w := range from {
			to[ssrc] = *w
		}
		return to
	}
	return copied(o.rtp), copied(o.rtcp)
}

// datagram is something a client sent, sealed.
type datagram struct {
	sealed []byte
	rtcp   bool
}

func (o *Opener) open(d datagram, b []byte) ([]byte, error) {
	if d.rtcp {
		return o.OpenRTCP(b)
	}
	return o.Open(b, rtpHeaderSize)
}

// call is what a client with two streams sends: RTP over the wrap, with losses and a little disorder, and RTCP.
func call(t *testing.T, p Profile, random *rand.Rand, n int) []datagram {
	t.Helper()
	secret := testSecret(p)
	theirs, err := pion.CreateContext(secret.Key, secret.Salt, pion.ProtectionProfile(p))
	if err != nil {
		t.Fatal(err)
	}
	seqs := [2]uint16{65500, 100}
	var sent []datagram
	for i := range n {
		which := random.IntN(2)
		seqs[which] += uint16(1 + random.IntN(3))
		packet := make([]byte, rtpHeaderSize+random.IntN(50))
		packet[0] = 0x80
		binary.BigEndian.PutUint16(packet[2:], seqs[which])
		binary.BigEndian.PutUint32(packet[8:], uint32(which))
		sealed, err := theirs.EncryptRTP(nil, packet, nil)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, datagram{sealed: sealed})
		if i%5 == 0 {
			report := append([]byte{0x81, 201, 0, 7, 0, 0, 0, byte(which)}, make([]byte, 24)...)
			if sealed, err = theirs.EncryptRTCP(nil, report, nil); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, datagram{sealed: sealed, rtcp: true})
		}
	}
	for range n / 4 { // late ones
		i := 1 + random.IntN(len(sent)-1)
		sent[i-1], sent[i] = sent[i], sent[i-1]
	}
	return sent
}

// spoil makes something that must not be taken out of a packet and those that were taken before.
func spoil(random *rand.Rand, d datagram, before []datagram) datagram {
	b := bytes.Clone(d.sealed)
	switch kind := random.IntN(7); {
	case kind == 0 && len(before) > 0: // a replay
		old := before[random.IntN(len(before))]
		return datagram{sealed: bytes.Clone(old.sealed), rtcp: old.rtcp}
	case kind == 1:
		b = b[:random.IntN(len(b))]
	case kind == 2: // longer
		b = append(b, byte(random.Uint32()))
	case kind == 3: // far ahead: a rollover counter that believes it would be lost
		binary.BigEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:])+uint16(1+random.IntN(65535)))
	case kind == 4: // another SSRC
		binary.BigEndian.PutUint32(b[len(b)%2*4+4:], random.Uint32()|4)
		if bytes.Equal(b, d.sealed) {
			b[len(b)-1]++
		}
	case kind == 5: // RTCP as RTP, RTP as RTCP
		return datagram{sealed: b, rtcp: !d.rtcp}
	default:
		bit := random.IntN(8 * len(b))
		b[bit/8] ^= 1 << (bit % 8)
	}
	return datagram{sealed: b, rtcp: d.rtcp}
}

// TestSpoiledPacketsChangeNothing gives one Opener a call, another the same call with spoiled packets in between: they
// must read the same and remember the same.
func TestSpoiledPacketsChangeNothing(t *testing.T) {
	for _, p := range allProfiles {
		t.Run(p.String(), func(t *testing.T) {
			for seed := range uint64(20) {
				random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test must repeat
				sent := call(t, p, random, 300)
				alone, attacked := testOpener(t, p, 2), testOpener(t, p, 2)
				for i, d := range sent {
					for range random.IntN(4) {
						rtp, rtcp := attacked.state()
						bad := spoil(random, d, sent[:i])
						if _, err := attacked.open(bad, bad.sealed); err == nil {
							t.Fatalf("seed %d, packet %d: a spoiled packet was taken", seed, i)
						}
						rtpAfter, rtcpAfter := attacked.state()
						if !maps.Equal(rtp, rtpAfter) || !maps.Equal(rtcp, rtcpAfter) {
							t.Fatalf("seed %d, packet %d: a spoiled packet left something", seed, i)
						}
					}
					want, wantErr := alone.open(d, bytes.Clone(d.sealed))
					got, err := attacked.open(d, bytes.Clone(d.sealed))
					if !errors.Is(err, wantErr) || !bytes.Equal(got, want) {
						t.Fatalf("seed %d, packet %d: %x, %v; without attack %x, %v", seed, i, got, err, want, wantErr)
					}
				}
				rtp, rtcp := alone.state()
				if len(rtp) != 2 || len(rtcp) == 0 {
					t.Fatalf("seed %d: %d and %d streams: the call did not get through", seed, len(rtp), len(rtcp))
				}
			}
		})
	}
}

func TestStreamsAreBounded(t *testing.T) {
	for _, p := range allProfiles {
		t.Run(p.String(), func(t *testing.T) {
			secret := testSecret(p)
			theirs, err := pion.CreateContext(secret.Key, secret.Salt, pion.ProtectionProfile(p))
			if err != nil {
				t.Fatal(err)
			}
			opener := testOpener(t, p, 3)
			for _, seq := range []uint16{1, 2} {
				for ssrc := range uint32(100) {
					header := []byte{0x80, 96, byte(seq >> 8), byte(seq), 0, 0, 0, 0, 0, 0, 0, byte(ssrc)}
					rtp, err := theirs.EncryptRTP(nil, header, nil)
					if err != nil {
						t.Fatal(err)
					}
					rtcp, err := theirs.EncryptRTCP(nil, []byte{0x80, 201, 0, 1, 0, 0, 0, byte(ssrc)}, nil)
					if err != nil {
						t.Fatal(err)
					}
					var want error
					if ssrc >= 3 {
						want = ErrTooManyStreams
					}
					before := bytes.Clone(rtp)
					if _, err := opener.Open(rtp, rtpHeaderSize); !errors.Is(err, want) || want != nil && !bytes.Equal(rtp, before) {
						t.Fatalf("RTP of SSRC %d: %v, want %v", ssrc, err, want)
					}
					if _, err := opener.OpenRTCP(rtcp); !errors.Is(err, want) {
						t.Fatalf("RTCP of SSRC %d: %v, want %v", ssrc, err, want)
					}
				}
			}
			// The first to come has to be authentic.
			opener = testOpener(t, p, 1)
			forged := append([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5}, make([]byte, 40)...)
			if _, err := opener.Open(forged, rtpHeaderSize); !errors.Is(err, ErrAuth) {
				t.Fatalf("forged: %v, want %v", err, ErrAuth)
			}
			if len(opener.rtp) != 0 {
				t.Fatal("a forged packet took the place of a stream")
			}
		})
	}
}

// TestOpenLengths: each length up to a whole packet, with and without room behind it.
func TestOpenLengths(t *testing.T) {
	for _, p := range allProfiles {
		opener := testOpener(t, p, 1)
		for n := range 80 {
			b := slices.Repeat([]byte{0xff}, n)
			for _, header := range []int{-1, 0, 11, 12, n - p.Overhead(), n, n + 1} {
				_, err := opener.Open(b, header)
				short := header < rtpHeaderSize || header > n-p.Overhead()
				if err == nil || short != errors.Is(err, ErrTruncated) {
					t.Errorf("%v, %d bytes, header %d: %v", p, n, header, err)
				}
			}
			_, err := opener.OpenRTCP(b)
			if short := n < rtcpHeaderSize+rtcpIndexSize+p.Overhead(); err == nil || short != errors.Is(err, ErrTruncated) {
				t.Errorf("%v, %d bytes of RTCP: %v", p, n, err)
			}
		}
	}
}

// TestRTCPMustBeEncrypted: authentic is not enough. Without the check AES-CM would read noise.
func TestRTCPMustBeEncrypted(t *testing.T) {
	for _, p := range allProfiles {
		secret := testSecret(p)
		theirs, err := pion.CreateContext(secret.Key, secret.Salt, pion.ProtectionProfile(p), pion.SRTCPNoEncryption())
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := theirs.EncryptRTCP(nil, []byte{0x80, 201, 0, 1, 0, 0, 0, 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := testOpener(t, p, 1).OpenRTCP(sealed); !errors.Is(err, ErrAuth) {
			t.Errorf("%v: read %x, %v", p, got, err)
		}
	}
}

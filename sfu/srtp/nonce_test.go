package srtp_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"hiroba/sfu/srtp"
)

// keystreams has seen the beginning of the keystream of every packet of a test, of all keys. Payloads of zeros come out
// as keystream, so that nothing needs to be known about how the cipher gets it.
type keystreams struct {
	t      *testing.T
	seen   map[[24]byte]string
	sealed int
}

func newKeystreams(t *testing.T) *keystreams {
	t.Helper()
	return &keystreams{t: t, seen: map[[24]byte]string{}}
}

// send seals a packet of zeros. It fails the test if its keystream was used before; it reports whether it was sealed.
func (k *keystreams) send(st *srtp.Stream, seq uint16, what string) bool {
	k.t.Helper()
	b := make([]byte, 12+24, 12+24+16)
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[8:], st.SSRC())
	sealed, err := st.Seal(b, 12)
	if err != nil {
		if !errors.Is(err, srtp.ErrIndexUsed) {
			k.t.Fatalf("%s: %v", what, err)
		}
		if [24]byte(b[12:]) != [24]byte{} {
			k.t.Fatalf("%s: refused, but encrypted", what)
		}
		return false
	}
	keystream := [24]byte(sealed[12:])
	if before, ok := k.seen[keystream]; ok {
		k.t.Fatalf("%s (SSRC %#x, sequence number %d) has the keystream of: %s", what, st.SSRC(), seq, before)
	}
	k.seen[keystream] = what
	k.sealed++
	return true
}

// must is send for packets that have to be sealed.
func (k *keystreams) must(st *srtp.Stream, seq uint16, what string) {
	k.t.Helper()
	if !k.send(st, seq, what) {
		k.t.Fatalf("%s: sequence number %d was refused", what, seq)
	}
}

// mustNot is send for packets that have to be refused.
func (k *keystreams) mustNot(st *srtp.Stream, seq uint16, what string) {
	k.t.Helper()
	if k.send(st, seq, what) {
		k.t.Fatalf("%s: sequence number %d was sealed", what, seq)
	}
}

func TestNoKeystreamTwice(t *testing.T) {
	const video, rtx = 0x11111111, 0x22222222
	for name, play := range map[string]func(*keystreams, *srtp.Sealer){
		"twice in a row": func(k *keystreams, s *srtp.Sealer) {
			k.must(s.Stream(video), 7, "first")
			k.mustNot(s.Stream(video), 7, "again")
			k.must(s.Stream(video), 8, "the next")
			k.mustNot(s.Stream(video), 7, "the first again")
		},
		"over the wrap": func(k *keystreams, s *srtp.Sealer) {
			st := s.Stream(video)
			for i := range 65536 + 10_000 {
				k.must(st, uint16(i), "around")
				if i%1000 == 0 {
					k.mustNot(st, uint16(i), "again")
					k.mustNot(st, uint16(i-srtp.WindowSize), "too old")
				}
			}
		},
		"from the last sequence number": func(k *keystreams, s *srtp.Sealer) {
			for ssrc, first := range []uint16{65535, 65534, 65000, 32768, 32767} {
				st := s.Stream(uint32(ssrc))
				for i := range uint16(3000) {
					k.must(st, first+i, "ahead")
				}
				for i := range uint16(3000) {
					k.mustNot(st, first+i, "all again")
				}
				k.mustNot(st, first-1, "before the first") // nobody used it, but it is too old to be sure
			}
		},
		"out of order": func(k *keystreams, s *srtp.Sealer) {
			random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test must repeat
			st := s.Stream(video)
			seq := uint16(65000)
			for range 50_000 {
				seq += uint16(random.IntN(4))
				k.send(st, seq-uint16(random.IntN(3000)), "anywhere")
			}
			if k.sealed < 12_000 {
				k.t.Fatalf("only %d were sealed", k.sealed)
			}
		},
		"anything at all": func(k *keystreams, s *srtp.Sealer) {
			random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test must repeat
			for range 50_000 {
				k.send(s.Stream(uint32(random.IntN(3))), uint16(random.Uint32()), "random")
			}
		},
		"retransmissions": func(k *keystreams, s *srtp.Sealer) {
			sent, again := s.Stream(video), s.Stream(rtx)
			for i := range uint16(100) {
				k.must(sent, i, "video")
			}
			for i := range uint16(100) {
				k.mustNot(sent, i, "resent without RTX")
				k.must(again, i, "resent as RTX") // same sequence number, other SSRC
				k.must(again, i+100, "resent as RTX once more")
			}
		},
		"a seat whose occupant changes": func(k *keystreams, s *srtp.Sealer) {
			st := s.Stream(video)
			for i := range uint16(50) {
				k.must(st, 1000+i, "first occupant")
			}
			// A rewriter that forgot to go on from the former occupant would begin anywhere.
			for i := range uint16(50) {
				k.mustNot(st, 1000+i, "second occupant from the start")
			}
			for i := range uint16(50) {
				k.must(st, 1050+i, "second occupant, going on")
			}
			for i := range uint16(50) {
				k.mustNot(s.Stream(video), 1050+i, "the seat bound anew")
			}
		},
		"two owners of one SSRC": func(k *keystreams, s *srtp.Sealer) {
			one, other := s.Stream(video), s.Stream(video)
			for i := range uint16(100) {
				k.must(one, 2*i, "one")
				k.mustNot(other, 2*i, "the other")
				k.must(other, 2*i+1, "the other")
				k.mustNot(one, 2*i+1, "one")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachProfile(t, func(t *testing.T, p srtp.Profile) {
				if p != srtp.AEADAES128GCM && testing.Short() {
					t.Skip("the indices are those of the first profile")
				}
				play(newKeystreams(t), newSealer(t, p, secret(p, 1)))
			})
		})
	}
}

// TestNewKeyStartsAnew: the same SSRCs and indices under another key are other packets.
func TestNewKeyStartsAnew(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		k := newKeystreams(t)
		for generation := range uint64(4) {
			st := newSealer(t, p, secret(p, generation)).Stream(1)
			for seq := range uint16(100) {
				k.must(st, seq, "each key")
			}
		}
	})
}

// TestNoKeystreamInBothDirections: client and server use the same SSRCs and indices.
func TestNoKeystreamInBothDirections(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		material := make([]byte, p.MaterialLen())
		for i := range material {
			material[i] = byte(i)
		}
		keys, err := srtp.Extract(p, material, false)
		if err != nil {
			t.Fatal(err)
		}
		k := newKeystreams(t)
		for _, s := range []srtp.Secret{keys.Local, keys.Remote} {
			k.must(newSealer(t, p, s).Stream(1), 1, "each direction")
		}
	})
}

func TestSecretMakesOneSealer(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		s := secret(p, 1)
		shared := s // as somebody else holds it
		if _, err := srtp.NewSealer(p, s); err != nil {
			t.Fatal(err)
		}
		for _, b := range append(shared.Key, shared.Salt...) {
			if b != 0 {
				t.Fatal("the secret is still there")
			}
		}
		if _, err := srtp.NewSealer(p, shared); !errors.Is(err, srtp.ErrSecret) {
			t.Errorf("second Sealer: %v, want %v", err, srtp.ErrSecret)
		}
		if _, err := srtp.NewOpener(p, shared, 1); !errors.Is(err, srtp.ErrSecret) {
			t.Errorf("Opener with a key of zeros: %v, want %v", err, srtp.ErrSecret)
		}
	})
}

package srtp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"hiroba/sfu/srtp"
)

func newControl(t testing.TB, p srtp.Profile, s srtp.Secret, ssrc uint32) *srtp.Control {
	t.Helper()
	control, err := newSealer(t, p, s).Control(ssrc)
	if err != nil {
		t.Fatal(err)
	}
	return control
}

// feedback is an RTCP packet of a sender with n bytes of zeros in it, and room to be sealed.
func feedback(ssrc uint32, n int) []byte {
	b := make([]byte, 8+n, 8+n+20)
	b[0], b[1] = 0x80|15, 205
	binary.BigEndian.PutUint16(b[2:], uint16(1+n/4)) //nolint:gosec // small
	binary.BigEndian.PutUint32(b[4:], ssrc)
	return b
}

func TestPionOpensTheRTCPWeSeal(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		s := secret(p, 3)
		control, theirs, ours := newControl(t, p, s, 0xFEDCBA98), newPion(t, p, s), newOpener(t, p, s, 1)
		for i := range 300 {
			plain := feedback(0xFEDCBA98, 4*i)
			for at := range plain[8:] {
				plain[8+at] = byte(at)
			}
			sealed, err := control.Seal(slices.Grow(bytes.Clone(plain), control.Overhead()))
			if err != nil {
				t.Fatal(err)
			}
			if len(sealed) != len(plain)+control.Overhead() {
				t.Fatalf("%d bytes became %d", len(plain), len(sealed))
			}
			opened, err := theirs.DecryptRTCP(nil, sealed, nil)
			if err != nil || !bytes.Equal(opened, plain) {
				t.Fatalf("pion made of packet %d: %x, %v", i, opened, err)
			}
			opened, err = ours.OpenRTCP(sealed)
			if err != nil || !bytes.Equal(opened, plain) {
				t.Fatalf("we made of packet %d: %x, %v", i, opened, err)
			}
		}
	})
}

// TestNoKeystreamTwiceInRTCP: not by one Control, and not by a second.
func TestNoKeystreamTwiceInRTCP(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		s := secret(p, 1)
		sealer := newSealer(t, p, s)
		control, err := sealer.Control(7)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[[24]byte]int{}
		for i := range 5000 {
			sealed, err := control.Seal(feedback(7, 24))
			if err != nil {
				t.Fatal(err)
			}
			keystream := [24]byte(sealed[8:]) // of zeros
			if before, ok := seen[keystream]; ok {
				t.Fatalf("packet %d has the keystream of packet %d", i, before)
			}
			seen[keystream] = i
		}
		for _, ssrc := range []uint32{7, 8} {
			if _, err := sealer.Control(ssrc); !errors.Is(err, srtp.ErrSecret) {
				t.Errorf("second Control: %v, want %v", err, srtp.ErrSecret)
			}
		}
		// RTP goes on without those keys.
		k := newKeystreams(t)
		k.must(sealer.Stream(7), 1, "RTP")
	})
}

func TestControlRefusesAndChangesNothing(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		s := secret(p, 1)
		control := newControl(t, p, s, 7)
		for name, test := range map[string]struct {
			b    []byte
			want error
		}{
			"nothing":         {nil, srtp.ErrHeader},
			"short":           {feedback(7, 0)[:7], srtp.ErrHeader},
			"another SSRC":    {feedback(8, 24), srtp.ErrHeader},
			"no room":         {slices.Clip(feedback(7, 24)), srtp.ErrNoRoom},
			"not room enough": {feedback(7, 24)[: 32 : 32+control.Overhead()-1], srtp.ErrNoRoom},
		} {
			before := bytes.Clone(test.b)
			if _, err := control.Seal(test.b); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
			if !bytes.Equal(test.b, before) {
				t.Errorf("%s: the packet was changed", name)
			}
		}
		first, err := control.Seal(feedback(7, 24))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := newControl(t, p, s, 7).Seal(feedback(7, 24)); err != nil || !bytes.Equal(first, want) {
			t.Error("a refused packet used an index up")
		}
	})
}

func TestControlAllocatesNothing(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		control, b := newControl(t, p, secret(p, 1), 7), feedback(7, 200)
		if n := testing.AllocsPerRun(1000, func() {
			binary.BigEndian.PutUint32(b[4:], 7)
			if _, err := control.Seal(b); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations for each packet", n)
		}
	})
}

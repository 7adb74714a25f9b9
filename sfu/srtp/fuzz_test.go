package srtp_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pion/rtp"

	"hiroba/sfu/srtp"
)

// FuzzOpen gives an Opener anything. Only what pion takes too is taken, and reads the same. The number of the profile
// comes first.
func FuzzOpen(f *testing.F) {
	for i, p := range profiles {
		for seq, packet := range shapes(1) {
			packet.SequenceNumber = uint16(seq)
			b, header := marshal(f, packet)
			sealed, err := newSealer(f, p, secret(p, 1)).Stream(1).Seal(b, header)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(byte(i), sealed)
			f.Add(byte(i), sealed[:len(sealed)-1])
			f.Add(byte(i+1), sealed)
		}
	}
	f.Fuzz(func(t *testing.T, profile byte, sealed []byte) {
		p := profiles[int(profile)%len(profiles)]
		var h rtp.Header
		header, err := h.Unmarshal(sealed)
		if err != nil {
			header = len(sealed) / 2
		}
		want, wantErr := newPion(t, p, secret(p, 1)).DecryptRTP(nil, bytes.Clone(sealed), nil)
		opener := newOpener(t, p, secret(p, 1), 1)
		length, again := len(sealed), bytes.Clone(sealed)
		got, err := opener.Open(sealed, header)
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("read %x, %v; pion %x, %v", got, err, want, wantErr)
		}
		if err == nil && len(got) != length-p.Overhead() {
			t.Fatalf("%d bytes of %d", len(got), length)
		}
		if _, secondErr := opener.Open(again, header); err == nil && !errors.Is(secondErr, srtp.ErrReplay) ||
			err != nil && secondErr == nil {
			t.Fatalf("the same again: %v after %v", secondErr, err)
		}
	})
}

// FuzzOpenRTCP is FuzzOpen for RTCP. pion also takes what says that it is not encrypted.
func FuzzOpenRTCP(f *testing.F) {
	for i, p := range profiles {
		for _, report := range [][]byte{receiverReport(1), {0x80, 201, 0, 1, 0, 0, 0, 1}, bytes.Repeat(receiverReport(1), 10)} {
			sealed, err := newPion(f, p, secret(p, 1)).EncryptRTCP(nil, report, nil)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(byte(i), sealed)
			f.Add(byte(i), sealed[:len(sealed)-1])
			f.Add(byte(i+1), sealed)
		}
	}
	f.Fuzz(func(t *testing.T, profile byte, sealed []byte) {
		p := profiles[int(profile)%len(profiles)]
		want, wantErr := newPion(t, p, secret(p, 1)).DecryptRTCP(nil, bytes.Clone(sealed), nil)
		opener := newOpener(t, p, secret(p, 1), 1)
		again := bytes.Clone(sealed)
		got, err := opener.OpenRTCP(sealed)
		if err == nil && (wantErr != nil || !bytes.Equal(got, want)) {
			t.Fatalf("read %x; pion %x, %v", got, want, wantErr)
		}
		if _, secondErr := opener.OpenRTCP(again); err == nil && !errors.Is(secondErr, srtp.ErrReplay) ||
			err != nil && secondErr == nil {
			t.Fatalf("the same again: %v after %v", secondErr, err)
		}
	})
}

package srtp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"hiroba/sfu/srtp"
)

func TestSealRefusesAndChangesNothing(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		sealer := newSealer(t, p, secret(p, 1))
		stream := sealer.Stream(0x01020304)
		packet := func(n int) []byte {
			b := make([]byte, n, n+sealer.Overhead())
			copy(b, []byte{0x80, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4})
			return b
		}
		other := packet(40)
		other[11]++
		for name, test := range map[string]struct {
			b      []byte
			header int
			want   error
		}{
			"nothing":            {nil, 0, srtp.ErrHeader},
			"short":              {packet(11), 11, srtp.ErrHeader},
			"header too short":   {packet(40), 11, srtp.ErrHeader},
			"header longer":      {packet(40), 41, srtp.ErrHeader},
			"header negative":    {packet(40), -1, srtp.ErrHeader},
			"another SSRC":       {other, 12, srtp.ErrHeader},
			"no room":            {packet(40)[:40:40], 12, srtp.ErrNoRoom},
			"not room enough":    {packet(40)[: 40 : 40+sealer.Overhead()-1], 12, srtp.ErrNoRoom},
			"no room at the end": {packet(12)[:12:12], 12, srtp.ErrNoRoom},
		} {
			before := bytes.Clone(test.b)
			if _, err := stream.Seal(test.b, test.header); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
			if !bytes.Equal(test.b, before) {
				t.Errorf("%s: the packet was changed", name)
			}
		}
		// None of them used up the index.
		if _, err := stream.Seal(packet(40), 12); err != nil {
			t.Error(err)
		}
	})
}

func TestSealAndOpenAllocateNothing(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		stream := newSealer(t, p, secret(p, 1)).Stream(0x01020304)
		opener := newOpener(t, p, secret(p, 1), 1)
		packet := make([]byte, 1200, 1300)
		var seq uint16
		step := func() {
			seq++
			copy(packet, []byte{0x80, 96, byte(seq >> 8), byte(seq), 0, 0, 0, 0, 1, 2, 3, 4})
			sealed, err := stream.Seal(packet, 12)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Seal(packet, 12); err == nil {
				t.Fatal("sealed twice")
			}
			if _, err := opener.Open(sealed, 12); err != nil {
				t.Fatal(err)
			}
			if _, err := opener.Open(sealed, 12); err == nil {
				t.Fatal("opened twice")
			}
		}
		step() // makes the stream
		if n := testing.AllocsPerRun(1000, step); n != 0 {
			t.Errorf("%v allocations for each packet", n)
		}
	})
}

func TestOpenRTCPAllocatesNothing(t *testing.T) {
	eachProfile(t, func(t *testing.T, p srtp.Profile) {
		theirs, opener := newPion(t, p, secret(p, 1)), newOpener(t, p, secret(p, 1), 1)
		var sealed [][]byte
		for range 1002 {
			b, err := theirs.EncryptRTCP(nil, receiverReport(1), nil)
			if err != nil {
				t.Fatal(err)
			}
			sealed = append(sealed, b)
		}
		i := 0
		step := func() {
			if _, err := opener.OpenRTCP(sealed[i]); err != nil {
				t.Fatal(err)
			}
			i++
		}
		step()
		if n := testing.AllocsPerRun(1000, step); n != 0 {
			t.Errorf("%v allocations for each packet", n)
		}
	})
}

// receiverReport is an RTCP packet of this sender.
func receiverReport(ssrc byte) []byte {
	return append([]byte{0x81, 201, 0, 7, 0, 0, 0, ssrc}, make([]byte, 24)...)
}

func TestExtract(t *testing.T) {
	material := make([]byte, 56)
	for i := range material {
		material[i] = byte(i)
	}
	server, err := srtp.Extract(srtp.AEADAES128GCM, material, false)
	if err != nil {
		t.Fatal(err)
	}
	client, err := srtp.Extract(srtp.AEADAES128GCM, material, true)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ got, want []byte }{
		"client key":         {client.Local.Key, material[:16]},
		"server key":         {client.Remote.Key, material[16:32]},
		"client salt":        {client.Local.Salt, material[32:44]},
		"server salt":        {client.Remote.Salt, material[44:]},
		"server's own key":   {server.Local.Key, material[16:32]},
		"server's own salt":  {server.Local.Salt, material[44:]},
		"server's peer key":  {server.Remote.Key, material[:16]},
		"server's peer salt": {server.Remote.Salt, material[32:44]},
	} {
		if !bytes.Equal(test.got, test.want) {
			t.Errorf("%s: %x, want %x", name, test.got, test.want)
		}
	}
	server.Wipe()
	if client.Local.Key[1] != 1 || material[1] != 1 {
		t.Error("keys share memory with the material")
	}
	for _, test := range []struct {
		profile srtp.Profile
		n       int
		want    error
	}{
		{srtp.AEADAES128GCM, 55, srtp.ErrSecret},
		{srtp.AEADAES256GCM, 56, srtp.ErrSecret},
		{srtp.Profile(2), 60, srtp.ErrProfile},
		{srtp.Profile(0), 0, srtp.ErrProfile},
	} {
		if _, err := srtp.Extract(test.profile, make([]byte, test.n), true); !errors.Is(err, test.want) {
			t.Errorf("%v with %d bytes: %v, want %v", test.profile, test.n, err, test.want)
		}
	}
	if _, err := srtp.NewSealer(srtp.Profile(2), secret(srtp.AEADAES128GCM, 1)); !errors.Is(err, srtp.ErrProfile) {
		t.Errorf("unknown profile: %v", err)
	}
	if _, err := srtp.NewOpener(srtp.AEADAES256GCM, secret(srtp.AEADAES128GCM, 1), 1); !errors.Is(err, srtp.ErrSecret) {
		t.Errorf("short key: %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	keys := srtp.Keys{
		Profile: srtp.AEADAES128GCM,
		Local:   srtp.Secret{Key: []byte("\x41\x42sesame"), Salt: []byte("sesame")},
		Remote:  srtp.Secret{Key: []byte("\x41\x42sesame")},
	}
	encoded, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	printed := string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		printed += fmt.Sprintf(verb+" "+verb, keys, &keys)
		printed += fmt.Sprintf(verb+" "+verb, keys.Local, &keys.Local)
	}
	for _, bad := range []string{"sesame", "736573616d65", "736573616D65", "115 101", "0x73", "c2VzYW1l"} {
		if strings.Contains(printed, bad) {
			t.Errorf("%q is in %s", bad, printed)
		}
	}
}

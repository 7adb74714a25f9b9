package srtp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKeyDerivation is RFC 3711, appendix B.3.
func TestKeyDerivation(t *testing.T) {
	master := Secret{
		Key:  unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"),
		Salt: unhex(t, "0EC675AD498AFEEBB6960B3AABE6"),
	}
	for _, test := range []struct {
		label label
		want  string
	}{
		{labelRTPKey, "C61E7A93744F39EE10734AFE3FF7A087"},
		{labelRTPSalt, "30CBBC08863D8C85D49DB34A9AE1"},
		{labelRTPAuth, `CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
			E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
			6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2`},
	} {
		want := unhex(t, test.want)
		got, err := derive(master, test.label, len(want))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("label %d: %x, want %x", test.label, got, want)
		}
	}
}

// TestCounterMode is RFC 3711, appendix B.2: the first and the last blocks of the longest keystream.
func TestCounterMode(t *testing.T) {
	key, err := newCMKey(unhex(t, "2B7E151628AED2A6ABF7158809CF4F3C"), make([]byte, cmAuthKeySize),
		unhex(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
	if err != nil {
		t.Fatal(err)
	}
	keystream := make([]byte, 0xff02*16)
	(&aesCM{}).crypt(&key, keystream, 0, 0)
	for at, want := range map[int]string{
		0:      "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0",
		0xfeff: "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44",
	} {
		if got, want := keystream[at*16:][:48], unhex(t, want); !bytes.Equal(got, want) {
			t.Errorf("from block %#x: %x, want %x", at, got, want)
		}
	}
}

// gcmVector are the examples of RFC 7714, sections 16 (SRTP) and 17 (SRTCP), for one profile.
type gcmVector struct {
	profile                     Profile
	key, rtp, rtcp, unencrypted string
}

const (
	gcmVectorSalt = "517569642070726f2071756f"
	gcmVectorRTP  = "8040f17b8041f8d35501a0b2 47616c6c696120657374206f6d6e697320646976697361 20696e20706172746573207472 6573"
	gcmVectorRTCP = "81c8000d4d617273 4e5450314e545032525450200000042a0000e9304c756e61 deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
)

var gcmVectors = []gcmVector{
	{
		profile: AEADAES128GCM,
		key:     "000102030405060708090a0b0c0d0e0f",
		rtp: `8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
			0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`,
		rtcp: `81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
			4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`,
		unencrypted: `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
			deadbeef deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4`,
	},
	{
		profile: AEADAES256GCM,
		key:     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		rtp: `8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
			9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13`,
		rtcp: `81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be
			8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4`,
		unencrypted: `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
			deadbeef deadbeef deadbeef deadbeef deadbeef 91db4afb feee5a97 8fab4393 ed2615fe 000005d4`,
	},
}

// suite has the session keys of the example, which gives no master key.
func (v gcmVector) suite(t *testing.T) suite {
	t.Helper()
	key, err := newGCMKey(unhex(t, v.key), unhex(t, gcmVectorSalt))
	if err != nil {
		t.Fatal(err)
	}
	return &gcm{rtp: key, rtcp: key}
}

func (v gcmVector) opener(t *testing.T) *Opener {
	t.Helper()
	return &Opener{profile: v.profile, suite: v.suite(t), maxStreams: 1, rtp: map[uint32]*window{}, rtcp: map[uint32]*window{}}
}

func TestGCM(t *testing.T) {
	for _, v := range gcmVectors {
		t.Run(v.profile.String(), func(t *testing.T) {
			rtp, rtcp := unhex(t, gcmVectorRTP), unhex(t, gcmVectorRTCP)

			stream := (&Sealer{profile: v.profile, suite: v.suite(t), streams: map[uint32]*Stream{}}).Stream(0x5501a0b2)
			sealed, err := stream.Seal(append(make([]byte, 0, 100), rtp...), 12)
			if err != nil || !bytes.Equal(sealed, unhex(t, v.rtp)) {
				t.Errorf("sealed %x, %v, want %s", sealed, err, v.rtp)
			}
			opener := v.opener(t)
			if got, err := opener.Open(unhex(t, v.rtp), 12); err != nil || !bytes.Equal(got, rtp) {
				t.Errorf("opened %x, %v, want %x", got, err, rtp)
			}
			if got, err := opener.OpenRTCP(unhex(t, v.rtcp)); err != nil || !bytes.Equal(got, rtcp) {
				t.Errorf("opened %x, %v, want %x", got, err, rtcp)
			}
			if _, err := v.opener(t).OpenRTCP(unhex(t, v.unencrypted)); err == nil {
				t.Error("RTCP without encryption was taken")
			}
		})
	}
}

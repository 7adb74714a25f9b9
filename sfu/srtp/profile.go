package srtp

import "fmt"

// Profile is an SRTP protection profile, with its number in DTLS (RFC 5764, section 4.1.2 and RFC 7714, section 14.2).
type Profile uint16

// The profiles of WebRTC (RFC 8827, section 6.5), the cheapest first.
const (
	AEADAES128GCM      Profile = 0x0007
	AEADAES256GCM      Profile = 0x0008
	AES128CMHMACSHA180 Profile = 0x0001
)

// Sizes in bytes that all profiles share.
const (
	rtpHeaderSize  = 12 // of RTP without CSRCs and extensions (RFC 3550, section 5.1)
	rtcpHeaderSize = 8  // of RTCP up to the sender's SSRC, which SRTCP leaves in the clear
	rtcpIndexSize  = 4  // of the E flag and the SRTCP index
)

// sizes are the lengths of a profile in bytes.
type sizes struct{ key, salt, tag int }

func (p Profile) sizes() (sizes, bool) {
	switch p {
	case AES128CMHMACSHA180:
		return sizes{key: 16, salt: 14, tag: 10}, true
	case AEADAES128GCM:
		return sizes{key: 16, salt: 12, tag: 16}, true
	case AEADAES256GCM:
		return sizes{key: 32, salt: 12, tag: 16}, true
	}
	return sizes{}, false
}

// Supported reports whether this package knows the profile.
func (p Profile) Supported() bool {
	_, ok := p.sizes()
	return ok
}

// MaterialLen is how many bytes [Extract] needs from the DTLS exporter; 0 for an unknown profile.
func (p Profile) MaterialLen() int {
	s, _ := p.sizes()
	return 2 * (s.key + s.salt)
}

// Overhead is how many bytes longer an SRTP packet is than the RTP packet inside; 0 for an unknown profile.
func (p Profile) Overhead() int {
	s, _ := p.sizes()
	return s.tag
}

// String is the name of the profile in the registry of IANA.
func (p Profile) String() string {
	switch p {
	case AES128CMHMACSHA180:
		return "SRTP_AES128_CM_HMAC_SHA1_80"
	case AEADAES128GCM:
		return "SRTP_AEAD_AES_128_GCM"
	case AEADAES256GCM:
		return "SRTP_AEAD_AES_256_GCM"
	}
	return fmt.Sprintf("Profile(%#04x)", uint16(p))
}

// suite is the cryptography of one direction: session keys, and how packets are made of them. It keeps scratch
// memory, so it is for one goroutine. It knows nothing of which indices were used.
type suite interface {
	// sealRTP encrypts b[header:] in place and appends the tag, for which there is room in b's capacity.
	sealRTP(b []byte, header int, ssrc uint32, index uint64) []byte
	// openRTP is the reverse. The lengths were checked; after false what is behind the header may be destroyed.
	openRTP(b []byte, header int, ssrc uint32, index uint64) ([]byte, bool)
	// openRTCP opens an SRTCP packet. Its length was checked.
	openRTCP(b []byte, ssrc, index uint32) ([]byte, bool)
	// sealRTCP encrypts an RTCP packet in place and appends what SRTCP needs, for which there is room in b's capacity.
	sealRTCP(b []byte, ssrc, index uint32) []byte
	// takeRTCP takes the keys of SRTCP away. The suite that it returns has nothing else, and shares no memory that is
	// written to.
	takeRTCP() suite
}

// newSuite derives the session keys of a profile and takes the secret away: its bytes are zero afterwards.
func newSuite(p Profile, s Secret) (suite, error) {
	n, ok := p.sizes()
	if !ok {
		return nil, fmt.Errorf("%w: %v", ErrProfile, p)
	}
	if len(s.Key) != n.key || len(s.Salt) != n.salt || s.usedUp() {
		return nil, ErrSecret
	}
	defer s.Wipe()
	if p == AES128CMHMACSHA180 {
		return newAESCM(s)
	}
	return newGCM(s)
}

package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

const (
	gcmSaltSize = 12
	gcmTagSize  = 16
)

// gcm is AEAD_AES_128_GCM or AEAD_AES_256_GCM (RFC 7714).
type gcm struct {
	rtp, rtcp gcmKey
	// The memory of what is passed to the cipher. Behind its interface the compiler cannot know that it keeps nothing, so
	// arrays on the stack would be allocated for each packet.
	nonce [gcmSaltSize]byte
	aad   [rtcpHeaderSize + rtcpIndexSize]byte
}

type gcmKey struct {
	aead cipher.AEAD
	salt [gcmSaltSize]byte
}

func newGCM(s Secret) (*gcm, error) {
	g := &gcm{}
	var err error
	if g.rtp, err = deriveGCM(s, labelRTPKey, labelRTPSalt); err != nil {
		return nil, err
	}
	if g.rtcp, err = deriveGCM(s, labelRTCPKey, labelRTCPSalt); err != nil {
		return nil, err
	}
	return g, nil
}

func deriveGCM(s Secret, key, salt label) (gcmKey, error) {
	sessionKey, err := derive(s, key, len(s.Key))
	if err != nil {
		return gcmKey{}, err
	}
	defer clear(sessionKey)
	sessionSalt, err := derive(s, salt, gcmSaltSize)
	if err != nil {
		return gcmKey{}, err
	}
	return newGCMKey(sessionKey, sessionSalt)
}

func newGCMKey(key, salt []byte) (gcmKey, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return gcmKey{}, fmt.Errorf("make AES cipher: %w", err)
	}
	k := gcmKey{salt: [gcmSaltSize]byte(salt)}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return gcmKey{}, fmt.Errorf("make GCM cipher: %w", err)
	}
	return k, nil
}

// rtpNonce is the salt combined with 00 00, the SSRC, the rollover counter and the sequence number (RFC 7714, section
// 8.1); the latter two are the 48 bits of the index.
func (g *gcm) rtpNonce(ssrc uint32, index uint64) []byte {
	binary.BigEndian.PutUint32(g.nonce[0:], ssrc>>16)
	binary.BigEndian.PutUint64(g.nonce[4:], uint64(ssrc)<<48|index)
	return g.mixSalt(&g.rtp)
}

// rtcpNonce is the salt combined with 00 00, the SSRC, 00 00 and the SRTCP index (RFC 7714, section 9.1).
func (g *gcm) rtcpNonce(ssrc, index uint32) []byte {
	binary.BigEndian.PutUint32(g.nonce[0:], ssrc>>16)
	binary.BigEndian.PutUint64(g.nonce[4:], uint64(ssrc)<<48|uint64(index))
	return g.mixSalt(&g.rtcp)
}

func (g *gcm) mixSalt(k *gcmKey) []byte {
	for i, b := range k.salt {
		g.nonce[i] ^= b
	}
	return g.nonce[:]
}

func (g *gcm) sealRTP(b []byte, header int, ssrc uint32, index uint64) []byte {
	g.rtp.aead.Seal(b[header:header], g.rtpNonce(ssrc, index), b[header:], b[:header])
	return b[:len(b)+gcmTagSize]
}

func (g *gcm) openRTP(b []byte, header int, ssrc uint32, index uint64) ([]byte, bool) {
	_, err := g.rtp.aead.Open(b[header:header], g.rtpNonce(ssrc, index), b[header:], b[:header])
	return b[:len(b)-gcmTagSize], err == nil
}

// openRTCP: what is authenticated besides the ciphertext is the first eight bytes, then the E flag and index, which come
// last in the packet (RFC 7714, section 9.2).
func (g *gcm) openRTCP(b []byte, ssrc, index uint32) ([]byte, bool) {
	trailer := len(b) - rtcpIndexSize
	copy(g.aad[:], b[:rtcpHeaderSize])
	copy(g.aad[rtcpHeaderSize:], b[trailer:])
	_, err := g.rtcp.aead.Open(b[rtcpHeaderSize:rtcpHeaderSize], g.rtcpNonce(ssrc, index), b[rtcpHeaderSize:trailer], g.aad[:])
	return b[:trailer-gcmTagSize], err == nil
}

func (g *gcm) sealRTCP(b []byte, ssrc, index uint32) []byte {
	end := len(b) + gcmTagSize
	sealed := b[:end+rtcpIndexSize]
	binary.BigEndian.PutUint32(g.aad[rtcpHeaderSize:], encryptedFlag|index)
	copy(g.aad[:], b[:rtcpHeaderSize])
	g.rtcp.aead.Seal(b[rtcpHeaderSize:rtcpHeaderSize], g.rtcpNonce(ssrc, index), b[rtcpHeaderSize:], g.aad[:])
	copy(sealed[end:], g.aad[rtcpHeaderSize:])
	return sealed
}

func (g *gcm) takeRTCP() suite {
	taken := &gcm{rtcp: g.rtcp}
	g.rtcp = gcmKey{}
	return taken
}

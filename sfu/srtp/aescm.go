package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the profile demands it, and HMAC does not need a hash without collisions
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
)

const (
	cmSaltSize    = 14
	cmAuthKeySize = 20
	cmTagSize     = 10

	// run is how many bytes of keystream are made before they are combined with the packet: long enough for the
	// combining to work on whole vectors, short enough to stay in the first cache.
	run = 16 * aes.BlockSize
)

// aesCM is AES128_CM_HMAC_SHA1_80: AES in counter mode and HMAC-SHA1 cut to 80 bits (RFC 3711, sections 4.1.1 and 4.2.1).
type aesCM struct {
	rtp, rtcp cmKey
	// The memory of what is passed to the ciphers, see gcm.
	keystream [run]byte
	roc       [4]byte
	sum       [sha1.Size]byte
}

type cmKey struct {
	block cipher.Block
	mac   hash.Hash
	salt  [aes.BlockSize]byte // the last two bytes, where the counter of blocks is, are zero
}

func newAESCM(s Secret) (*aesCM, error) {
	c := &aesCM{}
	var err error
	if c.rtp, err = deriveCM(s, labelRTPKey, labelRTPAuth, labelRTPSalt); err != nil {
		return nil, err
	}
	if c.rtcp, err = deriveCM(s, labelRTCPKey, labelRTCPAuth, labelRTCPSalt); err != nil {
		return nil, err
	}
	return c, nil
}

func deriveCM(s Secret, key, auth, salt label) (cmKey, error) {
	sessionKey, err := derive(s, key, len(s.Key))
	if err != nil {
		return cmKey{}, err
	}
	defer clear(sessionKey)
	authKey, err := derive(s, auth, cmAuthKeySize)
	if err != nil {
		return cmKey{}, err
	}
	defer clear(authKey)
	sessionSalt, err := derive(s, salt, cmSaltSize)
	if err != nil {
		return cmKey{}, err
	}
	return newCMKey(sessionKey, authKey, sessionSalt)
}

func newCMKey(key, auth, salt []byte) (cmKey, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return cmKey{}, fmt.Errorf("make AES cipher: %w", err)
	}
	k := cmKey{block: block, mac: hmac.New(sha1.New, auth)}
	copy(k.salt[:], salt)
	return k, nil
}

// crypt combines b with the keystream of a packet; doing it twice gives b again.
func (c *aesCM) crypt(k *cmKey, b []byte, ssrc uint32, index uint64) {
	high := binary.BigEndian.Uint64(k.salt[:8]) ^ uint64(ssrc)
	low := binary.BigEndian.Uint64(k.salt[8:]) ^ index<<16
	for len(b) > 0 {
		n := min(len(b), run)
		// First all counters, then all encryptions: a processor that has to fetch a counter which it has only just written
		// waits for that, and works on one block at a time.
		for at := 0; at < n; at += aes.BlockSize {
			counter := c.keystream[at : at+aes.BlockSize : at+aes.BlockSize]
			binary.BigEndian.PutUint64(counter, high)
			binary.BigEndian.PutUint64(counter[8:], low)
			low++ // a packet has fewer than 2^16 blocks
		}
		for at := 0; at < n; at += aes.BlockSize {
			block := c.keystream[at : at+aes.BlockSize : at+aes.BlockSize]
			k.block.Encrypt(block, block)
		}
		subtle.XORBytes(b, b[:n], c.keystream[:n])
		b = b[n:]
	}
}

// tag is the authentication tag of b and, for SRTP, the rollover counter. It is valid until the next call.
func (c *aesCM) tag(k *cmKey, b, roc []byte) []byte {
	k.mac.Reset()
	k.mac.Write(b)
	k.mac.Write(roc)
	return k.mac.Sum(c.sum[:0])[:cmTagSize]
}

func (c *aesCM) rtpTag(b []byte, index uint64) []byte {
	binary.BigEndian.PutUint32(c.roc[:], uint32(index>>16)) //nolint:gosec // an index has 48 bits
	return c.tag(&c.rtp, b, c.roc[:])
}

func (c *aesCM) sealRTP(b []byte, header int, ssrc uint32, index uint64) []byte {
	c.crypt(&c.rtp, b[header:], ssrc, index)
	return append(b, c.rtpTag(b, index)...)
}

func (c *aesCM) openRTP(b []byte, header int, ssrc uint32, index uint64) ([]byte, bool) {
	b, tag := b[:len(b)-cmTagSize], b[len(b)-cmTagSize:]
	if subtle.ConstantTimeCompare(tag, c.rtpTag(b, index)) != 1 {
		return b, false
	}
	c.crypt(&c.rtp, b[header:], ssrc, index)
	return b, true
}

// openRTCP: the tag comes last and covers all before it, the E flag and index too (RFC 3711, section 3.4).
func (c *aesCM) openRTCP(b []byte, ssrc, index uint32) ([]byte, bool) {
	b, tag := b[:len(b)-cmTagSize], b[len(b)-cmTagSize:]
	if subtle.ConstantTimeCompare(tag, c.tag(&c.rtcp, b, nil)) != 1 {
		return b, false
	}
	b = b[:len(b)-rtcpIndexSize]
	c.crypt(&c.rtcp, b[rtcpHeaderSize:], ssrc, uint64(index))
	return b, true
}

func (c *aesCM) sealRTCP(b []byte, ssrc, index uint32) []byte {
	c.crypt(&c.rtcp, b[rtcpHeaderSize:], ssrc, uint64(index))
	b = binary.BigEndian.AppendUint32(b, encryptedFlag|index)
	return append(b, c.tag(&c.rtcp, b, nil)...)
}

func (c *aesCM) takeRTCP() suite {
	taken := &aesCM{rtcp: c.rtcp}
	c.rtcp = cmKey{}
	return taken
}

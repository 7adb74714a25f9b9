package srtp

import (
	"crypto/aes"
	"fmt"
)

// label says what a session key is for (RFC 3711, section 4.3.2).
type label byte

const (
	labelRTPKey label = iota
	labelRTPAuth
	labelRTPSalt
	labelRTCPKey
	labelRTCPAuth
	labelRTCPSalt
)

// derive makes n bytes of session key: the keystream of AES-CM under the master key, with the label mixed into the
// master salt (RFC 3711, section 4.3.3). The key derivation rate is zero, as in all of DTLS-SRTP, so it happens once.
// A salt of 12 bytes counts as one of 14 that ends in zeros (RFC 7714, section 11).
func derive(s Secret, l label, n int) ([]byte, error) {
	block, err := aes.NewCipher(s.Key)
	if err != nil {
		return nil, fmt.Errorf("derive session key: %w", err)
	}
	var counter [aes.BlockSize]byte
	copy(counter[:], s.Salt)
	counter[7] ^= byte(l)
	out := make([]byte, 0, n+aes.BlockSize)
	for len(out) < n {
		end := len(out) + aes.BlockSize
		block.Encrypt(out[len(out):end], counter[:])
		out = out[:end]
		counter[15]++
	}
	return out[:n], nil
}

// Package srtp encrypts and decrypts what one transport sends and receives: SRTP (RFC 3711) with the profiles that
// WebRTC negotiates, AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714) and AES128_CM_HMAC_SHA1_80 (RFC 5764).
//
// It is made for a server that sends each packet to many: everything happens in the memory of the packet, nothing is
// allocated, and there is no lock. A [Sealer] belongs to the goroutine that sends, an [Opener] to the one that receives.
//
// # No index twice
//
// The keystream of a packet depends on the key, the SSRC and the packet's index (rollover counter and sequence number)
// and on nothing else. Two packets with the same three reveal the difference of their texts, and with GCM the key that
// authenticates (RFC 7714, section 8.4). This package makes that impossible, whatever its caller does:
//
//   - A Sealer remembers for each SSRC the newest index and which of the [WindowSize] indices up to it were used. An
//     index that was used, or that is too old to tell, is refused ([ErrIndexUsed]), and the packet stays as it was.
//   - [Sealer.Stream] returns the same Stream for the same SSRC, so two users of an SSRC share its indices.
//   - An index is marked before its packet is encrypted. There is no way to take it back.
//   - [NewSealer] takes the secret away: the bytes are zero afterwards, and no second Sealer, which would begin with
//     fresh indices, can be made of them.
//
// SRTCP has keys of its own, and indices that are counted for each SSRC. This package opens it. It seals that of one SSRC
// ([Sealer.Control]) and leaves the others to pion, which has the same keys and counts by itself: so it is for the caller
// to see that pion sends nothing under that SSRC.
package srtp

package srtp

import "errors"

// Why a packet was not sealed. It is as it was before, and no state has changed.
var (
	// ErrIndexUsed means that a packet with this SSRC and index was sealed before, or that the index is so far behind
	// the newest that nobody knows any more.
	ErrIndexUsed = errors.New("srtp: index used before or too old")
	// ErrExhausted means that the 2^48 indices of a key are used up (RFC 3711, section 9.2): a new key is needed.
	ErrExhausted = errors.New("srtp: no index left for this key")
	// ErrHeader means that the bytes are no RTP header of this stream: too short, or with another SSRC.
	ErrHeader = errors.New("srtp: no RTP header of this stream")
	// ErrNoRoom means that the capacity of the slice does not suffice for the authentication tag.
	ErrNoRoom = errors.New("srtp: no room for the authentication tag")
)

// Why a packet was not opened. No state has changed.
var (
	// ErrTruncated means that the packet is too short to have been sealed.
	ErrTruncated = errors.New("srtp: packet too short")
	// ErrReplay means that a packet with this index came before, or that it is too old to tell.
	ErrReplay = errors.New("srtp: packet came before or is too old")
	// ErrAuth means that the packet was not sealed with this key, or was changed on its way.
	ErrAuth = errors.New("srtp: packet not authentic")
	// ErrTooManyStreams means that the packet has a new SSRC, and no more are taken.
	ErrTooManyStreams = errors.New("srtp: too many streams")
)

// Why there is no Sealer or Opener.
var (
	// ErrProfile means that the protection profile is none of those in this package.
	ErrProfile = errors.New("srtp: unknown protection profile")
	// ErrSecret means that the length of the key or salt is not that of the profile, or that the secret was used up by
	// another Sealer, Opener or Control.
	ErrSecret = errors.New("srtp: secret of wrong length or used up")
)

package srtp

import "encoding/binary"

// Sealer encrypts all RTP that one transport sends. It belongs to one goroutine; the RTCP of one SSRC can be split off to
// another ([Sealer.Control]).
type Sealer struct {
	profile Profile
	suite   suite
	// streams is never emptied: what is forgotten could be used again.
	streams map[uint32]*Stream
	split   bool // Control took the keys of SRTCP
}

// NewSealer makes a Sealer of the secret of the sending side, and takes the secret away: its bytes are zero
// afterwards, and a second Sealer of the same secret is refused with [ErrSecret].
func NewSealer(p Profile, s Secret) (*Sealer, error) {
	suite, err := newSuite(p, s)
	if err != nil {
		return nil, err
	}
	return &Sealer{profile: p, suite: suite, streams: map[uint32]*Stream{}}, nil
}

// Overhead is how many bytes Seal appends to a packet.
func (s *Sealer) Overhead() int { return s.profile.Overhead() }

// Profile is the protection profile that the Sealer was made with.
func (s *Sealer) Profile() Profile { return s.profile }

// Stream is the state of an SSRC, made when it is first asked for. Asking again gives the same Stream. Keep it: the
// packet path needs no map.
func (s *Sealer) Stream(ssrc uint32) *Stream {
	st, ok := s.streams[ssrc]
	if !ok {
		st = &Stream{ssrc: ssrc, suite: s.suite, tag: s.Overhead()}
		s.streams[ssrc] = st
	}
	return st
}

// Stream seals the packets of one SSRC of a [Sealer], in the goroutine of that Sealer.
type Stream struct {
	ssrc    uint32
	tag     int
	suite   suite
	indices window
}

// SSRC is the synchronization source of the stream.
func (st *Stream) SSRC() uint32 { return st.ssrc }

// Seal encrypts an RTP packet in place and appends the authentication tag, for which the capacity of b must suffice
// ([Sealer.Overhead]). The first header bytes of b are the RTP header with CSRCs and extensions, the rest is payload and
// padding. Seal allocates nothing.
//
// Sequence numbers may wrap, jump ahead by up to 2^15, and lag by less than [WindowSize], but each may be used once only:
// else the error is [ErrIndexUsed]. The first should be below 2^15, or a receiver that misses the first
// packets takes the rollover counter for zero after the wrap (RFC 3711, section 3.3.1).
//
// After an error b is as it was, and so is the stream.
func (st *Stream) Seal(b []byte, header int) ([]byte, error) {
	if header < rtpHeaderSize || header > len(b) || binary.BigEndian.Uint32(b[8:]) != st.ssrc {
		return nil, ErrHeader
	}
	if cap(b)-len(b) < st.tag {
		return nil, ErrNoRoom
	}
	index, ok := st.indices.extend(binary.BigEndian.Uint16(b[2:]))
	if !ok {
		return nil, ErrExhausted
	}
	if !st.indices.fresh(index) || st.indices.leaps(index) {
		return nil, ErrIndexUsed
	}
	st.indices.mark(index) // before it is used: nothing that goes wrong later may free it
	return st.suite.sealRTP(b, header, st.ssrc, index), nil
}

package srtp

import "encoding/binary"

// maxRTCPIndex is the last index of SRTCP (RFC 3711, section 3.4).
const maxRTCPIndex = 1<<31 - 1

// Control seals the SRTCP that one SSRC sends. It belongs to one goroutine at a time, which need not be that of its [Sealer].
type Control struct {
	ssrc    uint32
	profile Profile
	suite   suite
	// used is the newest index. The first is 1, as with libsrtp and pion.
	used uint32
}

// Control takes the SRTCP keys out of the Sealer, for the RTCP packets of one SSRC. It gives them once: a second call is
// refused with [ErrSecret], whatever the SSRC.
//
// SRTCP counts its indices for each SSRC (RFC 3711, section 3.2.3), so whoever else has these keys, as pion does, must send no
// RTCP under this SSRC.
func (s *Sealer) Control(ssrc uint32) (*Control, error) {
	if s.split {
		return nil, ErrSecret
	}
	s.split = true
	return &Control{ssrc: ssrc, profile: s.profile, suite: s.suite.takeRTCP()}, nil
}

// SSRC is the sender of all that the Control seals.
func (c *Control) SSRC() uint32 { return c.ssrc }

// Overhead is how many bytes Seal appends to a packet.
func (c *Control) Overhead() int { return c.profile.Overhead() + rtcpIndexSize }

// Seal encrypts an RTCP packet, which may be a compound one, in place, and appends what SRTCP puts behind it, for which the
// capacity of b must suffice ([Control.Overhead]). The SSRC of its first sender is that of the Control. Seal allocates
// nothing. After an error b is as it was, and so is the Control.
func (c *Control) Seal(b []byte) ([]byte, error) {
	if len(b) < rtcpHeaderSize || binary.BigEndian.Uint32(b[4:]) != c.ssrc {
		return nil, ErrHeader
	}
	if cap(b)-len(b) < c.Overhead() {
		return nil, ErrNoRoom
	}
	if c.used >= maxRTCPIndex {
		return nil, ErrExhausted
	}
	c.used++
	return c.suite.sealRTCP(b, c.ssrc, c.used), nil
}

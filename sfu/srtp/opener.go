package srtp

import "encoding/binary"

// encryptedFlag is the E flag before the SRTCP index (RFC 3711, section 3.4).
const encryptedFlag = 1 << 31

// Opener decrypts all RTP and RTCP that one client sends. It belongs to one goroutine at a time.
//
// What is not authentic changes nothing: an SSRC gets state, a rollover counter moves and an index counts as seen only
// after the tag was found right.
type Opener struct {
	profile    Profile
	suite      suite
	maxStreams int
	rtp, rtcp  map[uint32]*window
}

// NewOpener makes an Opener of the secret of the receiving side, and takes the secret away: its bytes are zero
// afterwards. Packets of more than maxStreams SSRCs are refused; RTCP has as many for itself. A stream takes about 300
// bytes.
func NewOpener(p Profile, s Secret, maxStreams int) (*Opener, error) {
	suite, err := newSuite(p, s)
	if err != nil {
		return nil, err
	}
	return &Opener{
		profile:    p,
		suite:      suite,
		maxStreams: maxStreams,
		rtp:        map[uint32]*window{},
		rtcp:       map[uint32]*window{},
	}, nil
}

// Profile is the protection profile that the Opener was made with.
func (o *Opener) Profile() Profile { return o.profile }

// Open decrypts an SRTP packet in place and returns the RTP packet, which is b without its tag. The first header bytes
// are the RTP header with CSRCs and extensions; the caller has parsed it. Open allocates nothing but the state of an SSRC
// at its first packet.
//
// After [ErrAuth] the payload may be destroyed, after all other errors b is as it was.
func (o *Opener) Open(b []byte, header int) ([]byte, error) {
	if header < rtpHeaderSize || len(b) < header+o.profile.Overhead() {
		return nil, ErrTruncated
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	w, known := o.rtp[ssrc]
	if !known && len(o.rtp) >= o.maxStreams {
		return nil, ErrTooManyStreams
	}
	index := uint64(binary.BigEndian.Uint16(b[2:]))
	if known {
		var ok bool
		if index, ok = w.extend(uint16(index)); !ok || !w.fresh(index) { //nolint:gosec // just read as 16 bits
			return nil, ErrReplay
		}
	}
	b, ok := o.suite.openRTP(b, header, ssrc, index)
	if !ok {
		return nil, ErrAuth
	}
	if !known {
		w = &window{}
		o.rtp[ssrc] = w
	}
	w.mark(index)
	return b, nil
}

// OpenRTCP decrypts an SRTCP packet in place and returns the RTCP packet. A packet that says it is not encrypted is
// refused: no profile of DTLS-SRTP allows that (RFC 5764, section 4.1.2). Errors are as for [Opener.Open].
func (o *Opener) OpenRTCP(b []byte) ([]byte, error) {
	if len(b) < rtcpHeaderSize+rtcpIndexSize+o.profile.Overhead() {
		return nil, ErrTruncated
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	w, known := o.rtcp[ssrc]
	if !known && len(o.rtcp) >= o.maxStreams {
		return nil, ErrTooManyStreams
	}
	trailer := binary.BigEndian.Uint32(b[o.rtcpIndexAt(len(b)):])
	if trailer&encryptedFlag == 0 {
		return nil, ErrAuth
	}
	index := trailer &^ encryptedFlag
	if known && !w.fresh(uint64(index)) {
		return nil, ErrReplay
	}
	b, ok := o.suite.openRTCP(b, ssrc, index)
	if !ok {
		return nil, ErrAuth
	}
	if !known {
		w = &window{}
		o.rtcp[ssrc] = w
	}
	w.mark(uint64(index))
	return b, nil
}

// rtcpIndexAt is where the E flag and index are in an SRTCP packet of n bytes: behind the tag of an AEAD (RFC 7714,
// section 9.2), before that of HMAC (RFC 3711, section 3.4).
func (o *Opener) rtcpIndexAt(n int) int {
	if o.profile == AES128CMHMACSHA180 {
		return n - rtcpIndexSize - cmTagSize
	}
	return n - rtcpIndexSize
}

package sfu

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// midPackets is how many packets of an m-line carry its MID at the beginning. The SSRC is in the answer, so that is
// enough even for a client that does not read it there.
const midPackets = 32

// scratch is memory for the packet that is being written. One serves all m-lines of a subscriber.
type scratch struct {
	payload    [packet.MaxBytes + 2]byte // 2: what a retransmission puts before
	descriptor [255]byte                 // the longest header extension (RFC 8285, section 4.3)
	fixed      [8]byte
}

// writer builds the RTP packets of one m-line and hands them to pion. Owned by the shard.
type writer struct {
	stream        webrtc.TrackLocalWriter
	ssrc, ssrcRTX media.SSRC
	header        rtp.Header
	csrc          [1]uint32
	mid           []byte
	mids          int // packets that still carry the MID

	idMID, idAbsSendTime, idTransportCC, idAudioLevel, idDescriptor uint8
}

func newWriter(c webrtc.TrackLocalContext, kind media.Kind) writer {
	w := writer{
		stream:        c.WriteStream(),
		ssrc:          media.SSRC(c.SSRC()),
		ssrcRTX:       media.SSRC(c.SSRCRetransmission()),
		idMID:         extensionID(c.HeaderExtensions(), uriMID),
		idAbsSendTime: extensionID(c.HeaderExtensions(), uriAbsSendTime),
		idTransportCC: extensionID(c.HeaderExtensions(), uriTransportCC),
	}
	if kind == media.Audio {
		w.idAudioLevel = extensionID(c.HeaderExtensions(), uriAudioLevel)
	} else {
		w.idDescriptor = extensionID(c.HeaderExtensions(), uriDependencyDescriptor)
	}
	w.header.Extensions = make([]rtp.Extension, 0, 5)
	return w
}

func (w *writer) setMID(mid media.MID) {
	if mid != "" && w.idMID != 0 {
		w.mid, w.mids = []byte(mid), midPackets
	}
}

// write sends a packet and returns its size in bytes before encryption.
func (w *writer) write(now time.Time, p *egress.Packet, csrc media.CSRC, transportSequence uint16, s *scratch) (int, error) {
	h := &w.header
	h.Version = 2
	h.Marker = p.Marker
	h.PayloadType = uint8(p.PayloadType)
	h.SequenceNumber = p.Out.Sequence
	h.Timestamp = p.Out.Timestamp
	h.SSRC = uint32(w.ssrc)
	if p.RTX {
		h.SequenceNumber = p.RTXSequence
		h.SSRC = uint32(w.ssrcRTX)
	}
	w.csrc[0] = uint32(csrc)
	h.CSRC = w.csrc[:]
	if err := w.setExtensions(now, p, transportSequence, s); err != nil {
		return 0, err
	}
	payload := p.AppendPayload(s.payload[:0])
	n, err := w.stream.WriteRTP(h, payload)
	if err != nil {
		return 0, fmt.Errorf("write packet: %w", err)
	}
	return n, nil
}

// The one-byte form of header extensions takes ids and lengths up to these (RFC 8285, section 4.2).
const (
	oneByteID     = 14
	oneByteLength = 16
)

// form is the form of header extensions that a packet with this dependency descriptor needs.
func (w *writer) form(descriptor []byte) uint16 {
	if max(len(descriptor), len(w.mid)) > oneByteLength ||
		max(w.idMID, w.idAbsSendTime, w.idTransportCC, w.idAudioLevel, w.idDescriptor) > oneByteID {
		return rtp.ExtensionProfileTwoByte
	}
	return rtp.ExtensionProfileOneByte
}

// setExtensions writes the header extensions anew, those of the publisher under the ids of the subscriber.
func (w *writer) setExtensions(now time.Time, p *egress.Packet, transportSequence uint16, s *scratch) error {
	h := &w.header
	descriptor := s.descriptor[:0]
	if w.idDescriptor != 0 {
		descriptor = p.AppendDescriptor(descriptor)
	}
	h.Extension, h.ExtensionProfile, h.Extensions = true, w.form(descriptor), h.Extensions[:0]
	set := func(id uint8, b []byte) error {
		if id == 0 || len(b) == 0 {
			return nil
		}
		return h.SetExtension(id, b)
	}
	f := &s.fixed
	sendTime := absSendTime(now)
	f[0], f[1], f[2] = byte(sendTime>>16), byte(sendTime>>8), byte(sendTime) //nolint:gosec // its 24 bits
	binary.BigEndian.PutUint16(f[3:], transportSequence)
	err := set(w.idDescriptor, descriptor)
	if e := set(w.idAbsSendTime, f[0:3]); e != nil {
		err = e
	}
	if e := set(w.idTransportCC, f[3:5]); e != nil {
		err = e
	}
	if w.idAudioLevel != 0 {
		if e := set(w.idAudioLevel, p.Source.Slice(p.Source.Header.AudioLevel)); e != nil {
			err = e
		}
	}
	if w.mids > 0 {
		w.mids--
		if e := set(w.idMID, w.mid); e != nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("set header extension: %w", err)
	}
	return nil
}

// absSendTime is the instant in the 6.18 fixed point format of the abs-send-time extension, 24 bits.
func absSendTime(t time.Time) uint32 {
	seconds := uint64(t.Unix()) & 0x3F                             //nolint:gosec // after 1970
	fraction := uint64(t.Nanosecond()) << 18 / uint64(time.Second) //nolint:gosec // not negative
	return uint32(seconds<<18 | fraction)                          //nolint:gosec // 24 bits
}

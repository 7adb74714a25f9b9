package client

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
	"hiroba/signaling/client/synthetic"
)

// uplink is one stream that the client sends: a webrtc.TrackLocal for pion, and a source with numbers for the sender,
// which owns everything but what is set in newUplink.
type uplink struct {
	source   synthetic.Source
	codec    media.Codec
	rid      media.RID
	streamID string
	sender   *sender
	mid      func() string // known from the offer on
	pace     float64
	onSend   func(h *rtp.Header, payload []byte, spare int) // may be nil

	sending   atomic.Bool // since Bind
	bound     *binding    // nil before the answer and after the end
	muted     bool
	resting   bool // nobody wants it
	wantKey   bool
	early     bool      // send the next frame before it is due
	next      time.Time // when the next frame is due
	seq       uint16
	timestamp uint32
	header    rtp.Header
	level     [1]byte

	// The frame that is on its way: how many of its packets are gone, when the next one is due, and the time between two.
	frame     synthetic.Frame
	sent      int
	packetDue time.Time
	spacing   time.Duration
	meanBytes int // of the frames so far
}

// binding is what pion tells once the answer is there.
type binding struct {
	ssrc                     uint32
	pt                       uint8
	writer                   webrtc.TrackLocalWriter
	midID, ridID, audioLevel uint8 // header extensions; 0 when not negotiated
	mid                      []byte
}

// Bind implements webrtc.TrackLocal.
func (u *uplink) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	codecs := c.CodecParameters()
	i := slices.IndexFunc(codecs, func(p webrtc.RTPCodecParameters) bool { return media.ParseCodec(p.MimeType) == u.codec })
	if i < 0 {
		return webrtc.RTPCodecParameters{}, fmt.Errorf("server does not take %v", u.codec)
	}
	b := &binding{
		ssrc: uint32(c.SSRC()), pt: uint8(codecs[i].PayloadType), writer: c.WriteStream(),
		mid: []byte(u.mid()),
	}
	for _, e := range c.HeaderExtensions() {
		id := uint8(e.ID) //nolint:gosec // at most 255 (RFC 8285)
		switch e.URI {
		case uriMID:
			b.midID = id
		case uriRID:
			b.ridID = id
		case uriAudioLevel:
			b.audioLevel = id
		}
	}
	u.sending.Store(true)
	u.sender.post(func(now time.Time) {
		u.bound, u.wantKey, u.next = b, true, now
	})
	return codecs[i], nil
}

// Unbind implements webrtc.TrackLocal.
func (u *uplink) Unbind(webrtc.TrackLocalContext) error {
	u.sender.post(func(time.Time) { u.bound, u.frame, u.sent = nil, synthetic.Frame{}, 0 })
	return nil
}

// ID implements webrtc.TrackLocal: all encodings of a publication have the same.
func (u *uplink) ID() string { return u.streamID + "-" + u.codec.Kind().String() }

// RID implements webrtc.TrackLocal.
func (u *uplink) RID() string { return string(u.rid) }

// StreamID implements webrtc.TrackLocal.
func (u *uplink) StreamID() string { return u.streamID }

// Kind implements webrtc.TrackLocal.
func (u *uplink) Kind() webrtc.RTPCodecType { return webrtc.NewRTPCodecType(u.codec.Kind().String()) }

// live reports whether the uplink has somewhere to send to.
func (u *uplink) live() bool { return u.bound != nil && !u.muted && !u.resting }

// maxLag is how many frames late a source may be and still send them all; after a longer pause its clock jumps.
const maxLag = 5

// catchUp moves the clock of a source that paused: RTP timestamps follow wall time in whole frames.
func (u *uplink) catchUp(now time.Time) {
	interval := u.source.Interval()
	late := now.Sub(u.next) / interval
	if late <= maxLag {
		return
	}
	u.next = u.next.Add(late * interval) //nolint:durationcheck // late counts intervals
	clock := uint64(u.codec.ClockRate())
	ticks := clock * uint64(interval) / uint64(time.Second)   //nolint:gosec // positive
	u.timestamp += uint32(uint64(late) * ticks & (1<<32 - 1)) // wraps as it must
}

// begin takes the next frame from the source. Its packets are then due one by one, or all at once without a pace.
func (u *uplink) begin(now time.Time) synthetic.Frame {
	u.frame, u.sent, u.packetDue = u.source.Next(u.wantKey), 0, now
	u.wantKey = false
	u.spacing = u.paceFrame()
	u.next = u.next.Add(u.source.Interval())
	if len(u.frame.Payloads) == 0 {
		u.finish()
	}
	return u.frame
}

// paceFrame is the time between two packets of the current frame: at the rate of the pace, but gone before the next frame.
func (u *uplink) paceFrame() time.Duration {
	packets, bytes := len(u.frame.Payloads), 0
	if u.pace <= 0 || packets < 2 {
		return 0
	}
	for _, p := range u.frame.Payloads {
		bytes += len(p)
	}
	if u.meanBytes == 0 {
		u.meanBytes = bytes
	}
	u.meanBytes += (bytes - u.meanBytes) / 16
	interval := float64(u.source.Interval())
	spread := min(interval/u.pace*float64(bytes)/float64(max(1, u.meanBytes)), interval*0.9)
	return time.Duration(spread / float64(packets))
}

// due is when there is something to do next.
func (u *uplink) due() time.Time {
	if u.sent < len(u.frame.Payloads) && u.packetDue.Before(u.next) {
		return u.packetDue
	}
	return u.next
}

// flush sends what is left of the current frame.
func (u *uplink) flush() (packets, bytes int) {
	for u.sent < len(u.frame.Payloads) {
		p, b := u.sendNext()
		packets, bytes = packets+p, bytes+b
	}
	return packets, bytes
}

// sendNext sends the next packet of the current frame; it counts 0 or 1 packets.
func (u *uplink) sendNext() (packets, bytes int) {
	payload := u.frame.Payloads[u.sent]
	u.sent++
	u.packetDue = u.packetDue.Add(u.spacing)
	last := u.sent == len(u.frame.Payloads)
	u.prepare(u.frame)
	u.header.Marker = u.codec.Kind() == media.Video && last
	if u.onSend != nil {
		u.onSend(&u.header, payload, u.spare())
	}
	if _, err := u.bound.writer.WriteRTP(&u.header, payload); err == nil {
		packets, bytes = 1, len(payload)
	}
	u.seq++
	if last {
		u.finish()
	}
	return packets, bytes
}

// spare is how many bytes at the end of the packet that goes now belong to the padding of its frame.
func (u *uplink) spare() int {
	spare := u.frame.Padding
	for _, later := range u.frame.Payloads[u.sent:] {
		spare -= len(later)
	}
	return max(0, min(spare, len(u.frame.Payloads[u.sent-1])-maxDescriptor))
}

// maxDescriptor is more than what stands before the frame's bytes in a payload.
const maxDescriptor = 8

// finish ends a frame: the source's memory may be used again.
func (u *uplink) finish() {
	u.timestamp += u.frame.Duration
	u.frame, u.sent = synthetic.Frame{}, 0
}

// prepare fills the header of the next packet. Its memory is used again, and so is that of the extensions.
func (u *uplink) prepare(f synthetic.Frame) {
	b := u.bound
	u.header = rtp.Header{
		Version: 2, PayloadType: b.pt, SequenceNumber: u.seq, Timestamp: u.timestamp, SSRC: b.ssrc,
		Extensions: u.header.Extensions[:0],
	}
	set := func(id uint8, value []byte) {
		if id != 0 && len(value) > 0 {
			_ = u.header.SetExtension(id, value) // ids and values are known to fit
		}
	}
	set(b.midID, b.mid)
	set(b.ridID, []byte(u.rid))
	if b.audioLevel != 0 {
		u.level[0] = f.Level
		if f.Voice {
			u.level[0] |= 0x80
		}
		set(b.audioLevel, u.level[:])
	}
}

// readRTCP hands requests for keyframes to the sender. pion's interceptors, which answer NACKs, need it as well.
func (u *uplink) readRTCP(read func([]byte) (int, error), counts *sendCounts) {
	buf := make([]byte, 1500)
	for {
		n, err := read(buf)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication:
				counts.plis.Add(1)
			case *rtcp.FullIntraRequest:
				counts.firs.Add(1)
			case *rtcp.TransportLayerNack:
				for _, pair := range p.Nacks {
					counts.nacked.Add(uint64(len(pair.PacketList())))
				}
				continue
			default:
				continue
			}
			u.sender.post(u.hurry)
		}
	}
}

// releaseSender is line.release for what was sent.
func releaseSender(s *webrtc.RTPSender, uplinks []*uplink) {
	past := time.Unix(1, 0)
	for _, u := range uplinks {
		switch {
		case !u.sending.Load():
		case u.rid == "":
			_ = s.SetReadDeadline(past)
		default:
			_ = s.SetReadDeadlineSimulcast(past, string(u.rid))
		}
	}
}

// hurry makes the next frame a keyframe and due at once, unless the source is already ahead of its clock.
func (u *uplink) hurry(now time.Time) {
	u.wantKey = true
	if ahead := u.next.Sub(now); ahead > 0 && ahead <= u.source.Interval() {
		u.early = true
	}
}

package client

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
	"hiroba/signaling/client/synthetic"
)

// LineStats is what came over one m-line of a seat, whoever sat there.
type LineStats struct {
	Continuity
	MID   string
	Kind  media.Kind
	Bytes uint64 // of RTP payloads
	// RTX is how many of the packets came as retransmissions.
	RTX uint64
	// Occupants are the contributing sources in the order in which they came; the last one is there now.
	Occupants []uint32
	// BlindSwitches are changes of occupant or codec that did not begin with a keyframe, although nothing was lost: a
	// decoder would go on with the old picture.
	BlindSwitches uint64
	// BlindStarts is 1 when the first packet of the m-line was not of a keyframe. A server may begin to send before the
	// client has applied the answer that names the m-line; what comes too early is lost.
	BlindStarts uint64
	// PLIs were sent because an occupant's picture did not begin with a whole keyframe.
	PLIs uint64
	// TornFrames are pictures that ended without their marker bit, while their sender went on.
	TornFrames uint64
	// CutFrames are pictures that ended so because their sender was gone or lost the seat. A decoder drops them.
	CutFrames uint64
	// PictureIDJumps are VP8 picture IDs that are not one more than the former, on packets in order.
	PictureIDJumps uint64
	// Unnamed are packets without exactly one contributing source.
	Unnamed uint64
	// Unreadable are packets that are not RTP or have a payload type that was not offered.
	Unreadable uint64
	// SenderReports came over RTCP for this m-line.
	SenderReports uint64
}

// Faults is the number of things that a receiver must never see, whatever the network loses.
func (s LineStats) Faults() uint64 {
	return s.Continuity.Faults() + s.BlindSwitches + s.TornFrames + s.PictureIDJumps + s.Unnamed + s.Unreadable
}

// TrackStats is what was received of one participant's track, in whatever seat.
type TrackStats struct {
	Packets, Bytes uint64
	// Frames are pictures that were received to their end, or packets of sound.
	Frames, Keyframes uint64
	Codec             media.Codec
	// First is the time from making the PeerConnection to the first packet, Last the time of the latest one.
	First time.Duration
	Last  time.Time
	// Tones counts the packets of each of synthetic's tones.
	Tones [synthetic.Tones]uint64
	// Keyframe is the last whole VP8 keyframe; not kept with Config.CountOnly.
	Keyframe []byte
}

// Picture reads the last VP8 keyframe of a track that a synthetic source sends.
func (s TrackStats) Picture() (synthetic.Picture, error) { return synthetic.ReadVP8(s.Keyframe) }

// Tone is the tone of which most packets came; -1 when none did.
func (s TrackStats) Tone() int {
	best, most := -1, uint64(0)
	for tone, n := range s.Tones {
		if n > most {
			best, most = tone, n
		}
	}
	return best
}

// line is one m-line of a seat.
type line struct {
	seat        int
	kind        media.Kind
	transceiver *webrtc.RTPTransceiver
	countOnly   bool
	made        time.Time // the PeerConnection
	// changed is called for a new occupant and for a keyframe, and askKeyframe for want of one, without the lock.
	changed, askKeyframe func()
	onPacket             func(Packet) // may be nil

	remote *webrtc.TrackRemote // guarded by Client.mu; nil before OnTrack

	mu        sync.Mutex // guards what follows
	stats     LineStats
	numbers   continuity
	tracks    map[uint32]*TrackStats
	occupant  *TrackStats
	csrc      uint32
	payload   uint8 // payload type
	open      bool  // the current picture has not ended
	pictureID uint16
	pictured  bool
	assembler vp8Assembler
	blind     bool      // no keyframe of this occupant has come yet
	asked     time.Time // for one; or when the occupant came
}

func newLine(seat int, kind media.Kind, t *webrtc.RTPTransceiver) *line {
	return &line{
		seat: seat, kind: kind, transceiver: t, numbers: continuity{audio: kind == media.Audio},
		tracks: make(map[uint32]*TrackStats), changed: func() {},
	}
}

// readRTP takes packets in until the PeerConnection closes.
func (l *line) readRTP(track *webrtc.TrackRemote) {
	buf := make([]byte, 1500)
	for strange := 0; strange < maxStrange; {
		n, attributes, err := track.Read(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil { // such as a payload type that was not offered
			strange++
			l.unreadable()
			continue
		}
		l.handle(time.Now(), buf[:n], isRTX(attributes))
	}
}

// maxStrange is how many packets that cannot be read a line takes before it gives up.
const maxStrange = 1000

func (l *line) unreadable() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Unreadable++
}

func isRTX(a interceptor.Attributes) bool {
	return a != nil && a.Get(webrtc.AttributeRtxPayloadType) != nil
}

// readRTCP counts sender reports; without a reader pion's interceptors would not see them.
func (l *line) readRTCP(r *webrtc.RTPReceiver) {
	buf := make([]byte, 1500)
	for {
		n, _, err := r.Read(buf)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.SenderReport); ok {
				l.mu.Lock()
				l.stats.SenderReports++
				l.mu.Unlock()
			}
		}
	}
}

// release ends the readers of a PeerConnection that has been closed. pion does it by itself, unless it was just about to
// start the receiver: then they would wait for ever.
func (l *line) release() {
	if l.remote != nil {
		past := time.Unix(1, 0)
		_ = l.remote.SetReadDeadline(past)
		_ = l.transceiver.Receiver().SetReadDeadline(past)
	}
}

// handle takes one RTP packet in.
func (l *line) handle(now time.Time, b []byte, rtx bool) {
	var h rtp.Header
	at, err := h.Unmarshal(b)
	if err != nil {
		l.unreadable()
		return
	}
	end := len(b)
	if h.Padding && end > at {
		end -= int(b[end-1])
	}
	payload := b[at:max(at, end)]
	news, repeated := l.packet(now, &h, payload, rtx)
	if news {
		l.changed()
	}
	if l.onPacket != nil {
		l.onPacket(Packet{
			Header: &h, Payload: payload, Kind: l.kind, RTX: rtx, Repeated: repeated,
			Keyframe: startsKeyframe(codecOf(h.PayloadType), payload),
		})
	}
	if l.wantKeyframe(now) {
		l.askKeyframe()
	}
}

// keyframeWait is how long a picture may go without a keyframe before one is asked for, as browsers do.
const keyframeWait = 200 * time.Millisecond

// wantKeyframe reports whether it is time to ask for a keyframe.
func (l *line) wantKeyframe(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.blind || now.Sub(l.asked) < keyframeWait {
		return false
	}
	l.asked = now
	l.stats.PLIs++
	return true
}

// packet reports whether something happened that somebody may wait for, and whether nobody waited for the packet.
func (l *line) packet(now time.Time, h *rtp.Header, payload []byte, rtx bool) (news, repeated bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sameTime := h.Timestamp == l.numbers.timestamp
	o := l.numbers.handle(h.SequenceNumber, h.Timestamp)
	if rtx {
		l.stats.RTX++
	}
	if o == unwanted || len(payload) == 0 { // padding carries no media
		return false, o == unwanted
	}
	l.stats.Bytes += uint64(len(payload))
	csrc := uint32(0)
	if len(h.CSRC) == 1 {
		csrc = h.CSRC[0]
	} else {
		l.stats.Unnamed++
	}
	codec := codecOf(h.PayloadType)
	key := startsKeyframe(codec, payload)
	if l.open && csrc != l.csrc && o == inOrder {
		l.open = false
		l.stats.CutFrames++
	}
	if (csrc != l.csrc || h.PayloadType != l.payload || l.occupant == nil) && o != late {
		l.sit(now, csrc, h.PayloadType, codec, key, o)
		news = true
	}
	track := l.tracks[csrc]
	if track == nil { // late, of somebody who was here before the first packet
		return news, false
	}
	track.Packets++
	track.Bytes += uint64(len(payload))
	track.Last, track.Codec = now, codec
	if l.kind == media.Audio {
		track.Frames++
		if tone, ok := synthetic.ToneOf(soundIn(codec, payload)); ok {
			track.Tones[tone]++
		}
		return news, false
	}
	return l.picture(track, o, h.Marker, sameTime, key, codec, payload) || news, false
}

// sit notes a new occupant, or a new codec of the same one.
func (l *line) sit(now time.Time, csrc uint32, pt uint8, codec media.Codec, key bool, o order) {
	if codec.Kind() == media.Video {
		l.blind, l.asked = true, now
		switch {
		case key:
		case l.occupant == nil:
			l.stats.BlindStarts++
		case o == inOrder:
			l.stats.BlindSwitches++
		}
	}
	if csrc != l.csrc || l.occupant == nil {
		l.stats.Occupants = append(l.stats.Occupants, csrc)
	}
	l.csrc, l.payload, l.pictured = csrc, pt, false
	l.occupant = l.tracks[csrc]
	if l.occupant == nil {
		l.occupant = &TrackStats{First: now.Sub(l.made)}
		l.tracks[csrc] = l.occupant
	}
}

// picture takes a packet of video in.
func (l *line) picture(track *TrackStats, o order, marker, sameTime, key bool, codec media.Codec, payload []byte) (news bool) {
	if o == inOrder && l.open && !sameTime {
		l.stats.TornFrames++
	}
	if o != late {
		l.open = !marker
	}
	if marker {
		track.Frames++
	}
	if codec == media.VP8 {
		l.followPictureID(o, payload)
		if frame := l.assembler.handle(o, marker, payload); frame != nil {
			l.blind = false
			if !l.countOnly {
				track.Keyframe = append(track.Keyframe[:0], frame...)
			}
		}
	} else if key {
		l.blind = false
	}
	if key {
		track.Keyframes++
		return true
	}
	return marker && track.Frames == 1
}

// followPictureID checks that picture IDs run on, where nothing is missing.
func (l *line) followPictureID(o order, payload []byte) {
	d, ok := parseVP8(payload)
	if o == afterGap {
		l.pictured = false // the picture in between may be lost as a whole
	}
	if !ok || !d.hasPictureID || !d.wide || !d.start || o == late {
		return
	}
	if want := (l.pictureID + 1) & 0x7fff; l.pictured && o == inOrder && d.pictureID != want {
		l.stats.PictureIDJumps++
	}
	l.pictureID, l.pictured = d.pictureID, true
}

// snapshot is a copy of the line's statistics.
func (l *line) snapshot() LineStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Continuity, s.Kind, s.MID = l.numbers.Continuity, l.kind, l.transceiver.Mid()
	s.Occupants = append([]uint32(nil), s.Occupants...)
	return s
}

// add adds what this line received of a track.
func (l *line) add(csrc uint32, sum *TrackStats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tracks[csrc]
	if t == nil {
		return
	}
	sum.Packets += t.Packets
	sum.Bytes += t.Bytes
	sum.Frames += t.Frames
	sum.Keyframes += t.Keyframes
	for i, n := range t.Tones {
		sum.Tones[i] += n
	}
	if sum.First == 0 || t.First < sum.First {
		sum.First = t.First
	}
	if t.Last.After(sum.Last) {
		sum.Last, sum.Codec = t.Last, t.Codec
		sum.Keyframe = append(sum.Keyframe[:0], t.Keyframe...)
	}
}

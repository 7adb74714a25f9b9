package sim

import (
	"encoding/binary"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// Listener is how a browser receives sound.
type Listener struct {
	// Packets were received, Late came after a newer one. Uneven counts steps of the timestamp that are not whole packets,
	// which are heard.
	Packets, Late, Uneven int
	// OnSound is called with each packet: when its sound was captured, and its level, 127 for silence.
	OnSound func(captured time.Time, level uint8)

	viewer    *Viewer
	clock     receiverClock
	sequence  uint16
	timestamp uint32
	// off is how wrong the browser's idea of the capture time is; known is set when it has one.
	off   time.Duration
	known bool
	csrc  media.CSRC
}

func newListener(v *Viewer) *Listener {
	return &Listener{viewer: v, clock: newReceiverClock(media.Audio.ClockRate())}
}

func (l *Listener) handleRTP(b []byte) {
	h, err := packet.ParseHeader(b, extensions)
	if err != nil {
		panic("sim: broken packet to a viewer: " + err.Error())
	}
	l.Packets++
	if l.Packets > 1 {
		if int16(h.SequenceNumber-l.sequence) < 0 { //nolint:gosec // serial number arithmetic (RFC 1982)
			l.Late++
			return
		}
		if (h.Timestamp-l.timestamp)%audioTicks != 0 {
			l.Uneven++
		}
	}
	l.sequence, l.timestamp = h.SequenceNumber, h.Timestamp
	l.csrc = media.CSRC(binary.BigEndian.Uint32(b[12:]))
	t, ok := readTruth(b[h.Payload.From+1 : h.Payload.To])
	if !ok {
		return // comfort noise
	}
	if believed, known := l.clock.captured(h.Timestamp); known {
		l.off, l.known = believed.Sub(t.captured), true
	}
	if l.OnSound != nil {
		level, _, err := codec.ParseAudioLevel(b[h.AudioLevel.From:h.AudioLevel.To])
		if err != nil {
			level = 127
		}
		l.OnSound(t.captured, level)
	}
}

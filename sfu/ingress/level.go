package ingress

import (
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/packet"
)

const (
	// levelInterval is how often the loudness is told while there is sound.
	levelInterval = 200 * time.Millisecond
	// silentBelow is the level, 127 minus -dBov, that is taken as silence: -60 dBov is a quiet room.
	silentBelow = 127 - 60
	// silentAfter is how long a sender that stopped (mute, DTX) is taken as still sounding.
	silentAfter = 400 * time.Millisecond
)

// level follows the loudness that a publisher stamps on its packets (RFC 6464).
type level struct {
	peak     uint8
	sounding bool // a level above 0 was told last
	began    time.Time
	newest   time.Time
}

func (l *level) handle(now time.Time, p *packet.Packet) {
	ext := p.Slice(p.Header.AudioLevel)
	if len(ext) == 0 {
		return
	}
	below, _, err := codec.ParseAudioLevel(ext)
	if err != nil {
		return
	}
	loud := 127 - min(below, 127)
	if loud < silentBelow || p.Info.DTX {
		loud = 0
	}
	if l.began.IsZero() {
		l.began = now
	}
	l.newest = now
	l.peak = max(l.peak, loud)
}

func (l *level) poll(now time.Time) (uint8, bool) {
	if l.began.IsZero() {
		if l.sounding && now.Sub(l.newest) >= silentAfter {
			l.sounding = false
			return 0, true
		}
		return 0, false
	}
	if now.Sub(l.began) < levelInterval {
		return 0, false
	}
	peak := l.peak
	l.peak, l.began = 0, time.Time{}
	if peak == 0 && !l.sounding {
		return 0, false
	}
	l.sounding = peak > 0
	return peak, true
}

// deadline is when a sender that fell silent has to be told so.
func (l *level) deadline() time.Time {
	if !l.sounding {
		return time.Time{}
	}
	return l.newest.Add(silentAfter)
}

package sim

import (
	"math/rand/v2"
	"time"
)

const (
	// audioFrame is the length of an Opus packet, and audioTicks that in RTP timestamp units.
	audioFrame = 20 * time.Millisecond
	audioTicks = 960
	// audioBytes is the size of an Opus packet at 32 kbit/s; fullband, 20 ms, mono is what its first byte says.
	audioBytes = 80
	opusTOC    = 0x78
	// silenceEvery is how often Opus sends comfort noise in silence (RFC 7587, section 3.1.3).
	silenceEvery = 400 * time.Millisecond
	// speechLevel and roomLevel are -dBov of speech and of a quiet room; talkSpread is how much words differ.
	speechLevel, roomLevel, talkSpread = 27, 72, 6
)

// microphone makes Opus packets with levels (RFC 6464), and none but comfort noise in silence (DTX).
type microphone struct {
	stream  uint32
	frames  uint32
	dtx     bool
	talking bool
	louder  float64 // than others, in decibels
	noise   time.Time
	random  *rand.Rand
	word    int // frames that are left of the word, or of the pause if negative
}

// encode makes the next packet, if there is one. Start says that it follows a silence.
func (m *microphone) encode(now, captured time.Time) (bytes, level []byte, start, ok bool) {
	loud := m.step()
	if !loud && m.dtx && !m.talking {
		if now.Before(m.noise) {
			return nil, nil, false, false
		}
		m.noise = now.Add(silenceEvery)
		return []byte{opusTOC}, []byte{roomLevel}, false, true
	}
	start = !m.noise.IsZero()
	m.noise = time.Time{}
	decibels := float64(roomLevel)
	if loud {
		decibels = speechLevel - m.louder
	}
	decibels += m.random.NormFloat64() * talkSpread
	m.frames++
	t := truth{stream: m.stream, frame: m.frames, captured: captured, key: true, count: 1}
	bytes = t.append(append(make([]byte, 0, audioBytes), opusTOC))
	return bytes[:audioBytes], []byte{byte(min(max(decibels, 0), 127))}, start, true
}

// step tells whether the next frame is a part of a word. Words last 100 to 500 ms, pauses between them 40 to 200 ms.
func (m *microphone) step() bool {
	if !m.talking {
		m.word = 0
		return false
	}
	switch {
	case m.word == 0 || m.word == -1:
		m.word = 5 + m.random.IntN(20)
	case m.word == 1:
		m.word = -2 - m.random.IntN(8)
	case m.word > 1:
		m.word--
	default:
		m.word++
	}
	return m.word > 0
}

package synthetic

import (
	"embed"
	"fmt"
	"sync"
	"time"

	"hiroba/sfu/media"
)

//go:embed clips/*.ivf
var clipFiles embed.FS

// clip reads an embedded file. The files are part of the program, so a fault is a bug.
func clip(name string) [][]byte {
	file, err := clipFiles.ReadFile("clips/" + name + ".ivf")
	if err != nil {
		panic("synthetic: " + err.Error())
	}
	_, frames, err := parseIVF(file)
	if err != nil {
		panic("synthetic: " + name + ": " + err.Error())
	}
	return frames
}

// tones are the frequencies that there are, in Hz.
var tones = []int{300, 500, 800, 1200, 2000}

// Tones is how many different tones there are; NewTone takes them from 0 on.
const Tones = 5

// toneClips are the packets of each tone, one second long.
var toneClips = sync.OnceValue(func() (c [Tones][][]byte) {
	for i, hz := range tones {
		c[i] = clip(fmt.Sprintf("tone%d", hz))
	}
	return c
})

// toneByPacket finds the tone of a packet.
var toneByPacket = sync.OnceValue(func() map[string]int {
	byPacket := make(map[string]int)
	for i, clip := range toneClips() {
		for _, p := range clip {
			byPacket[string(p)] = i
		}
	}
	return byPacket
})

// ToneOf tells which tone an Opus packet is from; false for silence and for packets of others.
func ToneOf(packet []byte) (tone int, ok bool) {
	tone, ok = toneByPacket()[string(packet)]
	return tone, ok
}

// Hz is the frequency of a tone.
func Hz(tone int) int { return tones[tone%Tones] }

// Sound is what a source of sound does.
type Sound uint8

// What a source of sound does.
const (
	// Sounding: the tone, at -14 dBov.
	Sounding Sound = iota
	// Silent: packets of digital silence, as a browser sends while a track is disabled.
	Silent
	// Discontinuous: one packet of silence each 400 ms, as an encoder with DTX sends in pauses.
	Discontinuous
)

const (
	toneLevel    = 14  // -dBov, of a sine with a peak of 0.28: its mean square is 0.04
	silenceLevel = 127 // -dBov
	dtxEvery     = 20  // packets, 400 ms
)

// silencePacket is a full-band CELT frame of 20 ms, mono, that decodes to silence.
var silencePacket = []byte{0xf8, 0xff, 0xfe}

// Tone is a source of sound in Opus: packets of 20 ms, mono, 16 kbit/s.
type Tone struct {
	packets [][]byte
	next    int
	sound   Sound
	paused  int // packets since the sound stopped
	payload [1][]byte
}

// NewTone makes a source of the given tone, from 0; there are Tones of them and then they come again.
func NewTone(tone int) *Tone { return &Tone{packets: toneClips()[tone%Tones]} }

// Codec is media.Opus.
func (t *Tone) Codec() media.Codec { return media.Opus }

// Interval is the time of one packet.
func (t *Tone) Interval() time.Duration { return media.AudioFrame }

// SetSound changes what is sent from the next packet on.
func (t *Tone) SetSound(s Sound) { t.sound, t.paused = s, 0 }

// Next makes the next packet.
func (t *Tone) Next(bool) Frame {
	f := Frame{Duration: 960, Level: silenceLevel}
	switch t.sound {
	case Sounding:
		t.payload[0] = t.packets[t.next]
		t.next = (t.next + 1) % len(t.packets)
		f.Level, f.Voice = toneLevel, true
	default:
		t.payload[0] = silencePacket
		t.paused++
		if t.sound == Discontinuous && t.paused%dtxEvery != 1 {
			return f
		}
	}
	f.Payloads = t.payload[:]
	return f
}

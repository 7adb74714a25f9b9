package synthetic

import "time"

// PaddedTone is a Tone whose packets are padded to a size, as those of a higher bitrate are.
type PaddedTone struct {
	*Tone
	bytes int
	buf   []byte
	one   [1][]byte
}

// NewPaddedTone makes a source of the given tone with packets of so many bytes; longer ones stay as they are.
func NewPaddedTone(tone, bytes int) *PaddedTone {
	return &PaddedTone{Tone: NewTone(tone), bytes: bytes}
}

// PaddedToneBytes is the size of packets that gives a bitrate.
func PaddedToneBytes(bitsPerSecond int) int {
	return bitsPerSecond / 8 / int(time.Second/(20*time.Millisecond))
}

// Next makes the next packet.
func (t *PaddedTone) Next(keyframe bool) Frame {
	f := t.Tone.Next(keyframe)
	if len(f.Payloads) != 1 {
		return f
	}
	t.buf, f.Padding = padOpus(t.buf[:0], f.Payloads[0], t.bytes)
	t.one[0] = t.buf
	f.Payloads = t.one[:]
	return f
}

// padOpus appends packet to b, padded to size bytes if it is shorter and holds one frame. It is then a packet of code 3
// (RFC 6716, section 3.2.5), whose padding no decoder reads.
func padOpus(b, packet []byte, size int) (padded []byte, padding int) {
	const code, code3, oneFrame, hasPadding = 0x03, 0x03, 1, 0x40
	head := 2 // TOC and frame count
	padding = size - head - (len(packet) - 1)
	// Each byte of 255 in the length stands for 254 bytes of padding; all bytes of the length take room themselves.
	lengthBytes := (max(0, padding) + 254) / 255
	if len(packet) < 1 || packet[0]&code != 0 || padding <= 0 {
		return append(b, packet...), 0
	}
	padding -= lengthBytes
	b = append(b, packet[0]|code3, hasPadding|oneFrame)
	rest := padding
	for range lengthBytes - 1 {
		b = append(b, 255)
		rest -= 254
	}
	b = append(b, byte(rest)) //nolint:gosec // below 255: see lengthBytes
	b = append(b, packet[1:]...)
	for range padding {
		b = append(b, 0)
	}
	return b, padding
}

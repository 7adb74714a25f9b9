package codec

import "time"

// opusDTXBytes is the largest payload that is comfort noise: the first byte and at most one more
// (RFC 6716, section 3.1; RFC 7587, section 3.1.3).
const opusDTXBytes = 2

// Opus is the table-of-contents byte at the beginning of an Opus packet (RFC 6716, section 3.1).
type Opus struct {
	// Stereo says that there are two channels.
	Stereo bool
	// Frames is how many frames the packet has, each FrameDuration long.
	Frames        uint8
	FrameDuration time.Duration
	// DTX says that the packet is silence: an encoder sends one each 400 ms instead of one each 20 ms.
	DTX bool
}

// Duration is the length of the whole packet.
func (o Opus) Duration() time.Duration { return time.Duration(o.Frames) * o.FrameDuration }

// ParseOpus reads the first byte of an Opus packet, and the frame count in the second where there is one.
func ParseOpus(payload []byte) (Opus, error) {
	if len(payload) == 0 {
		return Opus{}, ErrTruncated
	}
	toc := payload[0]
	o := Opus{
		Stereo:        toc&0x04 != 0,
		FrameDuration: opusFrameDuration(toc >> 3),
		DTX:           len(payload) <= opusDTXBytes,
	}
	switch toc & 0x03 {
	case 0:
		o.Frames = 1
	case 1, 2:
		o.Frames = 2
	case 3:
		if len(payload) < 2 {
			return Opus{}, ErrTruncated
		}
		o.Frames = payload[1] & 0x3F
		// A packet holds 120 ms at most and is not empty (RFC 6716, section 3.2.5, R5).
		if o.Frames == 0 || o.Duration() > 120*time.Millisecond {
			return Opus{}, ErrMalformed
		}
	}
	return o, nil
}

// opusFrameDuration is the frame size of a configuration number (RFC 6716, table 2).
func opusFrameDuration(config uint8) time.Duration {
	switch {
	case config < 12: // SILK
		const ms = time.Millisecond
		return [4]time.Duration{10 * ms, 20 * ms, 40 * ms, 60 * ms}[config&3]
	case config < 16: // hybrid
		return 10 * time.Millisecond << (config & 1)
	default: // CELT
		return 2500 * time.Microsecond << (config & 3)
	}
}

package synthetic

import (
	"encoding/binary"
	"slices"
	"time"

	"hiroba/sfu/media"
)

// Redundant is a source of sound that repeats the packet before in each packet (RFC 2198), as browsers with RED do.
type Redundant struct {
	source  Source
	opus    media.PayloadType
	last    []byte
	since   uint32 // RTP timestamp units since last
	payload [1][]byte
}

// NewRedundant packs the packets of a source of Opus; opus is the payload type that was negotiated for it.
func NewRedundant(source Source, opus media.PayloadType) *Redundant {
	return &Redundant{source: source, opus: opus}
}

// Codec is media.RED.
func (r *Redundant) Codec() media.Codec { return media.RED }

// Interval is that of the source inside.
func (r *Redundant) Interval() time.Duration { return r.source.Interval() }

// The bounds of what a block can say of itself (RFC 2198, section 3).
const (
	maxREDOffset = 1<<14 - 1
	maxREDLength = 1<<10 - 1
)

// Next makes the next packet.
func (r *Redundant) Next(keyframe bool) Frame {
	f := r.source.Next(keyframe)
	if len(f.Payloads) == 0 {
		r.since += f.Duration
		return f
	}
	newest := f.Payloads[0]
	b := r.payload[0][:0]
	if n := len(r.last); n > 0 && n <= maxREDLength && r.since <= maxREDOffset {
		b = append(b, 0x80|byte(r.opus))
		b = binary.BigEndian.AppendUint16(b, uint16(r.since<<2)|uint16(n>>8))
		b = append(b, byte(n), byte(r.opus)) //nolint:gosec // the low 8 bits
		b = append(b, r.last...)
	} else {
		b = append(b, byte(r.opus))
	}
	r.payload[0] = append(b, newest...)
	r.last, r.since = slices.Clone(newest), f.Duration
	f.Payloads = r.payload[:]
	return f
}

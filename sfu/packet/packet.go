// Package packet holds one received RTP packet in memory that all its subscribers share: a fixed buffer from a pool, what
// ingress found out about it, and a count of who still needs it.
package packet

import (
	"sync"
	"sync/atomic"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
)

// MaxBytes is the size of the largest RTP packet that is forwarded: what an Ethernet frame carries.
const MaxBytes = 1500

// Packet is a received RTP packet. Its reader fills and annotates it; once it is handed on it is read-only. Whoever
// keeps it holds a reference, taken with Retain and given back with Release.
type Packet struct {
	refs atomic.Int32
	buf  [MaxBytes]byte
	n    int

	// Header is the parsed RTP header.
	Header Header
	// Arrived is when the packet was read from the socket.
	Arrived time.Time
	// Captured is when its media was captured, on the server's clock, as far as that is known; else as Arrived.
	Captured time.Time
	// Source names the incoming stream that numbers it. A stream that starts again gets a new one.
	Source uint32
	// Sequence is the extended sequence number in Source (RFC 3550, appendix A.1).
	Sequence int64
	// Codec is what the payload type stands for.
	Codec media.Codec
	// Info is what the payload descriptor says.
	Info codec.Info
	// VP8 and VP9 are the payload descriptor where that is the Codec.
	VP8 codec.VP8
	VP9 codec.VP9
	// Primary is the newest sound in the payload where Codec is media.RED.
	Primary Span
	// Recovered says that the packet was lost, and made anew of the redundancy in a later one. Who gets that one as RED does
	// not need this one.
	Recovered bool
	// Encoding is the simulcast encoding of the stream, 0 for the smallest picture, and where there is only one.
	Encoding int8
	// Descriptor is the dependency descriptor where Info says that there is one.
	Descriptor codec.Descriptor
	// Targets are the masks of active decode targets for a subscriber who gets no layer above these, spatial and
	// temporal. They are set where Descriptor brings a structure.
	Targets [media.MaxSpatial + 1][media.MaxTemporal + 1]uint32
}

var pool = sync.Pool{New: func() any { return new(Packet) }}

// New takes an empty packet from the pool, with one reference.
func New() *Packet {
	p, _ := pool.Get().(*Packet)
	p.refs.Store(1)
	p.n = 0
	return p
}

// Buffer is the whole memory of the packet, for its reader to fill before SetLen.
func (p *Packet) Buffer() []byte { return p.buf[:] }

// SetLen says how many bytes the reader filled.
func (p *Packet) SetLen(n int) { p.n = n }

// Bytes is the packet as received.
func (p *Packet) Bytes() []byte { return p.buf[:p.n] }

// Slice is the run of bytes that s names.
func (p *Packet) Slice(s Span) []byte { return p.buf[s.From:s.To] }

// Payload is the RTP payload without padding.
func (p *Packet) Payload() []byte { return p.Slice(p.Header.Payload) }

// Retain adds a reference.
func (p *Packet) Retain() { p.refs.Add(1) }

// Release gives a reference back. After the last one the memory is used for another packet.
func (p *Packet) Release() {
	switch n := p.refs.Add(-1); {
	case n == 0:
		pool.Put(p)
	case n < 0:
		panic("packet: released more often than retained")
	}
}

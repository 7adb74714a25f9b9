package sfu

import (
	"errors"
	"fmt"
	"time"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
	"hiroba/sfu/srtp"
	"hiroba/sfu/udp"
)

// outlet is where the packets of a subscriber leave. There are two ways, and a subscriber takes one of them for as long as
// its DTLS session lasts: SRTP makes nonces of the numbers of packets, so two that encrypt with the same keys would give
// them away. Owned by the shard.
type outlet struct {
	path Path
	// What follows is for PathOwn. The destination is nil while the address of the client is not known.
	sealer      *srtp.Sealer
	destination *udp.Destination
}

// sealing are the streams of an m-line on the server's own path; nil on pion's.
type sealing struct{ media, rtx *srtp.Stream }

// streams makes the streams of an m-line.
func (o *outlet) streams(w *writer) sealing {
	if o.path != PathOwn {
		return sealing{}
	}
	s := sealing{media: o.sealer.Stream(uint32(w.ssrc))}
	if w.ssrcRTX != 0 {
		s.rtx = o.sealer.Stream(uint32(w.ssrcRTX))
	}
	return s
}

// transmitter is the transmit batch of a shard, with memory for what is being written. Owned by the shard.
type transmitter struct {
	sender  *udp.Sender
	scratch scratch
	buffer  []byte // for pion's path
}

// flush sends what was written on the server's own path.
func (x *transmitter) flush() {
	if x.sender != nil {
		x.sender.Flush()
	}
}

// Errors of write. The packet is lost, as on the network.
var (
	errNoPath        = errors.New("no path to the subscriber yet")
	errNoDestination = errors.New("address of the subscriber is not known")
	errNoRTX         = errors.New("m-line has no SSRC for retransmissions")
)

// write builds a packet, and encrypts it and puts it into the batch, or has pion do so at once. It returns its size before
// encryption.
func (x *transmitter) write(
	now time.Time, o *outlet, w *writer, p *egress.Packet, csrc media.CSRC, transportSequence uint16,
) (int, error) {
	if p.RTX && w.ssrcRTX == 0 {
		return 0, errNoRTX
	}
	switch o.path {
	case PathOwn:
		return x.send(now, o, w, p, csrc, transportSequence)
	case PathPion:
		if n := w.bound(p); len(x.buffer) < n {
			x.buffer = make([]byte, n)
		}
		_, n, err := w.build(x.buffer, now, p, csrc, transportSequence, &x.scratch)
		if err == nil {
			_, err = w.stream.Write(x.buffer[:n])
		}
		if err != nil {
			return 0, fmt.Errorf("write packet: %w", err)
		}
		return n, nil
	default:
		return 0, errNoPath
	}
}

// send is write on the server's own path.
func (x *transmitter) send(
	now time.Time, o *outlet, w *writer, p *egress.Packet, csrc media.CSRC, transportSequence uint16,
) (int, error) {
	if o.destination == nil {
		return 0, errNoDestination
	}
	stream := w.sealing.media
	if p.RTX {
		stream = w.sealing.rtx
	}
	b := x.sender.Next(w.bound(p) + o.sealer.Overhead())
	header, n, err := w.build(b, now, p, csrc, transportSequence, &x.scratch)
	if err != nil {
		return 0, err
	}
	sealed, err := stream.Seal(b[:n], header)
	if err != nil {
		return 0, fmt.Errorf("encrypt packet: %w", err)
	}
	x.sender.Commit(o.destination, len(sealed))
	return n, nil
}

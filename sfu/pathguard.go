package sfu

import (
	"encoding/binary"
	"errors"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// pathGuardFactory puts a pathGuard into the chain of one peer.
type pathGuardFactory struct{ peer *Peer }

// NewInterceptor implements interceptor.Factory.
func (f pathGuardFactory) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &pathGuard{peer: f.peer}, nil
}

// pathGuard stands in front of pion's encryption, and lets through only what nobody else encrypts with the same keys: RTP on
// pion's path only, and RTCP but for the SSRC that is the uplink's. Whatever mistake is made above, no nonce is used twice.
type pathGuard struct {
	interceptor.NoOp
	peer *Peer
}

var (
	errOtherPath   = errors.New("media of this peer does not take pion's path")
	errUplinksSSRC = errors.New("RTCP of this SSRC does not take pion's path")
)

// BindLocalStream implements interceptor.Interceptor.
func (g *pathGuard) BindLocalStream(_ *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if g.peer.Path() != PathPion {
			return 0, errOtherPath
		}
		return next.Write(h, payload, a)
	})
}

// BindRTCPWriter implements interceptor.Interceptor.
func (g *pathGuard) BindRTCPWriter(next interceptor.RTCPWriter) interceptor.RTCPWriter {
	return interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, a interceptor.Attributes) (int, error) {
		// The SSRC of a compound packet is that of the first in it.
		if len(packets) > 0 && rtcpSender(packets[0]) == g.peer.uplink.ssrc {
			return 0, errUplinksSSRC
		}
		return next.Write(packets, a)
	})
}

// rtcpSender is the SSRC under which a packet is encrypted.
func rtcpSender(p rtcp.Packet) uint32 {
	switch p := p.(type) {
	case *rtcp.SenderReport:
		return p.SSRC
	case *rtcp.ReceiverReport:
		return p.SSRC
	case *rtcp.TransportLayerNack:
		return p.SenderSSRC
	case *rtcp.PictureLossIndication:
		return p.SenderSSRC
	case *rtcp.TransportLayerCC:
		return p.SenderSSRC
	}
	b, err := p.Marshal()
	if err != nil || len(b) < 8 {
		return 0 // pion does not encrypt that
	}
	return binary.BigEndian.Uint32(b[4:])
}

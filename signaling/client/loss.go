package client

import (
	"encoding/binary"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"

	"hiroba/sfu/media"
)

// lossFactory makes the interceptor that loses packets next to the network, so that NACK and RTX have something to do.
type lossFactory struct{ down, up func(media.SSRC, uint16) bool }

// NewInterceptor implements interceptor.Factory.
func (f *lossFactory) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &loss{lossFactory: *f}, nil
}

type loss struct {
	interceptor.NoOp
	lossFactory
}

// BindRemoteStream drops what was received.
func (l *loss) BindRemoteStream(_ *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	if l.down == nil {
		return r
	}
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attributes, err := r.Read(b, a)
			if err != nil || n < 12 || !l.down(media.SSRC(binary.BigEndian.Uint32(b[8:])), binary.BigEndian.Uint16(b[2:])) {
				return n, attributes, err
			}
		}
	})
}

// BindLocalStream drops what would be sent.
func (l *loss) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	if l.up == nil {
		return w
	}
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if l.up(media.SSRC(h.SSRC), h.SequenceNumber) {
			return len(payload), nil
		}
		return w.Write(h, payload, a)
	})
}

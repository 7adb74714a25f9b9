package sfu

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/stats"
)

// rtcpInterceptorFactory puts an rtcpInterceptor into a chain of one peer: that which pion runs, or that of the uplink.
type rtcpInterceptorFactory struct {
	peer *Peer
	// senderReport takes the reports of the publisher.
	senderReport func(arrived time.Time, r *rtcp.SenderReport)
	// clock says when what is being read arrived.
	clock func() time.Time
}

// NewInterceptor implements interceptor.Factory.
func (f rtcpInterceptorFactory) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &rtcpInterceptor{rtcpInterceptorFactory: f}, nil
}

// rtcpInterceptor is where RTCP of a client enters: NACK, PLI, FIR and reports of the subscriber go to its shard,
// sender reports of the publisher to the stream that they are about. It decides nothing.
type rtcpInterceptor struct {
	interceptor.NoOp
	rtcpInterceptorFactory
}

// BindRTCPReader implements interceptor.Interceptor. On the server's own path there is one reader for all RTCP of a client. pion
// calls one for each sender and receiver that the packet is about, so a compound packet about several comes several times;
// the machines behind take repetitions calmly.
func (i *rtcpInterceptor) BindRTCPReader(reader interceptor.RTCPReader) interceptor.RTCPReader {
	return interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attributes, err := reader.Read(b, a)
		if err != nil {
			return n, attributes, err //nolint:wrapcheck // passed through
		}
		if packets, err := rtcp.Unmarshal(b[:n]); err == nil {
			i.handle(i.clock(), packets)
		}
		return n, attributes, nil
	})
}

func (i *rtcpInterceptor) handle(now time.Time, packets []rtcp.Packet) {
	p := i.peer
	for _, packet := range packets {
		switch r := packet.(type) {
		case *rtcp.TransportLayerNack:
			p.down.post(func(s *subscriber, now time.Time) { s.handleNACK(now, r) })
		case *rtcp.PictureLossIndication:
			p.down.post(func(s *subscriber, now time.Time) { s.handlePLI(now, media.SSRC(r.MediaSSRC)) })
		case *rtcp.FullIntraRequest:
			p.down.post(func(s *subscriber, now time.Time) {
				for _, entry := range r.FIR {
					s.handlePLI(now, media.SSRC(entry.SSRC))
				}
			})
		case *rtcp.ReceiverReport:
			i.handleReports(now, r.Reports)
		case *rtcp.SenderReport:
			i.senderReport(now, r)
			i.handleReports(now, r.Reports)
		case *rtcp.TransportLayerCC:
			p.engine.counters.FeedbackReceived.Add(1)
		}
	}
}

// handleReports takes what a client reports about the lines it receives. The instant is that of arrival, since the
// round trip time is computed from it.
func (i *rtcpInterceptor) handleReports(arrived time.Time, reports []rtcp.ReceptionReport) {
	if len(reports) > 0 {
		i.peer.down.post(func(s *subscriber, _ time.Time) { s.handleReports(arrived, reports) })
	}
}

// postSenderReport passes a publisher's sender report to its stream, on pion's path.
func (p *Peer) postSenderReport(_ time.Time, r *rtcp.SenderReport) {
	p.post(func(time.Time) {
		for _, t := range p.tracks {
			for _, s := range t.streams {
				if s != nil && uint32(s.ssrc) == r.SSRC {
					s.report.Store(r)
					return
				}
			}
		}
	})
}

// handleNACK sends again what a subscriber lost. One feedback packet may ask for a bounded number only.
func (s *subscriber) handleNACK(now time.Time, r *rtcp.TransportLayerNack) {
	t := s.lines[media.SSRC(r.MediaSSRC)]
	if t == nil || !s.connected {
		return
	}
	asked := 0
	for _, pair := range r.Nacks {
		pair.Range(func(sequence uint16) bool {
			asked++
			if asked <= egress.MaxPerNACK {
				t.handleNACK(now, sequence)
			}
			return asked < egress.MaxPerNACK
		})
		if asked >= egress.MaxPerNACK { // so much is lost that a keyframe costs less
			t.demandKeyframe(now)
			return
		}
	}
}

func (s *subscriber) handlePLI(now time.Time, ssrc media.SSRC) {
	if t := s.lines[ssrc]; t != nil {
		t.handlePLI(now)
	}
}

// handleReports counts what was lost, and computes the round trip time from the echo of our sender reports (RFC 3550,
// section 6.4.1).
func (s *subscriber) handleReports(arrived time.Time, reports []rtcp.ReceptionReport) {
	for _, r := range reports {
		t := s.lines[media.SSRC(r.SSRC)]
		if t == nil {
			continue
		}
		t.peer.engine.counters.Lost(stats.Down, t.loss.HandleReport(r.LastSequenceNumber, r.TotalLost))
		if r.LastSenderReport == 0 {
			continue
		}
		if rtt, ok := roundTrip(arrived, r.LastSenderReport, r.Delay); ok {
			s.flight.SetRTT(rtt)
			for _, t := range s.all { // one transport
				t.line.SetRTT(rtt)
			}
		}
	}
}

// roundTrip is the time from a sender report of ours to the arrival of the report that echoes it, without the time that it
// lay at the other side; both are in units of 1/65536 s. It is false when the echo makes no sense.
func roundTrip(arrived time.Time, lastSenderReport, delay uint32) (time.Duration, bool) {
	units := rtptime.NewNTP(arrived).Middle() - lastSenderReport - delay
	if units > 1<<21 { // 32 s, or negative
		return 0, false
	}
	return time.Duration(units) * time.Second >> 16, true
}

// drainRTCP reads RTCP on pion's path until its stream ends. What matters happens in the interceptors.
func drainRTCP(read func([]byte) (int, interceptor.Attributes, error)) {
	b := make([]byte, packet.MaxBytes)
	for failures := 0; failures < maxFailures; failures++ {
		if _, _, err := read(b); err == nil {
			failures = 0
		} else if !isTransient(err) {
			return
		}
	}
}

// maxFailures bounds how many errors in a row are taken as faults of single packets.
const maxFailures = 1 << 14

// isTransient reports whether an error of a read is about one packet only, so that reading can go on.
func isTransient(err error) bool {
	return err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, net.ErrClosed)
}

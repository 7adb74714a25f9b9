package sim

import (
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/rtptime"
)

// sentKept is how long a browser keeps packets for NACKs.
const sentKept = time.Second

// sender is one RTP stream of a publisher.
type sender struct {
	publisher *Publisher
	pt        media.PayloadType
	ssrc      uint32
	rate      uint32
	sequence  uint16
	offset    uint32 // of the timestamps
	history   map[uint16]*sentPacket
	delivery  delivery

	// captured and timestamp belong to the newest frame, for sender reports.
	captured  time.Time
	timestamp uint32

	handleRTP    func(b []byte)
	handleReport func(ntp rtptime.NTP, timestamp uint32)
}

type sentPacket struct {
	sequence uint16
	bytes    []byte
	at       time.Time
	resent   bool
}

func newSender(p *Publisher, pt media.PayloadType, kind media.Kind) *sender {
	return &sender{
		publisher: p, pt: pt, ssrc: p.random.Uint32(), rate: kind.ClockRate(),
		sequence: uint16(p.random.UintN(1 << 16)), offset: p.random.Uint32(), //nolint:gosec // 16 bits
		history: make(map[uint16]*sentPacket),
	}
}

// capture is the RTP timestamp of what was captured at an instant. It counts on the publisher's clock.
func (s *sender) capture(at time.Time) uint32 {
	local := s.publisher.local(at).Sub(epoch)
	ticks := int64(local/time.Second)*int64(s.rate) + int64(local%time.Second)*int64(s.rate)/int64(time.Second)
	if s.rate == media.Audio.ClockRate() { // whole packets: the sound card counts samples
		ticks = (ticks + audioTicks/2) / audioTicks * audioTicks
	}
	s.captured, s.timestamp = at, s.offset+uint32(ticks) //nolint:gosec // modulo 2^32
	return s.timestamp
}

// packet makes the next packet.
func (s *sender) packet(p payload, timestamp uint32, level []byte) *sentPacket {
	s.sequence++
	h := header{
		marker: p.marker, pt: s.pt, sequence: s.sequence, timestamp: timestamp, ssrc: s.ssrc,
		level: level, descriptor: p.descriptor,
	}
	b := h.append(make([]byte, 0, len(p.bytes)+len(p.descriptor)+32))
	return &sentPacket{sequence: s.sequence, bytes: append(b, p.bytes...)}
}

// send sends a packet for the first time.
func (s *sender) send(p *sentPacket) {
	w := s.publisher.world
	p.at = w.now
	s.delivery.sent(p.sequence, w.now)
	s.history[p.sequence] = p
	w.After(sentKept, func() {
		if s.history[p.sequence] == p {
			delete(s.history, p.sequence)
		}
	})
	s.transmit(p)
}

func (s *sender) transmit(p *sentPacket) {
	s.publisher.up.Send(len(p.bytes), func() {
		s.delivery.arrived(p.sequence, s.publisher.world.now)
		s.handleRTP(p.bytes)
	})
}

// handleNACK sends packets again, but none twice within a round trip.
func (s *sender) handleNACK(sequences []uint16) {
	now := s.publisher.world.now
	for _, sequence := range sequences {
		p := s.history[sequence]
		if p == nil || p.resent && now.Sub(p.at) < s.publisher.cfg.RTT() {
			continue
		}
		p.at, p.resent = now, true
		s.transmit(p)
	}
}

// report sends a sender report (RFC 3550, section 6.4.1).
func (s *sender) report() {
	if s.captured.IsZero() {
		return
	}
	p := s.publisher
	since := p.local(p.world.now).Sub(p.local(s.captured))
	ntp, timestamp := p.ntp(), s.timestamp+uint32(int64(since)*int64(s.rate)/int64(time.Second)) //nolint:gosec // modulo 2^32
	p.up.Send(reportBytes, func() { s.handleReport(ntp, timestamp) })
}

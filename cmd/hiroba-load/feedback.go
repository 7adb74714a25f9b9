package main

import (
	"context"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

const (
	// feedbackEvery is how often subscribers ask for what they threw away, as browsers do.
	feedbackEvery = 50 * time.Millisecond
	// reportEvery is how many of these intervals are between two receiver reports of one subscriber.
	reportEvery = 20
)

// startFeedback tells the server over RTCP what subscribers that do not decrypt lack, until stop is called. Probes do it
// by themselves.
func (l *load) startFeedback(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(feedbackEvery)
		defer ticker.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				l.sendFeedback(n)
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// sendFeedback lets each subscriber send what is due.
func (l *load) sendFeedback(n int) {
	_, subscribers := l.everybody()
	for i, p := range subscribers {
		if p.probe != nil {
			continue
		}
		var packets []rtcp.Packet
		if l.settings.Loss > 0 {
			packets = p.negativeAcknowledgements()
		}
		if (n+i)%reportEvery == 0 {
			packets = append(packets, p.receiverReport()...)
		}
		if len(packets) > 0 {
			_ = p.WriteRTCP(packets...) // a client that has ended has nothing to say
		}
	}
}

// negativeAcknowledgements ask for what was skipped (RFC 4585, section 6.2.1).
func (p *participant) negativeAcknowledgements() (packets []rtcp.Packet) {
	bySSRC := map[uint32][]uint16{}
	for _, gap := range p.socket.Gaps() {
		bySSRC[gap.SSRC] = append(bySSRC[gap.SSRC], gap.Seq)
	}
	for ssrc, numbers := range bySSRC {
		packets = append(packets, &rtcp.TransportLayerNack{
			SenderSSRC: 1, MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(numbers),
		})
	}
	return packets
}

// maxReports is how many streams one receiver report has (RFC 3550, section 6.4.2).
const maxReports = 31

// receiverReport says what came of each stream.
func (p *participant) receiverReport() []rtcp.Packet {
	report := &rtcp.ReceiverReport{SSRC: 1}
	for _, s := range p.socket.Streams() {
		if s.RTX || len(report.Reports) == maxReports {
			continue
		}
		report.Reports = append(report.Reports, rtcp.ReceptionReport{
			SSRC: s.SSRC, TotalLost: uint32(min(s.Lost(), 1<<23-1)), LastSequenceNumber: s.Highest,
		})
	}
	if len(report.Reports) == 0 {
		return nil
	}
	return []rtcp.Packet{report}
}

package main

import (
	"context"
	"time"

	"hiroba/cmd/hiroba-load/tap"
	"hiroba/sfu/media"
)

// moment is everything that is counted, at one time.
type moment struct {
	at           time.Time
	people       int
	totals       tap.Totals
	dropped      uint64
	sent         uint64 // packets of publishers
	probes       probeStats
	video, audio tap.Histogram // time on the way
	stampedVideo tap.Histogram
	stampedAudio tap.Histogram
	cpu          time.Duration // of this process
	machine      time.Duration // of everything on this machine; 0 when not known
	packets      map[*participant]uint64
	server       metrics // nil when not known
}

// now takes the counts.
func (l *load) now(ctx context.Context, withServer bool) *moment {
	m := &moment{at: time.Now(), cpu: cpuTime(), machine: machineTime(), packets: make(map[*participant]uint64)}
	publishers, subscribers := l.everybody()
	l.mu.Lock()
	m.totals, m.dropped = l.ended, l.dropped
	l.mu.Unlock()
	for _, p := range publishers {
		m.sent += p.Counters().PacketsSent
		m.totals.Add(p.socket.Totals())
		m.dropped += p.socket.Dropped()
	}
	for _, p := range subscribers {
		t := p.socket.Totals()
		m.totals.Add(t)
		m.packets[p] = t.Media().Packets
		m.dropped += p.socket.Dropped()
		if p.probe != nil {
			m.probes.add(p.probe.stats())
			audio, video := p.probe.latencies(media.Audio), p.probe.latencies(media.Video)
			m.stampedAudio.Add(&audio)
			m.stampedVideo.Add(&video)
		}
	}
	m.audio, m.video = l.hub.Latency(media.Audio), l.hub.Latency(media.Video)
	if withServer && l.settings.adminURL() != "" {
		m.server, _ = scrape(ctx, l.settings.adminURL()) // nil says that it is not known
	}
	return m
}

// measure counts for so long.
func (l *load) measure(ctx context.Context, d time.Duration) *Measurement {
	before := l.now(ctx, true)
	l.progress.watch(ctx, l, d)
	// A first signal ends the measurement, not the report.
	after := l.now(context.WithoutCancel(ctx), true)
	m := compare(before, after)
	m.ServerIsHere = l.local.IsLoopback()
	return m
}

// compare makes a measurement of two moments.
func compare(before, after *moment) *Measurement {
	seconds := after.at.Sub(before.at).Seconds()
	t := after.totals
	t.Sub(before.totals)
	all := t.Media()
	m := &Measurement{
		Seconds:          seconds,
		Received:         rateOf(all, seconds),
		Audio:            rateOf(t.Audio, seconds),
		Video:            rateOf(t.Video, seconds),
		SentPerSecond:    float64(after.sent-before.sent) / seconds,
		Lost:             all.Lost(),
		Injected:         all.Injected,
		Duplicates:       all.Duplicates,
		Reordered:        all.Reordered,
		Retransmitted:    t.RTX.Packets,
		DroppedByTester:  after.dropped - min(after.dropped, before.dropped),
		TesterCores:      (after.cpu - before.cpu).Seconds() / seconds,
		ReceiverFreezes:  all.Freezes,
		ReceiverFrozenMs: milliseconds(all.Frozen),
	}
	if all.Expected > 0 {
		m.Loss = float64(all.Lost()) / float64(all.Expected)
	}
	for p, packets := range after.packets {
		if earlier, there := before.packets[p]; there && packets == earlier {
			m.SilentReceivers++
		}
	}
	after.probes.sub(before.probes)
	m.Probes = probeReport{
		Frames: after.probes.Frames, Freezes: after.probes.Freezes, FrozenMs: milliseconds(after.probes.Frozen),
		Skipped: after.probes.Skipped, Faults: after.probes.Faults,
		Recovered: after.probes.Recovered, Missing: after.probes.Missing,
	}
	m.VideoLatency = latencyBetween(&before.video, &after.video)
	m.AudioLatency = latencyBetween(&before.audio, &after.audio)
	m.Probes.VideoLatency = latencyBetween(&before.stampedVideo, &after.stampedVideo)
	m.Probes.AudioLatency = latencyBetween(&before.stampedAudio, &after.stampedAudio)
	m.Server = compareServer(before.server, after.server, seconds)
	m.OtherCores = (after.machine-before.machine).Seconds()/seconds - m.TesterCores
	if m.Server != nil {
		m.OtherCores -= m.Server.CPUCores
	}
	return m
}

func rateOf(c tap.Counts, seconds float64) Rate {
	return Rate{PacketsPerSecond: float64(c.Packets) / seconds, BitsPerSecond: float64(c.Bytes) * 8 / seconds}
}

func latencyBetween(before, after *tap.Histogram) *Quantiles {
	h := *after
	h.Sub(before)
	return quantilesOf(&h)
}

// compareServer makes the server's part of a measurement; nil when it is not known.
func compareServer(before, after metrics, seconds float64) *ServerReport {
	if before == nil || after == nil {
		return nil
	}
	difference := func(name string, labels ...string) float64 {
		return after.sum(name, labels...) - before.sum(name, labels...)
	}
	const packets, down, up = "hiroba_rtp_packets_total", `direction="down"`, `direction="up"`
	r := &ServerReport{
		CPUCores:   difference("process_cpu_seconds_total") / seconds,
		RSSBefore:  before.sum("process_resident_memory_bytes"),
		RSSAfter:   after.sum("process_resident_memory_bytes"),
		Goroutines: after.sum("go_goroutines"),
		PacketsIn:  difference(packets, up) / seconds,
		PacketsOut: difference(packets, down) / seconds,
		// What belongs to a layer that somebody does not get is not missed.
		Dropped: difference("hiroba_rtp_packets_dropped_total") -
			difference("hiroba_rtp_packets_dropped_total", `reason="other_layer"`),
		RTX:            difference("hiroba_rtx_packets_total", down),
		KeyframeAsked:  difference("hiroba_keyframe_requests_total", up),
		ContainedPanic: difference("hiroba_contained_panics_total"),
	}
	if r.PacketsOut > 0 {
		r.MicrosPerPacket = r.CPUCores / r.PacketsOut * 1e6
	}
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

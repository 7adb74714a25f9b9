package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"hiroba/room"
)

// What clients say of themselves. A client can say what it likes, so these are apart from what the server measures.
var (
	clientReports = counter("client_reports_total",
		"Reports of clients, by the type of their ICE candidate and what carries their media; both are none at first.",
		"candidate", "protocol")
	clientFreezes       = counter("client_freezes_total", "Freezes of received pictures, as clients report them.")
	clientFreezeSeconds = counter("client_freeze_seconds_total",
		"Time for which received pictures stood still, as clients report it, added up.")
	clientFramesDropped = counter("client_frames_dropped_total",
		"Pictures that clients received and did not show, as they report it.")
	clientFirstFrame = desc("client_first_frame_seconds",
		"Time from the wish to join to the first picture of somebody else on the screen, as clients report it.")
	clientRTT = desc("client_rtt_seconds", "Round-trip times between client and server, as clients report them.")
)

const labelNone = "none"

// collectReports sends what clients reported.
func collectReports(ch chan<- prometheus.Metric, r room.ReportStats) {
	for candidate, protocols := range r.Paths {
		for protocol, n := range protocols {
			send(ch, clientReports, n, string(candidate), string(protocol))
		}
	}
	send(ch, clientReports, r.Pathless, labelNone, labelNone)
	send(ch, clientFreezes, r.Freezes)
	send(ch, clientFreezeSeconds, r.FreezeTime.Seconds())
	send(ch, clientFramesDropped, r.FramesDropped)
	sendHistogram(ch, clientFirstFrame, r.FirstFrame)
	sendHistogram(ch, clientRTT, r.RTT)
}

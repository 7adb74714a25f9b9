package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/sfu/stats"
	"hiroba/sfu/turn"
	"hiroba/sfu/udp"
)

// Engine is what the media plane shows of itself; *sfu.Engine is the real one.
type Engine interface {
	Counters() *stats.Counters
	// Peers counts the PeerConnections by state.
	Peers() map[sfu.State]int
	// PeersByPath counts them by the way that their media takes.
	PeersByPath() map[sfu.Path]int
	// PeersByTransport counts them by how their clients are reached.
	PeersByTransport() map[sfu.Transport]int
	// Streams are the connections that carry ICE.
	Streams() sfu.StreamCounters
	// Flows is what has passed through connections and relays.
	Flows() udp.Counters
	// Relays is what the TURN server did.
	Relays() turn.Counters
	// Network is what has passed through the media port.
	Network() udp.Counters
	UpTracks() int
	// MailboxDepth is the longest mailbox of each kind of owner.
	MailboxDepth() map[string]int
}

// peerStates are the values of the label "state". A closed peer is no longer counted.
var peerStates = []sfu.State{
	sfu.StateNew, sfu.StateConnecting, sfu.StateConnected, sfu.StateDisconnected, sfu.StateFailed,
}

// paths are the values of the label "path".
var paths = []sfu.Path{sfu.PathUndecided, sfu.PathOwn, sfu.PathPion}

// directions and kinds are the values of the labels of the same names.
var (
	directions = []stats.Direction{stats.Up, stats.Down}
	kinds      = []media.Kind{media.Audio, media.Video}
)

var (
	peersDesc = gauge("peers", "PeerConnections by the state of their transport.", "state")
	pathsDesc = gauge("peers_by_path",
		"PeerConnections by the way of their media: the server's own, that of pion, or undecided before they are connected.",
		"path")
	tracks  = gauge("up_tracks", "Tracks that participants publish now.")
	packets = counter("rtp_packets_total",
		"RTP packets received from publishers (up) and sent to subscribers (down).", "direction", "kind")
	bytesDesc = counter("rtp_bytes_total",
		"Bytes of RTP packets, headers included, received from publishers (up) and sent to subscribers (down).",
		"direction", "kind")
	drops = counter("rtp_packets_dropped_total",
		"RTP packets that were not passed on, and retransmissions that were not made, by reason.",
		"direction", "reason")
	nacks = counter("nacked_packets_total",
		"Packets asked for again: by the server from publishers (up), by subscribers from the server (down).",
		"direction")
	lost = counter("rtp_packets_lost_total",
		"Packets that the network lost: those that publishers were asked for again, each once (up), and those that "+
			"subscribers reported (down).",
		"direction")
	plis = counter("keyframe_requests_total",
		"PLI and FIR messages: sent to publishers (up), received from subscribers (down).", "direction")
	rtx = counter("rtx_packets_total",
		"Retransmissions: received from publishers (up), sent to subscribers (down).", "direction")
	recovered = counter("audio_recovered_packets_total", "Packets of sound that publishers lost and redundancy brought back.")
	keyframes = counter("keyframes_total", "Keyframes received from publishers.")
	layers    = counter("layer_switches_total",
		"Changes of the quality in which somebody is shown, by whether it got higher or lower.", "to")
	switches  = counter("seat_switches_total", "Changes of the occupant of a seat.")
	replays   = counter("seat_replays_total", "Occupants that were shown from what was kept since their last keyframe.")
	reports   = counter("sender_reports_total", "RTCP sender reports sent to subscribers.")
	feedback  = counter("transport_feedback_total", "Transport-wide feedback packets received from subscribers.")
	datagrams = counter("udp_datagrams_total",
		"Datagrams that came in at the media port (up) and that the system took (down).", "direction")
	datagramBytes = counter("udp_bytes_total",
		"Bytes of datagrams that came in at the media port (up) and that the system took (down).", "direction")
	calls = counter("udp_system_calls_total",
		"System calls that read from the media port (up) and wrote to it (down).", "direction")
	runs = counter("udp_runs_total", "Messages to the system that carried several datagrams (UDP segmentation offload).")
	junk = counter("udp_datagrams_refused_total",
		"Datagrams that came in at the media port and went nowhere, by reason.", "reason")
	unsent       = counter("udp_datagrams_unsent_total", "Datagrams that the system did not take, by reason.", "reason")
	forwardDelay = desc("forward_delay_seconds",
		"Time from the arrival of an RTP packet to handing it to the kernel for the last of its subscribers.")
)

// collectMedia sends the metrics of the media plane.
func collectMedia(ch chan<- prometheus.Metric, e Engine) {
	peers := e.Peers()
	for _, state := range peerStates {
		send(ch, peersDesc, peers[state], string(state))
	}
	byPath := e.PeersByPath()
	for _, path := range paths {
		send(ch, pathsDesc, byPath[path], string(path))
	}
	send(ch, tracks, e.UpTracks())

	c := e.Counters()
	for _, d := range directions {
		for _, k := range kinds {
			send(ch, packets, c.Packets(d, k), d.String(), k.String())
			send(ch, bytesDesc, c.Bytes(d, k), d.String(), k.String())
		}
		for _, r := range stats.Reasons() {
			send(ch, drops, c.Drops(d, r), d.String(), r.String())
		}
		send(ch, lost, c.PacketsLost(d), d.String())
	}
	up, down := stats.Up.String(), stats.Down.String()
	send(ch, nacks, c.NACKsSent.Load(), up)
	send(ch, nacks, c.NACKsReceived.Load(), down)
	send(ch, plis, c.PLIsSent.Load(), up)
	send(ch, plis, c.PLIsReceived.Load(), down)
	send(ch, rtx, c.RTXReceived.Load(), up)
	send(ch, rtx, c.RTXSent.Load(), down)
	send(ch, recovered, c.Recovered.Load())
	send(ch, keyframes, c.Keyframes.Load())
	send(ch, layers, c.LayersRaised.Load(), "higher")
	send(ch, layers, c.LayersLowered.Load(), "lower")
	send(ch, switches, c.SeatSwitches.Load())
	send(ch, replays, c.Replays.Load())
	send(ch, reports, c.SenderReports.Load())
	send(ch, feedback, c.FeedbackReceived.Load())
	sendHistogram(ch, forwardDelay, c.ForwardDelay.Snapshot())
	collectNetwork(ch, e.Network())
}

// collectNetwork sends the metrics of the media port.
func collectNetwork(ch chan<- prometheus.Metric, n udp.Counters) {
	up, down := stats.Up.String(), stats.Down.String()
	send(ch, datagrams, n.DatagramsIn, up)
	send(ch, datagrams, n.DatagramsOut, down)
	send(ch, datagramBytes, n.BytesIn, up)
	send(ch, datagramBytes, n.BytesOut, down)
	send(ch, calls, n.ReadCalls, up)
	send(ch, calls, n.WriteCalls, down)
	send(ch, runs, n.Runs)
	for i, count := range n.Drops {
		send(ch, junk, count, udp.Drop(i).String())
	}
	for i, count := range n.SendErrors {
		send(ch, unsent, count, udp.SendError(i).String())
	}
}

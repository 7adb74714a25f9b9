package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"hiroba/sfu/stats"
	"hiroba/signaling/ws"
)

var (
	connections = gauge("signaling_connections",
		"WebSockets that are open now: waiting to join a room, or joined.", "state")
	opened    = counter("signaling_connections_total", "WebSockets that were accepted.")
	notOpened = counter("signaling_connections_refused_total", "WebSockets that were refused, by reason.", "reason")
	messages  = counter("signaling_messages_total",
		"Signaling messages from clients (up) and to clients (down), by type.", "direction", "type")
	messageBytes = counter("signaling_message_bytes_total",
		"Bytes of signaling messages from clients (up) and to clients (down), before compression.", "direction")
	wireBytes = counter("signaling_wire_bytes_total",
		"Bytes on WebSocket connections from clients (up) and to clients (down), compressed and framed.", "direction")
	errorsSent = counter("signaling_errors_total", "Errors that clients were told, by code.", "code")
	byes       = counter("signaling_byes_total", "Goodbyes that clients were told, by reason.", "reason")
)

// collectSignaling sends the metrics of the WebSockets. The keys of the snapshot's maps are sets that the protocol
// fixes, so they are the labels as they are.
func collectSignaling(ch chan<- prometheus.Metric, s ws.Stats) {
	up, down := stats.Up.String(), stats.Down.String()
	send(ch, connections, s.Waiting, "waiting")
	send(ch, connections, s.Sockets-s.Waiting, "joined")
	send(ch, opened, s.Opened)
	sendAll(ch, notOpened, s.Refused)
	sendAll(ch, messages, s.Received, up)
	sendAll(ch, messages, s.Sent, down)
	send(ch, messageBytes, s.BytesReceived, up)
	send(ch, messageBytes, s.BytesSent, down)
	send(ch, wireBytes, s.WireBytesReceived, up)
	send(ch, wireBytes, s.WireBytesSent, down)
	sendAll(ch, errorsSent, s.Errors)
	sendAll(ch, byes, s.Ended)
}

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"hiroba/sfu"
	"hiroba/sfu/stats"
	"hiroba/sfu/tcp"
	"hiroba/sfu/turn"
)

// transportNames are the values of the label "transport" of peers.
var transportNames = []sfu.Transport{sfu.TransportNone, sfu.TransportUDP, sfu.TransportTCP, sfu.TransportTURN}

// The values of the label "tls".
const (
	withoutTLS = "no"
	withTLS    = "yes"
)

var (
	byTransport = gauge("peers_by_transport",
		"PeerConnections by how their clients are reached: UDP, TCP, the server's own TURN relay, or none yet.", "transport")
	portConns = counter("port_connections_total",
		"Connections to the public TCP port by what they turned out to be, and whether inside of TLS.", "service", "tls")
	portRefused = counter("port_connections_refused_total",
		"Connections to the public TCP port that were closed before they were anything, by reason.", "reason")
	portWaiting = gauge("port_connections_waiting", "Connections to the public TCP port that have not said enough yet.")
	portHTTP    = gauge("port_connections_http", "Connections of HTTP to the public TCP port, WebSockets not among them.")
	iceConns    = gauge("ice_tcp_connections", "Connections that carry ICE now.")
	iceRefused  = counter("ice_tcp_connections_refused_total",
		"Connections for ICE that were closed by the server, by reason.", "reason")
	flowBytes = counter("flow_bytes_total",
		"Bytes of datagrams that came (up) and left (down) over TCP connections and TURN relays.", "direction")
	flowUnsent = counter("flow_datagrams_unsent_total",
		"Datagrams for which a TCP connection or a TURN relay had no room.")
	turnRelays      = gauge("turn_allocations", "TURN allocations now, by how the client speaks to the server.", "transport")
	turnAllocations = counter("turn_allocations_total",
		"TURN allocations that were made, by how the client speaks to the server.", "transport")
	turnConns   = gauge("turn_connections", "Connections of TURN over TCP and TLS that are open now.")
	turnRefused = counter("turn_refused_total", "What the TURN server did not do, by reason.", "reason")
)

// collectPort sends the metrics of all ways to get here but UDP.
func collectPort(ch chan<- prometheus.Metric, s Sources) {
	peers := s.Engine.PeersByTransport()
	for _, t := range transportNames {
		send(ch, byTransport, peers[t], string(t))
	}

	port := s.Port()
	for i := range tcp.ServiceCount {
		send(ch, portConns, port.Plain[i], tcp.Service(i).String(), withoutTLS)
		send(ch, portConns, port.Encrypted[i], tcp.Service(i).String(), withTLS)
	}
	for i, count := range port.Refused {
		send(ch, portRefused, count, tcp.Refusal(i).String())
	}
	send(ch, portWaiting, port.Waiting)
	send(ch, portHTTP, port.Browsing)

	streams := s.Engine.Streams()
	send(ch, iceConns, streams.Open)
	for i, count := range streams.Refused {
		send(ch, iceRefused, count, sfu.StreamRefusal(i).String())
	}
	flows := s.Engine.Flows()
	send(ch, flowBytes, flows.BytesIn, stats.Up.String())
	send(ch, flowBytes, flows.BytesOut, stats.Down.String())
	send(ch, flowUnsent, sum(flows.SendErrors[:]))

	relay := s.Engine.Relays()
	for i := range turn.TransportCount {
		send(ch, turnRelays, relay.Relays[i], turn.Transport(i).String())
		send(ch, turnAllocations, relay.Allocations[i], turn.Transport(i).String())
	}
	send(ch, turnConns, relay.Connections)
	for i, count := range relay.Refused {
		send(ch, turnRefused, count, turn.Refusal(i).String())
	}
}

func sum(counts []uint64) (total uint64) {
	for _, n := range counts {
		total += n
	}
	return total
}

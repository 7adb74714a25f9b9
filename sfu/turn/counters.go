package turn

import "sync/atomic"

// Transport is how a client speaks to the server.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
	TLS
	transports
)

// TransportCount is how many there are.
const TransportCount = int(transports)

var transportNames = [transports]string{"udp", "tcp", "tls"}

// String is the transport as a metric label.
func (t Transport) String() string { return transportNames[t] }

// Refusal says what was refused.
type Refusal uint8

// The reasons for refusals.
const (
	// BadCredentials: a name that was never given out, or a wrong password.
	BadCredentials Refusal = iota
	// Expired: credentials whose time is over.
	Expired
	// UserQuota: one participant would have too many relays.
	UserQuota
	// ServerQuota: there are too many relays in all.
	ServerQuota
	// ForbiddenPeer: a permission or a channel for an address that is not the server's own.
	ForbiddenPeer
	// ForbiddenPort: a datagram for another port of the server.
	ForbiddenPort
	// Idle: a connection that asked for no relay in time, or has none any more.
	Idle
	// Crowded: a connection without a relay that had to make room for others.
	Crowded
	// Malformed: a connection that carried something else than TURN.
	Malformed
	// QueueFull: a datagram for which there was no room.
	QueueFull
	refusals
)

// RefusalCount is how many reasons there are.
const RefusalCount = int(refusals)

var refusalNames = [refusals]string{
	"bad_credentials", "expired", "user_quota", "server_quota", "forbidden_peer", "forbidden_port", "idle", "crowded",
	"malformed", "queue_full",
}

// String is the reason as a metric label.
func (r Refusal) String() string { return refusalNames[r] }

// Counters are what the server did since it was made, and what it has now.
type Counters struct {
	// Relays are the allocations now, Allocations all that were ever made, by how the client speaks to the server.
	Relays, Allocations [TransportCount]uint64
	// Connections are those of TCP and TLS that are open now.
	Connections uint64
	// Refused is what was not done, by reason.
	Refused [RefusalCount]uint64
}

type tally struct {
	allocations [transports]atomic.Uint64
	refused     [refusals]atomic.Uint64
}

func (t *tally) refuse(r Refusal) { t.refused[r].Add(1) }

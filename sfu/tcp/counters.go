package tcp

import "sync/atomic"

// Service is what a connection turned out to be.
type Service uint8

// The services.
const (
	HTTP Service = iota
	ICE
	TURN
	services
)

// ServiceCount is how many there are.
const ServiceCount = int(services)

var serviceNames = [services]string{"http", "ice", "turn"}

// String is the service as a metric label.
func (s Service) String() string { return serviceNames[s] }

// Refusal says why a connection was closed before it was anything.
type Refusal uint8

// The reasons for refusals.
const (
	// Silent: too little was said in time.
	Silent Refusal = iota
	// Crowded: too many others of the address, or in all, wait to be understood, or have connections of HTTP.
	Crowded
	// NotUnderstood: it is none of the services.
	NotUnderstood
	// NoTLS: it is TLS, and there is no certificate.
	NoTLS
	// BadHandshake: TLS was not agreed on.
	BadHandshake
	// HungUp: the client went away before it said enough.
	HungUp
	// Stopped: the port was closed, or the service takes nobody any more.
	Stopped
	refusals
)

// fulfilled is no Refusal and not counted: the handshake was all that the client wanted.
const fulfilled = refusals

// RefusalCount is how many reasons there are.
const RefusalCount = int(refusals)

var refusalNames = [refusals]string{
	"silent", "crowded", "not_understood", "no_tls", "bad_handshake", "hung_up", "stopped",
}

// String is the reason as a metric label.
func (r Refusal) String() string { return refusalNames[r] }

// Counters are what came to a Port since it was made.
type Counters struct {
	// Plain and Encrypted are the connections that were understood, without and inside of TLS.
	Plain, Encrypted [ServiceCount]uint64
	// Refused are those that were not, and those that nobody accepted any more.
	Refused [RefusalCount]uint64
	// Waiting are those that have not said enough yet.
	Waiting int
	// Browsing are those of HTTP that are not Settled.
	Browsing int
}

// tally is what Counters are read from.
type tally struct {
	plain, encrypted [services]atomic.Uint64
	refused          [refusals]atomic.Uint64
}

func (t *tally) snapshot() Counters {
	var c Counters
	for i := range t.plain {
		c.Plain[i], c.Encrypted[i] = t.plain[i].Load(), t.encrypted[i].Load()
	}
	for i := range t.refused {
		c.Refused[i] = t.refused[i].Load()
	}
	return c
}

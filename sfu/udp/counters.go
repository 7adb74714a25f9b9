package udp

import "sync/atomic"

// Drop says why a datagram that came in went nowhere.
type Drop uint8

// The reasons for drops.
const (
	// UnknownSource: from an address that no PeerConnection has written to.
	UnknownSource Drop = iota
	// UnknownUser: STUN with a username fragment that no PeerConnection has.
	UnknownUser
	// NoProtocol: the first byte is of none of the protocols that share the port (RFC 7983), or STUN is cut short.
	NoProtocol
	// TooLong: more than packet.MaxBytes.
	TooLong
	// QueueFull: more than pion took in time.
	QueueFull
	drops
)

// DropCount is how many reasons there are.
const DropCount = int(drops)

var dropNames = [drops]string{"unknown_source", "unknown_user", "no_protocol", "too_long", "queue_full"}

// String is the reason as a metric label.
func (d Drop) String() string { return dropNames[d] }

// SendError says why the system did not take a datagram.
type SendError uint8

// The kinds of errors.
const (
	// BufferFull: the socket's buffer had no room (EAGAIN).
	BufferFull SendError = iota
	// NoBuffers: the system or the network card had no room (ENOBUFS, ENOMEM).
	NoBuffers
	// NotPermitted: a firewall on this machine (EPERM, EACCES).
	NotPermitted
	// Refused: an ICMP error had come from the client's machine (ECONNREFUSED).
	Refused
	// Unreachable: no route, or the local address is gone (ENETUNREACH, EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL).
	Unreachable
	// TooBig: larger than the path takes (EMSGSIZE).
	TooBig
	// OtherError is all else.
	OtherError
	sendErrors
)

// SendErrorCount is how many kinds there are.
const SendErrorCount = int(sendErrors)

var sendErrorNames = [sendErrors]string{
	"buffer_full", "no_buffers", "not_permitted", "refused", "unreachable", "too_big", "other",
}

// String is the kind as a metric label.
func (e SendError) String() string { return sendErrorNames[e] }

// Counters are what a Mux did since it was made.
type Counters struct {
	// DatagramsIn and BytesIn are what came, junk included. Bytes are those of UDP payloads.
	DatagramsIn, BytesIn uint64
	// ReadCalls are the system calls for it, those that brought nothing included.
	ReadCalls uint64
	// DatagramsOut and BytesOut are what the system took.
	DatagramsOut, BytesOut uint64
	// WriteCalls are the system calls for it.
	WriteCalls uint64
	// Runs are the messages that carried several datagrams (UDP_SEGMENT), and RunDatagrams what was in them.
	Runs, RunDatagrams uint64
	// RunsRefused are runs that the system did not take. Their datagrams were sent one by one.
	RunsRefused uint64
	// Drops are the datagrams that came and went nowhere, by reason.
	Drops [DropCount]uint64
	// SendErrors are the datagrams that were not sent, by kind of error.
	SendErrors [SendErrorCount]uint64
}

// Junk is how many datagrams came from nobody known or said nothing that is understood.
func (c *Counters) Junk() uint64 {
	return c.Drops[UnknownSource] + c.Drops[UnknownUser] + c.Drops[NoProtocol] + c.Drops[TooLong]
}

// tally is the Counters of one reader or Sender, so that they do not share a cache line.
type tally struct {
	_                               [64]byte
	datagramsIn, bytesIn, readCalls atomic.Uint64
	datagramsOut, bytesOut          atomic.Uint64
	writeCalls                      atomic.Uint64
	runs, runDatagrams, runsRefused atomic.Uint64
	drops                           [drops]atomic.Uint64
	sendErrors                      [sendErrors]atomic.Uint64
	_                               [64]byte
}

// addTo adds the tally to c.
func (t *tally) addTo(c *Counters) {
	c.DatagramsIn += t.datagramsIn.Load()
	c.BytesIn += t.bytesIn.Load()
	c.ReadCalls += t.readCalls.Load()
	c.DatagramsOut += t.datagramsOut.Load()
	c.BytesOut += t.bytesOut.Load()
	c.WriteCalls += t.writeCalls.Load()
	c.Runs += t.runs.Load()
	c.RunDatagrams += t.runDatagrams.Load()
	c.RunsRefused += t.runsRefused.Load()
	for i := range t.drops {
		c.Drops[i] += t.drops[i].Load()
	}
	for i := range t.sendErrors {
		c.SendErrors[i] += t.sendErrors[i].Load()
	}
}

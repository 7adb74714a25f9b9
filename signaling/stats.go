package signaling

import (
	"sync/atomic"

	"hiroba/signaling/protocol"
)

// typeOther stands for every type that the protocol does not have, so that a client cannot make up metrics.
const typeOther protocol.Type = "other"

// Counters count the messages of all sessions. All methods are safe from any goroutine.
type Counters struct {
	received, sent map[protocol.Type]*atomic.Uint64
	errors         map[protocol.Code]*atomic.Uint64
	ended          map[protocol.ByeReason]*atomic.Uint64
	bytesReceived  atomic.Uint64
	bytesSent      atomic.Uint64
}

// Stats is a snapshot of Counters. The keys are the bounded sets of the protocol, and "other" for types beyond it.
type Stats struct {
	// Received and Sent count messages by type. Sent has what went into an outbox.
	Received, Sent map[protocol.Type]uint64
	// Errors counts the Error messages among Sent by code.
	Errors map[protocol.Code]uint64
	// Ended counts the sessions that ended with a Bye, by reason.
	Ended map[protocol.ByeReason]uint64
	// BytesReceived and BytesSent are the sizes of messages, before compression.
	BytesReceived, BytesSent uint64
}

// NewCounters makes counters at zero.
func NewCounters() *Counters {
	return &Counters{
		received: zeroes(append(protocol.ClientTypes(), typeOther)),
		sent:     zeroes(append(protocol.ServerTypes(), typeOther)),
		errors:   zeroes(protocol.Codes()),
		ended:    zeroes(protocol.ByeReasons()),
	}
}

// Snapshot reads all counters. Counters that belong together may differ by the messages of this moment.
func (c *Counters) Snapshot() Stats {
	return Stats{
		Received:      values(c.received),
		Sent:          values(c.sent),
		Errors:        values(c.errors),
		Ended:         values(c.ended),
		BytesReceived: c.bytesReceived.Load(),
		BytesSent:     c.bytesSent.Load(),
	}
}

func (c *Counters) countReceived(t protocol.Type, bytes int) {
	count(c.received, t, typeOther)
	c.bytesReceived.Add(uint64(bytes)) //nolint:gosec // a length
}

func (c *Counters) countSent(m protocol.Message, bytes int) {
	count(c.sent, m.Type(), typeOther)
	c.bytesSent.Add(uint64(bytes)) //nolint:gosec // a length
	switch m := m.(type) {
	case protocol.Error:
		count(c.errors, m.Code, protocol.CodeInternal)
	case protocol.Bye:
		count(c.ended, m.Reason, protocol.ByeProtocol)
	}
}

// The maps are never changed after NewCounters, only what they point to, so reading them needs no lock.

func zeroes[K comparable](keys []K) map[K]*atomic.Uint64 {
	m := make(map[K]*atomic.Uint64, len(keys))
	for _, k := range keys {
		m[k] = new(atomic.Uint64)
	}
	return m
}

func values[K comparable](m map[K]*atomic.Uint64) map[K]uint64 {
	snapshot := make(map[K]uint64, len(m))
	for k, v := range m {
		snapshot[k] = v.Load()
	}
	return snapshot
}

func count[K comparable](m map[K]*atomic.Uint64, k, other K) {
	counter, ok := m[k]
	if !ok {
		counter = m[other]
	}
	counter.Add(1)
}

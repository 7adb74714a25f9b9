// Package stats counts what the media plane does. Counters are atomic, so that any goroutine may add to them, and a
// Snapshot is a plain copy that others may keep.
package stats

import (
	"sync/atomic"
	"time"

	"hiroba/sfu/media"
)

// Direction is seen from the server: up is from publishers, down is to subscribers.
type Direction uint8

// The directions.
const (
	Up Direction = iota
	Down
	directions
)

// String is the direction as a metric label.
func (d Direction) String() string {
	if d == Up {
		return "up"
	}
	return "down"
}

// Reason says why a packet was not forwarded, or a request not answered.
type Reason uint8

// The reasons for drops.
const (
	// Malformed: not RTP, cut short, or padding longer than the payload.
	Malformed Reason = iota
	// UnknownPayloadType: a format that was not negotiated.
	UnknownPayloadType
	// Duplicate: this sequence number was seen before.
	Duplicate
	// TooOld: so late that nobody waits for it.
	TooOld
	// PaddingOnly: no media inside.
	PaddingOnly
	// AwaitingKeyframe: the seat waits for its new occupant's keyframe.
	AwaitingKeyframe
	// BeforeSwitch: a late packet from before the seat's switch.
	BeforeSwitch
	// UnsupportedCodec: the subscriber did not negotiate the codec.
	UnsupportedCodec
	// NotConnected: the subscriber's transport is not up.
	NotConnected
	// WriteFailed: the socket refused the packet.
	WriteFailed
	// NACKUnknown: a NACK for a packet that was never sent or is no longer kept.
	NACKUnknown
	// NACKTooSoon: a NACK for a packet that was sent again within one round trip.
	NACKTooSoon
	// NACKOverBudget: a NACK beyond what one subscriber may have sent again.
	NACKOverBudget
	// TooManySSRCs: a packet of a stream beyond the bound of one peer.
	TooManySSRCs
	// OtherLayer: the subscriber gets another quality of this track.
	OtherLayer
	// Redundant: sound that was recovered from redundancy, for a subscriber who gets the redundancy itself.
	Redundant
	// NoRetransmission: a NACK where no RTX was negotiated. The packet cannot be sent again as it was: its header would differ,
	// and SRTP must not encrypt two packets under one number.
	NoRetransmission
	// QueueFull: so much waits for the subscriber already that it could not be shown in time.
	QueueFull
	// NotAuthentic: not encrypted with the keys of the client, or changed on its way.
	NotAuthentic
	// UnknownStream: an SSRC of which neither header extensions nor the offer say what it is.
	UnknownStream
	// Overloaded: the packet is so late that showing it would make all that follow late, too.
	Overloaded
	// Stalled: a picture for a subscriber who takes nothing at the moment; it goes on with a keyframe.
	Stalled
	reasons
)

// ReasonCount is how many reasons there are.
const ReasonCount = int(reasons)

var reasonNames = [reasons]string{
	"malformed", "unknown_payload_type", "duplicate", "too_old", "padding_only", "awaiting_keyframe", "before_switch",
	"unsupported_codec", "not_connected", "write_failed", "nack_unknown", "nack_too_soon", "nack_over_budget",
	"too_many_ssrcs", "other_layer", "redundant", "no_retransmission", "queue_full", "not_authentic",
	"unknown_stream", "overloaded", "stalled",
}

// String is the reason as a metric label.
func (r Reason) String() string { return reasonNames[r] }

// Reasons lists all reasons.
func Reasons() []Reason {
	all := make([]Reason, reasons)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// Counters are the process-wide counters of the media plane. The zero value is ready.
type Counters struct {
	packets, bytes [directions][media.Video + 1]atomic.Uint64
	drops          [directions][reasons]atomic.Uint64
	lost           [directions]atomic.Uint64

	// NACKsReceived counts sequence numbers that subscribers asked for; NACKsSent those that we asked publishers for.
	NACKsReceived, NACKsSent atomic.Uint64
	// PLIsReceived counts PLI and FIR of subscribers; PLIsSent our PLIs to publishers.
	PLIsReceived, PLIsSent atomic.Uint64
	// RTXSent counts retransmissions to subscribers; RTXReceived those of publishers.
	RTXSent, RTXReceived atomic.Uint64
	// Recovered counts packets of sound that publishers lost and the redundancy in later ones brought back.
	Recovered atomic.Uint64
	// Keyframes counts those that publishers sent.
	Keyframes atomic.Uint64
	// Replays counts occupants that were shown at once, from what was kept since their last keyframe.
	Replays atomic.Uint64
	// LayersRaised and LayersLowered count changes of the layer that a seat gets of its occupant.
	LayersRaised, LayersLowered atomic.Uint64
	// SeatSwitches counts changes of a seat's occupant.
	SeatSwitches atomic.Uint64
	// SenderReports counts SR packets sent to subscribers.
	SenderReports atomic.Uint64
	// FeedbackReceived counts transport-wide feedback packets of subscribers.
	FeedbackReceived atomic.Uint64
	// ForwardDelay is from a packet's arrival to the moment when its last byte was handed to the kernel.
	ForwardDelay Histogram
	// Panics counts panics that were contained.
	Panics atomic.Uint64
}

// Forwarded counts one packet of n bytes.
func (c *Counters) Forwarded(d Direction, k media.Kind, n int) {
	c.packets[d][k].Add(1)
	c.bytes[d][k].Add(uint64(n)) //nolint:gosec // sizes are positive
}

// Dropped counts one packet that was not forwarded.
func (c *Counters) Dropped(d Direction, r Reason) { c.drops[d][r].Add(1) }

// Lost counts n packets that the network lost: up, those that we had to ask publishers for; down, those that subscribers
// reported.
func (c *Counters) Lost(d Direction, n uint64) { c.lost[d].Add(n) }

// PacketsLost is how many were counted by Lost.
func (c *Counters) PacketsLost(d Direction) uint64 { return c.lost[d].Load() }

// Packets is how many were counted by Forwarded.
func (c *Counters) Packets(d Direction, k media.Kind) uint64 { return c.packets[d][k].Load() }

// Bytes is how many were counted by Forwarded.
func (c *Counters) Bytes(d Direction, k media.Kind) uint64 { return c.bytes[d][k].Load() }

// Drops is how many were counted by Dropped.
func (c *Counters) Drops(d Direction, r Reason) uint64 { return c.drops[d][r].Load() }

// delayBounds are the upper bounds of the buckets of a Histogram that was given none.
var delayBounds = []time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond,
	2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, time.Second,
}

// maxBounds is how many buckets a Histogram can have, besides the one for what is longer.
const maxBounds = 16

// Histogram counts durations in fixed buckets. The zero value is ready for delays of packets; NewHistogram makes one for
// other scales.
type Histogram struct {
	bounds  []time.Duration // nil: delayBounds
	buckets [maxBounds + 1]atomic.Uint64
	sum     atomic.Int64
}

// NewHistogram makes a histogram with these upper bounds, in rising order, at most 16.
func NewHistogram(bounds ...time.Duration) *Histogram {
	if len(bounds) > maxBounds {
		panic("stats: too many bounds for a histogram")
	}
	return &Histogram{bounds: bounds}
}

func (h *Histogram) upperBounds() []time.Duration {
	if h.bounds == nil {
		return delayBounds
	}
	return h.bounds
}

// Observe counts one duration.
func (h *Histogram) Observe(d time.Duration) { h.ObserveTimes(d, 1) }

// ObserveTimes counts n durations of the same length.
func (h *Histogram) ObserveTimes(d time.Duration, n int) {
	bounds := h.upperBounds()
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.buckets[i].Add(uint64(n)) //nolint:gosec // a count
	h.sum.Add(int64(d) * int64(n))
}

// HistogramSnapshot is a copy of a Histogram.
type HistogramSnapshot struct {
	// Cumulative maps an upper bound to how many durations were at most that long.
	Cumulative map[time.Duration]uint64
	Count      uint64
	Sum        time.Duration
}

// Snapshot copies the histogram.
func (h *Histogram) Snapshot() HistogramSnapshot {
	bounds := h.upperBounds()
	s := HistogramSnapshot{Cumulative: make(map[time.Duration]uint64, len(bounds))}
	for i, bound := range bounds {
		s.Count += h.buckets[i].Load()
		s.Cumulative[bound] = s.Count
	}
	s.Count += h.buckets[len(bounds)].Load()
	s.Sum = time.Duration(h.sum.Load())
	return s
}

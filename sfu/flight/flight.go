// Package flight remembers what was decided for one subscriber, as the recorder of an aeroplane does: always on, of fixed
// size, and read when somebody asks why a picture was bad. A Recorder keeps the newest decisions, which are few, and
// counts of each of the last seconds, so that neither pushes the other out.
package flight

import (
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/stats"
)

// Decisions is how many decisions a recorder keeps, and Seconds how many seconds with traffic. Together they are about 19 KB
// for each subscriber who was ever given somebody to see.
const (
	Decisions = 512
	Seconds   = 60
)

// Kind says what was decided.
type Kind uint8

// The kinds of decisions.
const (
	// Connected: the subscriber's transport came up.
	Connected Kind = iota
	// Asked: Track should sit in the seat from now on; 0 is nobody.
	Asked
	// Switched: Track is sent from now on.
	Switched
	// Wanted: the tile is best served by the layer To, which was From.
	Wanted
	// Layer: the layer To of Track is sent, which was From. A Spatial of -1 is none: the picture waits for a keyframe.
	Layer
	// KeyframeWanted: the seat cannot go on, or not as it should, without a keyframe of To.Spatial of Track. It is
	// repeated until one comes; the record is not.
	KeyframeWanted
	// KeyframeSent: a keyframe of To.Spatial of Track was forwarded. One that nobody waited for is recorded once a second.
	KeyframeSent
	// Replayed: Count packets that were kept since Track's last keyframe were sent at once.
	Replayed
	kinds
)

var kindNames = [kinds]string{
	"connected", "asked", "switched", "wanted", "layer", "keyframe_wanted", "keyframe_sent", "replayed",
}

// String is the kind as dumps spell it.
func (k Kind) String() string { return kindNames[k] }

// Record is one decision.
type Record struct {
	// At is when it was made, in Unix nanoseconds.
	At int64
	// Track is the up track that it is about; 0 is none.
	Track media.CSRC
	// Count is explained at the kinds that have one.
	Count uint32
	// From and To are layers; the zero value where the kind has none.
	From, To media.Layer
	Kind     Kind
	// Seat and Media name the m-line; Media is 0 where the decision is about the whole subscriber.
	Seat  uint8
	Media media.Kind
}

// Second is what happened in one second.
type Second struct {
	// At is when the second began, in Unix nanoseconds.
	At int64
	// Waiting are the seats, by bit, that left something out for want of a keyframe.
	Waiting uint64
	// Estimate is the newest estimate of what the subscriber's link carries; 0 is none.
	Estimate media.Bitrate
	// RTT is the newest round trip time; 0 is none.
	RTT time.Duration
	// Packets and Bytes were sent, retransmissions included.
	Packets, Bytes uint32
	// NACKs counts the sequence numbers that the subscriber asked for, RTX those that it was sent again, PLIs its PLI
	// and FIR.
	NACKs, RTX, PLIs uint32
	// Drops counts what was not sent, by reason.
	Drops [stats.ReasonCount]uint32
}

// busy reports whether anything happened.
func (s *Second) busy() bool {
	return s.Packets != 0 || s.NACKs != 0 || s.PLIs != 0 || s.Drops != [stats.ReasonCount]uint32{}
}

// memory is what a recorder keeps. The counts say how many there ever were; the newest is before them in the ring.
type memory struct {
	records [Decisions]Record
	decided uint64
	seconds [Seconds]Second
	elapsed uint64
}

// Recorder records what is decided for one subscriber. It is owned by the subscriber's shard. The zero value is ready and
// small; the first decision about a seat allocates its memory, and nothing does after that.
type Recorder struct {
	connected int64
	second    Second
	memory    *memory
}

// HandleConnected notes that the subscriber's transport came up. The first second begins.
func (r *Recorder) HandleConnected(now time.Time) {
	r.connected = now.UnixNano()
	r.second.At = r.connected
	if r.memory != nil {
		r.put(Record{At: r.connected, Kind: Connected})
	}
}

// HandleTick ends the second when it is over. One in which nothing happened is not kept.
func (r *Recorder) HandleTick(now time.Time) {
	at := now.UnixNano()
	if at-r.second.At < int64(time.Second) {
		return
	}
	if r.memory != nil && r.second.busy() {
		r.memory.seconds[r.memory.elapsed%Seconds] = r.second
		r.memory.elapsed++
	}
	r.second = Second{At: at, Estimate: r.second.Estimate}
}

// SetRTT notes the round trip time to the subscriber.
func (r *Recorder) SetRTT(rtt time.Duration) { r.second.RTT = rtt }

// SetEstimate notes what the subscriber's link is thought to carry.
func (r *Recorder) SetEstimate(estimate media.Bitrate) { r.second.Estimate = estimate }

// Record keeps a decision. Lines make the records of seats.
func (r *Recorder) Record(now time.Time, d Record) {
	if r.memory == nil {
		r.memory = new(memory)
		if r.connected != 0 {
			r.put(Record{At: r.connected, Kind: Connected})
		}
	}
	d.At = now.UnixNano()
	r.put(d)
}

func (r *Recorder) put(d Record) {
	r.memory.records[r.memory.decided%Decisions] = d
	r.memory.decided++
}

// Dump copies what is kept, the oldest first. The second that is not over yet is the last.
func (r *Recorder) Dump() Dump {
	m := r.memory
	if m == nil {
		return Dump{}
	}
	d := Dump{Decided: m.decided}
	for n := m.decided - min(m.decided, Decisions); n < m.decided; n++ {
		d.Records = append(d.Records, m.records[n%Decisions])
	}
	for n := m.elapsed - min(m.elapsed, Seconds); n < m.elapsed; n++ {
		d.Seconds = append(d.Seconds, m.seconds[n%Seconds])
	}
	if r.second.busy() {
		d.Seconds = append(d.Seconds, r.second)
	}
	return d
}

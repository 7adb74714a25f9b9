package tap

import (
	"sync/atomic"
	"time"
)

const (
	// journalSize is how many packets a journal remembers; a power of two.
	journalSize = 1 << 12
	// journalBack bounds how far a look-up goes back from the newest packet.
	journalBack = 512
)

// Journal is what a publisher notes about the packets of one of its tracks. One goroutine writes, any may read.
type Journal struct {
	// single is true when there is one stream, so that packets can be found by their sequence numbers.
	single bool
	pauses atomic.Uint32
	newest atomic.Uint32 // sequence number of the newest packet, and whether there is one at all
	sent   []atomic.Int64
}

const journalStarted = 1 << 16

// NewJournal makes a journal. With several encodings, as in simulcast, it notes pauses only: what a receiver gets is now
// one stream, now another.
func NewJournal(encodings int) *Journal {
	j := &Journal{single: encodings == 1}
	if j.single {
		j.sent = make([]atomic.Int64, journalSize)
	}
	return j
}

// Sent notes that a packet leaves now.
func (j *Journal) Sent(seq uint16, now time.Time) {
	if !j.single {
		return
	}
	j.sent[seq%journalSize].Store(now.UnixNano())
	j.newest.Store(journalStarted | uint32(seq))
}

// Pause notes that the track stops or goes on, so that nobody takes the gap for a freeze.
func (j *Journal) Pause() { j.pauses.Add(1) }

// newestBefore is the last packet that had been sent at a time, in nanoseconds since 1970.
func (j *Journal) newestBefore(at int64) (seq uint16, ok bool) {
	newest := j.newest.Load()
	if newest&journalStarted == 0 {
		return 0, false
	}
	seq = uint16(newest & 0xffff)
	for range journalBack {
		sent := j.sent[seq%journalSize].Load()
		if sent == 0 {
			return 0, false
		}
		if sent <= at {
			return seq, true
		}
		seq--
	}
	return 0, false
}

// sentAt is when a packet left.
func (j *Journal) sentAt(seq uint16) int64 { return j.sent[seq%journalSize].Load() }

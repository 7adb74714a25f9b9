package tap

import (
	"math/bits"
	"time"
)

const (
	// subBits is the number of bits that are kept of a duration: its error is below 1 part in 2^subBits, 1.6 %.
	subBits    = 6
	subBuckets = 1 << subBits
	octaves    = 20
	buckets    = subBuckets * octaves // up to 33 s
)

// Histogram counts durations from 1 microsecond to half a minute. The zero value is empty.
type Histogram struct {
	counts [buckets]uint64
	total  uint64
	sum    time.Duration
}

// bucketOf is the bucket of a number of microseconds.
func bucketOf(us uint64) int {
	octave := max(0, bits.Len64(us)-subBits-1)
	return min(octave*subBuckets+int(us>>octave), buckets-1) //nolint:gosec // octave is small
}

// upperBound is the highest duration of a bucket.
func upperBound(bucket int) time.Duration {
	if bucket < 2*subBuckets {
		return time.Duration(bucket) * time.Microsecond
	}
	octave := bucket/subBuckets - 1
	us := (bucket-octave*subBuckets)<<octave | (1<<octave - 1)
	return time.Duration(us) * time.Microsecond
}

// Record counts one duration; a negative one as 0.
func (h *Histogram) Record(d time.Duration) {
	d = max(0, d)
	h.counts[bucketOf(uint64(d/time.Microsecond))]++
	h.total++
	h.sum += d
}

// Count is how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.total }

// Mean is the mean of all durations; 0 when there are none.
func (h *Histogram) Mean() time.Duration {
	if h.total == 0 {
		return 0
	}
	return h.sum / time.Duration(h.total) //nolint:gosec // a count
}

// Quantile is the duration below which the fraction q of all are; 0 when there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total))
	rank = min(rank, h.total-1)
	for bucket, n := range h.counts {
		if rank < n {
			return upperBound(bucket)
		}
		rank -= n
	}
	return upperBound(buckets - 1)
}

// Add adds what other counted.
func (h *Histogram) Add(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.sum += other.sum
}

// Sub takes away what an earlier copy of the same histogram had counted.
func (h *Histogram) Sub(earlier *Histogram) {
	for i, n := range earlier.counts {
		h.counts[i] -= n
	}
	h.total -= earlier.total
	h.sum -= earlier.sum
}

package transportcc

import "time"

const (
	// MaxSpan is how many numbers a report is about, at most: numbers of packets that did not come cost as well, and the report
	// has to fit in a datagram.
	MaxSpan = 400
	// MaxReportBytes is how long a report about so many is.
	MaxReportBytes = headerBytes + 2*MaxSpan + 2*((MaxSpan+6)/7) + 3

	// window is how many numbers are remembered, up to the newest; a power of two.
	window = 512
	// unit is the resolution of arrival times in a report.
	unit = 250 * time.Microsecond
)

// Recorder keeps the arrival times of the packets of one sender, by their extended transport-wide numbers.
type Recorder struct {
	began time.Time // the zero of the clock of reports
	// arrivals has the instant at which a number came, in units since began, at the number modulo window; 0 is not. It wraps
	// after 12 days, together with the reference time of reports.
	arrivals [window]uint32
	// first is where the next report begins, and next one beyond the newest number. Those that are at most window below next
	// are in arrivals.
	first, next int64
	reports     uint8
	holes       int
}

// NewRecorder makes a Recorder whose reports count the time from now on.
func NewRecorder(now time.Time) *Recorder { return &Recorder{began: now} }

// Restart forgets all that was not reported yet. The next number to come is the first.
func (r *Recorder) Restart(first int64) {
	clear(r.arrivals[:])
	r.first, r.next = first, first
}

// Record notes that a number came. The first time that it came counts. A late one is reported together with all after it once
// more, because a report says of numbers in between that they did not come.
func (r *Recorder) Record(now time.Time, number int64) {
	switch {
	case number >= r.next+window: // nothing that was remembered is near
		clear(r.arrivals[:])
		r.first, r.next = number, number+1
	case number >= r.next:
		for ; r.next <= number; r.next++ {
			*r.at(r.next) = 0
		}
		r.first = max(r.first, r.next-window)
	case number < r.next-window || *r.at(number) != 0:
		return
	}
	r.first = min(r.first, number)
	arrival := uint32((now.Sub(r.began) + unit/2) / unit) //nolint:gosec // wraps by design
	*r.at(number) = max(arrival, 1)
}

// at is where the arrival of a number is kept.
func (r *Recorder) at(number int64) *uint32 { return &r.arrivals[number&(window-1)] }

// Span is how many numbers there are to report on.
func (r *Recorder) Span() int { return int(r.next - r.first) }

// Holes is how many of the numbers in the reports did not come, in all.
func (r *Recorder) Holes() int { return r.holes }

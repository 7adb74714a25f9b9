// Package history keeps what was sent, so that a NACK can be answered: the packets of an incoming stream, shared by all
// its subscribers, and for each subscriber what was sent again and when.
package history

// Ring holds the newest values of a numbered stream. Numbers may come late, doubled or with gaps.
type Ring[T any] struct {
	slots   []slot[T]
	highest int64
	any     bool
}

type slot[T any] struct {
	number int64
	used   bool
	value  T
}

// NewRing makes a ring for the newest size numbers.
func NewRing[T any](size int) *Ring[T] { return &Ring[T]{slots: make([]slot[T], size)} }

// Put stores a value. It returns the value that had to go for it, if any: an older one, or v itself when its number is
// taken or older than what the ring reaches back to.
func (r *Ring[T]) Put(number int64, v T) (gone T, ok bool) {
	s := r.slot(number)
	if s.used && s.number >= number {
		return v, true
	}
	if r.any && number <= r.highest-int64(len(r.slots)) {
		return v, true
	}
	gone, ok = s.value, s.used
	*s = slot[T]{number: number, used: true, value: v}
	if !r.any || number > r.highest {
		r.highest, r.any = number, true
	}
	return gone, ok
}

// At is the value of a number.
func (r *Ring[T]) At(number int64) (v T, ok bool) {
	s := r.slot(number)
	if !s.used || s.number != number {
		return v, false
	}
	return s.value, true
}

// Drain empties the ring and hands each value to f.
func (r *Ring[T]) Drain(f func(T)) {
	for i := range r.slots {
		if r.slots[i].used {
			f(r.slots[i].value)
		}
	}
	clear(r.slots)
	r.any = false
}

func (r *Ring[T]) slot(number int64) *slot[T] {
	n := int64(len(r.slots))
	return &r.slots[((number%n)+n)%n]
}

// Package mailbox is the queue in front of a goroutine that owns state: many post, one takes.
package mailbox

import "sync"

// Mailbox is an unbounded queue of T. A poster never waits, because it may be a callback of a library or another
// owner's loop; what a client can cause to be posted is limited at the door. The one owner waits on Wait and takes all
// at once with Take, so that wake-ups merge under load.
//
// The lock is held for an append or a swap only.
type Mailbox[T any] struct {
	mu     sync.Mutex
	items  []T
	closed bool
	wake   chan struct{}
}

// New makes an empty mailbox.
func New[T any]() *Mailbox[T] { return &Mailbox[T]{wake: make(chan struct{}, 1)} }

// Post appends an item and wakes the owner. It reports false, and drops the item, when the mailbox is closed.
func (m *Mailbox[T]) Post(item T) bool {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false
	}
	m.items = append(m.items, item)
	first := len(m.items) == 1
	m.mu.Unlock()
	if first {
		m.signal()
	}
	return true
}

// PostAll appends items, in order, as if each was posted. It reports false, and drops all, when the mailbox is closed.
func (m *Mailbox[T]) PostAll(items []T) bool {
	if len(items) == 0 {
		return true
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false
	}
	first := len(m.items) == 0
	m.items = append(m.items, items...)
	m.mu.Unlock()
	if first {
		m.signal()
	}
	return true
}

// Take hands out all items in order and leaves the mailbox empty. The former batch is passed in so that its memory is
// used again: it is cleared, and must not be used after the call.
func (m *Mailbox[T]) Take(former []T) []T {
	clear(former)
	m.mu.Lock()
	defer m.mu.Unlock()
	batch := m.items
	m.items = former[:0]
	return batch
}

// Wait is readable when there may be items. A wake-up can be spurious, never missing. It is also readable once after
// Close.
func (m *Mailbox[T]) Wait() <-chan struct{} { return m.wake }

// Len is how many items wait now.
func (m *Mailbox[T]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.items)
}

// Close makes further posts fail. What is inside can still be taken.
func (m *Mailbox[T]) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.signal()
}

// Closed reports whether Close was called.
func (m *Mailbox[T]) Closed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

func (m *Mailbox[T]) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

package tcp

import (
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// DefaultOutboxBytes bounds what waits in an Outbox: a large keyframe and half a second of pictures.
	DefaultOutboxBytes = 256 << 10
	// stuckAfter is how long a connection may take nothing at all before it is given up.
	stuckAfter = 10 * time.Second
	// writeBytes is how much is written at once, so that what waits is known to be that and not more.
	writeBytes = 16 << 10
	// keptBytes is the memory that an empty Outbox keeps.
	keptBytes = 32 << 10
)

// ErrFull is returned for what an Outbox has no room for.
var ErrFull = errors.New("too much waits for the connection")

// Outbox sends to a connection what it is given, in order, from a goroutine of its own. Its methods may be called by any
// goroutine.
type Outbox struct {
	conn     net.Conn
	maxBytes int
	wake     chan struct{} // holds a token when there may be something to write
	done     chan struct{} // closed by Close
	ended    chan struct{} // closed by run

	mu      sync.Mutex // guards what follows
	room    sync.Cond  // signaled when there is more room
	closed  bool
	pending []byte
	since   time.Time // when the first byte of pending came
	writing int       // bytes of what is being written now
	began   time.Time // since of what is being written now
	dropped uint64
}

// NewOutbox starts to send to c. The memory that the system keeps for it is made small, so that what is late waits here, where
// it is seen.
func NewOutbox(c net.Conn, maxBytes int) *Outbox {
	if maxBytes <= 0 {
		maxBytes = DefaultOutboxBytes
	}
	if t := raw(c); t != nil {
		tune(t)
	}
	o := &Outbox{
		conn: c, maxBytes: maxBytes,
		wake: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{}),
	}
	o.room.L = &o.mu
	go o.run()
	return o
}

// Send takes head and body as one piece, or neither. It keeps nothing of them, and does not wait.
func (o *Outbox) Send(head, body []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.append(head, body)
}

// SendWhenRoom is Send, but it waits while more waits than limit.
func (o *Outbox) SendWhenRoom(head, body []byte, limit int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.closed && o.writing+len(o.pending) > limit {
		o.room.Wait()
	}
	return o.append(head, body)
}

// append is Send with o.mu held.
func (o *Outbox) append(head, body []byte) error {
	if o.closed {
		return net.ErrClosed
	}
	if o.writing+len(o.pending)+len(head)+len(body) > o.maxBytes {
		o.dropped++
		return ErrFull
	}
	if len(o.pending) == 0 {
		o.since = time.Now()
	}
	o.pending = append(append(o.pending, head...), body...)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

// Waiting is how many bytes wait, and for how long the first of them does.
func (o *Outbox) Waiting(now time.Time) (bytes int, age time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	bytes = o.writing + len(o.pending)
	switch {
	case o.writing > 0:
		age = now.Sub(o.began)
	case bytes > 0:
		age = now.Sub(o.since)
	}
	return bytes, max(age, 0)
}

// Dropped is how many pieces there was no room for.
func (o *Outbox) Dropped() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// Close closes the connection and waits for the goroutine. What waits is lost.
func (o *Outbox) Close() {
	o.shut()
	<-o.ended
}

// shut is Close without waiting.
func (o *Outbox) shut() {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.done)
		o.room.Broadcast()
	}
	o.mu.Unlock()
	_ = o.conn.Close()
}

// run writes what waits, until the connection fails or is closed.
func (o *Outbox) run() {
	defer close(o.ended)
	defer o.shut()
	var batch []byte
	for {
		select {
		case <-o.wake:
		case <-o.done:
			return
		}
		batch = o.take(batch)
		for at := 0; at < len(batch); {
			end := min(at+writeBytes, len(batch))
			_ = o.conn.SetWriteDeadline(time.Now().Add(stuckAfter))
			if _, err := o.conn.Write(batch[at:end]); err != nil {
				return // part of a piece may be out: the connection is of no use any more
			}
			o.wrote(end - at)
			at = end
		}
	}
}

// take exchanges what waits for the memory of the former batch.
func (o *Outbox) take(former []byte) []byte {
	if cap(former) > keptBytes {
		former = nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	batch := o.pending
	o.pending = former[:0]
	o.writing, o.began = len(batch), o.since
	return batch
}

func (o *Outbox) wrote(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing -= n
	o.room.Broadcast()
}

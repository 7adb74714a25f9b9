package signaling

import "sync"

// outbox is the bounded queue of encoded messages between everybody who sends and the goroutine that writes. A client
// that lets it overflow does not read: instead of dropping single messages, which would leave the client with a wrong
// picture of the room, the queue is emptied and ends with a goodbye.
//
// The lock is held for an append or a removal only.
type outbox struct {
	maxMessages, maxBytes int
	// overflow is the goodbye of a client that does not read.
	overflow farewell

	mu    sync.Mutex
	queue [][]byte
	bytes int
	// ended is true when nothing more is taken in.
	ended bool
	// last is how the socket is to be closed when the queue is empty; nil when the socket is gone already.
	last *farewell
	// slow is true when the end came by an overflow.
	slow bool
	wake chan struct{}
}

// farewell is the last message of a session and the WebSocket close code that follows it.
type farewell struct {
	bye    []byte
	code   CloseCode
	reason string
}

func newOutbox(maxMessages, maxBytes int, overflow farewell) *outbox {
	return &outbox{maxMessages: maxMessages, maxBytes: maxBytes, overflow: overflow, wake: make(chan struct{}, 1)}
}

// posting is what became of a message.
type posting int

const (
	posted posting = iota
	// dropped: the end was queued before.
	dropped
	// overflowed: this message was one too many, and the queue ends here.
	overflowed
)

// post queues a message. A single message may be larger than the bound in bytes, so that the picture of a large room
// gets through.
func (o *outbox) post(message []byte) posting {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return dropped
	}
	full := len(o.queue) >= o.maxMessages || (len(o.queue) > 0 && o.bytes+len(message) > o.maxBytes)
	if full {
		o.queue, o.bytes = nil, 0
		o.slow = true
		o.endLocked(o.overflow)
		return overflowed
	}
	o.appendLocked(message)
	return posted
}

// end queues the last message; later ones are dropped. It reports false when there was an end already.
func (o *outbox) end(f farewell) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return false
	}
	o.endLocked(f)
	return true
}

func (o *outbox) endLocked(f farewell) {
	o.appendLocked(f.bye)
	o.ended, o.last = true, &f
}

func (o *outbox) appendLocked(message []byte) {
	o.queue = append(o.queue, message)
	o.bytes += len(message)
	o.signal()
}

// drop empties the queue, since the socket is gone.
func (o *outbox) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue, o.bytes, o.ended, o.last = nil, 0, true, nil
	o.signal()
}

// next waits for the next message to write. It reports false when there will be none.
func (o *outbox) next() ([]byte, bool) {
	for {
		o.mu.Lock()
		if len(o.queue) > 0 {
			message := o.queue[0]
			o.queue[0] = nil
			o.queue = o.queue[1:]
			o.bytes -= len(message)
			o.mu.Unlock()
			return message, true
		}
		ended := o.ended
		o.mu.Unlock()
		if ended {
			return nil, false
		}
		<-o.wake
	}
}

// hasEnded reports whether an end is queued or written, and whether it came by an overflow.
func (o *outbox) hasEnded() (ended, slow bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ended, o.slow
}

// farewell is how to close the socket after the last message; nil when it is gone already.
func (o *outbox) farewell() *farewell {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

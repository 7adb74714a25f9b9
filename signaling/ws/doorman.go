package ws

import (
	"errors"
	"net/netip"
	"sync"
)

// Why the doorman lets nobody in.
var (
	errFull         = errors.New("too many sockets")
	errCrowded      = errors.New("too many sockets of this address wait to join")
	errShuttingDown = errors.New("shutting down")
)

// doorman counts sockets: all of them, and by address those that have not joined a room. The latter cost memory and
// prove nothing, so one address may not have many; once joined, the limits of rooms apply. The lock is held for
// counting only.
type doorman struct {
	maxWaiting int

	mu         sync.Mutex
	maxSockets int
	closed     bool
	// idle is closed when the doorman is closed and the last socket has left.
	idle    chan struct{}
	sockets int
	waiting int
	byAddr  map[netip.Addr]int
}

func newDoorman(maxSockets, maxWaiting int) *doorman {
	return &doorman{
		maxSockets: maxSockets, maxWaiting: maxWaiting,
		byAddr: map[netip.Addr]int{}, idle: make(chan struct{}),
	}
}

// ticket is one socket's place. Its owner gives it back with leave.
type ticket struct {
	d *doorman
	// addr is whose waiting sockets this one counts among; invalid for none.
	addr    netip.Addr
	waiting bool
}

// admit lets a socket in. An invalid address is not counted among the addresses.
func (d *doorman) admit(addr netip.Addr) (*ticket, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return nil, errShuttingDown
	case d.sockets >= d.maxSockets:
		return nil, errFull
	case addr.IsValid() && d.byAddr[addr] >= d.maxWaiting:
		return nil, errCrowded
	}
	d.sockets++
	d.waiting++
	if addr.IsValid() {
		d.byAddr[addr]++
	}
	return &ticket{d: d, addr: addr, waiting: true}, nil
}

// joined takes the socket off its address's account.
func (t *ticket) joined() {
	if !t.waiting {
		return
	}
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	t.joinedLocked()
}

func (t *ticket) joinedLocked() {
	t.waiting = false
	t.d.waiting--
	if !t.addr.IsValid() {
		return
	}
	if t.d.byAddr[t.addr]--; t.d.byAddr[t.addr] == 0 {
		delete(t.d.byAddr, t.addr)
	}
}

// leave gives the place back.
func (t *ticket) leave() {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	if t.waiting {
		t.joinedLocked()
	}
	if t.d.sockets--; t.d.closed && t.d.sockets == 0 {
		close(t.d.idle)
	}
}

// close lets nobody in any more. The channel is closed when the last socket has left.
func (d *doorman) close() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed && d.sockets == 0 {
		close(d.idle)
	}
	d.closed = true
	return d.idle
}

// setMaxSockets changes how many sockets there may be.
func (d *doorman) setMaxSockets(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.maxSockets = n
}

// counts are the open sockets, and how many of them have not joined.
func (d *doorman) counts() (sockets, waiting int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sockets, d.waiting
}

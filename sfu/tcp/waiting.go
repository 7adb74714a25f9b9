package tcp

import (
	"container/list"
	"net/netip"
	"sync"
	"sync/atomic"
)

// waiting are the connections that have not said enough yet. When too many of one address wait, or too many in all, the one
// that has waited the longest makes room: who has something to say says it at once, so that an idle crowd does not keep
// others out.
type waiting struct {
	perAddress, inAll int

	mu     sync.Mutex // guards what follows
	closed bool
	order  *list.List                // of *guest, the oldest first
	homes  map[netip.Addr]*list.List // the same, by address
}

// guest is a connection that waits.
type guest struct {
	home    netip.Addr
	hangUp  func()
	evicted atomic.Bool
	inOrder *list.Element // guarded by waiting.mu, as the next
	atHome  *list.Element
}

func newWaiting(perAddress, inAll int) *waiting {
	return &waiting{
		perAddress: perAddress, inAll: inAll,
		order: list.New(), homes: make(map[netip.Addr]*list.List),
	}
}

// enter adds a connection; hangUp ends it. It is nil after close.
func (w *waiting) enter(addr netip.Addr, hangUp func()) *guest {
	g := &guest{home: household(addr), hangUp: hangUp}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	home := w.homes[g.home]
	if home == nil {
		home = list.New()
		w.homes[g.home] = home
	}
	var oldest *guest
	switch {
	case home.Len() >= w.perAddress:
		oldest, _ = home.Front().Value.(*guest)
	case w.order.Len() >= w.inAll:
		oldest, _ = w.order.Front().Value.(*guest)
	}
	if oldest != nil {
		oldest.evicted.Store(true)
		w.remove(oldest)
		w.homes[g.home] = home // which remove forgets when it becomes empty
	}
	g.inOrder, g.atHome = w.order.PushBack(g), home.PushBack(g)
	w.mu.Unlock()
	if oldest != nil {
		oldest.hangUp()
	}
	return g
}

// leave takes out a connection that is understood, or gone.
func (w *waiting) leave(g *guest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(g)
}

// remove is leave with w.mu held.
func (w *waiting) remove(g *guest) {
	if g.inOrder == nil {
		return
	}
	w.order.Remove(g.inOrder)
	home := w.homes[g.home]
	home.Remove(g.atHome)
	if home.Len() == 0 {
		delete(w.homes, g.home)
	}
	g.inOrder, g.atHome = nil, nil
}

func (w *waiting) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.order.Len()
}

// close hangs up on everybody who waits and lets nobody else in.
func (w *waiting) close() {
	w.mu.Lock()
	w.closed = true
	guests := make([]*guest, 0, w.order.Len())
	for e := w.order.Front(); e != nil; e = e.Next() {
		g, _ := e.Value.(*guest)
		guests = append(guests, g)
	}
	w.mu.Unlock()
	for _, g := range guests {
		g.hangUp()
	}
}

// household is what counts as one address: a customer with IPv6 usually has a whole /64.
func household(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a.WithZone(""), 64).Masked().Addr()
}

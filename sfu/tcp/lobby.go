package tcp

import (
	"container/list"
	"net/netip"
	"sync"
)

// Lobby are the connections that have not shown yet what they are good for. When too many of one address wait, or too many in
// all, the one that has waited the longest makes room: who has something to say says it at once, so that an idle crowd does
// not keep others out.
type Lobby struct {
	perAddress, inAll int

	mu     sync.Mutex // guards what follows
	closed bool
	order  *list.List                // of *Guest, the oldest first
	homes  map[netip.Addr]*list.List // the same, by address
}

// Guest is a connection that waits.
type Guest struct {
	home    netip.Addr
	hangUp  func()
	evicted bool          // guarded by Lobby.mu, as the next
	inOrder *list.Element // nil when it does not wait
	atHome  *list.Element
}

// NewLobby makes one with room for so many connections of one address (IPv6: one /64), and in all. Those of no address count
// only in all.
func NewLobby(perAddress, inAll int) *Lobby {
	return &Lobby{
		perAddress: perAddress, inAll: inAll,
		order: list.New(), homes: make(map[netip.Addr]*list.List),
	}
}

// Enter adds a connection; hangUp ends it, and must not wait. It is nil after Close.
func (w *Lobby) Enter(addr netip.Addr, hangUp func()) *Guest {
	g := &Guest{home: household(addr), hangUp: hangUp}
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
	var oldest *Guest
	switch {
	case g.home.IsValid() && home.Len() >= w.perAddress:
		oldest, _ = home.Front().Value.(*Guest)
	case w.order.Len() >= w.inAll:
		oldest, _ = w.order.Front().Value.(*Guest)
	}
	if oldest != nil {
		oldest.evicted = true
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

// Leave takes out a connection that needs not wait any more, or is gone. It is false if it had to make room before.
func (w *Lobby) Leave(g *Guest) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(g)
	return !g.evicted
}

// remove is Leave with w.mu held.
func (w *Lobby) remove(g *Guest) {
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

// Count is how many wait.
func (w *Lobby) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.order.Len()
}

// Close hangs up on everybody who waits and lets nobody else in.
func (w *Lobby) Close() {
	w.mu.Lock()
	w.closed = true
	guests := make([]*Guest, 0, w.order.Len())
	for e := w.order.Front(); e != nil; e = e.Next() {
		g, _ := e.Value.(*Guest)
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

package udp

import (
	"net/netip"
	"slices"
	"time"

	"hiroba/sfu/packet"
)

// Flow is how datagrams get to a remote address that is not reached through a UDP socket: a TCP connection of ICE, or
// somebody for whom TURN relays. Its methods are called by any goroutine.
type Flow interface {
	// Send takes a datagram, or drops it and reports false. It keeps nothing of b, and never waits.
	Send(b []byte) bool
	// Waiting is how many bytes have not left yet, and how long ago the first of them came.
	Waiting(now time.Time) (bytes int, age time.Duration)
}

// Inlet is where the datagrams of a Flow's remote address come in. Its methods but Close belong to one goroutine at a time.
type Inlet struct {
	remote netip.AddrPort
	ways   []*reader // one for each local address that it leads to
	flows  []Flow    // as ways
	n      int       // datagrams that wait for Flush
}

// maxInletBatch bounds the datagrams that are handed on at once.
const maxInletBatch = 16

// AttachStream makes an address reachable by TCP: that of the client of a connection to the local address. The port of the
// latter does not matter. It is false where there is no such local address, or the remote one is in use.
func (m *Mux) AttachStream(local netip.Addr, remote netip.AddrPort, f Flow) (*Inlet, bool) {
	i := m.streamAt(local)
	if i < 0 {
		return nil, false
	}
	return m.attach(canonical(remote), func(netip.AddrPort) Flow { return f }, m.locals[i:i+1])
}

// AttachRelay makes an address reachable through TURN, from each local address by a Flow of its own. Nobody else may have
// the address.
func (m *Mux) AttachRelay(remote netip.AddrPort, f func(local netip.AddrPort) Flow) (*Inlet, bool) {
	sockets := slices.DeleteFunc(slices.Clone(m.locals), func(l *local) bool { return l.stream })
	return m.attach(canonical(remote), f, sockets)
}

func (m *Mux) attach(remote netip.AddrPort, f func(local netip.AddrPort) Flow, at []*local) (*Inlet, bool) {
	in := &Inlet{remote: remote}
	for _, l := range at {
		flow := f(l.addr)
		if !l.addFlow(remote, flow) {
			in.Close()
			return nil, false
		}
		in.flows = append(in.flows, flow)
		in.ways = append(in.ways, &reader{
			mux: m, local: l, tally: &m.flowTally, keeper: m.locals[0].sockets[0].reader,
		})
	}
	return in, true
}

// Close makes the address unreachable. Who owned it hears nothing more from it.
func (in *Inlet) Close() {
	for i, way := range in.ways {
		way.local.removeFlow(in.remote, in.flows[i])
	}
}

// Release gives back the memory of the Inlet, which is of no use afterwards.
func (in *Inlet) Release() {
	for _, way := range in.ways {
		for _, p := range way.slots {
			p.Release()
		}
		way.slots = nil
	}
}

// Next is memory for the next datagram of a stream.
func (in *Inlet) Next() []byte {
	if in.n == maxInletBatch {
		in.Flush()
	}
	return in.ways[0].slot(in.n).Buffer()
}

// Commit adds the first n bytes of what Next returned to the batch.
func (in *Inlet) Commit(n int) {
	in.ways[0].slots[in.n].SetLen(n)
	in.ways[0].from[in.n] = in.remote
	in.n++
}

// Flush hands the batch on.
func (in *Inlet) Flush() {
	if in.n > 0 {
		in.ways[0].dispatch(in.n)
		in.n = 0
	}
}

// Owned reports whether a PeerConnection owns the address of a stream.
func (in *Inlet) Owned() bool {
	l := in.ways[0].local
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.routes[in.remote] != nil
}

// Deliver hands on a datagram for a local address; it is false where that is not the media port, or the datagram too long.
func (in *Inlet) Deliver(to netip.AddrPort, b []byte) bool {
	to = canonical(to)
	for _, way := range in.ways {
		if canonical(way.local.addr) == to {
			return way.deliver(b, in.remote)
		}
	}
	return false
}

// Find is the local address where somebody knows what to do with a datagram, for those that were sent to an address which
// stands for the local ones, as that of a NAT does.
func (in *Inlet) Find(ipv6 bool, b []byte) (netip.AddrPort, bool) {
	for _, way := range in.ways {
		if way.local.addr.Addr().Is6() == ipv6 && way.local.wants(b, in.remote) {
			return way.local.addr, true
		}
	}
	return netip.AddrPort{}, false
}

func (r *reader) deliver(b []byte, from netip.AddrPort) bool {
	p := r.slot(0)
	if len(b) > len(p.Buffer()) {
		r.tally.drops[TooLong].Add(1)
		return false
	}
	p.SetLen(copy(p.Buffer(), b))
	r.from[0] = from
	r.dispatch(1)
	return true
}

// borrowSender is a Sender for the time of one dispatch of an Inlet.
func (m *Mux) borrowSender() *Sender {
	m.mu.Lock()
	if n := len(m.spare); n > 0 {
		s := m.spare[n-1]
		m.spare = m.spare[:n-1]
		m.mu.Unlock()
		return s
	}
	m.mu.Unlock()
	return m.NewSender()
}

// returnSender gives back what borrowSender gave, flushed.
func (m *Mux) returnSender(s *Sender) {
	m.mu.Lock()
	m.spare = append(m.spare, s)
	m.mu.Unlock()
}

// slot is the packet with index i, which may be one more than there are.
func (r *reader) slot(i int) *packet.Packet {
	if i == len(r.slots) {
		r.slots = append(r.slots, packet.New())
		r.from = append(r.from, netip.AddrPort{})
		r.targets = append(r.targets, target{})
	}
	return r.slots[i]
}

// wants reports whether somebody takes the datagram b here.
func (l *local) wants(b []byte, from netip.AddrPort) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.find(b, from)
	return t.peer != nil || t.link != nil
}

func (l *local) addFlow(remote netip.AddrPort, f Flow) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.flows[remote] != nil {
		return false
	}
	if l.flows == nil {
		l.flows = map[netip.AddrPort]Flow{}
	}
	l.flows[remote] = f
	return true
}

func (l *local) removeFlow(remote netip.AddrPort, f Flow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flows[remote] != f {
		return
	}
	delete(l.flows, remote)
	if r := l.routes[remote]; r != nil {
		l.remove(r)
	}
}

// flowTo is how remote is reached here, nil if by a socket.
func (l *local) flowTo(remote netip.AddrPort) Flow {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.flows[remote]
}

// FlowCounters are what came and left by other ways than the UDP sockets.
func (m *Mux) FlowCounters() Counters {
	var c Counters
	m.flowTally.addTo(&c)
	return c
}

// sendFlow passes a datagram to a flow and counts it.
func (m *Mux) sendFlow(f Flow, b []byte) {
	if f.Send(b) {
		m.flowTally.datagramsOut.Add(1)
		m.flowTally.bytesOut.Add(uint64(len(b)))
	} else {
		m.flowTally.sendErrors[BufferFull].Add(1)
	}
}

//go:build !portable

package udp

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxMessages is how many messages one sendmmsg sends.
	maxMessages = 64
	// maxSegments is how many datagrams one run may have: UDP_MAX_SEGMENTS of the kernels that have the fewest.
	maxSegments = 64
	// maxCallSegments bounds the datagrams of one sendmmsg. The kernel spends up to a microsecond on each, and garbage
	// collection waits meanwhile.
	maxCallSegments = 128
	// maxRunBytes is what fits in a message that is cut apart only later: an IP packet.
	maxRunBytes = 65535 - 40 - 8
	// refusalsUntilOff is how many destinations must refuse runs before none is tried any more at a local address where
	// no run was ever sent.
	refusalsUntilOff = 3
)

// segmentControlBytes is the space of a control message that holds a 16-bit number.
var segmentControlBytes = unix.CmsgSpace(2)

// path is a remote address as the kernel takes it.
type path struct {
	name sockaddr
	size uint32
}

func (p *path) set(l *local, remote netip.AddrPort) {
	p.size = p.name.set(remote, l.sockets[0].scope)
}

// transmitter is the memory of sendmmsg. All of it is used again for each call.
type transmitter struct {
	messages []mmsghdr
	vectors  []unix.Iovec // maxCallSegments
	names    []sockaddr
	controls []byte // segmentControlBytes for each message
	runs     []run
	cursor   cursor
	sendFunc func(fd uintptr)
}

// run is what a message carries: one datagram, or several that the kernel cuts apart.
type run struct {
	at       cursor // of the first datagram
	to       *Destination
	segments int
	bytes    int
}

// cursor is a place in the groups of a lane: a datagram that is not sent yet. All are sent when group is past the last.
type cursor struct {
	group int
	entry int32
}

func (t *transmitter) init(way *lane) {
	t.messages = make([]mmsghdr, maxMessages)
	t.vectors = make([]unix.Iovec, maxCallSegments)
	t.names = make([]sockaddr, maxMessages)
	t.controls = make([]byte, maxMessages*segmentControlBytes)
	t.runs = make([]run, maxMessages)
	for i := range t.messages {
		t.messages[i].header.Name = &t.names[i][0]
		//nolint:gosec // the kernel's layout; aligned, as CmsgSpace is
		header := (*unix.Cmsghdr)(unsafe.Pointer(&t.controls[i*segmentControlBytes]))
		header.Level, header.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		header.SetLen(unix.CmsgLen(2))
	}
	t.sendFunc = way.send
}

// transmit sends the groups of the lane.
func (w *lane) transmit() {
	w.cursor = cursor{group: 0, entry: w.groups[0].first}
	_ = w.socket.raw.Control(w.sendFunc) // fails only when closed
	clear(w.runs)
}

// send builds and sends calls until all is sent, or until the socket is full.
func (w *lane) send(fd uintptr) {
	for w.cursor.group < len(w.groups) {
		n := w.build()
		if !w.sendRuns(fd, n) {
			return
		}
	}
}

// build fills messages from the cursor on and moves the cursor past them.
func (w *lane) build() (n int) {
	vectors := 0
	for n < maxMessages && vectors < maxCallSegments && w.cursor.group < len(w.groups) {
		r := &w.runs[n]
		first := vectors
		vectors = w.gather(r, vectors)

		m := &w.messages[n].header
		m.Namelen = r.to.path.size
		w.names[n] = r.to.path.name
		m.Iov = &w.vectors[first]
		m.SetIovlen(vectors - first)
		if r.segments == 1 {
			m.Control = nil
			m.SetControllen(0)
		} else {
			control := w.controls[n*segmentControlBytes : (n+1)*segmentControlBytes]
			size := len(w.sender.entries[r.at.entry].b)
			binary.NativeEndian.PutUint16(control[unix.CmsgLen(0):], uint16(size)) //nolint:gosec // a run is below 64 KiB
			m.Control = &control[0]
			m.SetControllen(segmentControlBytes)
		}
		n++
	}
	return n
}

// gather takes the next run from the cursor: datagrams to one destination, all as long as the first but for the last, which may
// be shorter. It fills vectors from index at on and returns the index after them.
func (w *lane) gather(r *run, at int) int {
	entries := w.sender.entries
	to := w.groups[w.cursor.group].to
	*r = run{at: w.cursor, to: to}
	limit := 1
	if !to.whole.Load() && w.local.gso.Load() {
		limit = min(maxSegments, maxCallSegments-at)
	}
	size := len(entries[w.cursor.entry].b)
	for i := w.cursor.entry; i >= 0 && r.segments < limit; i = w.cursor.entry {
		b := entries[i].b
		if len(b) > size || r.bytes+len(b) > maxRunBytes && r.segments > 0 {
			break
		}
		v := &w.vectors[at]
		v.Base = &b[0]
		v.SetLen(len(b))
		at++
		r.segments++
		r.bytes += len(b)
		w.advance()
		if len(b) < size || w.cursor.group != r.at.group {
			break
		}
	}
	return at
}

// advance moves the cursor to the next datagram.
func (w *lane) advance() {
	w.cursor.entry = w.sender.entries[w.cursor.entry].next
	if w.cursor.entry >= 0 {
		return
	}
	w.cursor.group++
	if w.cursor.group < len(w.groups) {
		w.cursor.entry = w.groups[w.cursor.group].first
	}
}

// sendRuns sends the first n runs. If a destination refuses a run, the cursor goes back to it and all from there on is built
// again, this destination without runs. It reports false if the rest of the batch was dropped.
func (w *lane) sendRuns(fd uintptr, n int) bool {
	retried := -1
	for sent := 0; sent < n; {
		k, errno := w.socket.sendmmsg(fd, w.messages[sent:n])
		w.sender.tally.writeCalls.Add(1)
		if errno == 0 {
			w.count(w.runs[sent : sent+k])
			sent += k
			continue
		}
		r := &w.runs[sent]
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN:
			w.cursor = r.at
			w.dropRest()
			return false
		case errno == unix.ECONNREFUSED && retried != sent:
			retried = sent // an ICMP error from before, perhaps of another client; it is told once
			continue
		case r.segments > 1 && (errno == unix.EIO || errno == unix.EINVAL || errno == unix.EMSGSIZE || errno == unix.EOPNOTSUPP):
			w.refused(r, errno)
			w.cursor = r.at
			return true
		}
		w.sender.tally.sendErrors[kindOf(errno)].Add(uint64(r.segments)) //nolint:gosec // not negative
		sent++
	}
	return true
}

// refused notes that a run could not be sent. EMSGSIZE, and EINVAL in older kernels, mean that a segment is larger than the path
// takes; such a datagram by itself is sent in fragments. EIO means that nobody can do the checksums on this path. One
// destination says little about the others, unless no run ever went out.
func (w *lane) refused(r *run, errno syscall.Errno) {
	r.to.whole.Store(true)
	w.sender.tally.runsRefused.Add(1)
	if errno == unix.EMSGSIZE || w.local.gsoWorked.Load() {
		return
	}
	if w.local.gsoRefused.Add(1) == refusalsUntilOff {
		w.local.gso.Store(false)
		w.sender.mux.log.Info("runs of datagrams switched off, each is sent by itself",
			"address", w.local.addr, "err", errno)
	}
}

// count adds up what was sent.
func (w *lane) count(runs []run) {
	var datagrams, bytes, several, within int
	for i := range runs {
		r := &runs[i]
		datagrams += r.segments
		bytes += r.bytes
		if r.segments > 1 {
			several++
			within += r.segments
		}
	}
	t := &w.sender.tally
	t.datagramsOut.Add(uint64(datagrams))
	t.bytesOut.Add(uint64(bytes))
	if several > 0 {
		t.runs.Add(uint64(several))
		t.runDatagrams.Add(uint64(within))
		if !w.local.gsoWorked.Load() {
			w.local.gsoWorked.Store(true)
		}
	}
}

// dropRest counts all from the cursor on as lost: the socket's buffer is full.
func (w *lane) dropRest() {
	var lost uint64
	for ; w.cursor.group < len(w.groups); w.advance() {
		lost++
	}
	w.sender.tally.sendErrors[BufferFull].Add(lost)
}

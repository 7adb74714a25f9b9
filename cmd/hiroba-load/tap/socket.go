package tap

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"hiroba/sfu/media"
	"hiroba/signaling/client"
)

// Options say what becomes of the packets of one Socket.
type Options struct {
	// PassRTCP hands RTCP to pion: for publishers, who must hear what they are asked for. Without it RTCP is counted.
	PassRTCP bool
	// PassMedia hands RTP to pion as well, after it was counted: for clients that decrypt.
	PassMedia bool
	// Loss is the probability with which a packet of media is thrown away before it counts.
	Loss float64
	// Journals finds the journal of a track by the CSRC of its packets; it may be nil, and so may what it returns.
	Journals func(csrc uint32) *Journal
}

// Socket is the network of one participant. It is the ice.UDPMux of its PeerConnection.
type Socket struct {
	hub     *Hub
	options Options
	local   netip.AddrPort
	conn    conn

	rtcp    atomic.Uint64
	dropped atomic.Uint64 // by the kernel, for want of room

	mu      sync.Mutex // guards what follows
	streams []*stream  // few: a list is searched faster than a map
	last    *stream
	gaps    []Gap
	arrived []arrival // of a client that decrypts
	first   time.Time
	leases  map[*lease]string // by ufrag
	closed  bool
}

// Stream is what one Socket received with one SSRC.
type Stream struct {
	SSRC, CSRC uint32
	Kind       media.Kind
	// RTX is true for a stream of retransmissions.
	RTX bool
	// Highest is the highest sequence number, extended by the times it wrapped (RFC 3550, section 6.4.1).
	Highest uint32
	Counts
}

// Gap is a sequence number that was skipped.
type Gap struct {
	SSRC uint32
	Seq  uint16
}

// arrival remembers when a packet came.
type arrival struct {
	ssrc uint32
	seq  uint16
	at   int64
}

// arrivals is how many packets a client that decrypts may be behind the socket; a power of two.
const arrivals = 1 << 12

// maxGaps bounds the gaps that wait to be taken.
const maxGaps = 1 << 10

func newSocket(h *Hub, options Options, c conn, local netip.AddrPort) *Socket {
	s := &Socket{hub: h, options: options, local: local, conn: c, leases: make(map[*lease]string)}
	if options.PassMedia {
		s.arrived = make([]arrival, arrivals)
	}
	return s
}

// LocalAddr is the address of the socket.
func (s *Socket) LocalAddr() netip.AddrPort { return s.local }

// First is when the first packet of media came; zero before that.
func (s *Socket) First() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}

// Streams is what was received with each SSRC so far.
func (s *Socket) Streams() []Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Stream, len(s.streams))
	for i, st := range s.streams {
		out[i] = Stream{SSRC: st.ssrc, CSRC: st.csrc, Kind: st.kind, RTX: st.rtx, Highest: st.extended(), Counts: st.counts}
	}
	return out
}

// Totals are what one Socket received, by kind.
type Totals struct{ Audio, Video, RTX Counts }

// Totals adds up what was received so far.
func (s *Socket) Totals() (t Totals) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		switch {
		case st.rtx:
			t.RTX.Add(st.counts)
		case st.kind == media.Audio:
			t.Audio.Add(st.counts)
		default:
			t.Video.Add(st.counts)
		}
	}
	return t
}

// Add adds what another socket received.
func (t *Totals) Add(o Totals) {
	t.Audio.Add(o.Audio)
	t.Video.Add(o.Video)
	t.RTX.Add(o.RTX)
}

// Sub takes away what had been received earlier.
func (t *Totals) Sub(o Totals) {
	t.Audio.Sub(o.Audio)
	t.Video.Sub(o.Video)
	t.RTX.Sub(o.RTX)
}

// Media is sound and pictures together, without retransmissions.
func (t Totals) Media() Counts {
	c := t.Audio
	c.Add(t.Video)
	return c
}

// Dropped is how many datagrams the kernel dropped because the socket's buffer was full: the tester was too slow.
func (s *Socket) Dropped() uint64 { return s.dropped.Load() }

// Gaps takes the sequence numbers that were skipped since the last call.
func (s *Socket) Gaps() []Gap {
	s.mu.Lock()
	defer s.mu.Unlock()
	gaps := s.gaps
	s.gaps = nil
	return gaps
}

// Settle says that pictures may now stop for a good reason, such as another view.
func (s *Socket) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		st.lastFrame, st.frames = 0, 0
	}
}

// ArrivedAt is when a packet came, if that was not too long ago; only with Options.PassMedia.
func (s *Socket) ArrivedAt(ssrc uint32, seq uint16) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.arrived[arrivalSlot(ssrc, seq)]
	if a.ssrc != ssrc || a.seq != seq {
		return time.Time{}, false
	}
	return time.Unix(0, a.at), true
}

func arrivalSlot(ssrc uint32, seq uint16) uint32 { return (ssrc*0x9e3779b1 + uint32(seq)) % arrivals }

// receive takes one datagram; the caller holds mu. latency gets what is known of its time on the way.
func (s *Socket) receive(b []byte, from netip.AddrPort, at int64, latency *latencies) {
	if !isMedia(b) {
		s.pass(b, from)
		return
	}
	if isRTCP(b) {
		s.rtcp.Add(1)
		if s.options.PassRTCP || s.options.PassMedia {
			s.pass(b, from)
		}
		return
	}
	h, ok := parseHeader(b)
	if !ok {
		return
	}
	st := s.stream(h)
	injected := s.options.Loss > 0 && rand.Float64() < s.options.Loss //nolint:gosec // not for secrets
	behind := h.seq - 1                                               // the highest number so far
	if st.counts.Expected > 0 {
		behind = st.highest
	}
	if fresh := st.handle(h, len(b), injected); fresh && !st.rtx {
		s.follow(st, h, at, behind, injected, latency)
	}
	if s.options.PassMedia && !injected {
		s.arrived[arrivalSlot(h.ssrc, h.seq)] = arrival{h.ssrc, h.seq, at}
		s.pass(b, from)
	}
}

// follow takes what a packet that came once says about its source.
func (s *Socket) follow(st *stream, h header, at int64, behind uint16, injected bool, latency *latencies) {
	if s.first.IsZero() {
		s.first = time.Unix(0, at)
	}
	if s.options.Loss > 0 {
		s.noteGaps(h, behind, injected)
	}
	if injected {
		return
	}
	if h.csrc != st.csrc || st.since == 0 {
		var j *Journal
		if s.options.Journals != nil {
			j = s.options.Journals(h.csrc)
		}
		st.sit(h.csrc, j, at)
	} else if st.journal == nil && s.options.Journals != nil {
		st.journal = s.options.Journals(h.csrc)
	}
	if h.marker && st.kind == media.Video {
		st.frame(at)
	}
	if d, ok := st.latency(h.seq, at); ok {
		latency.of(st.kind).Record(d)
	}
}

// noteGaps keeps what should be asked for again.
func (s *Socket) noteGaps(h header, behind uint16, injected bool) {
	if injected && len(s.gaps) < maxGaps {
		s.gaps = append(s.gaps, Gap{h.ssrc, h.seq})
	}
	for seq := behind + 1; int16(h.seq-seq) > 0 && len(s.gaps) < maxGaps; seq++ { //nolint:gosec // wraps
		s.gaps = append(s.gaps, Gap{h.ssrc, seq})
	}
}

// stream finds the stream of a packet.
func (s *Socket) stream(h header) *stream {
	if s.last != nil && s.last.ssrc == h.ssrc {
		return s.last
	}
	for _, st := range s.streams {
		if st.ssrc == h.ssrc {
			s.last = st
			return st
		}
	}
	codec, rtx := client.CodecOf(h.payloadType)
	st := &stream{ssrc: h.ssrc, kind: codec.Kind(), rtx: rtx}
	s.streams = append(s.streams, st)
	s.last = st
	return st
}

// pass hands a datagram to pion; the caller holds mu.
func (s *Socket) pass(b []byte, from netip.AddrPort) {
	for l := range s.leases {
		l.deliver(b, from)
	}
}

// Close closes the socket.
func (s *Socket) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	leases := s.leases
	s.leases = nil
	err := s.hub.drop(s)
	s.mu.Unlock()
	for l := range leases {
		l.end()
	}
	return err
}

// GetConn implements ice.UDPMux.
func (s *Socket) GetConn(ufrag string, _ net.Addr) (net.PacketConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, net.ErrClosed
	}
	l := newLease(s)
	s.leases[l] = ufrag
	return l, nil
}

// RemoveConnByUfrag implements ice.UDPMux.
func (s *Socket) RemoveConnByUfrag(ufrag string) {
	s.mu.Lock()
	var gone []*lease
	for l, u := range s.leases {
		if u == ufrag {
			gone = append(gone, l)
		}
	}
	s.mu.Unlock()
	for _, l := range gone {
		_ = l.Close()
	}
}

// GetListenAddresses implements ice.UDPMux.
func (s *Socket) GetListenAddresses() []net.Addr { return []net.Addr{net.UDPAddrFromAddrPort(s.local)} }

// errTimeout is what a write that would block too long ends with.
var errTimeout = os.ErrDeadlineExceeded

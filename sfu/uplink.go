package sfu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/srtp"
	"hiroba/sfu/stats"
	"hiroba/sfu/udp"
)

const (
	// maxEarly bounds the packets that wait for the keys: a client sends as soon as it has them, which is before the server
	// knows that it is connected.
	maxEarly = 128
	// maxNamed bounds the SSRCs of one client in all its life, those of stopped tracks included: their names and the numbers
	// that they used are kept.
	maxNamed = 1024
)

// uplink takes the SRTP and SRTCP of one client on the server's own path: it decrypts, finds out which stream a packet is of,
// and hands it to that one, on the goroutine that reads the socket. It implements udp.Receiver.
type uplink struct {
	peer *Peer
	mode atomic.Int32
	// opener is what decrypts, once the mode is uplinkOpen. It belongs to the calls of HandleMedia and HandleBatch.
	opener atomic.Pointer[srtp.Opener]
	// control encrypts what the uplink says, under ssrc, which nobody else uses. It belongs to HandleBatch.
	control *srtp.Control
	ssrc    uint32
	// destination is where the client is, once the mode is uplinkOpen. The peer writes, HandleBatch uses it.
	destination atomic.Pointer[udp.Destination]
	// lineup is the newest; the peer writes, the uplink reads.
	lineup atomic.Pointer[lineup]

	// What follows belongs to the calls of HandleMedia and HandleBatch: the mux makes one after the other.
	early    []*packet.Packet
	lines    []*upLine // those of followed
	followed *lineup
	named    map[media.SSRC]*named
	open     int // how many of named are not of a stopped track
	out      handover
	feedback transportFeedback
	reports  receiverReports
	reader   interceptor.RTCPReader
	now      time.Time // when the RTCP that is being read arrived
	// wake asks for a call of HandleBatch.
	wake func(at time.Time)
}

// The modes of an uplink. Each leads to a later one only.
const (
	uplinkWaiting = iota // for the keys
	uplinkOpen
	uplinkPion   // pion does it all
	uplinkClosed // nothing is taken any more
)

var _ udp.Receiver = (*uplink)(nil)

// upLine is an m-line on which the client may send, with its streams.
type upLine struct {
	*sendLine
	current [media.MaxSpatial + 1]*named // by encoding; nil before the first packet of media
}

// named is an SSRC of the client. It stays when its track is stopped, because clients name a stream at its beginning only, and
// use it again when the track goes on.
type named struct {
	ssrc media.SSRC
	// mid, encoding and repairs are its identity; mid is empty while it is not known.
	mid      media.MID
	encoding int8
	repairs  bool

	line      *upLine   // nil while there is none of this name
	stream    *upStream // of media
	reception *reception
}

func newUplink(p *Peer) (*uplink, error) {
	u := &uplink{
		peer: p,
		ssrc: max(rand.Uint32(), 1), //nolint:gosec // no secret
		wake: func(at time.Time) { p.mux.Wake(at) },
	}
	registry := interceptor.Registry{}
	registry.Add(rtcpInterceptorFactory{p, u.handleSenderReport, func() time.Time { return u.now }})
	chain, err := registry.Build(p.cfg.ID)
	if err != nil {
		return nil, fmt.Errorf("make interceptors of the uplink: %w", err)
	}
	// The packet is in b already.
	u.reader = chain.BindRTCPReader(interceptor.RTCPReaderFunc(
		func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) { return len(b), a, nil },
	))
	return u, nil
}

// start makes the uplink take media, with the keys of the client, and answer to its address. Called by the peer, when the
// client has proved who it is.
func (u *uplink) start(opener *srtp.Opener, control *srtp.Control, destination *udp.Destination) {
	u.control = control
	u.destination.Store(destination)
	u.opener.Store(opener)
	u.setMode(uplinkOpen)
}

// yield leaves all media to pion. Called by the peer.
func (u *uplink) yield() { u.setMode(uplinkPion) }

// close ends the uplink: what comes is dropped. Called by the peer.
func (u *uplink) close() { u.setMode(uplinkClosed) }

func (u *uplink) setMode(mode int32) {
	u.mode.Store(mode)
	u.wake(time.Time{}) // there may be early packets
}

// HandleMedia implements udp.Receiver.
func (u *uplink) HandleMedia(now time.Time, p *packet.Packet) (taken bool) {
	defer u.contain()
	switch u.mode.Load() {
	case uplinkPion:
		return false
	case uplinkClosed:
		p.Release()
	case uplinkWaiting:
		if len(u.early) == maxEarly {
			u.out.tally.Dropped(stats.NotConnected)
			p.Release()
			break
		}
		p.Arrived = now
		u.early = append(u.early, p)
	case uplinkOpen:
		u.takeEarly()
		u.handle(now, p)
		p.Release()
	}
	return true
}

// HandleBatch implements udp.Receiver.
func (u *uplink) HandleBatch(now time.Time, out *udp.Sender) (due time.Time) {
	return u.handleBatch(now, out)
}

func (u *uplink) handleBatch(now time.Time, out datagrams) (due time.Time) {
	defer u.contain()
	switch u.mode.Load() {
	case uplinkOpen:
		u.takeEarly()
	case uplinkPion, uplinkClosed:
		for _, p := range u.early {
			p.Release()
		}
		u.early = nil
	}
	u.out.flush(&u.peer.engine.counters)
	if u.mode.Load() != uplinkOpen {
		return time.Time{}
	}
	for _, l := range u.lines {
		for _, n := range l.current {
			if n != nil {
				n.stream.poll(now)
				due = earlier(due, n.stream.machine.Deadline())
			}
		}
	}
	due = earlier(due, u.pollFeedback(now, out))
	return earlier(due, u.pollReports(now, out))
}

// earlier is the earlier of two instants; the zero time is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// contain ends a panic, and with it the peer. It is to be deferred.
func (u *uplink) contain() {
	if r := recover(); r != nil {
		u.peer.panicked(r)
		u.mode.Store(uplinkClosed)
		u.peer.Close()
	}
}

// takeEarly handles what came before the keys.
func (u *uplink) takeEarly() {
	if u.early == nil {
		return
	}
	early := u.early
	u.early = nil
	for _, p := range early {
		u.handle(p.Arrived, p)
		p.Release()
	}
}

// handle takes a datagram apart. What is not authentic leaves no trace but a count.
func (u *uplink) handle(now time.Time, p *packet.Packet) {
	b := p.Bytes()
	if len(b) >= 2 && b[1] >= 192 && b[1] <= 223 { // RTCP (RFC 5761, section 4)
		u.handleRTCP(now, p)
		return
	}
	header, err := packet.HeaderSize(b)
	if err != nil {
		u.out.tally.Dropped(stats.Malformed)
		return
	}
	opened, err := u.opener.Load().Open(b, header)
	if err != nil {
		u.out.tally.Dropped(refusal(err))
		return
	}
	p.SetLen(len(opened))
	u.handleRTP(now, p)
}

// handleRTCP passes a compound packet through the interceptors.
func (u *uplink) handleRTCP(now time.Time, p *packet.Packet) {
	u.now = now
	opened, err := u.opener.Load().OpenRTCP(p.Bytes())
	if err != nil {
		u.out.tally.Dropped(refusal(err))
		return
	}
	if _, _, err := u.reader.Read(opened, nil); err != nil {
		u.out.tally.Dropped(stats.Malformed)
	}
}

// refusal is why a packet was not decrypted.
func refusal(err error) stats.Reason {
	switch {
	case errors.Is(err, srtp.ErrReplay):
		return stats.Duplicate
	case errors.Is(err, srtp.ErrAuth):
		return stats.NotAuthentic
	case errors.Is(err, srtp.ErrTooManyStreams):
		return stats.TooManySSRCs
	default:
		return stats.Malformed
	}
}

// handleRTP takes an authentic packet.
func (u *uplink) handleRTP(now time.Time, p *packet.Packet) {
	if l := u.lineup.Load(); l != u.followed {
		u.follow(l)
	}
	ssrc := media.SSRC(binary.BigEndian.Uint32(p.Bytes()[8:]))
	n := u.named[ssrc]
	if n == nil {
		if n = u.meet(ssrc); n == nil {
			u.out.tally.Dropped(stats.TooManySSRCs)
			return
		}
	}
	if n.line == nil && !u.name(n, p.Bytes()) {
		u.handleUnknown(now, p)
		return
	}
	header, err := packet.ParseHeader(p.Bytes(), n.line.ids)
	if err != nil {
		u.out.tally.Dropped(stats.Malformed)
		return
	}
	p.Header = header
	u.feedback.handle(now, p)
	u.noteReception(now, n, p)
	if n.repairs {
		u.handleRTX(now, n.line.current[n.encoding], n.line, p)
		return
	}
	if n.line.current[n.encoding] != n && !u.takeOver(now, n) {
		u.out.tally.Dropped(stats.UnknownStream)
		return
	}
	n.stream.handleRTP(now, p, true)
}

// handleUnknown drops a packet of which it is not known what it is. It took its share of the link all the same.
func (u *uplink) handleUnknown(now time.Time, p *packet.Packet) {
	u.out.tally.Dropped(stats.UnknownStream)
	if len(u.lines) == 0 {
		return
	}
	// All m-lines of a transport use one id (RFC 8843, section 9.1).
	if header, err := packet.ParseHeader(p.Bytes(), u.lines[0].ids); err == nil {
		p.Header = header
		u.feedback.handle(now, p)
	}
}

// handleRTX makes a retransmission the packet that it repeats.
func (u *uplink) handleRTX(now time.Time, original *named, line *upLine, p *packet.Packet) {
	pt := line.types.repaired[p.Header.PayloadType&0x7F]
	if pt == 0 {
		u.out.tally.Dropped(stats.UnknownPayloadType)
		return
	}
	if original == nil {
		u.out.tally.Dropped(stats.UnknownStream)
		return
	}
	if !p.Unwrap(original.ssrc, pt) { // a probe for bandwidth
		u.out.tally.Dropped(stats.PaddingOnly)
		return
	}
	u.peer.engine.counters.RTXReceived.Add(1)
	original.stream.handleRTP(now, p, true)
}

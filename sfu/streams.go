package sfu

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"hiroba/sfu/tcp"
	"hiroba/sfu/udp"
)

const (
	// claimWithin is how long a connection may be without a PeerConnection that owns it, and claimFrames how many frames it
	// may carry until then.
	claimWithin = 15 * time.Second
	claimFrames = 64
	// silentAfter is how long an owned one may say nothing: browsers check their consent each 2.5 to 6 s (RFC 7675).
	silentAfter = 30 * time.Second
	// The bounds on connections that nobody owns, of one address and in all.
	maxUnclaimedPerAddress, maxUnclaimed = 64, 1024
	streamReadBytes                      = 16 << 10
)

// StreamRefusal says why a connection for ICE was closed.
type StreamRefusal uint8

// The reasons.
const (
	// StreamUnclaimed: no PeerConnection owned it in time.
	StreamUnclaimed StreamRefusal = iota
	// StreamCrowded: it had to make room for others before one did.
	StreamCrowded
	// StreamSilent: the client said nothing for long.
	StreamSilent
	// StreamMalformed: a frame that is too long for a datagram.
	StreamMalformed
	// StreamMisplaced: it came to an address that is not of the media port.
	StreamMisplaced
	streamRefusals
)

// StreamRefusalCount is how many reasons there are.
const StreamRefusalCount = int(streamRefusals)

var streamRefusalNames = [streamRefusals]string{"unclaimed", "crowded", "silent", "malformed", "misplaced"}

// String is the reason as a metric label.
func (r StreamRefusal) String() string { return streamRefusalNames[r] }

// StreamCounters are the connections that carry ICE (RFC 6544).
type StreamCounters struct {
	// Open are those of now.
	Open int
	// Refused are those that were closed for a reason.
	Refused [StreamRefusalCount]uint64
}

// streams accepts connections for ICE: each carries datagrams in frames (RFC 4571), which take the way of those of the media
// port.
type streams struct {
	mux      *udp.Mux
	log      *slog.Logger
	listener net.Listener
	lobby    *tcp.Lobby // those that no PeerConnection owns
	running  sync.WaitGroup
	refused  [streamRefusals]atomic.Uint64

	mu     sync.Mutex // guards what follows; held for an insert, a removal, or to close them
	closed bool
	open   map[net.Conn]struct{}
}

func newStreams(mux *udp.Mux, l net.Listener, log *slog.Logger) *streams {
	s := &streams{
		mux: mux, log: log, listener: l,
		lobby: tcp.NewLobby(maxUnclaimedPerAddress, maxUnclaimed),
		open:  make(map[net.Conn]struct{}),
	}
	s.running.Go(s.acceptLoop)
	return s
}

// acceptLoop takes connections until the listener is closed.
func (s *streams) acceptLoop() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		closed := s.closed
		if !closed {
			s.open[c] = struct{}{}
		}
		s.mu.Unlock()
		if closed {
			_ = c.Close()
			continue
		}
		s.running.Go(func() {
			s.serve(c)
			_ = c.Close()
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
		})
	}
}

// close hangs up on everybody and waits.
func (s *streams) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.lobby.Close()
	s.running.Wait()
	return err //nolint:wrapcheck // as the listener says it
}

func (s *streams) counters() StreamCounters {
	var c StreamCounters
	for i := range s.refused {
		c.Refused[i] = s.refused[i].Load()
	}
	s.mu.Lock()
	c.Open = len(s.open)
	s.mu.Unlock()
	return c
}

// serve reads a connection until it ends.
func (s *streams) serve(c net.Conn) {
	local, ok1 := c.LocalAddr().(*net.TCPAddr)
	remote, ok2 := c.RemoteAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return
	}
	guest := s.lobby.Enter(remote.AddrPort().Addr(), func() { _ = c.Close() })
	if guest == nil {
		return
	}
	out := tcp.NewOutbox(c, 0)
	defer out.Close()
	in, ok := s.mux.AttachStream(local.AddrPort().Addr(), remote.AddrPort(), &streamFlow{out})
	if !ok {
		s.lobby.Leave(guest)
		s.refused[StreamMisplaced].Add(1)
		return
	}
	defer in.Release()
	defer in.Close()
	owned, err := s.read(c, in, guest)
	stayed := s.lobby.Leave(guest)
	switch {
	case !owned && !stayed:
		s.refused[StreamCrowded].Add(1)
	case !owned:
		s.refused[StreamUnclaimed].Add(1)
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.refused[StreamSilent].Add(1)
	case errors.Is(err, tcp.ErrFrameTooLong):
		s.refused[StreamMalformed].Add(1)
	}
	s.log.Debug("connection for ICE ended", "remote", remote.String(), "owned", owned, "err", err)
}

var errUnclaimed = errors.New("no peer owns the connection")

// read hands on what comes. All frames that have come together are handed on together.
func (s *streams) read(c net.Conn, in *udp.Inlet, guest *tcp.Guest) (owned bool, err error) {
	frames := tcp.NewFrames(c, streamReadBytes)
	var extended time.Time
	_ = c.SetReadDeadline(time.Now().Add(claimWithin))
	for n := 0; ; n++ {
		if !frames.Ready() {
			in.Flush()
			now := time.Now()
			switch {
			case !owned && in.Owned():
				owned = true
				s.lobby.Leave(guest)
			case !owned && n > claimFrames:
				return false, errUnclaimed
			}
			if owned && now.Sub(extended) > time.Second {
				extended = now
				_ = c.SetReadDeadline(now.Add(silentAfter))
			}
		}
		size, err := frames.Next(in.Next())
		if err != nil {
			in.Flush()
			return owned, err //nolint:wrapcheck // serve sorts it
		}
		in.Commit(size)
	}
}

// streamFlow sends datagrams over a connection. It implements udp.Flow.
type streamFlow struct{ out *tcp.Outbox }

var _ udp.Flow = (*streamFlow)(nil)

// Send implements udp.Flow.
func (f *streamFlow) Send(b []byte) bool {
	var head [tcp.FrameHeader]byte
	binary.BigEndian.PutUint16(head[:], uint16(len(b))) //nolint:gosec // a datagram is shorter
	return f.out.Send(head[:], b) == nil
}

// Waiting implements udp.Flow.
func (f *streamFlow) Waiting(now time.Time) (bytes int, age time.Duration) { return f.out.Waiting(now) }

package udp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"hiroba/sfu/packet"
)

// Config is what Listen needs.
type Config struct {
	// Addresses are local addresses, none of them unspecified. Each has sockets of its own, because an answer must leave
	// from the address that was asked. LocalAddresses lists those of this machine.
	Addresses []netip.Addr
	// Port is the UDP port at each of them. 0 picks a free one, with a single address only.
	Port uint16
	// Readers is how many sockets, each with a goroutine, share the port at each address. 0 is GOMAXPROCS. Systems other than
	// Linux have 1.
	Readers int
	// StreamPort is the TCP port at which each of the addresses is reached by connections; 0 is none. Whoever accepts
	// them makes an Inlet of each.
	StreamPort uint16
	// GSO lets a Sender hand runs of datagrams to the kernel as one, where the system can do that.
	GSO bool
	// Log tells of limits of the system that cost quality. Nil is silence.
	Log *slog.Logger
}

// Receiver takes the SRTP and SRTCP datagrams of one client: all whose first byte is 128 to 191 (RFC 7983). The mux holds a
// lock of the PeerMux during each call, so that calls of one Receiver come one after another, whichever reader a
// datagram came through. A Receiver must not block; it may call Wake and Destination of its PeerMux, but not Close.
type Receiver interface {
	// HandleMedia gets a datagram as received in p.Bytes(). If it takes it, it owns the reference to p; if not, the datagram goes
	// to pion. It must not have changed the bytes then.
	HandleMedia(now time.Time, p *packet.Packet) (taken bool)
	// HandleBatch follows the last HandleMedia of one read, and is called again when the time it returned last has come, or
	// that of Wake. The zero time is never. Times are kept to about a millisecond. What it commits to out leaves after that,
	// together with what other Receivers commit in the same read.
	HandleBatch(now time.Time, out *Sender) (due time.Time)
}

// Mux is the media port: the sockets at all local addresses. Its methods may be called by any goroutine.
type Mux struct {
	locals  []*local
	log     *slog.Logger
	gso     bool
	start   time.Time // the zero of the readers' clocks
	closed  atomic.Bool
	readers sync.WaitGroup
	turn    atomic.Pointer[turnServer]

	flowTally tally // of all that does not pass the sockets

	mu      sync.Mutex // guards what follows
	tallies []*tally
	senders int
	peers   int
	spare   []*Sender // that Inlets borrow: there are many Inlets, and few of them send at once
}

// Listen opens the media port and starts reading. A port that another process has is refused, even if that process would
// share it.
func Listen(cfg Config) (*Mux, error) {
	if len(cfg.Addresses) == 0 {
		return nil, errors.New("no local address")
	}
	if cfg.Port == 0 && len(cfg.Addresses) > 1 {
		return nil, errors.New("port 0 needs a single address")
	}
	readers := cfg.Readers
	if readers <= 0 {
		readers = runtime.GOMAXPROCS(0)
	}
	if !canSharePort {
		readers = 1
	}
	m := &Mux{log: cfg.Log, gso: cfg.GSO, start: time.Now()}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	port := cfg.Port
	for _, addr := range cfg.Addresses {
		l, err := m.listenAt(netip.AddrPortFrom(addr.Unmap(), port), readers)
		if errors.Is(err, syscall.EADDRNOTAVAIL) && len(cfg.Addresses) > 1 {
			// It went away since it was listed, or is not confirmed yet (IPv6).
			m.log.Warn("local address skipped", "address", addr, "err", err)
			continue
		}
		if err != nil {
			_ = m.Close()
			return nil, err
		}
		m.locals = append(m.locals, l)
	}
	if len(m.locals) == 0 {
		return nil, fmt.Errorf("none of %v is an address of this machine", cfg.Addresses)
	}
	m.checkSystem()
	for _, l := range m.locals {
		for _, s := range l.sockets {
			r := newReader(m, l, s)
			s.reader = r
			m.tallies = append(m.tallies, r.tally)
		}
	}
	m.listenStreams(cfg.StreamPort)
	for _, l := range m.locals {
		for _, s := range l.sockets {
			m.readers.Go(s.reader.run)
		}
	}
	return m, nil
}

// checkSystem tells of what the system does not give.
func (m *Mux) checkSystem() {
	s := m.locals[0].sockets[0]
	if got := s.buffers(); got.receive < socketBuffer || got.send < socketBuffer {
		m.log.Warn("socket buffers are smaller than asked for, bursts may be lost: raise net.core.rmem_max and net.core.wmem_max",
			"asked_bytes", socketBuffer, "receive_bytes", got.receive, "send_bytes", got.send)
	}
	if m.gso && !s.canSegment() {
		m.gso = false
		m.log.Info("system cannot segment UDP datagrams, each is sent by itself")
	}
	for _, l := range m.locals {
		l.gso.Store(m.gso)
	}
}

// Addr is the first local address, with the port of all.
func (m *Mux) Addr() netip.AddrPort { return m.locals[0].addr }

// Close closes the sockets, ends what pion reads, and waits for the readers. Afterwards no Receiver is called.
func (m *Mux) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	var errs []error
	for _, l := range m.locals {
		errs = append(errs, l.close())
	}
	m.readers.Wait()
	return errors.Join(errs...)
}

// Counters sums up what was done.
func (m *Mux) Counters() Counters {
	m.mu.Lock()
	tallies := m.tallies
	m.mu.Unlock()
	var c Counters
	for _, t := range tallies {
		t.addTo(&c)
	}
	return c
}

// sinceStart is t on the readers' clocks.
func (m *Mux) sinceStart(t time.Time) time.Duration { return t.Sub(m.start) }

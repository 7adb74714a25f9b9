package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// The defaults of a Config.
const (
	DefaultPatience             = 10 * time.Second
	DefaultMaxWaitingPerAddress = 64
	DefaultMaxWaiting           = 4096
	DefaultMaxHTTPPerAddress    = 1024
	DefaultMaxHTTP              = 8192
)

// proofProtocol is what a certificate authority names that looks whether a domain leads here. It wants to see a certificate, and
// says nothing after the handshake (RFC 8737, section 3).
const proofProtocol = "acme-tls/1"

// acceptPause is how long accepting rests after an error that is not the end, such as too many open files.
const acceptPause = 50 * time.Millisecond

// Config is what Split needs. What is zero gets a default.
type Config struct {
	// TLS ends the encryption of connections that begin with it; without one they are refused. If "acme-tls/1" is among its
	// protocols, a connection that agreed on it is closed after the handshake (TLS-ALPN-01).
	TLS *tls.Config
	// Patience is how long a connection may take until it is understood, a TLS handshake included.
	Patience time.Duration
	// MaxWaitingPerAddress and MaxWaiting bound the connections that are not understood yet: of one address (IPv6: one /64)
	// and in all.
	MaxWaitingPerAddress, MaxWaiting int
	// MaxHTTPPerAddress and MaxHTTP bound the connections of HTTP until they are Settled: who sends requests slowly, or none.
	// An address stands for all people behind it, each with up to six connections, and some proxies keep theirs for long.
	MaxHTTPPerAddress, MaxHTTP int
	// Proxy may be nil. It reports whether an address is that of a proxy, which stands for any number of people: its
	// connections count only in all.
	Proxy func(netip.Addr) bool
	// Log may be nil.
	Log *slog.Logger
}

// Port is a listener that was split.
type Port struct {
	cfg      Config
	listener net.Listener
	outlets  [services]*outlet
	waiting  *Lobby
	browsing *Lobby // of HTTP, until Settled
	tally    tally
	ctx      context.Context //nolint:containedctx // it is the life of the Port, which handshakes must not outlast
	cancel   context.CancelFunc
	running  sync.WaitGroup
	close    func() error
}

// Split begins to accept the connections of l and to tell them apart.
func Split(l net.Listener, cfg Config) *Port {
	if cfg.Patience <= 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.MaxWaitingPerAddress <= 0 {
		cfg.MaxWaitingPerAddress = DefaultMaxWaitingPerAddress
	}
	if cfg.MaxWaiting <= 0 {
		cfg.MaxWaiting = DefaultMaxWaiting
	}
	if cfg.MaxHTTPPerAddress <= 0 {
		cfg.MaxHTTPPerAddress = DefaultMaxHTTPPerAddress
	}
	if cfg.MaxHTTP <= 0 {
		cfg.MaxHTTP = DefaultMaxHTTP
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.TLS != nil {
		cfg.TLS = withoutQuarrel(cfg.TLS)
	}
	p := &Port{
		cfg: cfg, listener: l,
		waiting:  NewLobby(cfg.MaxWaitingPerAddress, cfg.MaxWaiting),
		browsing: NewLobby(cfg.MaxHTTPPerAddress, cfg.MaxHTTP),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for i := range p.outlets {
		p.outlets[i] = &outlet{addr: l.Addr(), conns: make(chan net.Conn), done: make(chan struct{})}
	}
	p.close = sync.OnceValue(p.shut)
	p.running.Go(p.acceptLoop)
	return p
}

// HTTP accepts the connections that speak HTTP. Those inside of TLS are a *tls.Conn where the client named a protocol (ALPN),
// so that net/http finds HTTP/2; Encrypted knows the others.
func (p *Port) HTTP() net.Listener { return p.outlets[HTTP] }

// ICE accepts the connections that carry frames of RFC 4571, the first of which is a STUN binding request.
func (p *Port) ICE() net.Listener { return p.outlets[ICE] }

// TURN accepts the connections that carry STUN messages and ChannelData.
func (p *Port) TURN() net.Listener { return p.outlets[TURN] }

// Counters are what came since the Port was made.
func (p *Port) Counters() Counters {
	c := p.tally.snapshot()
	c.Waiting, c.Browsing = p.waiting.Count(), p.browsing.Count()
	return c
}

// Close closes the listener and all connections that were not handed on, and waits until they are gone.
func (p *Port) Close() error { return p.close() }

func (p *Port) shut() error {
	err := p.listener.Close()
	for _, o := range p.outlets {
		o.stop()
	}
	p.cancel()
	p.waiting.Close()
	p.browsing.Close()
	p.running.Wait()
	return err //nolint:wrapcheck // as the listener says it
}

// acceptLoop takes what comes, each connection in a goroutine of its own, until the listener is closed.
func (p *Port) acceptLoop() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || p.ctx.Err() != nil {
				for _, o := range p.outlets {
					o.stop()
				}
				return
			}
			p.cfg.Log.Warn("connection not accepted", "err", err)
			select {
			case <-time.After(acceptPause):
			case <-p.ctx.Done():
			}
			continue
		}
		g := p.waiting.Enter(addressOf(c), func() { _ = c.Close() })
		if g == nil {
			p.refuse(c, Stopped)
			continue
		}
		p.running.Go(func() { p.greet(c, g) })
	}
}

// greet finds out what a connection is and hands it on.
func (p *Port) greet(c net.Conn, g *Guest) {
	understood, service, refusal := p.understand(c)
	switch stayed := p.waiting.Leave(g); {
	case !stayed: // perhaps at the very moment when it was understood
		p.refuse(c, Crowded)
		return
	case understood == nil && refusal == fulfilled:
		_ = c.Close()
		return
	case understood == nil:
		p.refuse(c, refusal)
		return
	}
	_ = c.SetDeadline(time.Time{})
	if service == HTTP && !p.browse(c, understood) {
		p.refuse(c, Stopped)
		return
	}
	if Encrypted(understood) {
		p.tally.encrypted[service].Add(1)
	} else {
		p.tally.plain[service].Add(1)
	}
	if !p.outlets[service].hand(understood) {
		_ = understood.Close() // and leave
		p.refuse(c, Stopped)
	}
}

// browse lets a connection of HTTP wait among those of its kind, on top of c. It is false when the port closes.
//
// net/http gives a connection its time, but any number of them: an address that opens thousands, and sends a request a byte at
// a time on each, would take what descriptors and memory there are for all others.
func (p *Port) browse(c, understood net.Conn) bool {
	addr := addressOf(c)
	if p.cfg.Proxy != nil && p.cfg.Proxy(addr) {
		addr = netip.Addr{}
	}
	g := p.browsing.Enter(addr, func() { p.refuse(c, Crowded) })
	if g == nil {
		return false
	}
	bottomOf(understood).leave = func() { p.browsing.Leave(g) }
	return true
}

func (p *Port) refuse(c net.Conn, why Refusal) {
	p.tally.refused[why].Add(1)
	_ = c.Close()
}

// understand reads until it is clear what c is. Without a connection it says why not.
func (p *Port) understand(c net.Conn) (understood net.Conn, service Service, why Refusal) {
	_ = c.SetDeadline(time.Now().Add(p.cfg.Patience))
	head, found, err := peek(c)
	if err != nil {
		return nil, 0, reasonOf(err)
	}
	if found != isTLS {
		return handed(&conn{Conn: c, head: head}, found)
	}
	if p.cfg.TLS == nil {
		return nil, 0, NoTLS
	}
	inside := tls.Server(&conn{Conn: c, head: head}, p.cfg.TLS)
	if err := inside.HandshakeContext(p.ctx); err != nil {
		if reason := reasonOf(err); reason == Silent {
			return nil, 0, Silent
		}
		p.cfg.Log.Debug("TLS not agreed on", "err", err)
		return nil, 0, BadHandshake
	}
	switch inside.ConnectionState().NegotiatedProtocol {
	case "h2", "http/1.1":
		return inside, HTTP, 0
	case proofProtocol:
		_ = inside.Close()
		return nil, 0, fulfilled
	}
	if head, found, err = peek(inside); err != nil {
		return nil, 0, reasonOf(err)
	}
	return handed(&conn{Conn: inside, head: head, tls: inside}, found)
}

// handed is the service of a connection that was looked at.
func handed(c *conn, found kind) (net.Conn, Service, Refusal) {
	switch found {
	case isHTTP:
		return c, HTTP, 0
	case isICE:
		return c, ICE, 0
	case isTURN:
		return c, TURN, 0
	default: // TLS inside of TLS, too
		return nil, 0, NotUnderstood
	}
}

// peek reads as little as says what c is. A datagram's worth of bytes mostly comes at once; whoever sends them one by one
// is waited for until the deadline.
func peek(c net.Conn) ([]byte, kind, error) {
	head := make([]byte, 0, headBytes)
	for {
		n, err := c.Read(head[len(head):headBytes])
		head = head[:len(head)+n]
		if found := classify(head); found != undecided {
			return head, found, nil
		}
		if err != nil {
			return nil, undecided, err //nolint:wrapcheck // reasonOf sorts it
		}
	}
}

// reasonOf is why nothing more came.
func reasonOf(err error) Refusal {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Silent
	case errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled):
		return Stopped
	case errors.Is(err, io.EOF):
		return HungUp
	default:
		return HungUp
	}
}

// addressOf is the other end's.
func addressOf(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr()
	}
	return netip.Addr{}
}

// outlet is one of the listeners that a Port is split into.
type outlet struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

var _ net.Listener = (*outlet)(nil)

// hand waits until somebody accepts c. It is false when nobody does any more.
func (o *outlet) hand(c net.Conn) bool {
	select {
	case o.conns <- c:
		return true
	case <-o.done:
		return false
	}
}

// Accept implements net.Listener.
func (o *outlet) Accept() (net.Conn, error) {
	select {
	case c := <-o.conns:
		return c, nil
	case <-o.done:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: o.addr, Err: net.ErrClosed}
	}
}

// Close implements net.Listener. Connections of this service are refused from now on; the others go on.
func (o *outlet) Close() error {
	o.stop()
	return nil
}

// Addr implements net.Listener: it is that of the listener which was split.
func (o *outlet) Addr() net.Addr { return o.addr }

func (o *outlet) stop() { o.once.Do(func() { close(o.done) }) }

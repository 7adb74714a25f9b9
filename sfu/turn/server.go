package turn

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"hiroba/sfu/udp"
)

// The defaults of a Config.
const (
	DefaultTTL              = 12 * time.Hour
	DefaultMaxRelaysPerUser = 16
	DefaultMaxRelays        = 10_000
)

const (
	realm = "hiroba"
	// allocationLifetime is how long an allocation lasts without a refresh, unless the client asks for another time.
	allocationLifetime = 10 * time.Minute
	// maxRelayAge is how long one lasts at most.
	maxRelayAge = 24 * time.Hour
	// The ports of relayed addresses.
	firstPort, lastPort = 1024, 65535
)

// The relayed addresses are none of any network: see the package's documentation.
var (
	relayed4 = netip.MustParseAddr("192.0.0.8")
	relayed6 = netip.MustParseAddr("100::8")
)

// IsRelayed reports whether an address is that of a relay.
func IsRelayed(a netip.Addr) bool { a = plain(a); return a == relayed4 || a == relayed6 }

// Config is what New needs. What is zero gets a default.
type Config struct {
	// Streams accepts the clients of TCP and TLS; nil is none. The server closes it.
	Streams net.Listener
	// Public are addresses that stand for the local ones, as those of a NAT do.
	Public []netip.Addr
	// TTL is how long credentials are good for, which is how long after a Welcome a client may need a relay.
	TTL time.Duration
	// MaxRelaysPerUser bounds what one participant may have: a browser takes one for each of its networks and each URL,
	// and the same again when ICE restarts. MaxRelays bounds them all.
	MaxRelaysPerUser, MaxRelays int
	// Log and Loggers may be nil. The latter gets what pion says.
	Log     *slog.Logger
	Loggers logging.LoggerFactory
}

// client is one end of an allocation.
type client struct {
	stream bool
	addr   netip.AddrPort
}

// Server is a TURN server.
type Server struct {
	cfg         Config
	log         *slog.Logger
	mux         *udp.Mux
	peers       peers
	credentials credentials
	tally       tally
	sockets     map[netip.AddrPort]*socket
	streams     *streams // nil without a listener
	server      *turn.Server
	accepting   sync.WaitGroup
	close       func() error

	mu      sync.RWMutex // guards what follows
	relays  map[netip.AddrPort]*relay
	clients map[client]*relay
	users   map[string]int
	byWay   [transports]int
	port    uint16 // that was given out last
}

var _ udp.TURN = (*Server)(nil)

// New starts a server at the addresses of mux.
func New(mux *udp.Mux, cfg Config) (*Server, error) {
	if cfg.TTL <= 0 {
		cfg.TTL = DefaultTTL
	}
	if cfg.MaxRelaysPerUser <= 0 {
		cfg.MaxRelaysPerUser = DefaultMaxRelaysPerUser
	}
	if cfg.MaxRelays <= 0 {
		cfg.MaxRelays = DefaultMaxRelays
	}
	cfg.MaxRelays = min(cfg.MaxRelays, (lastPort-firstPort)/2)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, mux: mux,
		peers:       newPeers(mux.LocalAddrs(), cfg.Public),
		credentials: newCredentials(cfg.TTL),
		sockets:     make(map[netip.AddrPort]*socket),
		relays:      make(map[netip.AddrPort]*relay),
		clients:     make(map[client]*relay),
		users:       make(map[string]int),
		port:        firstPort,
	}
	s.close = sync.OnceValue(s.shut)
	var conns []turn.PacketConnConfig
	add := func(c *socket) {
		conns = append(conns, turn.PacketConnConfig{
			PacketConn: c, RelayAddressGenerator: generator{s}, PermissionHandler: s.permit,
		})
	}
	for _, local := range mux.LocalAddrs() {
		c := newSocket(net.UDPAddrFromAddrPort(local), func(b []byte, to netip.AddrPort) { mux.WriteTURN(local, to, b) })
		s.sockets[local] = c
		add(c)
	}
	if cfg.Streams != nil {
		s.streams = newStreams(s, cfg.Streams)
		add(s.streams.socket)
	}
	var err error
	s.server, err = turn.NewServer(turn.ServerConfig{
		PacketConnConfigs:  conns,
		LoggerFactory:      cfg.Loggers,
		Realm:              realm,
		AuthHandler:        s.authenticate,
		QuotaHandler:       func(user, _ string, _ net.Addr) bool { return s.hasRoom(user) },
		AllocationLifetime: allocationLifetime,
		InboundMTU:         maxDatagram + 1,
		EventHandler: turn.EventHandler{
			OnAuth:              s.handleAuth,
			OnAllocationCreated: s.handleCreated,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("start TURN server: %w", err)
	}
	mux.SetTURN(s)
	if s.streams != nil {
		s.accepting.Go(s.streams.acceptLoop)
	}
	return s, nil
}

// Issue makes credentials for a participant.
func (s *Server) Issue(now time.Time, user string) (username, password string) {
	return s.credentials.issue(now, user)
}

// Forget ends all that a participant has here, because they left.
func (s *Server) Forget(user string) {
	s.mu.RLock()
	var gone []*relay
	if s.users[user] > 0 {
		for _, r := range s.relays {
			if r.user == user {
				gone = append(gone, r)
			}
		}
	}
	s.mu.RUnlock()
	for _, r := range gone {
		r.shut()
	}
}

// Counters are a snapshot.
func (s *Server) Counters() Counters {
	var c Counters
	s.mu.RLock()
	for i, n := range s.byWay {
		c.Relays[i] = uint64(n) //nolint:gosec // not negative
	}
	s.mu.RUnlock()
	for i := range s.tally.allocations {
		c.Allocations[i] = s.tally.allocations[i].Load()
	}
	for i := range s.tally.refused {
		c.Refused[i] = s.tally.refused[i].Load()
	}
	if s.streams != nil {
		c.Connections = uint64(s.streams.count()) //nolint:gosec // not negative
	}
	return c
}

// Close ends all relays and connections.
func (s *Server) Close() error { return s.close() }

func (s *Server) shut() error {
	err := s.server.Close()
	if s.streams != nil {
		err = errors.Join(err, s.streams.close())
	}
	s.accepting.Wait()
	return err
}

// HandleTURN implements udp.TURN.
func (s *Server) HandleTURN(local, from netip.AddrPort, b []byte) {
	c := s.sockets[local]
	if c == nil {
		return
	}
	s.mu.RLock()
	known := s.clients[client{false, from}] != nil
	s.mu.RUnlock()
	if !known && b[0] >= 0x40 { // ChannelData of nobody
		s.tally.refuse(BadCredentials)
		return
	}
	if !c.offer(b, net.UDPAddrFromAddrPort(from), known) {
		s.tally.refuse(QueueFull)
	}
}

// authenticate tells pion the key of a username.
func (s *Server) authenticate(a *turn.RequestAttributes) (user string, key []byte, ok bool) {
	user, err := s.credentials.parse(time.Now(), a.Username)
	if errors.Is(err, errExpired) && a.Method != stun.MethodAllocate {
		err = nil // what is there may stay: pion looks whether it is theirs
	}
	switch {
	case errors.Is(err, errExpired):
		s.tally.refuse(Expired)
		return "", nil, false
	case err != nil || a.Realm != realm:
		s.tally.refuse(BadCredentials)
		return "", nil, false
	}
	return user, turn.GenerateAuthKey(a.Username, realm, s.credentials.password(a.Username)), true
}

// handleAuth counts wrong passwords.
func (s *Server) handleAuth(_, _ net.Addr, _, _, _, _ string, ok bool) {
	if !ok {
		s.tally.refuse(BadCredentials)
	}
}

// permit decides about an address that a client wants to send to.
func (s *Server) permit(from net.Addr, ip net.IP) bool {
	peer, ok := netip.AddrFromSlice(ip)
	if ok && s.peers.allow(addrPortOf(from).Addr(), peer) {
		return true
	}
	s.tally.refuse(ForbiddenPeer)
	return false
}

// hasRoom reports whether a user may have one relay more.
func (s *Server) hasRoom(user string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.users[user] >= s.cfg.MaxRelaysPerUser:
		s.tally.refuse(UserQuota)
		return false
	case len(s.relays) >= s.cfg.MaxRelays:
		s.tally.refuse(ServerQuota)
		return false
	}
	return true
}

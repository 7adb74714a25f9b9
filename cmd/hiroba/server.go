package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"hiroba/metrics"
	"hiroba/metrics/tracing"
	"hiroba/room"
	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/sfu/stats"
	"hiroba/sfu/tcp"
	"hiroba/sfu/turn"
	"hiroba/signaling"
	"hiroba/signaling/certs"
	"hiroba/signaling/protocol"
	"hiroba/signaling/ws"
	"hiroba/web"
)

// Times of the HTTP servers and of closing.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// answerTimeout bounds a public request and its answer, so that nobody holds one open by reading slowly. A WebSocket
	// leaves it behind.
	answerTimeout = time.Minute
	maxHeader     = 16 << 10
	// closeTimeout bounds how long Close waits for clients to take their leave.
	closeTimeout = 5 * time.Second
	// returnAfter is when clients come back after a shutdown: about as long as a restart takes.
	returnAfter = time.Second
)

// server is everything that runs in the process, wired together.
type server struct {
	log    *slog.Logger
	engine *sfu.Engine
	port   *tcp.Port
	rooms  *room.Registry
	door   *ws.Handler
	// traces is nil unless somebody wants them.
	traces *tracing.Tracer

	// certificates is nil with --tls off.
	certificates certs.Source

	public, admin            *http.Server
	publicAddress, adminAddr net.Addr
	// failed gets the error of a listener that ended by itself.
	failed  chan error
	closing atomic.Bool
	// serving are the goroutines that accept connections and keep certificates fresh; Close waits for them.
	serving sync.WaitGroup
	// life is the context of goroutines that end when the server is shut down, by endLife.
	life    context.Context //nolint:containedctx // the server's own, not a caller's
	endLife context.CancelFunc

	draining  *draining
	admission *admission
	logLevel  *slog.LevelVar
	// settingsMu guards cfg, which a reload changes in parts.
	settingsMu sync.Mutex
	cfg        Config
	close      func() error
	// domains are what people type to get here, as far as they are known.
	domains []string
	// examined is who may ask what a request is taken for.
	examined examinees
}

// start opens the sockets and serves on them until Close. ctx bounds only the start itself.
func start(ctx context.Context, cfg Config) (*server, error) {
	proxies, err := cfg.trustedProxies()
	if err != nil {
		return nil, err
	}
	s := &server{log: cfg.Log, failed: make(chan error, 2), cfg: cfg, logLevel: cfg.Level}
	s.life, s.endLife = context.WithCancel(context.Background())
	if s.logLevel == nil {
		s.logLevel = new(slog.LevelVar)
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.close = sync.OnceValue(s.shutdown)
	ips, source, err := (&discoverer{&cfg, cloudAddress}).publicIPs(ctx, s.log)
	if err != nil {
		return nil, err
	}
	if s.domains, err = cfg.domains(); err != nil {
		return nil, err
	}
	if s.certificates, err = cfg.certificates(s.log); err != nil {
		return nil, err
	}

	var encryption *tls.Config
	if s.certificates != nil {
		encryption = certs.ServerConfig(s.certificates)
	}
	admin, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.AdminListen)
	if err != nil {
		return nil, listenError("admin-listen", cfg.AdminListen, "TCP", err)
	}
	if s.traces, err = cfg.traces(ctx, s.log); err != nil {
		admin.Close() //nolint:gosec // nobody has connected
		return nil, err
	}
	var relay *turn.Config
	if cfg.TURN != turnOff {
		relay = &turn.Config{}
	}
	port, engine, err := listenBoth(ctx, cfg.Listen, encryption, proxies, sfu.Config{
		TURN:       relay,
		PublicIPs:  ips,
		Interfaces: cfg.Interfaces,
		MaxSeats:   cfg.MaxSeats,
		PionPath:   cfg.MediaPath == pathPion,
		NoGSO:      cfg.UDPGSO == gsoOff,
		Log:        s.log,
	})
	if err != nil {
		s.closeTraces()
		admin.Close() //nolint:gosec // nobody has connected
		return nil, err
	}
	s.engine, s.port = engine, port
	s.publicAddress, s.adminAddr = port.HTTP().Addr(), admin.Addr()
	logAddresses(s.log, engine, source)
	s.openRooms(proxies)
	s.public = s.newHTTPServer(showTLS(s.examined.tellSeen(s.publicRoutes(proxies), proxies)))
	s.public.ConnContext, s.public.ConnState = withTLSState, settleWebSockets
	s.public.ReadTimeout, s.public.WriteTimeout = answerTimeout, answerTimeout
	if s.certificates != nil {
		s.keepFresh(cfg)
	}
	s.admin = s.newHTTPServer(s.adminHandler(metrics.NewHandler(s.metricSources(), s.log)))
	s.serving.Go(func() { s.admission.run(s.life) })
	s.serve(s.public, port.HTTP())
	s.serve(s.admin, admin)
	for _, ip := range foreign(ips) { // most often that of a router, and right; but else nobody's media comes here
		s.log.Info("public address is not this machine's own; what comes there must be passed on to it", "public_ip", ip,
			"port", portOf(s.publicAddress))
	}
	s.log.Info("server started", "listen", s.publicAddress.String(), "media", engine.Addr().String(),
		"admin", s.adminAddr.String(), "tls", cfg.TLS, "version", version)
	return s, nil
}

// openRooms makes the rooms and the door to them.
func (s *server) openRooms(proxies []netip.Prefix) {
	s.admission = newAdmission(s.cfg.admissionLimits(), s.log, s.bytesSent)
	s.rooms = room.NewRegistry(room.Config{
		Headroom:        s.admission.refusal,
		Engine:          s.engine,
		Limits:          s.cfg.limits(),
		MaxRooms:        s.cfg.MaxRooms,
		MaxParticipants: s.cfg.MaxParticipants,
		Seats:           s.cfg.Seats,
		SessionGrace:    s.cfg.SessionGrace,
		RoomGrace:       s.cfg.RoomGrace,
		ICEServers:      s.iceServers(),
		ServerName:      "hiroba/" + version,
		Log:             s.log,
	})
	s.draining = newDraining(s.rooms, s.log)
	s.door = ws.NewHandler(ws.Config{
		Newcomers:      s.rooms.Newcomers,
		Rooms:          signaling.FromRegistry(s.rooms),
		Limits:         s.cfg.limits(),
		AllowedOrigins: s.cfg.AllowedOrigins,
		TrustedProxies: proxies,
		MaxSockets:     s.cfg.MaxConnections,
		Follow:         s.follow(),
		Log:            s.log,
	})
}

// iceServers tells clients of the TURN server; nil without one.
func (s *server) iceServers() func(time.Time, protocol.ParticipantID, room.Reached) []protocol.ICEServer {
	if s.engine.TURN() == nil {
		return nil
	}
	r := &relays{
		server: s.engine.TURN(), port: s.engine.Addr().Port(), certificates: s.certificates, domains: s.domains,
	}
	return r.iceServers
}

// publicRoutes is all that the public listener answers.
func (s *server) publicRoutes(proxies []netip.Prefix) http.Handler {
	check := &checker{
		engine: s.engine, servers: s.iceServers(), trusted: proxies, log: s.log, each: make(map[netip.Prefix]int),
	}
	app := publicHandler(s.door, check, http.HandlerFunc(s.examined.takeReport), web.Dist, s.cfg.elsewhere()...)
	if s.certificates == nil {
		return app
	}
	lan, isLAN := s.certificates.(*certs.LAN)
	if !isLAN {
		return redirectPlain(app, proxies)
	}
	mux := http.NewServeMux()
	trust := newTrustHandler(lan, portOf(s.publicAddress))
	mux.Handle(trustPath, trust)
	mux.Handle(trustPath+"/", trust)
	mux.Handle("/", app)
	return redirectPlain(mux, proxies)
}

// keepFresh renews certificates in a goroutine of its own until the server is shut down.
func (s *server) keepFresh(cfg Config) {
	if lan, ok := s.certificates.(*certs.LAN); ok {
		s.log.Info("local authority in use", "name", lan.AuthorityName(), "sha256", lan.Fingerprint(), "trust", s.TrustURL())
	}
	if port := portOf(s.publicAddress); cfg.TLS == tlsACME && port != "443" {
		s.log.Warn("the certificate authority will come to port 443; it must lead here", "domains", s.domains, "port", port)
	}
	s.serving.Go(func() { s.certificates.Run(s.life) })
}

// bytesSent is how much media has left the server, by all ways.
func (s *server) bytesSent() uint64 {
	c := s.engine.Counters()
	return c.Bytes(stats.Down, media.Audio) + c.Bytes(stats.Down, media.Video)
}

// metricSources are what a scrape reads.
func (s *server) metricSources() metrics.Sources {
	sources := metrics.Sources{
		Engine:    s.engine,
		Port:      s.port.Counters,
		Rooms:     s.rooms.Stats,
		Signaling: s.door.Stats,
		Limits: func() metrics.Limits {
			now := s.settings()
			return metrics.Limits{Rooms: now.MaxRooms, Connections: now.MaxConnections}
		},
		Headroom: s.admission.left,
		Draining: func() bool { return !s.draining.deadline().IsZero() },
		Build:    metrics.Build(currentBuild()),
	}
	if s.certificates != nil {
		sources.CertificateExpiry = s.certificates.Expiry
	}
	return sources
}

func (s *server) newHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// serve accepts connections in a goroutine of its own until the server is shut down.
func (s *server) serve(h *http.Server, l net.Listener) {
	s.serving.Go(func() {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("accept on %v: %w", l.Addr(), err)
		}
	})
}

// Close says goodbye to every client, closes all sockets, and waits. It may be called more than once.
func (s *server) Close() error { return s.close() }

func (s *server) shutdown() error {
	s.closing.Store(true) // readyz
	s.log.Info("server stopping")
	s.endLife()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	bye := protocol.Bye{
		Reason:    protocol.ByeShutdown,
		Message:   "The server stops. Coming back as soon as it runs again.",
		Reconnect: true,
		AfterMs:   returnAfter.Milliseconds(),
	}
	err := errors.Join(
		s.rooms.Shutdown(ctx, bye), // first: their goodbyes are the ones that clients with a room get
		s.door.Shutdown(ctx, bye),
		s.public.Shutdown(ctx),
		s.engine.Close(),
		s.port.Close(),
		s.admin.Shutdown(ctx),
	)
	s.closeTraces()
	s.serving.Wait()
	s.log.Info("server stopped")
	return err
}

package metrics

import (
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hiroba/room"
	"hiroba/room/headroom"
	"hiroba/sfu/tcp"
	"hiroba/signaling/ws"
)

// Sources are what a scrape reads. All of them are asked at each scrape, from the goroutine of its HTTP request.
type Sources struct {
	Engine Engine
	// Port is what came to the public TCP port.
	Port      func() tcp.Counters
	Rooms     func() room.Stats
	Signaling func() ws.Stats
	Limits    func() Limits
	// Headroom is how much of each part is left, from 1 to 0; Draining whether the server is about to stop.
	Headroom func() [headroom.PartCount]float64
	Draining func() bool
	Build    Build
	// CertificateExpiry is when the TLS certificate ends, zero while it is missing. Nil without TLS.
	CertificateExpiry func() time.Time
}

// Limits is how much of each there may be at once, for dashboards that show what is left.
type Limits struct {
	Rooms, Connections int
}

// Build says which program runs.
type Build struct {
	Version, Revision, Go string
}

var (
	mailboxes = gauge("mailbox_depth", "Entries of the longest mailbox of each kind of owner.", "owner")
	panics    = counter("contained_panics_total", "Panics that were contained, by where they happened.", "plane")
	limits    = gauge("limit", "How many there may be at once, by what is limited: rooms, or connections, which are WebSockets.",
		"of")
	headroomLeft = gauge("headroom_ratio",
		"How much of a limit is left, from 1 to 0, at which nobody new is let in; the lowest part decides. 1 without a limit.",
		"part")
	draining = gauge("draining", "1 while the server is about to stop and waits for people to go, else 0.")
	expiry   = gauge("certificate_expiry_timestamp_seconds",
		"When the TLS certificate ends, in seconds since 1970; 0 while it is missing, +Inf where none is needed (--tls off).")
	buildInfo = gauge("build_info", "Always 1; the labels say which program this is.",
		"version", "revision", "goversion")
)

// The owners of mailboxes.
const (
	ownerShard = "shard"
	ownerPeer  = "peer"
	ownerRoom  = "room"
)

// collector reads the sources for each scrape.
type collector struct {
	sources Sources
}

// Describe sends nothing on purpose: that makes the collector an unchecked one, whose metrics are checked at each
// scrape instead. All of them stand in this package, where a test checks them.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends everything there is.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	rooms := c.sources.Rooms()
	collectMedia(ch, c.sources.Engine)
	collectPort(ch, c.sources)
	collectRooms(ch, rooms)
	collectReports(ch, rooms.Reports)
	collectSignaling(ch, c.sources.Signaling())

	depths := c.sources.Engine.MailboxDepth()
	send(ch, mailboxes, depths[ownerShard], ownerShard)
	send(ch, mailboxes, depths[ownerPeer], ownerPeer)
	send(ch, mailboxes, rooms.MailboxDepth, ownerRoom)
	send(ch, panics, c.sources.Engine.Counters().Panics.Load(), "media")
	send(ch, panics, rooms.Panics, "rooms")
	most := c.sources.Limits()
	send(ch, limits, most.Rooms, "rooms")
	send(ch, limits, most.Connections, "connections")
	for part, left := range c.sources.Headroom() {
		send(ch, headroomLeft, left, headroom.Part(part).String())
	}
	drains := 0
	if c.sources.Draining() {
		drains = 1
	}
	send(ch, draining, drains)
	send(ch, expiry, c.sources.expirySeconds())
	b := c.sources.Build
	send(ch, buildInfo, 1, b.Version, b.Revision, b.Go)
}

// expirySeconds is CertificateExpiry for Prometheus. Something is always told, so that a dashboard can tell "never" from a
// server that it does not reach.
func (s Sources) expirySeconds() float64 {
	if s.CertificateExpiry == nil {
		return math.Inf(1)
	}
	end := s.CertificateExpiry()
	if end.IsZero() {
		return 0
	}
	return float64(end.Unix())
}

// newRegistry makes a registry of its own: nothing that another package registers by itself gets in.
func newRegistry(s Sources) *prometheus.Registry {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(
		collector{s},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

// NewHandler answers the scrapes of Prometheus.
func NewHandler(s Sources, log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(newRegistry(s), promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	})
}

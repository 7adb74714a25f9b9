package metrics

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Sources are what a scrape reads. All of them are asked at each scrape, from the goroutine of its HTTP request.
type Sources struct {
	Engine    Engine
	Rooms     func() Rooms
	Signaling func() Signaling
	Build     Build
}

// Build says which program runs.
type Build struct {
	Version, Revision, Go string
}

var (
	mailboxes = gauge("mailbox_depth", "Entries of the longest mailbox of each kind of owner.", "owner")
	buildInfo = gauge("build_info", "Always 1; the labels say which program this is.",
		"version", "revision", "goversion")
)

// The owners of mailboxes that are not the engine's.
const (
	ownerRoom   = "room"
	ownerOutbox = "outbox"
)

// engineOwners are the owners of the engine's mailboxes.
var engineOwners = []string{"shard", "peer"}

// collector reads the sources for each scrape.
type collector struct {
	sources Sources
}

// Describe sends nothing on purpose: that makes the collector an unchecked one, whose metrics are checked at each
// scrape instead. All of them stand in this package, where a test checks them.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends everything there is.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	rooms, signaling := c.sources.Rooms(), c.sources.Signaling()
	collectMedia(ch, c.sources.Engine)
	collectRooms(ch, rooms)
	collectSignaling(ch, signaling)

	depths := map[string]int{ownerRoom: rooms.MailboxDepth, ownerOutbox: signaling.OutboxDepth}
	engine := c.sources.Engine.MailboxDepth()
	for _, owner := range engineOwners {
		depths[owner] = engine[owner]
	}
	for _, owner := range slices.Sorted(maps.Keys(depths)) {
		send(ch, mailboxes, depths[owner], owner)
	}
	b := c.sources.Build
	send(ch, buildInfo, 1, b.Version, b.Revision, b.Go)
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

package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"hiroba/room"
)

const (
	// maxQueued bounds the spans that wait for delivery: those of some 200 joins.
	maxQueued = 2048
	// maxBatch is how many are delivered at once, batchEvery how long the first of them waits for others.
	maxBatch   = 512
	batchEvery = 2 * time.Second
	// deliverIn bounds one attempt, retryFor all attempts for a batch. Others queue up meanwhile.
	deliverIn = 10 * time.Second
	retryFor  = 30 * time.Second
	// patience is how long after the wish to join a trace waits for the first picture.
	patience = 30 * time.Second
	// tracesPath is where a collector takes traces (OTLP 1.0, section "OTLP/HTTP request").
	tracesPath = "/v1/traces"
)

// Config says where traces go.
type Config struct {
	// Endpoint is the base URL of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318. When it is empty, the
	// standard variables say where it is; see Wanted.
	Endpoint string
	// Version is the server's, and Instance tells it from others of the same name.
	Version, Instance string
	// Log may be nil.
	Log *slog.Logger
}

// The standard variables that name a collector (OpenTelemetry specification, "OTLP exporter configuration").
const (
	envEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
)

// Wanted reports whether anybody wants traces: an endpoint is given, or one of OTEL_EXPORTER_OTLP_ENDPOINT and
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set.
func Wanted(endpoint string) bool {
	return endpoint != "" || os.Getenv(envEndpoint) != "" || os.Getenv(envTracesEndpoint) != ""
}

// ErrEndpoint is an Endpoint that is no URL of a collector.
var ErrEndpoint = errors.New("not the URL of a collector; use one like http://127.0.0.1:4318")

// CheckEndpoint reports what is wrong with an endpoint; an empty one is right.
func CheckEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
		return ErrEndpoint
	}
	return nil
}

// Tracer delivers traces of joins. It implements no interface: Follow is a function for those who begin joins.
type Tracer struct {
	provider *sdk.TracerProvider
	spans    trace.Tracer
	patience time.Duration
}

// Start makes a tracer. It connects to nobody before there is a trace.
func Start(ctx context.Context, cfg Config) (*Tracer, error) {
	options := []otlptracehttp.Option{
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: deliverIn, MaxElapsedTime: retryFor,
		}),
	}
	if cfg.Endpoint != "" {
		if err := CheckEndpoint(cfg.Endpoint); err != nil {
			return nil, fmt.Errorf("collector %q: %w", cfg.Endpoint, err)
		}
		options = append(options, otlptracehttp.WithEndpointURL(strings.TrimSuffix(cfg.Endpoint, "/")+tracesPath),
			otlptracehttp.WithTimeout(deliverIn))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("make OTLP exporter: %w", err)
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", "hiroba"),
			attribute.String("service.version", cfg.Version),
			attribute.String("service.instance.id", cfg.Instance),
		),
		resource.WithHost(),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(), // the operator has the last word: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
	)
	if err != nil {
		log.Warn("resource of traces described in part", "err", err)
	}
	t := &Tracer{patience: patience}
	t.provider = sdk.NewTracerProvider(
		sdk.WithResource(described),
		sdk.WithBatcher(&quietExporter{SpanExporter: exporter, log: log},
			sdk.WithMaxQueueSize(maxQueued), sdk.WithMaxExportBatchSize(maxBatch), sdk.WithBatchTimeout(batchEvery),
			sdk.WithExportTimeout(retryFor+deliverIn)),
	)
	t.spans = t.provider.Tracer("hiroba/room")
	return t, nil
}

// Follow begins a trail for a join. Its trace is delivered when the join is through, has ended, or takes too long.
func (t *Tracer) Follow() room.Trail { return &trail{tracer: t} }

// Close delivers what waits, for as long as ctx allows.
func (t *Tracer) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("deliver the last traces: %w", err)
	}
	return nil
}

// quietExporter says once that traces do not arrive, and once that they do again, instead of each time.
type quietExporter struct {
	sdk.SpanExporter
	log    *slog.Logger
	failed atomic.Bool
}

// ExportSpans delivers spans, or loses them and says so. Its error is handled here, because it is logged here.
func (e *quietExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && e.failed.CompareAndSwap(false, true):
		e.log.Warn("traces not delivered", "spans", len(spans), "err", err,
			"advice", "see whether the collector runs and takes OTLP over HTTP; said once until it works again")
	case err == nil && e.failed.CompareAndSwap(true, false):
		e.log.Info("traces delivered again", "spans", len(spans))
	}
	return nil
}

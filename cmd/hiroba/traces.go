package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"hiroba/metrics/tracing"
	"hiroba/room"
)

// lastTraces bounds how long a server that stops waits for a collector: traces are worth less than a quick restart.
const lastTraces = 2 * time.Second

// traces makes what sends traces of joins; nil when nobody wants them.
func (c *Config) traces(ctx context.Context, log *slog.Logger) (*tracing.Tracer, error) {
	if !tracing.Wanted(c.OTLPEndpoint) {
		return nil, nil //nolint:nilnil // off
	}
	t, err := tracing.Start(ctx, tracing.Config{
		Endpoint: c.OTLPEndpoint, Version: version, Instance: c.Listen, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare traces: %w", err)
	}
	return t, nil
}

// follow begins a trail for each WebSocket; nil while nobody wants traces.
func (s *server) follow() func() room.Trail {
	if s.traces == nil {
		return nil
	}
	return s.traces.Follow
}

// closeTraces delivers the last traces, if the collector takes them.
func (s *server) closeTraces() {
	if s.traces == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastTraces)
	defer cancel()
	if err := s.traces.Close(ctx); err != nil {
		s.log.Warn("last traces lost", "err", err)
	}
}

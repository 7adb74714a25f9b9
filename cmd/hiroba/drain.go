package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"hiroba/room"
)

const (
	// drainLook is how often a draining server looks whether somebody is left, drainLog how often it says so.
	drainLook = 100 * time.Millisecond
	drainLog  = 10 * time.Second
	// drainByHand is the timeout of POST /drain that neither the request nor --drain-timeout gives.
	drainByHand = 30 * time.Second
	maxDrain    = 24 * time.Hour
)

// drainOrder says how a server should empty before it stops.
type drainOrder struct {
	// timeout is when it stops although somebody is left.
	timeout time.Duration
	// to is the WebSocket that clients are sent to, or empty.
	to string
}

// draining empties a server. Everything about it is kept here; the rooms are told.
type draining struct {
	rooms *room.Registry
	log   *slog.Logger
	// over is closed when nobody is left, or the deadline has come.
	over chan struct{}

	// mu guards what follows, for a look or a change.
	mu    sync.Mutex
	until time.Time // zero until the first order
}

func newDraining(rooms *room.Registry, log *slog.Logger) *draining {
	return &draining{rooms: rooms, log: log, over: make(chan struct{})}
}

// begin starts to drain, or changes where to and until when. The first is true for the one who has to call run.
func (d *draining) begin(now time.Time, o drainOrder) (first bool, until time.Time) {
	d.mu.Lock()
	first = d.until.IsZero()
	d.until = now.Add(o.timeout)
	until = d.until
	d.mu.Unlock()
	d.log.Info("drain began", "people", d.rooms.Stats().Participants, "timeout", o.timeout, "to", o.to)
	d.rooms.Drain(room.Drain{Until: until, To: o.to})
	return first, until
}

// deadline is when the server stops at the latest; it is zero while it does not drain.
func (d *draining) deadline() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.until
}

// run waits until the server is empty or the deadline has come, or ctx ends.
func (d *draining) run(ctx context.Context) {
	ticker := time.NewTicker(drainLook)
	defer ticker.Stop()
	told := time.Now()
	for {
		now, people := time.Now(), d.rooms.Stats().Participants
		left := d.deadline().Sub(now)
		switch {
		case people == 0:
			d.log.Info("drain ended, nobody is left")
			close(d.over)
			return
		case left <= 0:
			d.log.Warn("drain ended by its timeout", "people", people)
			close(d.over)
			return
		case now.Sub(told) >= drainLog:
			told = now
			d.log.Info("drain goes on", "people", people, "left", left.Round(time.Second))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// drain starts to empty the server, in a goroutine of its own, or changes how that is done.
func (s *server) drain(o drainOrder) (until time.Time) {
	first, until := s.draining.begin(time.Now(), o)
	if first {
		s.serving.Go(func() { s.draining.run(s.life) })
	}
	return until
}

// handleDrain answers POST /drain: the server drains and then exits.
func (s *server) handleDrain(w http.ResponseWriter, r *http.Request) {
	cfg := s.settings()
	o := drainOrder{timeout: cfg.DrainTimeout, to: cfg.drainTo()}
	if o.timeout == 0 {
		o.timeout = drainByHand
	}
	var err error
	if text := r.FormValue("timeout"); text != "" {
		if o.timeout, err = time.ParseDuration(text); err != nil || o.timeout < 0 || o.timeout > maxDrain {
			answer(w, http.StatusBadRequest, fmt.Sprintf("timeout: use a time from 0s to %v, such as 30s", maxDrain))
			return
		}
	}
	if text := r.FormValue("to"); text != "" {
		if o.to, err = webSocketURL(text); err != nil {
			answer(w, http.StatusBadRequest, "to: "+err.Error())
			return
		}
	}
	until := s.drain(o)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]any{ //nolint:errchkjson // a client that went away needs no answer
		"people": s.rooms.Stats().Participants, "endsAt": until.UTC().Format(time.RFC3339), "to": o.to,
	})
}

// webSocketURL is the WebSocket of a server whose page or WebSocket is given.
func webSocketURL(text string) (string, error) {
	const example = "use the address of another server, such as https://b.example.com"
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" ||
		strings.ContainsAny(u.Host, "; ,'\"") {
		return "", fmt.Errorf("%q cannot be used; %s", text, example)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("%q is neither http nor https; %s", text, example)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/ws"
	}
	return u.String(), nil
}

// drainTo is the WebSocket of --drain-to, which has passed the check.
func (c *Config) drainTo() string {
	if c.DrainTo == "" {
		return ""
	}
	to, err := webSocketURL(c.DrainTo)
	if err != nil {
		return ""
	}
	return to
}

// elsewhere are the servers that a page of this one may have to move to, as sources of a content security policy: that of
// --drain-to, and those of --allowed-origins, which are in league with this one.
func (c *Config) elsewhere() []string {
	origins := c.AllowedOrigins
	if c.DrainTo != "" {
		origins = append([]string{c.DrainTo}, origins...)
	}
	var sources []string
	for _, origin := range origins {
		to, err := webSocketURL(origin)
		if err != nil {
			continue // checked before
		}
		to, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimPrefix(to, "ws://"), "wss://"), "/")
		if strings.HasPrefix(origin, "https:") || strings.HasPrefix(origin, "wss:") {
			sources = append(sources, "https://"+to, "wss://"+to)
		} else {
			sources = append(sources, "http://"+to, "ws://"+to)
		}
	}
	return sources
}

// checkDrain checks the settings of draining and admission.
func (c *Config) checkDrain() error {
	if c.DrainTimeout < 0 || c.DrainTimeout > maxDrain {
		return badSetting("drain-timeout", "%v is out of range; use a time from 0s to %v, such as 30s", c.DrainTimeout, maxDrain)
	}
	if c.DrainTo != "" {
		if _, err := webSocketURL(c.DrainTo); err != nil {
			return badSetting("drain-to", "%v", err)
		}
		if c.DrainTimeout == 0 {
			return badSetting("drain-to", "people need time to go there; set --drain-timeout too, such as 30s")
		}
	}
	if c.MaxCPU < 0 || c.MaxCPU > 100 {
		return badSetting("max-cpu", "%d is out of range; use a number from 1 to 100, or 0 for no limit", c.MaxCPU)
	}
	if c.MaxEgress < 0 || c.MaxEgress > 1e6 {
		return badSetting("max-egress", "%d is out of range; use a number from 1 to 1000000, or 0 for no limit", c.MaxEgress)
	}
	return nil
}

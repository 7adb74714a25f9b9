package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPagesMayMoveToTheServersThatAreNamed(t *testing.T) {
	cfg := testConfig()
	cfg.DrainTo, cfg.AllowedOrigins = "https://b.example.com/x/ws", []string{"http://*.example.com:8080", "https://c.test"}
	answer := httptest.NewRecorder()
	publicHandler(http.NotFoundHandler(), http.NotFoundHandler(), http.NotFoundHandler(), fstest.MapFS{}, cfg.elsewhere()...).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	const want = "connect-src 'self' https://b.example.com wss://b.example.com http://*.example.com:8080 " +
		"ws://*.example.com:8080 https://c.test wss://c.test; "
	if policy := answer.Header().Get("Content-Security-Policy"); !strings.Contains(policy, want) {
		t.Errorf("policy %q, want %q in it", policy, want)
	}
}

func TestDrainSettings(t *testing.T) {
	for _, test := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.DrainTo = "https://b.example.com" }, "--drain-to: people need time"},
		{func(c *Config) { c.DrainTo, c.DrainTimeout = "b.example.com", 1 }, "--drain-to: "},
		{func(c *Config) { c.DrainTo, c.DrainTimeout = "https://b;script-src", 1 }, "--drain-to: "},
		{func(c *Config) { c.DrainTimeout = -1 }, "--drain-timeout: "},
		{func(c *Config) { c.MaxCPU = 101 }, "--max-cpu: "},
		{func(c *Config) { c.MaxEgress = -1 }, "--max-egress: "},
	} {
		c := testConfig()
		test.change(&c)
		if err := c.check(); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%v, want %s...", err, test.want)
		}
	}
}

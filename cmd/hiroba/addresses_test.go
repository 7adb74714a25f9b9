package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestPublicAddressComesFromWhereTheSettingsSay(t *testing.T) {
	const public = "203.0.113.7"
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && h.Get("X-aws-ec2-metadata-token-ttl-seconds") == "60":
			_, _ = w.Write([]byte("secret"))
		case r.URL.Path == "/latest/meta-data/public-ipv4" && h.Get("X-aws-ec2-metadata-token") == "secret",
			strings.HasPrefix(r.URL.Path, "/computeMetadata/") && h.Get("Metadata-Flavor") == "Google",
			strings.HasPrefix(r.URL.Path, "/metadata/instance/") && h.Get("Metadata") == "true":
			_, _ = w.Write([]byte(public + "\n"))
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer cloud.Close()
	stun := stunServer(t, netip.MustParseAddr(public))
	for _, tt := range []struct {
		name         string
		change       func(*Config)
		want, source string
	}{
		{"nothing", func(*Config) {}, "", "interfaces"},
		{"by hand", func(c *Config) { c.PublicIP, c.STUN = []string{"198.51.100.1"}, stun }, "198.51.100.1", "--public-ip"},
		{"STUN", func(c *Config) { c.STUN = stun }, public, "--stun " + stun},
		{"STUN sees an own one", func(c *Config) { c.STUN = stunServer(t, netip.MustParseAddr("127.0.0.1")) }, "", "interfaces"},
		{"aws", func(c *Config) { c.Cloud = "aws" }, public, "--cloud aws"},
		{"gcp", func(c *Config) { c.Cloud = "gcp" }, public, "--cloud gcp"},
		{"azure", func(c *Config) { c.Cloud = "azure" }, public, "--cloud azure"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig()
			tt.change(&cfg)
			ips, source, err := (&discoverer{&cfg, cloud.URL}).publicIPs(t.Context(), slog.New(slog.DiscardHandler))
			var want []netip.Addr
			if tt.want != "" {
				want = []netip.Addr{netip.MustParseAddr(tt.want)}
			}
			if err != nil || source != tt.source || !slices.Equal(ips, want) {
				t.Errorf("%v from %s, %v", ips, source, err)
			}
		})
	}
}

func TestServerStartsWithoutTheAnswerThatItAskedFor(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	var log bytes.Buffer
	cfg := testConfig()
	cfg.STUN = strings.TrimPrefix(gone.URL, "http://")
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	startServer(t, cfg)
	if text := log.String(); !strings.Contains(text, "public address not found, set it with --public-ip") ||
		!strings.Contains(text, `msg="addresses chosen" announced=[127.0.0.1]`) || !strings.Contains(text, "source=interfaces") {
		t.Error(text)
	}
}

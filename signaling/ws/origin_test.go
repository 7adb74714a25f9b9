package ws

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestOrigins(t *testing.T) {
	patterns := []string{"https://example.com", "*.example.org", "http://dev.test:8080", "[bad"}
	for _, tt := range []struct {
		origin, host string
		want         bool
	}{
		{"", "hiroba.test", true},
		{"https://hiroba.test", "hiroba.test", true},
		{"https://HIROBA.test", "hiroba.TEST", true},
		{"http://hiroba.test:8080", "hiroba.test:8080", true},
		{"http://hiroba.test:8081", "hiroba.test:8080", false},
		{"https://example.com", "hiroba.test", true},
		{"http://example.com", "hiroba.test", false},
		{"https://www.example.com", "hiroba.test", false},
		{"https://example.com.evil.test", "hiroba.test", false},
		{"https://app.example.org", "hiroba.test", true},
		{"http://app.example.org", "hiroba.test", true},
		{"https://a.b.example.org", "hiroba.test", false},
		{"https://example.org", "hiroba.test", false},
		{"https://evil.test/x.example.org", "hiroba.test", false},
		{"http://dev.test:8080", "hiroba.test", true},
		{"http://dev.test", "hiroba.test", false},
		{"null", "hiroba.test", false},
		{"file://", "hiroba.test", false},
		{"://", "hiroba.test", false},
	} {
		r := &http.Request{Host: tt.host, Header: http.Header{}}
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		if got := originAllowed(r, patterns); got != tt.want {
			t.Errorf("origin %q at host %q: %t", tt.origin, tt.host, got)
		}
	}
}

func TestRemotes(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		name, peer string
		header     http.Header
		want       string
		loopback   bool
	}{
		{"direct", "192.0.2.1:5000", nil, "192.0.2.1", false},
		{"this machine", "127.0.0.1:5000", nil, "127.0.0.1", true},
		{"this machine, IPv6", "[::1]:5000", nil, "::1", true},
		{"mapped", "[::ffff:127.0.0.1]:5000", nil, "127.0.0.1", true},
		{"liar", "192.0.2.1:5000", http.Header{"X-Forwarded-For": {"127.0.0.1"}}, "192.0.2.1", false},
		{"proxy here", "127.0.0.1:5000", http.Header{"X-Forwarded-For": {"192.0.2.9"}}, "192.0.2.9", false},
		{"proxy here, silent", "127.0.0.1:5000", http.Header{"Via": {"1.1 proxy"}}, "127.0.0.1", false},
		{"liar behind a proxy", "127.0.0.1:5000", http.Header{"X-Forwarded-For": {"127.0.0.1, 192.0.2.9"}}, "192.0.2.9", false},
		{"two proxies", "127.0.0.1:5000", http.Header{"X-Forwarded-For": {"192.0.2.9", "10.1.1.1"}}, "192.0.2.9", false},
		{"rubbish", "127.0.0.1:5000", http.Header{"X-Forwarded-For": {"unknown"}}, "127.0.0.1", false},
		{"no address", "pipe", nil, "invalid IP", false},
	} {
		r := &http.Request{RemoteAddr: tt.peer, Header: tt.header}
		got := remoteOf(r, trusted)
		if got.addr.String() != tt.want || got.loopback != tt.loopback {
			t.Errorf("%s: %v, loopback %t", tt.name, got.addr, got.loopback)
		}
	}
}

func TestHouseholds(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
	} {
		if got := household(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s is counted as %s", in, got)
		}
	}
	if household(netip.Addr{}).IsValid() {
		t.Error("no address became one")
	}
}

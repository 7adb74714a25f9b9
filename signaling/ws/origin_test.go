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
		if got := originAllowed(r, false, patterns); got != tt.want {
			t.Errorf("origin %q at host %q: %t", tt.origin, tt.host, got)
		}
	}
}

func TestPlainPageMayNotUseAnEncryptedSocket(t *testing.T) {
	for origin, want := range map[string]bool{
		"https://hiroba.test": true,
		"http://hiroba.test":  false,
		"http://dev.test":     true, // whoever allowed it knows
		"":                    true,
	} {
		r := &http.Request{Host: "hiroba.test", Header: http.Header{}}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if got := originAllowed(r, true, []string{"http://dev.test"}); got != want {
			t.Errorf("origin %q: %t", origin, got)
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

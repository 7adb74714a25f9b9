package forwarded

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

var trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:77::/48")}

func forwardedFor(hops ...string) http.Header { return http.Header{"X-Forwarded-For": hops} }

func TestAddresses(t *testing.T) {
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
		{"proxy here", "127.0.0.1:5000", forwardedFor("192.0.2.9"), "192.0.2.9", false},
		{"proxy here, silent", "127.0.0.1:5000", http.Header{"Via": {"1.1 proxy"}}, "127.0.0.1", false},
		{"two proxies", "127.0.0.1:5000", forwardedFor("192.0.2.9", "10.1.1.1"), "192.0.2.9", false},
		{"proxy by IPv6", "[2001:db8:77::1]:5000", forwardedFor("2001:db8::9"), "2001:db8::9", false},
		{"mapped client", "10.0.0.1:5000", forwardedFor("::ffff:192.0.2.9"), "192.0.2.9", false},
		{"no address", "pipe", nil, "invalid IP", false},

		{"liar: this machine", "192.0.2.1:5000", forwardedFor("127.0.0.1"), "192.0.2.1", false},
		{"liar: this machine, IPv6", "192.0.2.1:5000", forwardedFor("::1"), "192.0.2.1", false},
		{"liar: a proxy", "192.0.2.1:5000", forwardedFor("10.0.0.1"), "192.0.2.1", false},
		{"liar: a chain", "192.0.2.1:5000", forwardedFor("192.0.2.9, 10.0.0.1"), "192.0.2.1", false},
		{"liar: two headers", "192.0.2.1:5000", forwardedFor("192.0.2.9", "10.0.0.1"), "192.0.2.1", false},
		{"liar: X-Real-IP", "192.0.2.1:5000", http.Header{"X-Real-Ip": {"192.0.2.9"}}, "192.0.2.1", false},
		{"liar: Forwarded", "192.0.2.1:5000", http.Header{"Forwarded": {"for=192.0.2.9"}}, "192.0.2.1", false},
		{"liar behind a proxy", "127.0.0.1:5000", forwardedFor("127.0.0.1, 192.0.2.9"), "192.0.2.9", false},
		{"liar behind two", "10.0.0.1:5000", forwardedFor("127.0.0.1, 192.0.2.9, 10.0.0.2"), "192.0.2.9", false},
		{"says this machine through a proxy", "10.0.0.1:5000", forwardedFor("127.0.0.1"), "127.0.0.1", false},
		{"X-Real-IP through a proxy", "10.0.0.1:5000", http.Header{"X-Real-Ip": {"192.0.2.9"}}, "10.0.0.1", false},
		{"rubbish", "127.0.0.1:5000", forwardedFor("unknown"), "127.0.0.1", false},
		{"rubbish left of the client", "127.0.0.1:5000", forwardedFor("'; drop, 192.0.2.9"), "192.0.2.9", false},
		{"rubbish right of the client", "127.0.0.1:5000", forwardedFor("192.0.2.9, _hidden"), "127.0.0.1", false},
		{"with a port", "127.0.0.1:5000", forwardedFor("192.0.2.9:1234"), "192.0.2.9", false},
		{"IPv6 with a port", "127.0.0.1:5000", forwardedFor("[2001:db8::9]:1234"), "2001:db8::9", false},
		{"IPv6 in brackets", "127.0.0.1:5000", forwardedFor("[2001:db8::9]"), "2001:db8::9", false},
		{"with a zone", "127.0.0.1:5000", forwardedFor("fe80::9%eth0"), "fe80::9", false},
		{"with zone and port", "127.0.0.1:5000", forwardedFor("[fe80::9%eth0]:1234"), "fe80::9", false},
		{"proxy with a zone", "[fe80::1%eth0]:5000", forwardedFor("192.0.2.9"), "fe80::1", false},
		{"a chain with ports", "10.0.0.1:5000", forwardedFor("192.0.2.9:1, 10.0.0.3:2", "[2001:db8:77::2]:3"), "192.0.2.9", false},
		{"a liar's chain with ports", "10.0.0.1:5000", forwardedFor("127.0.0.1:1, 192.0.2.9:2, 10.0.0.3:3"), "192.0.2.9", false},
		{"mapped hop of a proxy", "10.0.0.1:5000", forwardedFor("192.0.2.9, ::ffff:10.0.0.2"), "192.0.2.9", false},
		{"liar: mapped", "192.0.2.1:5000", forwardedFor("::ffff:127.0.0.1"), "192.0.2.1", false},
		{"port of nothing", "127.0.0.1:5000", forwardedFor(":1234"), "127.0.0.1", false},
		{"port too high", "127.0.0.1:5000", forwardedFor("192.0.2.9:70000"), "127.0.0.1", false},
		{"number of no host", "127.0.0.1:5000", forwardedFor("0.0.0.0"), "127.0.0.1", false},
		{"a group", "127.0.0.1:5000", forwardedFor("ff02::1"), "127.0.0.1", false},
		{"zeros in front", "127.0.0.1:5000", forwardedFor("192.0.02.9"), "127.0.0.1", false},
		{"name", "127.0.0.1:5000", forwardedFor("localhost"), "127.0.0.1", false},
		{"control characters", "127.0.0.1:5000", forwardedFor("192.0.2.9\r\nX: y"), "127.0.0.1", false},
		{"a zone without end", "127.0.0.1:5000", forwardedFor("fe80::9%" + strings.Repeat("x", 10_000)), "127.0.0.1", false},
		{"hops without end", "192.0.2.1:5000", forwardedFor(strings.Repeat("10.0.0.1,", 1000)), "192.0.2.1", false},
		{"empty hops", "127.0.0.1:5000", forwardedFor(" , "), "127.0.0.1", false},
		{"next to a trusted network", "11.0.0.1:5000", forwardedFor("192.0.2.9"), "11.0.0.1", false},
	} {
		got := Of(&http.Request{RemoteAddr: tt.peer, Header: tt.header}, trusted)
		if got.Addr.String() != tt.want || got.Loopback != tt.loopback {
			t.Errorf("%s: %v, loopback %t", tt.name, got.Addr, got.Loopback)
		}
	}
}

func TestEncryption(t *testing.T) {
	for _, tt := range []struct {
		name, peer string
		tls        bool
		header     http.Header
		want       bool
	}{
		{"plain", "192.0.2.1:5000", false, nil, false},
		{"TLS", "192.0.2.1:5000", true, nil, true},
		{"TLS, and a lie", "192.0.2.1:5000", true, http.Header{"X-Forwarded-Proto": {"http"}}, true},
		{"proxy says https", "10.0.0.1:5000", false, http.Header{"X-Forwarded-Proto": {"https"}}, true},
		{"proxy here says HTTPS", "127.0.0.1:5000", false, http.Header{"X-Forwarded-Proto": {"HTTPS"}}, true},
		{"proxy says wss", "10.0.0.1:5000", false, http.Header{"X-Forwarded-Proto": {"wss"}}, true},
		{"proxy says http", "10.0.0.1:5000", false, http.Header{"X-Forwarded-Proto": {"http"}}, false},
		{"proxy says nothing", "10.0.0.1:5000", false, forwardedFor("192.0.2.1"), false},
		{"both proxies say https", "10.0.0.1:5000", false, http.Header{"X-Forwarded-Proto": {"https, https"}}, true},
		{"the first proxy saw http", "10.0.0.1:5000", false, http.Header{"X-Forwarded-Proto": {"http", "https"}}, false},
		{"liar", "192.0.2.1:5000", false, http.Header{"X-Forwarded-Proto": {"https"}}, false},
		{
			"liar with a proxy's name", "192.0.2.1:5000", false,
			http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"10.0.0.1"}},
			false,
		},
		{
			"liar with other words", "192.0.2.1:5000", false,
			http.Header{"Forwarded": {"proto=https"}, "X-Forwarded-Ssl": {"on"}, "Front-End-Https": {"on"}},
			false,
		},
		{
			"other words through a proxy", "10.0.0.1:5000", false,
			http.Header{"Forwarded": {"proto=https"}, "X-Forwarded-Ssl": {"on"}},
			false,
		},
		{"rubbish", "10.0.0.1:5000", false, http.Header{"X-Forwarded-Proto": {"https evil"}}, false},
		{"empty", "10.0.0.1:5000", false, http.Header{"X-Forwarded-Proto": {""}}, false},
	} {
		r := &http.Request{RemoteAddr: tt.peer, Header: tt.header}
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := Of(r, trusted); got.Encrypted != tt.want {
			t.Errorf("%s: encrypted %t", tt.name, got.Encrypted)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add("10.0.0.1:5000", "192.0.2.9, 10.0.0.2", "https")
	f.Add("192.0.2.1:5000", "[fe80::9%eth0]:1234", "https,wss")
	f.Add("[::1]:5000", " , ,", "")
	f.Fuzz(func(t *testing.T, peer, hops, proto string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {hops}, "X-Forwarded-Proto": {proto}}}
		got, from := Of(r, trusted), peerOf(r)
		if got.Loopback && got.Forwarded {
			t.Errorf("%+v is on this machine, and behind a proxy", got)
		}
		if !IsTrusted(from, trusted) && (got.Addr != from || got.Encrypted) {
			t.Errorf("%v is believed: %+v", from, got)
		}
	})
}

package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hiroba/room"
	"hiroba/sfu/turn"
	"hiroba/sfu/udp"
	"hiroba/signaling/certs"
)

// asking is an HTTP client that takes the test's certificate and follows no redirects.
func asking(http2 bool) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2,
	}
	if !http2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       systemTimeout,
	}
}

func TestOnePortEndsTLS(t *testing.T) {
	cfg := testConfig()
	cfg.TLS = tlsFiles
	cfg.TLSCert, cfg.TLSKey = certificateFiles(t, t.TempDir(), 1, "127.0.0.1")
	s := startServer(t, cfg)
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Fatalf("URL is %s", s.URL())
	}
	host := strings.TrimPrefix(s.URL(), "https://")
	for _, http2 := range []bool{true, false} { // the latter names no protocol at all
		response, err := asking(http2).Get(s.URL() + "/ws")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUpgradeRequired && response.StatusCode != http.StatusSwitchingProtocols || (response.ProtoMajor == 2) != http2 {
			t.Errorf("HTTP/2 %v: %s %s", http2, response.Proto, response.Status)
		}
	}
	plain, err := asking(false).Get("http://" + host + "/r/tea?x=1")
	if err != nil {
		t.Fatal(err)
	}
	plain.Body.Close()
	if to := plain.Header.Get("Location"); plain.StatusCode != http.StatusPermanentRedirect || to != s.URL()+"/r/tea?x=1" {
		t.Errorf("plain HTTP: %s to %s", plain.Status, to)
	}
	if health, err := asking(false).Get("http://" + host + "/healthz"); err != nil || health.StatusCode == http.StatusPermanentRedirect {
		t.Errorf("health check: %v, %v", health, err)
	}
	// Junk, before TLS and inside.
	for _, inside := range []bool{false, true} {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		if inside {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		}
		_ = conn.SetDeadline(time.Now().Add(systemTimeout))
		_, _ = conn.Write(bytes.Repeat([]byte{0xAA}, 100))
		if n, _ := conn.Read(make([]byte, 1)); n > 0 {
			t.Error("junk was answered")
		}
		conn.Close()
	}
	_, text := get(t, s.AdminURL()+"/metrics")
	for _, want := range []string{
		`hiroba_port_connections_refused_total{reason="not_understood"} 2`,
		`hiroba_port_connections_total{service="http",tls="yes"} 2`,
		`hiroba_port_connections_total{service="http",tls="no"} 2`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("metrics have no %s", want)
		}
	}
}

// fileSource is a certificate for some hosts.
func fileSource(t *testing.T, hosts ...string) certs.Source {
	t.Helper()
	cert, key := certificateFiles(t, t.TempDir(), 1, hosts...)
	source, err := certs.NewFiles(certs.FilesConfig{Cert: cert, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestTURNIsToldByTheAddressOfTheClient(t *testing.T) {
	mux, err := udp.Listen(udp.Config{Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	if err != nil {
		t.Fatal(err)
	}
	defer mux.Close()
	server, err := turn.New(mux, turn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	public := fileSource(t, "rooms.example.com", "2001:db8::7")
	domains := []string{"rooms.example.com"}
	lan, err := certs.NewLAN(certs.LANConfig{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		by           room.Reached
		certificates certs.Source
		domains      []string
		want         string
	}{
		{room.Reached{Host: "rooms.example.com", Port: 443, Direct: true}, public, nil, "turns:rooms.example.com:443?transport=tcp"},
		{room.Reached{Host: "ROOMS.example.com", Port: 443, Direct: true}, public, domains, "turns:ROOMS.example.com:443?transport=tcp"},
		{room.Reached{Host: "2001:db8::7", Port: 443, Direct: true}, public, domains, "turns:[2001:db8::7]:443?transport=tcp"},
		{room.Reached{Host: "rooms.example.com", Port: 443}, public, domains, "turns:rooms.example.com:9000?transport=tcp"},
		// Somebody came by an address that the certificate is not for.
		{room.Reached{Host: "192.0.2.7", Port: 443, Direct: true}, public, domains, "turns:rooms.example.com:443?transport=tcp"},
		{room.Reached{Host: "192.0.2.7", Port: 443, Direct: true}, public, nil, "turn:192.0.2.7:443?transport=tcp"},
		{room.Reached{Host: "192.168.1.20", Port: 8080, Direct: true}, lan, nil, "turn:192.168.1.20:8080?transport=tcp"},
		{room.Reached{Host: "box.local", Port: 8080, Direct: true}, lan, []string{"box.local"}, "turn:box.local:8080?transport=tcp"},
		{room.Reached{Host: "2001:db8::7", Port: 8080, Direct: true}, nil, nil, "turn:[2001:db8::7]:8080?transport=tcp"},
		{room.Reached{Host: "example.com", Port: 443}, nil, domains, "turn:example.com:9000?transport=tcp"},
		{room.Reached{Host: "localhost", Port: 8080, Direct: true}, nil, nil, ""},
		{room.Reached{Host: "127.0.0.1", Port: 8080, Direct: true}, public, domains, ""},
		{room.Reached{}, public, domains, ""},
	} {
		r := &relays{server: server, port: 9000, certificates: test.certificates, domains: test.domains}
		var got string
		for _, s := range r.iceServers(time.Now(), "ada", test.by) {
			got = strings.Join(s.URLs, " ")
			if !strings.HasSuffix(s.Username, ":ada") || s.Credential == "" {
				t.Errorf("%+v: credentials are %q, %q", test.by, s.Username, s.Credential)
			}
		}
		if got != test.want {
			t.Errorf("%+v: %q, want %q", test.by, got, test.want)
		}
	}
}

func TestTURNOff(t *testing.T) {
	cfg := testConfig()
	cfg.TURN = turnOff
	s := startServer(t, cfg)
	if s.iceServers() != nil {
		t.Error("clients are told of a TURN server")
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(systemTimeout))
	_, _ = conn.Write([]byte("\x00\x03\x00\x00\x21\x12\xa4\x42transaction1"))
	if b, _ := io.ReadAll(conn); len(b) > 0 {
		t.Errorf("TURN was answered with %q", b)
	}
}

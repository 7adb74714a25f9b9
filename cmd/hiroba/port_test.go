package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hiroba/room"
	"hiroba/sfu/turn"
	"hiroba/sfu/udp"
)

// certificateFiles makes a certificate for some addresses and its key, as PEM files.
func certificateFiles(t *testing.T, folder string, addresses ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, a := range addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(a))
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

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
	cfg.TLSCert, cfg.TLSKey = certificateFiles(t, t.TempDir(), "127.0.0.1")
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

func TestBadCertificatesAreNamed(t *testing.T) {
	cert, key := certificateFiles(t, t.TempDir())
	for _, test := range []struct{ cert, key, want string }{
		{cert, "", "--tls-key"}, {"", key, "--tls-cert"}, {cert, "/nowhere", "--tls-key"}, {key, cert, "--tls-cert"},
	} {
		cfg := testConfig()
		cfg.TLSCert, cfg.TLSKey = test.cert, test.key
		s, err := start(t.Context(), cfg)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
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
	for _, test := range []struct {
		by        room.Reached
		encrypted bool
		want      string
	}{
		{
			room.Reached{Host: "example.com", Port: 443, Direct: true},
			true,
			"turns:example.com:443?transport=tcp",
		},
		{
			room.Reached{Host: "2001:db8::7", Port: 8080, Direct: true},
			false,
			"turn:[2001:db8::7]:8080?transport=tcp",
		},
		{
			room.Reached{Host: "example.com", Port: 443},
			false,
			"turn:example.com:9000?transport=tcp",
		},
		{room.Reached{Host: "localhost", Port: 8080, Direct: true}, false, ""},
		{room.Reached{Host: "127.0.0.1", Port: 8080, Direct: true}, false, ""},
		{room.Reached{}, false, ""},
	} {
		r := &relays{server: server, port: 9000, encrypted: test.encrypted}
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

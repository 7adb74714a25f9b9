package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// testConfig is for a server on free loopback ports. HIROBA_TEST_MEDIA_PATH and HIROBA_TEST_UDP_GSO are the settings of
// these names, so that all tests can be run each way.
func testConfig() Config {
	c := defaultConfig()
	c.Listen, c.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	if path := os.Getenv("HIROBA_TEST_MEDIA_PATH"); path != "" {
		c.MediaPath = path
	}
	if gso := os.Getenv("HIROBA_TEST_UDP_GSO"); gso != "" {
		c.UDPGSO = gso
	}
	return c
}

// startServer starts a server that the end of the test closes.
func startServer(t *testing.T, cfg Config) *server {
	t.Helper()
	s, err := start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// get is the status and body at an address.
func get(t *testing.T, address string) (int, string) {
	t.Helper()
	r, err := http.Get(address) //nolint:bodyclose // read does
	return read(t, r, err)
}

// read is the status and body of what a request came to.
func read(t *testing.T, r *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func TestServerAnswersOnBothListeners(t *testing.T) {
	s := startServer(t, testConfig())
	if udp, want := s.engine.Addr().String(), strings.TrimPrefix(s.URL(), "http://"); udp != want {
		t.Errorf("media at %s, web at %s; want the same", udp, want)
	}
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if code, text := get(t, s.AdminURL()+path); code != 200 || text != want {
			t.Errorf("%s: %d %q", path, code, text)
		}
	}
	if code, text := get(t, s.AdminURL()+"/debug/pprof/"); code != 200 || !strings.Contains(text, "goroutine") {
		t.Errorf("pprof: %d", code)
	}
	if code, text := get(t, s.URL()+"/healthz"); code != 200 || text != "ok\n" {
		t.Errorf("/healthz on the public listener: %d %q", code, text)
	}
	for _, path := range []string{"/metrics", "/readyz", "/debug/pprof/"} {
		if code, _ := get(t, s.URL()+path); code != 404 {
			t.Errorf("%s on the public listener: %d", path, code)
		}
	}
	if code, _ := get(t, s.URL()+"/ws"); code != http.StatusUpgradeRequired {
		t.Errorf("/ws without a WebSocket: %d", code)
	}
}

func TestServerMetricsPassPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian: package prometheus)")
	}
	s := startServer(t, testConfig())
	_, text := get(t, s.AdminURL()+"/metrics")
	if !strings.Contains(text, "hiroba_build_info{") {
		t.Errorf("metrics begin with %.200q", text)
	}
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// listenUDPOnly takes a UDP port whose number is free for TCP.
func listenUDPOnly(t *testing.T, host string) net.PacketConn {
	t.Helper()
	for range 50 {
		tcp, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(tcp.Addr().String())
		udp, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
		tcp.Close()
		if err == nil {
			return udp
		}
	}
	t.Fatal("found no port that is free for TCP and UDP")
	return nil
}

func TestServerSaysWhichPortIsTaken(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp := listenUDPOnly(t, "127.0.0.1")
	defer udp.Close()
	for _, test := range []struct {
		name          string
		listen, admin string
		want          string
	}{
		{"TCP", tcp.Addr().String(), "127.0.0.1:0", "--listen " + tcp.Addr().String() + ": another program uses TCP port "},
		{"UDP", udp.LocalAddr().String(), "127.0.0.1:0", "--listen " + udp.LocalAddr().String() + ": another program uses UDP port "},
		{"admin", "127.0.0.1:0", tcp.Addr().String(), "--admin-listen " + tcp.Addr().String() + ": another program uses TCP port "},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Listen, cfg.AdminListen = test.listen, test.admin
			s, err := start(t.Context(), cfg)
			if err == nil {
				s.Close()
				t.Fatal("it started")
			}
			if !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %q, want %q...", err, test.want)
			}
		})
	}
}

func TestUDPPortTakenOnAllAddresses(t *testing.T) {
	udp := listenUDPOnly(t, "")
	defer udp.Close()
	_, port, _ := net.SplitHostPort(udp.LocalAddr().String())
	cfg := testConfig()
	cfg.Listen = ":" + port
	s, err := start(t.Context(), cfg)
	if err == nil {
		s.Close()
		t.Fatal("it started")
	}
	if want := "another program uses UDP port " + port; !strings.Contains(err.Error(), want) {
		t.Errorf("error is %q, want %q in it", err, want)
	}
}

func TestRunTellsTheAddressAndEndsWithItsContext(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, stop := context.WithCancel(t.Context())
	cfg := testConfig()
	out, outWriter := io.Pipe()
	ended := make(chan error, 1)
	var log bytes.Buffer
	go func() { ended <- run(ctx, nil, nil, cfg, outWriter, &log) }()

	var line [200]byte
	n, err := out.Read(line[:])
	if err != nil || !strings.HasPrefix(string(line[:n]), "Open http://127.0.0.1:") {
		t.Errorf("first line is %q (%v)", line[:n], err)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("still running")
	}
	if !strings.Contains(log.String(), `msg="server stopped"`) {
		t.Errorf("log is\n%s", &log)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
	}
}

func TestReadyzFailsWhileStopping(t *testing.T) {
	s := startServer(t, testConfig())
	s.closing.Store(true)
	if code, text := get(t, s.AdminURL()+"/readyz"); code != http.StatusServiceUnavailable || text != "stopping\n" {
		t.Errorf("%d %q", code, text)
	}
}

func TestCloseMayBeCalledTwice(t *testing.T) {
	s := startServer(t, testConfig())
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := http.Get(s.URL()); err == nil {
		t.Error("it still answers")
	}
}

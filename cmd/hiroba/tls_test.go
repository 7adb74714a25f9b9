package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lanServer starts a server with its own authority, and a client that trusts it.
func lanServer(t *testing.T, change func(*Config)) (*server, *http.Client) {
	t.Helper()
	cfg := testConfig()
	cfg.TLS, cfg.DataDir = tlsLAN, t.TempDir()
	if change != nil {
		change(&cfg)
	}
	s := startServer(t, cfg)
	code, der := get(t, plainURL(s)+"/trust/hiroba-ca.crt")
	ca, err := x509.ParseCertificate([]byte(der))
	if code != 200 || err != nil {
		t.Fatalf("certificate of the authority: %d %v", code, err)
	}
	return s, trusting(ca)
}

// plainURL is the server's address without TLS.
func plainURL(s *server) string { return "http://" + browserHost(s.publicAddress) }

// trusting is a client that trusts one authority and follows no redirections.
func trusting(ca *x509.Certificate) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask gets an address with headers given as name and value, and closes the answer's body.
func ask(t *testing.T, c *http.Client, address string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func TestLANServerSpeaksTLSOnItsPort(t *testing.T) {
	s, client := lanServer(t, nil)
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Errorf("URL is %s", s.URL())
	}
	r := ask(t, client, s.URL()+"/healthz")
	if r.StatusCode != 200 || r.ProtoMajor != 2 || r.TLS.Version < tls.VersionTLS12 {
		t.Errorf("by TLS: %d, HTTP/%d, TLS %x", r.StatusCode, r.ProtoMajor, r.TLS.Version)
	}
	if r := ask(t, client, s.URL()+"/ws"); r.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("/ws without a WebSocket: %d", r.StatusCode)
	}
	if _, err := http.Get(s.URL()); err == nil { //nolint:bodyclose // there is none
		t.Error("a client that does not trust the authority connects")
	}
	_, text := get(t, s.AdminURL()+"/metrics")
	_, value, _ := strings.Cut(text, "\nhiroba_certificate_expiry_timestamp_seconds ")
	value, _, _ = strings.Cut(value, "\n")
	if seconds, err := strconv.ParseFloat(value, 64); err != nil || int64(seconds) != s.certificates.Expiry().Unix() {
		t.Errorf("expiry in metrics is %q, want %d", value, s.certificates.Expiry().Unix())
	}
}

// upgrade asks for a WebSocket and returns the status.
func upgrade(t *testing.T, conn net.Conn, host, origin string) int {
	t.Helper()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n", host, origin)
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	return r.StatusCode
}

func TestWebSocketOpensByTLSForEncryptedPagesOnly(t *testing.T) {
	s, client := lanServer(t, nil)
	host := browserHost(s.publicAddress)
	config := client.Transport.(*http.Transport).TLSClientConfig.Clone() //nolint:forcetypeassert,errcheck // made above
	config.NextProtos = []string{"http/1.1"}                             // as browsers ask for a WebSocket
	for origin, want := range map[string]int{"https://" + host: 101, "http://" + host: 403} {
		conn, err := tls.Dial("tcp", host, config)
		if err != nil {
			t.Fatal(err)
		}
		if got := upgrade(t, conn, host, origin); got != want {
			t.Errorf("from a page at %s: %d, want %d", origin, got, want)
		}
	}
	plain, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	if got := upgrade(t, plain, host, "http://"+host); got != http.StatusPermanentRedirect {
		t.Errorf("without TLS: %d", got)
	}
}

func TestPlainRequestsAreRedirected(t *testing.T) {
	s, client := lanServer(t, nil)
	host := browserHost(s.publicAddress)
	for path, want := range map[string]string{
		"/":                       "https://" + host + "/",
		"/r/a%2Fb%20c?name=x&y=1": "https://" + host + "/r/a%2Fb%20c?name=x&y=1",
		"//evil.test/":            "https://" + host + "//evil.test/",
		"/trusty":                 "https://" + host + "/trusty",
		"/healthz":                "",
		"/trust":                  "",
		"/trust/trust.css":        "",
		"/trust/hiroba-ca.crt":    "",
	} {
		r := ask(t, client, plainURL(s)+path)
		if got := r.Header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
		if want != "" && (r.StatusCode != http.StatusPermanentRedirect || r.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
	}
}

// TestSpoofedHeadersDoNotUndoTheRedirection asks from an address whose words do not count, and from one whose do.
func TestSpoofedHeadersDoNotUndoTheRedirection(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		name, peer string
		header     http.Header
		host       string
		want       int
	}{
		{"stranger", "192.0.2.1:5000", nil, "hiroba.test", 308},
		{"stranger says https", "192.0.2.1:5000", http.Header{"X-Forwarded-Proto": {"https"}}, "hiroba.test", 308},
		{"stranger calls itself a proxy", "192.0.2.1:5000", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"10.0.0.1"}}, "hiroba.test", 308},
		{"stranger with another host", "192.0.2.1:5000", http.Header{"X-Forwarded-Host": {"evil.test"}}, "hiroba.test", 308},
		{"stranger with a host that is none", "192.0.2.1:5000", nil, "a@evil.test", 400},
		{"without a host", "192.0.2.1:5000", nil, "", 400},
		{"proxy says https", "10.0.0.1:5000", http.Header{"X-Forwarded-Proto": {"https"}}, "hiroba.test", 200},
		{"proxy says http", "10.0.0.1:5000", http.Header{"X-Forwarded-Proto": {"http"}}, "hiroba.test", 308},
		{"proxy here says https", "127.0.0.1:5000", http.Header{"X-Forwarded-Proto": {"https"}}, "hiroba.test", 200},
	} {
		r := &http.Request{RemoteAddr: tt.peer, Header: tt.header, Host: tt.host, Method: http.MethodGet}
		r.URL = mustParse(t, "/r/x")
		if r.Header == nil {
			r.Header = http.Header{}
		}
		w := newRecorder()
		redirectPlain(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), trusted).ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, w.Code, tt.want)
		}
		if location := w.Header().Get("Location"); w.Code == 308 && location != "https://hiroba.test/r/x" {
			t.Errorf("%s: leads to %s", tt.name, location)
		}
	}
	for in, want := range map[string]string{
		"h.test:80": "h.test", "[::1]:80": "[::1]", "h.test:8080": "h.test:8080", "h.test": "h.test", "[::1]": "[::1]",
	} {
		if got := withoutPort80(in); got != want {
			t.Errorf("%s becomes %s", in, got)
		}
	}
}

func TestJunkOnTheTLSPort(t *testing.T) {
	s, client := lanServer(t, nil)
	address := s.publicAddress.String()
	var idle []net.Conn
	for i := range 40 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		switch i % 4 {
		case 0: // says nothing
			idle = append(idle, conn)
			continue
		case 1: // begins a handshake and goes no further
			_, _ = conn.Write([]byte{22, 3, 1})
			idle = append(idle, conn)
			continue
		case 2:
			_, _ = conn.Write([]byte("\x16\x03\x01\x00\x05hello, this is no handshake"))
		case 3:
			_, _ = conn.Write([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 10, 13, 10})
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if text, err := io.ReadAll(io.LimitReader(conn, 1<<16)); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("junk %d is not answered by closing: %q %v", i, text, err)
		}
		conn.Close()
	}
	if r := ask(t, client, s.URL()+"/healthz"); r.StatusCode != 200 {
		t.Errorf("others get %d", r.StatusCode)
	}
	for _, conn := range idle {
		conn.Close()
	}
}

// serialOf is the serial number of the certificate that a server shows.
func serialOf(t *testing.T, s *server) int64 {
	t.Helper()
	conn, err := tls.Dial("tcp", s.publicAddress.String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // only looks
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestCertificateFilesAreReloaded(t *testing.T) {
	cfg, folder := testConfig(), t.TempDir()
	cfg.TLS = tlsFiles
	cfg.TLSCert, cfg.TLSKey = certificateFiles(t, folder, 1, "rooms.example.com", "127.0.0.1")
	cfg.Domain = []string{"rooms.example.com"}
	s := startServer(t, cfg)
	if got := serialOf(t, s); got != 1 {
		t.Fatalf("serial number %d", got)
	}
	if want := "https://rooms.example.com:" + portOf(s.publicAddress); s.URL() != want {
		t.Errorf("URL is %s, want %s", s.URL(), want)
	}
	if s.TrustURL() != "" {
		t.Error("there is nothing to learn to trust")
	}
	certificateFiles(t, folder, 2, "rooms.example.com", "127.0.0.1")
	s.reload(nil)
	for deadline := time.Now().Add(10 * time.Second); serialOf(t, s) != 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the certificate stays the same")
		}
	}
}

func TestHangUpReloads(t *testing.T) {
	cfg, folder := testConfig(), t.TempDir()
	cfg.TLS = tlsFiles
	cfg.TLSCert, cfg.TLSKey = certificateFiles(t, folder, 1, "rooms.example.com", "127.0.0.1")
	ctx, stop := context.WithCancel(t.Context())
	out, outWriter := io.Pipe()
	logOut, logWriter := io.Pipe()
	ended, hangUp := make(chan error, 1), make(chan os.Signal, 1)
	go func() { ended <- run(ctx, hangUp, nil, cfg, outWriter, logWriter) }()
	lines := make(chan string, 100)
	go func() {
		for scanner := bufio.NewScanner(logOut); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "Open https://") {
		t.Fatalf("%q %v", line, err)
	}
	hangUp <- syscall.SIGHUP
	for deadline := time.After(10 * time.Second); ; {
		select {
		case line := <-lines:
			if !strings.Contains(line, "certificate reloaded") {
				continue
			}
		case <-deadline:
			t.Fatal("nothing was reloaded")
		}
		break
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTLSSettings(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, tt := range []struct {
		args []string
		want string // of the error; empty for none
	}{
		{[]string{"--tls", "maybe"}, "--tls must be one of "},
		{[]string{"--tls", "files"}, "--tls-cert: --tls files needs it"},
		{[]string{"--tls", "files", "--tls-cert", "x"}, "--tls-key: --tls files needs it"},
		{[]string{"--tls-cert", "x"}, "--tls-cert: has no effect with --tls off; use --tls files"},
		{[]string{"--tls", "lan", "--tls-key", "x"}, "--tls-key: has no effect with --tls lan"},
		{[]string{"--tls", "lan", "--acme-email", "a@b.test"}, "--acme-email: has no effect with --tls lan; use --tls acme"},
		{[]string{"--tls", "acme"}, "--domain: --tls acme needs it; name what people type to get here"},
		{[]string{"--tls", "acme", "--domain", "box.local"}, "--domain: no public authority makes certificates for box.local"},
		{[]string{"--tls", "acme", "--domain", "localhost"}, "--domain: no public authority makes certificates for localhost"},
		{[]string{"--tls", "acme", "--domain", "203.0.113.7"}, `--domain: "203.0.113.7" is not a name`},
		{[]string{"--tls", "acme", "--domain", "*.example.com"}, `--domain: "*.example.com" is not a name`},
		{[]string{"--tls", "acme", "--domain", "https://example.com"}, `--domain: "https://example.com" is not a name`},
		{[]string{"--tls", "acme", "--domain", "example.com:443"}, `--domain: "example.com:443" is not a name`},
		{[]string{"--tls", "acme", "--domain", ""}, `--domain: `},
		{[]string{"--tls", "acme", "--domain", "example.com", "--acme-email", "nobody"}, `--acme-email: "nobody" is not a mail address`},
		{[]string{"--tls", "acme", "--domain", "example.com", "--acme-directory", "http://x.test"}, `--acme-directory: "http://x.test" is not an https URL`},
		{[]string{"--tls", "acme", "--domain", "example.com,日本語.jp", "--acme-email", "a@example.com"}, ""},
		{[]string{"--tls", "lan", "--domain", "rooms.local", "--data-dir", "x"}, ""},
		{[]string{"--domain", "rooms.example.com"}, ""}, // behind a proxy
	} {
		_, _, err := parseArguments(append([]string{"serve"}, tt.args...), io.Discard, io.Discard)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%v: %v", tt.args, err)
		case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
			t.Errorf("%v: error is %v, want %s...", tt.args, err, tt.want)
		}
	}
	c := defaultConfig()
	c.Domain = []string{"日本語.jp", "Example.COM.", "example.com"}
	if got, err := c.domains(); err != nil || strings.Join(got, " ") != "xn--wgv71a119e.jp example.com" {
		t.Errorf("%v %v", got, err)
	}
}

func TestCertificatesThatCannotBeUsedEndTheStart(t *testing.T) {
	cfg := testConfig()
	cfg.TLS = tlsFiles
	cfg.TLSCert, cfg.TLSKey = certificateFiles(t, t.TempDir(), 1, "rooms.example.com")
	cfg.Domain = []string{"other.example.com"}
	s, err := start(t.Context(), cfg)
	if err == nil {
		s.Close()
		t.Fatal("it started")
	}
	if want := "--domain: the certificate in " + cfg.TLSCert + " is not for other.example.com"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is %v", err)
	}
}

// program is this test program as the server's, with a shell around it that can be told limits.
func program(t *testing.T, shell []string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	words := append(append([]string{}, shell...), os.Args[0])
	words = append(words, args...)
	c := exec.CommandContext(ctx, words[0], words[1:]...) //nolint:gosec // all of it is ours
	c.Env = append(os.Environ(), partVariable+"="+serverPart)
	out, _ := c.CombinedOutput() // the exit code says it
	return string(out), c.ProcessState.ExitCode()
}

func TestDataFolderThatCannotBeUsed(t *testing.T) {
	lan := func(folder string) []string {
		return []string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--tls", "lan", "--data-dir", folder}
	}
	complains := func(t *testing.T, out string, code int, want string) {
		t.Helper()
		if last := "hiroba: --data-dir: " + want; code != exitSetting || !strings.Contains(out, last) {
			t.Errorf("exit code %d, output %q, want %q", code, out, last)
		}
	}
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		out, code := program(t, nil, lan(file)...)
		complains(t, out, code, file+" is not a folder")
		out, code = program(t, nil, lan(filepath.Join(file, "below"))...)
		complains(t, out, code, file+"/below is not a folder")
	})
	t.Run("limit of file size", func(t *testing.T) {
		out, code := program(t, []string{"sh", "-c", `ulimit -f 1; exec "$0" "$@"`}, lan(t.TempDir())...)
		complains(t, out, code, "this process may not write files of 32 KB")
	})
	t.Run("no home", func(t *testing.T) {
		out, code := program(t, []string{"env", "-u", "HOME", "-u", "XDG_STATE_HOME", "-u", "STATE_DIRECTORY"}, lan("")...)
		complains(t, out, code, "this user has no home folder")
	})
	t.Run("not allowed", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root may write everywhere")
		}
		folder := t.TempDir()
		if err := os.Chmod(folder, 0o500); err != nil { //nolint:gosec // it is a folder
			t.Fatal(err)
		}
		out, code := program(t, nil, lan(folder)...)
		complains(t, out, code, "not allowed to write to "+folder)
	})
	for name, tt := range map[string]struct{ options, want string }{
		"full disk":            {"size=4k,mode=700", "the disk of FOLDER is full; free some space"},
		"read-only filesystem": {"ro", "FOLDER is on a file system that can only be read"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			mount := []string{"unshare", "-m", "sh", "-c", `mount -t tmpfs -o "$0" tmpfs "$1" || exit 77; shift; exec "$@"`, tt.options, folder}
			out, code := program(t, mount, lan(folder)...)
			if code == 77 || code == -1 || strings.Contains(out, "unshare:") {
				t.Skipf("cannot mount here: %s", out)
			}
			complains(t, out, code, strings.ReplaceAll(tt.want, "FOLDER", folder))
		})
	}
}

func TestDataFolderOfTheSystem(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, tt := range []struct{ state, xdg, flag, want string }{
		{"", "", "", filepath.Join(home, ".local/state/hiroba")},
		{"", "/var/x", "", "/var/x/hiroba"},
		{"", "relative", "", filepath.Join(home, ".local/state/hiroba")},
		{"/var/lib/hiroba:/var/lib/other", "/var/x", "", "/var/lib/hiroba"},
		{"/var/lib/hiroba", "", "/srv/h", "/srv/h"},
	} {
		t.Setenv("STATE_DIRECTORY", tt.state)
		t.Setenv("XDG_STATE_HOME", tt.xdg)
		c := Config{DataDir: tt.flag}
		if got, err := c.dataDir(); err != nil || got != tt.want {
			t.Errorf("%+v: %s %v", tt, got, err)
		}
	}
}

package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hiroba/sfu/tcp"
)

// patience bounds each wait; test machines are busy.
const patience = 20 * time.Second

// lockedBuffer is a log that a test reads while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// until waits for a log entry.
func until(t *testing.T, log *lockedBuffer, entry string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(log.String(), entry); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %q in the log:\n%s", entry, log)
		}
	}
}

// listenTLS is a port as that of the server, with the certificates of a source.
func listenTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := tcp.Split(l, tcp.Config{TLS: config})
	t.Cleanup(func() { _ = port.Close() })
	return l.Addr().String()
}

// startACME runs a source until the test ends or stop is called.
func startACME(t *testing.T, f *fakeAuthority, folder string) (a *ACME, log *lockedBuffer, stop func()) {
	t.Helper()
	log = &lockedBuffer{}
	a, err := NewACME(ACMEConfig{
		Domains: []string{"rooms.example.com"}, Email: "me@example.com", Directory: f.directory(), Folder: folder,
		Client: f.server.Client(), Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.reach = listenTLS(t, ServerConfig(a))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Run(ctx)
	}()
	stop = func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("Run goes on after its end")
		}
	}
	t.Cleanup(stop)
	return a, log, stop
}

// ask makes a handshake and checks the certificate against the authority's root.
func ask(f *fakeAuthority, serverName string) (*x509.Certificate, error) {
	roots := x509.NewCertPool()
	roots.AddCert(f.root)
	conn, err := tls.Dial("tcp", f.reach, &tls.Config{RootCAs: roots, ServerName: serverName, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func TestACMEGetsACertificateAndKeepsIt(t *testing.T) {
	f, folder := newFakeAuthority(t), filepath.Join(t.TempDir(), "acme")
	a, log, stop := startACME(t, f, folder)
	until(t, log, "certificate obtained")
	leaf, err := ask(f, "rooms.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if !a.Expiry().Equal(leaf.NotAfter) {
		t.Errorf("expiry %v, want %v", a.Expiry(), leaf.NotAfter)
	}
	if _, err := ask(f, "ROOMS.example.com"); err != nil {
		t.Errorf("capitals: %v", err)
	}
	var wrong x509.HostnameError
	if _, err := ask(f, "other.example.com"); !errors.As(err, &wrong) {
		t.Errorf("another domain: %v", err)
	}
	if _, err := tls.Dial("tcp", f.reach, &tls.Config{ServerName: "rooms.example.com", NextProtos: []string{"acme-tls/1"}}); err == nil {
		t.Error("a proof that nobody asked for")
	}
	if f.count() != 1 {
		t.Errorf("%d orders", f.count())
	}
	if f.mu.Lock(); !strings.Contains(f.contact, "mailto:me@example.com") || !strings.Contains(f.contact, `"termsOfServiceAgreed":true`) {
		t.Errorf("account: %s", f.contact)
	}
	f.mu.Unlock()
	for _, file := range []string{".", accountFile, pairFile} {
		if info, err := os.Stat(filepath.Join(a.cfg.Folder, file)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	stop()

	// The next start uses what is there.
	again, _, _ := startACME(t, f, folder)
	if _, err := ask(f, "rooms.example.com"); err != nil {
		t.Error(err)
	}
	if f.count() != 1 || !again.Expiry().Equal(leaf.NotAfter) {
		t.Errorf("%d orders, expiry %v", f.count(), again.Expiry())
	}
}

func TestACMEFailuresSayWhatToDo(t *testing.T) {
	for kind, want := range map[string]string{
		"connection":    "lead TCP port 443 of rooms.example.com to --listen",
		"dns":           "let rooms.example.com point to this server in the DNS",
		"caa":           "the CAA record of rooms.example.com forbids this authority",
		"somethingElse": "see what the authority says",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFakeAuthority(t)
			f.refuse(&acmeProblem{Type: "urn:ietf:params:acme:error:" + kind, Detail: "because", Status: 400})
			a, log, _ := startACME(t, f, t.TempDir())
			until(t, log, "certificate not obtained")
			if !strings.Contains(log.String(), want) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("log:\n%s", log)
			}
			if !a.Expiry().IsZero() {
				t.Error("a certificate from nowhere")
			}
			// Handshakes fail at once, and make no orders: the authority allows few.
			orders := f.count()
			for range 5 {
				if _, err := ask(f, "rooms.example.com"); err == nil {
					t.Error("a handshake succeeds")
				}
			}
			if f.count() != orders {
				t.Errorf("handshakes made %d orders", f.count()-orders)
			}
		})
	}
}

func TestACMEWithoutItsAuthority(t *testing.T) {
	f := newFakeAuthority(t)
	f.server.Close()
	_, log, _ := startACME(t, f, t.TempDir())
	until(t, log, "check that this machine reaches --acme-directory")
}

// TestACMEStopsWhileItWaits has an authority that does not answer.
func TestACMEStopsWhileItWaits(t *testing.T) {
	f := newFakeAuthority(t)
	f.mu.Lock() // no request gets further
	_, _, stop := startACME(t, f, t.TempDir())
	time.Sleep(50 * time.Millisecond) // so that it is usually waiting; it must stop either way
	stop()
	f.mu.Unlock()
}

func TestACMECertificateSurvivesAFullDisk(t *testing.T) {
	f := newFakeAuthority(t)
	a, log, _ := startACME(t, f, filepath.Join(put(t, t.TempDir(), "file", nil), "acme")) // no folder can be made here
	until(t, log, "certificate obtained")
	if !strings.Contains(log.String(), "make --data-dir writable") || a.Expiry().IsZero() {
		t.Errorf("expiry %v, log:\n%s", a.Expiry(), log)
	}
	if _, err := ask(f, "rooms.example.com"); err != nil {
		t.Error(err)
	}
}

func TestACMERenews(t *testing.T) {
	f, folder := newFakeAuthority(t), t.TempDir()
	a, log, stop := startACME(t, f, folder)
	until(t, log, "certificate obtained")
	if wait, third := a.untilDue(), 60*24*time.Hour; wait > third || wait < third-2*time.Hour {
		t.Errorf("renewed after %v", wait)
	}
	a.Reload() // nothing to do
	stop()
	first, ends := f.count(), a.Expiry()

	// Less than a third of its life is left. The authority refuses at first: what is there stays in use.
	f.refuse(&acmeProblem{Type: "urn:ietf:params:acme:error:dns", Detail: "because"})
	log = &lockedBuffer{}
	late, err := NewACME(ACMEConfig{
		Domains: a.cfg.Domains, Directory: f.directory(), Folder: folder, Client: f.server.Client(),
		Log: slog.New(slog.NewTextHandler(log, nil)), Now: func() time.Time { return ends.AddDate(0, 0, -29) },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.reach = listenTLS(t, ServerConfig(late))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go late.Run(ctx)
	until(t, log, "certificate not obtained")
	if !late.Expiry().Equal(ends) {
		t.Error("the certificate that was there is gone")
	}
	f.refuse(nil)
	f.mu.Lock()
	f.life = 120 * 24 * time.Hour
	f.mu.Unlock()
	late.Reload()
	until(t, log, "certificate obtained")
	if f.count() != first+2 || !late.Expiry().After(ends) {
		t.Errorf("%d orders, expiry %v", f.count(), late.Expiry())
	}
}

func TestACMECertificatesOfAuthoritiesAreKeptApart(t *testing.T) {
	if a, b := folderOf(DefaultDirectory), folderOf("https://acme-staging-v02.api.letsencrypt.org/directory"); a == b ||
		a != "acme-v02.api.letsencrypt.org_directory" {
		t.Errorf("%s, %s", a, b)
	}
	if got := folderOf("https://../../etc"); strings.HasPrefix(got, ".") || strings.Contains(got, "/") {
		t.Errorf("%s", got)
	}
}

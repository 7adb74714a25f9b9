// Package certs has the server's TLS certificates: read from files, obtained from a certificate authority (ACME), or made
// by an authority of the server's own for a local network.
//
// Each kind is a Source. Its certificate is an immutable snapshot that handshakes read; only Run replaces it.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

// Source has the certificates of one kind. Its methods may be called from any goroutine.
type Source interface {
	// Certificate is the one for a handshake (tls.Config.GetCertificate).
	Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// Expiry is when the first of the certificates in use ends; zero while there is none.
	Expiry() time.Time
	// Run keeps the certificates fresh until ctx ends. It is called once.
	Run(ctx context.Context)
	// Reload makes Run look at once whether there is something newer. It does not wait for that.
	Reload()
}

// SettingError is what whoever runs the server has to put right before there can be a certificate.
type SettingError struct {
	// Setting is the name of the flag that the fault is about.
	Setting string
	// Why says what is wrong, and what would be right.
	Why string
	// Err is the cause; it may be nil. Why tells what matters of it.
	Err error
}

func (f *SettingError) Error() string { return "--" + f.Setting + ": " + f.Why }

func (f *SettingError) Unwrap() error { return f.Err }

func fault(setting string, cause error, format string, args ...any) *SettingError {
	return &SettingError{Setting: setting, Why: fmt.Sprintf(format, args...), Err: cause}
}

// ServerConfig is that of TLS on the public port: certificates from s, HTTP/2 for pages, HTTP/1.1 for WebSockets.
func ServerConfig(s Source) *tls.Config {
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: s.Certificate,
		NextProtos:     []string{"h2", "http/1.1"},
	}
	if _, ok := s.(*ACME); ok {
		c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	}
	return c
}

// soon is how long before its end a certificate that nobody has renewed is worth a warning.
const soon = 14 * 24 * time.Hour

// dateFormat is how certificates' times are told: days are what counts, but clocks that are hours off must be seen.
const dateFormat = "2006-01-02 15:04 MST"

func date(t time.Time) string { return t.UTC().Format(dateFormat) }

// checkTimes reports a certificate that is not valid now. A wrong clock looks the same, so the error shows the clock.
func checkTimes(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("is valid from %s on, and this machine's clock says %s; if that is wrong, set the clock",
			date(leaf.NotBefore), date(now))
	case now.After(leaf.NotAfter):
		return fmt.Errorf("expired on %s; renew it (this machine's clock says %s)", date(leaf.NotAfter), date(now))
	}
	return nil
}

// covers reports which names a certificate has, when a wanted one is not among them.
func covers(leaf *x509.Certificate, wanted []string) error {
	if len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0 {
		return errors.New("names no host as subject alternative name, so no browser accepts it")
	}
	for _, name := range wanted {
		if err := leaf.VerifyHostname(name); err != nil {
			return fmt.Errorf("is not for %s, but for %s", name, strings.Join(hosts(leaf), ", "))
		}
	}
	return nil
}

// hosts are the names and addresses that a certificate is for.
func hosts(leaf *x509.Certificate) []string {
	all := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

func loggerOr(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

func clockOr(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// bell wakes a Run. Ringing twice before it wakes is ringing once.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

package certs

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
)

// DefaultDirectory is Let's Encrypt's.
const DefaultDirectory = acme.LetsEncryptURL

// Waits between attempts to get a certificate. An authority counts failures (Let's Encrypt: five an hour for a name) and
// refuses who has too many, so a mistake must not use them up while somebody is correcting it.
const (
	firstRetry = 2 * time.Minute
	lastRetry  = 2 * time.Hour
)

// attemptTimeout bounds one attempt, in which the authority makes handshakes with this server.
const attemptTimeout = 5 * time.Minute

// answerTimeout bounds one request to an authority.
const answerTimeout = 30 * time.Second

// ACMEConfig says which certificate to get, and where.
type ACMEConfig struct {
	// Domains are what the certificate is for, in ASCII. Port 443 of each must lead to this server.
	Domains []string
	// Email is told to the authority; may be empty.
	Email string
	// Directory is the URL of the authority (RFC 8555, section 7.1.1); empty for DefaultDirectory.
	Directory string
	// Folder keeps account and certificate; it is for this Source alone. Each authority gets a folder below.
	Folder string
	// Client talks to the authority; nil for one that trusts what the system trusts.
	Client *http.Client
	// Log may be nil.
	Log *slog.Logger
	// Now is the clock; nil for the machine's.
	Now func() time.Time
}

// ACME is a Source whose certificate a public authority makes (RFC 8555). Domains are proven by a handshake on the
// server's own port (TLS-ALPN-01, RFC 8737), so no other port is needed. It is a client of the plain protocol: autocert of
// the same module hides why a proof failed, and that is what people need to know.
type ACME struct {
	cfg     ACMEConfig
	bell    bell
	current atomic.Pointer[tls.Certificate]
	// client and account are made by the first attempt. Owned by Run.
	client *acme.Client

	// mu guards proofs.
	mu sync.Mutex
	// proofs are what an authority is shown, by domain, while it looks.
	proofs map[string]*tls.Certificate
}

var _ Source = (*ACME)(nil)

// NewACME reads what earlier runs have got. What is missing or old Run gets, once the server accepts connections. An
// error is a *SettingError.
func NewACME(cfg ACMEConfig) (*ACME, error) {
	cfg.Log, cfg.Now = loggerOr(cfg.Log), clockOr(cfg.Now)
	if cfg.Directory == "" {
		cfg.Directory = DefaultDirectory
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: answerTimeout}
	}
	now := cfg.Now()
	if now.Before(earliest) {
		return nil, clockFault(now)
	}
	cfg.Folder = filepath.Join(cfg.Folder, folderOf(cfg.Directory))
	a := &ACME{cfg: cfg, bell: newBell(), proofs: map[string]*tls.Certificate{}}
	if pair := a.stored(); pair != nil {
		a.current.Store(pair)
		cfg.Log.Info("certificate loaded", "domains", pair.Leaf.DNSNames, "expiry", pair.Leaf.NotAfter)
	}
	return a, nil
}

// folderOf tells authorities apart: a certificate of a staging one must not be mistaken for a real one.
func folderOf(directory string) string {
	name := directory
	if u, err := url.Parse(directory); err == nil {
		name = u.Host + u.Path
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", r) {
			return r
		}
		return '_'
	}, strings.TrimLeft(name, "."))
}

// Certificate is that of the domains, whichever a browser asks for, or answers an authority that looks.
func (a *ACME) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if isProof(hello) {
		return a.proof(hello.ServerName)
	}
	if pair := a.current.Load(); pair != nil {
		return pair, nil
	}
	return nil, errNoneYet
}

// Expiry is the end of the certificate; zero while there is none.
func (a *ACME) Expiry() time.Time {
	if pair := a.current.Load(); pair != nil {
		return pair.Leaf.NotAfter
	}
	return time.Time{}
}

// Reload makes Run try at once to get what is missing or old.
func (a *ACME) Reload() { a.bell.ring() }

// Run gets a certificate when there is none, and another one when a third of its life is left, or 30 days.
func (a *ACME) Run(ctx context.Context) {
	retry := firstRetry
	for wait := a.untilDue(); ; {
		select {
		case <-ctx.Done():
			return
		case <-a.bell:
		case <-time.After(wait):
		}
		if wait = a.untilDue(); wait > 0 { // somebody rang, and nothing is to be done
			continue
		}
		err := a.attempt(ctx)
		if err == nil {
			retry, wait = firstRetry, a.untilDue()
			continue
		}
		if ctx.Err() != nil {
			return
		}
		a.cfg.Log.Error("certificate not obtained", "domains", a.cfg.Domains, "directory", a.cfg.Directory,
			"err", oneLine(err), "advice", advice(err, a.cfg.Domains), "next", retry)
		wait, retry = retry, min(2*retry, lastRetry)
	}
}

// attempt gets a certificate, publishes it and stores it.
func (a *ACME) attempt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	pair, err := a.obtain(ctx)
	if err != nil {
		return err
	}
	a.current.Store(pair)
	a.cfg.Log.Info("certificate obtained", "domains", pair.Leaf.DNSNames, "expiry", pair.Leaf.NotAfter)
	if err := a.store(pair); err != nil { // it is of use all the same
		a.cfg.Log.Error("certificate not stored, it is lost at the next start; make --data-dir writable", "err", err)
	}
	return nil
}

// untilDue is how long the certificate is good for, with up to an hour less: not all servers should come at once.
func (a *ACME) untilDue() time.Duration {
	pair := a.current.Load()
	if pair == nil || covers(pair.Leaf, a.cfg.Domains) != nil {
		return 0
	}
	margin := min(pair.Leaf.NotAfter.Sub(pair.Leaf.NotBefore)/3, 30*24*time.Hour)
	left := pair.Leaf.NotAfter.Sub(a.cfg.Now()) - margin
	if left <= 0 {
		return 0
	}
	return max(time.Second, left-rand.N(min(margin/10, time.Hour)+1)) //nolint:gosec // no secret
}

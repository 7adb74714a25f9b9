package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// DefaultDirectory is Let's Encrypt's.
const DefaultDirectory = acme.LetsEncryptURL

// Waits between attempts to get a certificate. An authority counts failures (Let's Encrypt: five an hour for a name) and
// refuses who has too many, so a mistake must not use them up while somebody is correcting it.
const (
	firstRetry = 2 * time.Minute // above the minute for which autocert remembers a failure
	lastRetry  = 2 * time.Hour
)

// ACMEConfig says which certificates to get, and where.
type ACMEConfig struct {
	// Domains get a certificate each. Their port 443 must lead to this server.
	Domains []string
	// Email is told to the authority; may be empty.
	Email string
	// Directory is the URL of the authority (RFC 8555, section 7.1.1); empty for DefaultDirectory.
	Directory string
	// Folder keeps account and certificates; it is for this Source alone.
	Folder string
	// Client talks to the authority; nil for one that trusts what the system trusts.
	Client *http.Client
	// Log may be nil.
	Log *slog.Logger
}

// ACME is a Source whose certificates a public authority makes by itself (RFC 8555). Domains are proven by a handshake on
// the server's own port (TLS-ALPN-01, RFC 8737), so no other port is needed.
type ACME struct {
	cfg     ACMEConfig
	bell    bell
	manager *autocert.Manager
	// wire ends the talks with the authority when Run ends: autocert knows no context.
	wire *wire

	// mu guards obtained.
	mu sync.Mutex
	// obtained are the domains that have a certificate. For others a handshake fails at once: it must not start an
	// attempt, or anybody could use up what the authority allows.
	obtained map[string]bool
}

var _ Source = (*ACME)(nil)

// NewACME reads what earlier runs have got. The rest Run gets, once the server accepts connections.
func NewACME(cfg ACMEConfig) *ACME {
	cfg.Log = loggerOr(cfg.Log)
	if cfg.Directory == "" {
		cfg.Directory = DefaultDirectory
	}
	a := &ACME{cfg: cfg, bell: newBell(), obtained: map[string]bool{}, wire: newWire(cfg.Client)}
	a.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      cache{autocert.DirCache(cfg.Folder), cfg.Log},
		HostPolicy: autocert.HostWhitelist(cfg.Domains...),
		Email:      cfg.Email,
		Client: &acme.Client{
			DirectoryURL: cfg.Directory, UserAgent: "hiroba", HTTPClient: a.wire.client(),
		},
	}
	return a
}

// Certificate is that of the domain which a browser asks for, or answers an authority's challenge.
func (a *ACME) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if isChallenge(hello) {
		return a.manager.GetCertificate(hello)
	}
	domain := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if domain == "" {
		domain = a.cfg.Domains[0] // by address: the browser will say that the name differs, which explains itself
	}
	if !a.has(domain) {
		return nil, fmt.Errorf("no certificate for %q yet", domain)
	}
	return a.manager.GetCertificate(helloFor(domain))
}

// isChallenge tells an authority's handshake from a browser's (RFC 8737, section 4).
func isChallenge(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto
}

// helloFor asks autocert for the certificate of a domain, always for the same kind of key: every browser takes it.
func helloFor(domain string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName:       domain,
		CipherSuites:     []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
		SupportedCurves:  []tls.CurveID{tls.CurveP256},
	}
}

// Expiry is the first end of all certificates; zero while one is missing.
func (a *ACME) Expiry() time.Time {
	var first time.Time
	for _, domain := range a.cfg.Domains {
		if !a.has(domain) {
			return time.Time{}
		}
		cert, err := a.manager.GetCertificate(helloFor(domain))
		if err != nil {
			return time.Time{}
		}
		if first.IsZero() || cert.Leaf.NotAfter.Before(first) {
			first = cert.Leaf.NotAfter
		}
	}
	return first
}

// Reload makes Run try at once to get what is missing.
func (a *ACME) Reload() { a.bell.ring() }

// Run gets the certificates that are missing. Those that it has got, autocert renews by timers of its own.
func (a *ACME) Run(ctx context.Context) {
	defer context.AfterFunc(ctx, a.wire.cut)()
	for wait := firstRetry; !a.obtainAll(ctx, wait); wait = min(2*wait, lastRetry) {
		select {
		case <-ctx.Done():
			return
		case <-a.bell:
		case <-time.After(wait):
		}
	}
	for { // what is there need not be loaded again
		select {
		case <-ctx.Done():
			return
		case <-a.bell:
		}
	}
}

// obtainAll tries each domain once, and reports whether all have a certificate.
func (a *ACME) obtainAll(ctx context.Context, next time.Duration) bool {
	complete := true
	for _, domain := range a.cfg.Domains {
		if a.has(domain) {
			continue
		}
		cert, err := a.manager.GetCertificate(helloFor(domain))
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			complete = false
			a.cfg.Log.Error("certificate not obtained", "domain", domain, "directory", a.cfg.Directory,
				"err", oneLine(err), "advice", advice(err, domain), "next", next)
			continue
		}
		a.mu.Lock()
		a.obtained[domain] = true
		a.mu.Unlock()
		a.cfg.Log.Info("certificate obtained", "domain", domain, "expiry", cert.Leaf.NotAfter)
	}
	return complete
}

func (a *ACME) has(domain string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.obtained[domain]
}

// advice says what to do about an error of an authority (RFC 8555, section 6.7).
func advice(err error, domain string) string {
	var refusal *acme.AuthorizationError
	if errors.As(err, &refusal) && len(refusal.Errors) > 0 {
		err = refusal.Errors[0]
	}
	var problem *acme.Error
	if !errors.As(err, &problem) {
		return "check that this machine reaches --acme-directory, trusts its certificate, and has the right time"
	}
	switch strings.TrimPrefix(problem.ProblemType, "urn:ietf:params:acme:error:") {
	case "connection":
		return "lead TCP port 443 of " + domain + " to --listen, and open it in every firewall"
	case "dns":
		return "let " + domain + " point to this server in the DNS (A and AAAA records)"
	case "tls", "unauthorized":
		return "something else answers at port 443 of " + domain + "; lead it to --listen, and check its A and AAAA records"
	case "caa":
		return "the CAA record of " + domain + " forbids this authority; change it, or use another --acme-directory"
	case "rateLimited":
		return "the authority allows no more attempts for now; meanwhile try with its staging --acme-directory"
	case "rejectedIdentifier":
		return "the authority makes no certificates for " + domain + "; use a public name as --domain, or --tls lan"
	case "invalidContact", "unsupportedContact":
		return "correct --acme-email"
	case "externalAccountRequired":
		return "this authority wants an account made by hand, which is not supported; use another --acme-directory"
	}
	return "see what the authority says"
}

// cache keeps what autocert gets. A full disk must not cost a certificate that has just been renewed: autocert would throw
// it away and ask for another one twice an hour.
type cache struct {
	autocert.DirCache

	log *slog.Logger
}

// Put stores an entry, or says that it could not.
func (c cache) Put(ctx context.Context, key string, data []byte) error {
	if err := c.DirCache.Put(ctx, key, data); err != nil {
		c.log.Error("certificate not stored, it is lost at the next start; make --data-dir writable", "entry", key, "err", err)
	}
	return nil
}

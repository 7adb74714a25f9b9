package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Certificate is what is known of the certificate that the server shows, or would.
type Certificate struct {
	// Mode is --tls.
	Mode string
	// Err is why there is none to use.
	Err error
	// Chain is the certificate and those of its issuers; empty where it is made later.
	Chain []*x509.Certificate
	// Names are those that it must be for.
	Names []string
}

// soon is how long before its end somebody should be told. Renewals happen a month before.
const soon = 14 * 24 * time.Hour

// certificateFixes say what to do about what is wrong with files, by a phrase of the error.
var certificateFixes = []struct{ phrase, fix string }{
	{"expired on", "renew it (certbot renew), and let --tls-cert name the new file; or --tls acme, which renews by itself"},
	{"is valid from", clockFix + "; if the clock is right, wait, or get another certificate"},
	{"is not for", "set --domain to a name of the certificate, or get one for this name (certbot certonly -d NAME)"},
	{"does not belong", "set --tls-key to the file that was made with --tls-cert; both of certbot are in " +
		"/etc/letsencrypt/live/NAME: " +
		"fullchain.pem and privkey.pem"},
	{"there is no file", "set --tls-cert and --tls-key to the files that there are"},
	{"not allowed to read", "let the server's user read it: setfacl -m u:USER:r FILE"},
}

// check judges it.
func (c *Certificate) check(r *Report, now time.Time) {
	const id = "certificate"
	switch {
	case c.Mode == "off":
		r.ok(id, "the server has none: a reverse proxy must have one, or people use localhost")
		return
	case c.Err != nil:
		fix := "correct --tls-cert and --tls-key"
		for _, f := range certificateFixes {
			if strings.Contains(c.Err.Error(), f.phrase) {
				fix = f.fix
				break
			}
		}
		r.fault(id, fix, "%v", c.Err)
		return
	case len(c.Chain) == 0:
		r.ok(id, "it is made when the server starts with --tls %s", c.Mode)
		return
	}
	leaf := c.Chain[0]
	day := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
	for _, name := range c.Names {
		if leaf.VerifyHostname(name) != nil {
			r.fault(id, certificateFixes[2].fix, "it is not for %s, but for %s", name, strings.Join(namesOf(leaf), ", "))
			return
		}
	}
	switch left := leaf.NotAfter.Sub(now); {
	case now.Before(leaf.NotBefore):
		r.fault(id, certificateFixes[1].fix, "it is valid from %s on, and this machine's clock says %s",
			day(leaf.NotBefore), day(now))
	case left < 0:
		r.fault(id, certificateFixes[0].fix, "it expired on %s", day(leaf.NotAfter))
	case left < soon:
		r.warn(id, "renew it; whatever should have done so by itself has not", "it expires on %s, in %d days", day(leaf.NotAfter),
			int(left/(24*time.Hour)))
	case len(c.Chain) == 1 && !bytes.Equal(leaf.RawIssuer, leaf.RawSubject) && c.Mode != "lan":
		r.warn(id, "let --tls-cert name the full chain (fullchain.pem)", "it comes without that of its issuer, %s: many phones "+
			"refuse it", leaf.Issuer.CommonName)
	default:
		r.ok(id, "for %s until %s", strings.Join(namesOf(leaf), ", "), day(leaf.NotAfter))
	}
}

func namesOf(leaf *x509.Certificate) []string {
	all := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

// Shown is the chain that a server shows to who asks for name, which may be empty. Nobody has verified it.
func Shown(ctx context.Context, at netip.AddrPort, name string) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	config := anyCertificate()
	config.ServerName = name
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("ask %v for its certificate: %w", at, err)
	}
	defer conn.Close()
	encrypted, ok := conn.(*tls.Conn)
	if !ok {
		return nil, fmt.Errorf("ask %v for its certificate: no TLS", at)
	}
	return encrypted.ConnectionState().PeerCertificates, nil
}

// anyCertificate takes what it gets: what is sent is no secret, and the certificate itself is what is looked at.
func anyCertificate() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true} //nolint:gosec // see above
}

package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"hiroba/signaling/certs"
	"hiroba/signaling/forwarded"
)

// The values of --tls.
const (
	tlsOff   = "off"
	tlsFiles = "files"
	tlsACME  = "acme"
	tlsLAN   = "lan"
)

// The folders of the kinds of certificates in the data folder.
const (
	acmeFolder = "acme"
	lanFolder  = "lan"
)

// checkTLS reports settings of encryption that are missing, wrong, or would do nothing.
func (c *Config) checkTLS() error {
	for _, s := range []struct {
		flag, value, mode string
	}{
		{"tls-cert", c.TLSCert, tlsFiles}, {"tls-key", c.TLSKey, tlsFiles}, {"acme-email", c.ACMEEmail, tlsACME},
	} {
		if s.value != "" && c.TLS != s.mode {
			return badSetting(s.flag, "has no effect with --tls %s; use --tls %s", c.TLS, s.mode)
		}
	}
	domains, err := c.domains()
	if err != nil {
		return err
	}
	switch c.TLS {
	case tlsFiles:
		if c.TLSCert == "" {
			return badSetting("tls-cert", "--tls files needs it; name the PEM file with the certificate and those of its issuers")
		}
		if c.TLSKey == "" {
			return badSetting("tls-key", "--tls files needs it; name the PEM file with the private key of --tls-cert")
		}
	case tlsACME:
		return c.checkACME(domains)
	}
	return nil
}

func (c *Config) checkACME(domains []string) error {
	if len(domains) == 0 {
		return badSetting("domain", "--tls acme needs it; name what people type to get here, such as rooms.example.com")
	}
	for _, domain := range domains {
		if certs.IsPrivateName(domain) {
			return badSetting("domain", "no public authority makes certificates for %s; use a public name, or --tls lan", domain)
		}
	}
	u, err := url.Parse(c.ACMEDirectory)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return badSetting("acme-directory", "%q is not an https URL; use one like %s", c.ACMEDirectory, certs.DefaultDirectory)
	}
	if c.ACMEEmail != "" && (strings.Count(c.ACMEEmail, "@") != 1 || strings.ContainsAny(c.ACMEEmail, " ,;<>:")) {
		return badSetting("acme-email", "%q is not a mail address; use one like you@example.com", c.ACMEEmail)
	}
	return nil
}

// domains are those of --domain in the form that certificates have.
func (c *Config) domains() ([]string, error) {
	domains := make([]string, 0, len(c.Domain))
	for _, text := range c.Domain {
		domain, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.TrimSpace(text), "."))
		_, addrErr := netip.ParseAddr(domain)
		if err != nil || domain == "" || addrErr == nil || strings.ContainsAny(domain, "*/:_ ") {
			return nil, badSetting("domain", "%q is not a name; use one like rooms.example.com, without port and path", text)
		}
		if !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	return domains, nil
}

// certificates opens where the certificates come from; nil with --tls off.
func (c *Config) certificates(log *slog.Logger) (certs.Source, error) {
	domains, err := c.domains()
	if err != nil {
		return nil, err
	}
	var source certs.Source
	switch c.TLS {
	case tlsFiles:
		source, err = certs.NewFiles(certs.FilesConfig{Cert: c.TLSCert, Key: c.TLSKey, Names: domains, Log: log})
	case tlsACME:
		var folder string
		if folder, err = c.openDataDir(); err == nil {
			source, err = certs.NewACME(certs.ACMEConfig{
				Domains: domains, Email: c.ACMEEmail, Directory: c.ACMEDirectory,
				Folder: filepath.Join(folder, acmeFolder), Log: log,
			})
		}
	case tlsLAN:
		source, err = c.lanCertificates(domains, log)
	}
	var fault *certs.SettingError
	if errors.As(err, &fault) {
		err = badSetting(fault.Setting, "%s", fault.Why)
	}
	if err != nil {
		return nil, err
	}
	return source, nil
}

func (c *Config) lanCertificates(domains []string, log *slog.Logger) (certs.Source, error) {
	ips, err := c.publicIPs()
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		if !certs.IsPrivate(ip) {
			log.Warn("address left out of the certificate, which is for private ones only; use --tls acme or files",
				"public_ip", ip)
		}
	}
	folder, err := c.openDataDir()
	if err != nil {
		return nil, err
	}
	lan, err := certs.NewLAN(certs.LANConfig{
		Folder: filepath.Join(folder, lanFolder), Names: domains, Addrs: ips, Log: log,
	})
	var fault *certs.SettingError
	if err != nil && !errors.As(err, &fault) {
		return nil, dataDirError(folder, err)
	}
	if err != nil {
		return nil, err
	}
	return lan, nil
}

// plainPaths are answered without TLS too: health checks know no certificates, and a device that trusts none yet must get
// to where it can learn to.
var plainPaths = []string{"/healthz", trustPath}

// redirectPlain sends whoever came without TLS to the same address with it. A proxy may have ended TLS before.
func redirectPlain(next http.Handler, trusted []netip.Prefix) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isPlain := slices.ContainsFunc(plainPaths, func(p string) bool {
			return r.URL.Path == p || strings.HasPrefix(r.URL.Path, p+"/")
		})
		if isPlain || forwarded.Of(r, trusted).Encrypted {
			next.ServeHTTP(w, r)
			return
		}
		if r.Host == "" || strings.ContainsAny(r.Host, "/\\@?#") {
			http.Error(w, "This server speaks HTTPS only.", http.StatusBadRequest)
			return
		}
		target := url.URL{
			Scheme: "https", Host: withoutPort80(r.Host),
			Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery,
		}
		// Browsers keep such an answer for ever; but TLS may be off again tomorrow.
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, target.String(), http.StatusPermanentRedirect)
	})
}

// withoutPort80 is for a server whose port 443 is also reached by port 80, with the port written out.
func withoutPort80(host string) string {
	if name, port, err := net.SplitHostPort(host); err == nil && port == "80" {
		if strings.Contains(name, ":") {
			return "[" + name + "]"
		}
		return name
	}
	return host
}

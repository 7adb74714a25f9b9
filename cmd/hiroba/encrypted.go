package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"

	"hiroba/sfu/tcp"
)

// tlsConfig is what ends TLS on the public port; nil without a certificate.
func (c *Config) tlsConfig() (*tls.Config, error) {
	switch {
	case c.TLSCert == "" && c.TLSKey == "":
		return nil, nil //nolint:nilnil // none is right
	case c.TLSCert == "":
		return nil, badSetting("tls-cert", "--tls-key needs it; name the PEM file with the certificate")
	case c.TLSKey == "":
		return nil, badSetting("tls-key", "--tls-cert needs it; name the PEM file with the private key")
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s and --tls-key %s: %w", c.TLSCert, c.TLSKey, err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

// tlsStateKey is the key of what TLS agreed on in the context of a connection.
type tlsStateKey struct{}

// withTLSState is http.Server.ConnContext: it keeps what net/http does not see of connections that were looked into.
func withTLSState(ctx context.Context, c net.Conn) context.Context {
	if state := tcp.TLSState(c); state != nil {
		return context.WithValue(ctx, tlsStateKey{}, state)
	}
	return ctx
}

// showTLS gives requests their TLS state where net/http could not.
func showTLS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if state, ok := r.Context().Value(tlsStateKey{}).(*tls.ConnectionState); ok && r.TLS == nil {
			r = r.WithContext(r.Context())
			r.TLS = state
		}
		next.ServeHTTP(w, r)
	})
}

// redirectPlain sends whoever came without TLS to the same address with it. Health checks know no certificates.
func redirectPlain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.TLS != nil || r.URL.Path == "/healthz":
			next.ServeHTTP(w, r)
		case r.Host == "" || strings.ContainsAny(r.Host, "/\\@?#"):
			http.Error(w, "This server speaks HTTPS only.", http.StatusBadRequest)
		default:
			to := "https://" + r.Host + r.URL.RequestURI()
			w.Header().Set("Cache-Control", "no-store")           // TLS may be off again tomorrow
			http.Redirect(w, r, to, http.StatusPermanentRedirect) //nolint:gosec // to the same host
		}
	})
}

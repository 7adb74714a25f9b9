package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"hiroba/sfu/tcp"
)

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

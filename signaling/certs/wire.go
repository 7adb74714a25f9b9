package certs

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// answerTimeout bounds one request to an authority.
const answerTimeout = 30 * time.Second

// wire carries requests until it is cut.
type wire struct {
	below http.RoundTripper
	// whole ends when the wire is cut.
	whole context.Context //nolint:containedctx // autocert makes requests whose contexts know nothing of the server's
	// cut ends all requests, those under way and those to come.
	cut context.CancelFunc
}

// newWire uses the transport of a client; nil for the usual one.
func newWire(client *http.Client) *wire {
	w := &wire{below: http.DefaultTransport}
	if client != nil && client.Transport != nil {
		w.below = client.Transport
	}
	w.whole, w.cut = context.WithCancel(context.Background())
	return w
}

func (w *wire) client() *http.Client { return &http.Client{Transport: w, Timeout: answerTimeout} }

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := w.whole.Err(); err != nil {
		return nil, fmt.Errorf("the server stops: %w", err)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer context.AfterFunc(w.whole, cancel)()
	response, err := w.below.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("talk to the certificate authority: %w", err)
	}
	return response, nil // its body lives as long as the request's own context
}

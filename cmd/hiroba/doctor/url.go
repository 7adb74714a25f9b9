package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
)

// Seen is what the server took a request for. It tells that, in the header SeenHeader, to who has a token of its admin port.
type Seen struct {
	// Peer is the other end of the connection, Client who the request is believed to come from.
	Peer   netip.AddrPort `json:"peer"`
	Client netip.Addr     `json:"client"`
	// Forwarded and Encrypted say that it came through a proxy, and by TLS.
	Forwarded bool `json:"forwarded"`
	Encrypted bool `json:"encrypted"`
}

// The headers of a request that wants to know what it is taken for, and of the answer.
const (
	TokenHeader = "Hiroba-Doctor"
	SeenHeader  = "Hiroba-Seen"
)

// liar is an address that no client has (RFC 5737). Who believes that a request came from there believes anybody.
const liar = "192.0.2.66"

const (
	upgradeFix = "let the proxy pass WebSockets on: nginx needs 'proxy_http_version 1.1; proxy_set_header Upgrade " +
		"$http_upgrade; " +
		"proxy_set_header Connection \"upgrade\";', Apache mod_proxy_wstunnel; Caddy and Traefik do it by themselves"
	forwardFix = "let the proxy set X-Forwarded-For to the address of its client and X-Forwarded-Proto to $scheme " +
		"(deploy/proxy has " +
		"examples)"
)

// checkURL goes the way of people: the address that they type, perhaps through a proxy.
func checkURL(ctx context.Context, r *Report, cfg Config) {
	if cfg.URL == nil {
		return
	}
	client := &http.Client{
		Timeout: 2 * timeout, Transport: oneByOne(&tls.Config{MinVersion: tls.VersionTLS12}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var own netip.AddrPort
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		own, _ = netip.ParseAddrPort(c.Conn.LocalAddr().String()) // of the newest request
	}})
	page, err := ask(ctx, client, cfg, "/healthz", nil)
	direct := own
	var bad *tls.CertificateVerificationError
	if errors.As(err, &bad) {
		tellBadCertificate(r, cfg.URL, bad)
		client.Transport = oneByOne(anyCertificate())
		page, err = ask(ctx, client, cfg, "/healthz", nil)
		direct = own
	}
	switch {
	case err != nil:
		r.fault("url", "let its name (A and AAAA in DNS) and its port lead here", "%v does not open: %s", cfg.URL, reason(err))
		return
	case page.status == http.StatusBadGateway || page.status == http.StatusGatewayTimeout:
		r.fault("url", "let the proxy go to where --listen is: "+cfg.Listen,
			"the proxy at %v does not reach the server (status %d)", cfg.URL,
			page.status)
		return
	case page.status != http.StatusOK:
		r.fault("url", "let all paths at this address lead to --listen "+cfg.Listen,
			"%v/healthz answers with status %d", cfg.URL, page.status)
		return
	}
	r.ok("url", "%v opens", cfg.URL)
	checkUpgrade(ctx, r, client, cfg)
	checkSeen(r, cfg, page.seen, direct)
}

func tellBadCertificate(r *Report, at *url.URL, bad *tls.CertificateVerificationError) {
	var wrongName x509.HostnameError
	fix := "renew the certificate that the proxy shows, and use its full chain"
	if errors.As(bad.Err, &wrongName) {
		fix = "get a certificate for " + at.Hostname()
	}
	r.fault("url-certificate", fix, "browsers refuse the certificate at %v: %v", at, bad.Err)
}

// checkUpgrade opens a WebSocket through whatever stands between.
func checkUpgrade(ctx context.Context, r *Report, client *http.Client, cfg Config) {
	const id = "websocket"
	origin := cfg.URL.Scheme + "://" + cfg.URL.Host
	answer, err := ask(ctx, client, cfg, "/ws", http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Origin": {origin}, "Sec-WebSocket-Version": {"13"},
		"Sec-WebSocket-Key": {"MDEyMzQ1Njc4OWFiY2RlZg=="},
	})
	switch {
	case err != nil:
		r.fault(id, upgradeFix, "no WebSocket opens at %v/ws: %s", cfg.URL, reason(err))
	case answer.status == http.StatusSwitchingProtocols:
		r.ok(id, "a WebSocket opens at %v/ws", cfg.URL)
	case answer.status == http.StatusForbidden:
		r.fault(id, "let the proxy pass Host on unchanged and set X-Forwarded-Proto, or add --allowed-origins "+origin,
			"the server refuses the WebSocket, because it does not know that its address is %s", origin)
	default: // 426 is what our server says when a request has lost its Upgrade on the way
		r.fault(id, upgradeFix, "no WebSocket opens at %v/ws (status %d): something between strips Upgrade from "+
			"requests", cfg.URL,
			answer.status)
	}
}

// checkSeen looks who the server took us for, although we had said that we were somebody else. own is where we asked from.
func checkSeen(r *Report, cfg Config, told string, own netip.AddrPort) {
	const id = "trusted-proxies"
	if cfg.Server == nil {
		return
	}
	var seen Seen
	if err := json.Unmarshal([]byte(told), &seen); err != nil {
		r.warn(id, "let "+cfg.URL.Host+" lead to this server",
			"what answers at %v is not the server that was asked on its admin port", cfg.URL)
		return
	}
	peer := seen.Peer.Addr()
	switch {
	case seen.Peer == own: // nobody between; and this machine itself may always say who it asks for
		r.ok(id, "no proxy stands between here and the server")
	case seen.Client.String() == liar && peer.IsLoopback():
		r.fault(id, forwardFix, "the proxy on this machine passes X-Forwarded-For on as it comes, so that anybody can be anybody")
	case seen.Client.String() == liar:
		r.fault(id, "--trusted-proxies with the addresses of proxies only; "+forwardFix,
			"the server believes %v who it forwards for, and that "+
				"believes anybody", peer)
	case seen.Client == peer && !peer.IsLoopback():
		r.fault(id, "--trusted-proxies "+peer.String(), "the server does not believe the proxy at %v, so that all "+
			"people seem to be one", peer)
	case seen.Client == peer && own.Addr().Unmap() != peer:
		r.warn(id, forwardFix, "the proxy on this machine does not tell who it forwards for, so that all people seem to be one")
	case cfg.URL.Scheme == "https" && !seen.Encrypted:
		r.warn(id, forwardFix, "the server is not told that people come by https")
	default:
		r.ok(id, "the server sees people's own addresses")
	}
}

// checkTrusted judges --trusted-proxies by itself: a network in which strangers are lets them say who they are.
func checkTrusted(r *Report, networks []netip.Prefix) {
	const id = "trusted-networks"
	for _, n := range networks {
		// More than anybody's proxies have.
		isWide := (n.Addr().Is4() && n.Bits() <= 24) || (n.Addr().Is6() && n.Bits() < 48)
		if n.Bits() == 0 || (isPublic(n.Addr()) && isWide) {
			r.fault(id, "--trusted-proxies with the addresses of your proxies only",
				"%v is trusted to say who requests come from, and strangers "+
					"are in it: limits by address can be got round", n)
			return
		}
	}
	r.ok(id, "%d networks of proxies are believed, and this machine", len(networks))
}

// oneByOne makes requests as a browser opens a WebSocket: by HTTP/1.1, each on a connection of its own.
func oneByOne(config *tls.Config) *http.Transport {
	config.NextProtos = []string{"http/1.1"}
	return &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, TLSNextProto: map[string]func(string,
		*tls.Conn) http.RoundTripper{}}
}

// head is what counts of an answer.
type head struct {
	status int
	seen   string
}

// ask sends a request and reads the head of the answer.
func ask(ctx context.Context, client *http.Client, cfg Config, path string, header http.Header) (head, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(cfg.URL.String(), "/")+path, http.NoBody)
	if err != nil {
		return head{}, fmt.Errorf("ask %v: %w", cfg.URL, err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if cfg.Server != nil && header == nil {
		request.Header.Set("X-Forwarded-For", liar)
		request.Header.Set(TokenHeader, cfg.Server.Token)
	}
	answer, err := client.Do(request)
	if err != nil {
		return head{}, err //nolint:wrapcheck // it names the URL
	}
	defer answer.Body.Close()
	return head{answer.StatusCode, answer.Header.Get(SeenHeader)}, nil
}

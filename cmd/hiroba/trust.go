package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"rsc.io/qr"

	"hiroba/signaling/certs"
)

// trustPath is where devices learn to trust the authority of --tls lan, without TLS too.
const trustPath = "/trust"

// trustFiles are the page and what belongs to it.
//
//go:embed trust
var trustFiles embed.FS

var trustPage = template.Must(template.ParseFS(trustFiles, "trust/page.html"))

// quietZone is the margin that a QR code needs around it, in modules (ISO/IEC 18004).
const quietZone = 4

// trustHandler explains how a device comes to trust the server, and hands out the authority's certificate.
type trustHandler struct {
	lan *certs.LAN
	// port is where this server listens.
	port string
	mux  *http.ServeMux
}

func newTrustHandler(lan *certs.LAN, port string) *trustHandler {
	t := &trustHandler{lan: lan, port: port, mux: http.NewServeMux()}
	t.mux.HandleFunc("GET /trust", t.servePage)
	t.mux.HandleFunc("GET /trust/hiroba-ca.crt", t.serveAuthority)
	for _, name := range []string{"trust.css", "trust.js"} {
		body, err := trustFiles.ReadFile("trust/" + name)
		if err != nil {
			panic(fmt.Sprintf("read embedded file: %v", err))
		}
		t.mux.HandleFunc("GET /trust/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType(name))
			_, _ = w.Write(body)
		})
	}
	return t
}

// ServeHTTP implements http.Handler.
func (t *trustHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	t.mux.ServeHTTP(w, r)
}

// serveAuthority has the type by which phones know what to do, and no Content-Disposition: with it Safari would put the
// file away in place of offering to install it.
func (t *trustHandler) serveAuthority(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-x509-ca-cert")
	_, _ = w.Write(t.lan.AuthorityDER())
}

// trustView is what the page shows.
type trustView struct {
	Lang      string
	Languages []trustLanguage
	Text      *trustText
	// Device is the ID of the steps that are open at first.
	Device string
	// Address is the page's own, without TLS, for other devices; QR is the same.
	Address string
	QR      *qrCode
	// Open leads to the rooms, by TLS; Probe answers any device that trusts it.
	Open, Probe string
	Addresses   []string
	Download    string
	Authority   string
	Fingerprint string
}

type trustLanguage struct {
	Code, Name string
	Current    bool
}

func (t *trustHandler) servePage(w http.ResponseWriter, r *http.Request) {
	lang := languageOf(r)
	view := trustView{
		Lang:        lang,
		Text:        trustTexts[lang],
		Languages:   []trustLanguage{{"en", "English", lang == "en"}, {"ja", "日本語", lang == "ja"}},
		Device:      deviceOf(r.UserAgent()),
		Download:    trustPath + "/hiroba-ca.crt",
		Authority:   t.lan.AuthorityName(),
		Fingerprint: t.lan.Fingerprint(),
	}
	here, port := t.hostOf(r)
	at := func(scheme, host, path string) string { return scheme + "://" + hostPort(host, port, scheme) + path }
	view.Open, view.Probe = at("https", here, "/"), at("https", here, "/healthz")
	for _, host := range t.hosts() {
		view.Addresses = append(view.Addresses, at("https", host, "/"))
	}
	if far := t.farHost(here); far != "" {
		view.Address = at("http", far, trustPath)
		view.QR = newQRCode(view.Address)
	}
	var page bytes.Buffer
	if err := trustPage.Execute(&page, view); err != nil {
		panic(fmt.Sprintf("write the trust page: %v", err))
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Set("Vary", "Accept-Language, User-Agent")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src "+
		strings.TrimSuffix(view.Open, "/")+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = w.Write(page.Bytes())
}

// hostOf is the host and port by which the page was asked for, if the certificate covers the host, so that nobody can put
// another one into the page; else the first that others can use. The port may differ from our own, as in a container.
func (t *trustHandler) hostOf(r *http.Request) (host, port string) {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil { // without a port: that of the scheme, and the page comes by both
		host, port = strings.Trim(r.Host, "[]"), "443"
	}
	host = strings.ToLower(host)
	isNumber := port != "" && strings.Trim(port, "0123456789") == ""
	if !isNumber {
		port = t.port
	}
	known := t.lan.Host()
	addr, err := netip.ParseAddr(host)
	if slices.Contains(known.Names, host) || (err == nil && slices.Contains(known.Addrs, addr)) {
		return host, port
	}
	return t.hosts()[0], t.port
}

// hosts are the addresses and names that other devices may use, the surest first; only loopback if there is nothing else.
func (t *trustHandler) hosts() []string {
	known := t.lan.Host()
	var hosts []string
	for _, a := range known.Addrs {
		if !a.IsLoopback() {
			hosts = append(hosts, a.String())
		}
	}
	for _, name := range known.Names {
		if strings.HasSuffix(name, ".local") { // found by mDNS; the rest depends on the router
			hosts = append(hosts, name)
		}
	}
	if len(hosts) == 0 {
		return []string{"localhost"}
	}
	return hosts
}

// farHost is where another device finds this page; empty if it cannot.
func (t *trustHandler) farHost(here string) string {
	isHere := func(host string) bool {
		addr, err := netip.ParseAddr(host)
		return host == "localhost" || (err == nil && addr.IsLoopback())
	}
	if !isHere(here) {
		return here
	}
	if first := t.hosts()[0]; !isHere(first) {
		return first
	}
	return ""
}

// hostPort leaves out the port that a scheme implies.
func hostPort(host, port, scheme string) string {
	if (scheme == "https" && port == "443") || (scheme == "http" && port == "80") {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, port)
}

// languageOf is the one that was chosen on the page, or the browser's first that there is.
func languageOf(r *http.Request) string {
	wanted := append([]string{r.URL.Query().Get("lang")}, strings.Split(r.Header.Get("Accept-Language"), ",")...)
	for _, tag := range wanted {
		tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
		tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
		if trustTexts[tag] != nil {
			return tag
		}
	}
	return "en"
}

// deviceOf guesses from a User-Agent which steps somebody needs. A wrong guess costs a click.
func deviceOf(agent string) string {
	for _, device := range []struct{ sign, id string }{
		{"Android", "android"},
		{"iPhone", "ios"},
		{"iPad", "ios"},
		{"Firefox", "firefox"},
		{"Windows", "windows"},
		{"Macintosh", "macos"},
		{"Linux", "linux"},
	} {
		if strings.Contains(agent, device.sign) {
			return device.id
		}
	}
	return ""
}

// qrCode is a QR code as one path of an SVG, so that its edges are sharp in any size.
type qrCode struct {
	Size int
	Path string
}

// newQRCode draws a text; nil when it is too long for a code.
func newQRCode(text string) *qrCode {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			start := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > start {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", start+quietZone, y+quietZone, x-start, x-start)
			}
		}
	}
	return &qrCode{Size: code.Size + 2*quietZone, Path: path.String()}
}

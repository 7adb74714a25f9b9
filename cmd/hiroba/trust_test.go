package main

import (
	"bytes"
	"crypto/x509"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// trustBody is the page as somebody gets it who trusts nothing yet.
func trustBody(t *testing.T, s *server, headers ...string) (string, http.Header) {
	t.Helper()
	r := ask(t, http.DefaultClient, plainURL(s)+"/trust", headers...)
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		t.Fatalf("%d %v", r.StatusCode, err)
	}
	return string(text), r.Header
}

func TestTrustPageHasWhatADeviceNeeds(t *testing.T) {
	s, client := lanServer(t, func(c *Config) { c.PublicIP = []string{"192.168.77.20"} })
	page, header := trustBody(t, s)
	host := browserHost(s.publicAddress)
	port := portOf(s.publicAddress)
	lan := s.certificates.(interface{ Fingerprint() string })
	for _, want := range []string{
		`lang="en"`, `href="/trust/hiroba-ca.crt"`, `href="https://` + host + `/"`, lan.Fingerprint(),
		"http://192.168.77.20:" + port + "/trust", `href="https://192.168.77.20:` + port + `/"`, "<svg",
	} {
		if !strings.Contains(html.UnescapeString(page), want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "connect-src https://"+host+";") {
		t.Errorf("policy: %s", csp)
	}
	if strings.Contains(page, "style=") || regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(page) {
		t.Error("the page has what its own policy forbids")
	}
	for path, kind := range map[string]string{
		"/trust/hiroba-ca.crt": "application/x-x509-ca-cert", "/trust/trust.css": "text/css; charset=utf-8",
		"/trust/trust.js": "text/javascript; charset=utf-8", "/trust": "text/html; charset=utf-8",
	} {
		for _, base := range []string{plainURL(s), s.URL()} {
			r := ask(t, client, base+path)
			if got := r.Header.Get("Content-Type"); r.StatusCode != 200 || got != kind || r.Header.Get("Content-Disposition") != "" {
				t.Errorf("%s%s: %d %s", base, path, r.StatusCode, got)
			}
		}
	}
	for _, path := range []string{"/trust/page.html", "/trust/ca.key", "/trust/../lan/ca.key", "/trust/"} {
		if r := ask(t, client, s.URL()+path); r.StatusCode == 200 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	// What a device is asked to trust has no key with it.
	_, der := get(t, plainURL(s)+"/trust/hiroba-ca.crt")
	if _, err := x509.ParseCertificate([]byte(der)); err != nil || bytes.Contains([]byte(der), []byte("KEY")) {
		t.Error(err)
	}
}

func TestTrustPageIsOnlyForOwnAuthorities(t *testing.T) {
	s := startServer(t, testConfig())
	if code, _ := get(t, s.URL()+"/trust"); code != 404 {
		t.Errorf("without TLS: %d", code)
	}
}

func TestTrustPageDoesNotRepeatForeignHosts(t *testing.T) {
	s, _ := lanServer(t, nil)
	for _, host := range []string{"evil.test", `"><script>`, "evil.test:99999999", "127.0.0.1:8x", "[::1", ""} {
		r := httptest.NewRequest(http.MethodGet, "http://x/trust", http.NoBody)
		r.Host = host
		w := newRecorder()
		s.public.Handler.ServeHTTP(w, r)
		if text := w.Body.String(); w.Code != 200 || strings.Contains(text, "evil") || strings.Contains(text, "><script>") ||
			strings.Contains(text, "8x") || strings.Contains(w.Header().Get("Content-Security-Policy"), "evil") {
			t.Errorf("host %q: %d", host, w.Code)
		}
	}
}

func TestTrustPageSpeaksTheLanguageOfTheBrowser(t *testing.T) {
	for accept, want := range map[string]string{
		"": "en", "ja": "ja", "ja-JP,en;q=0.8": "ja", "en-US,ja": "en", "fr-FR, de;q=0.9": "en", "fr, ja;q=0.5, en;q=0.1": "ja", ";;,": "en",
	} {
		r := httptest.NewRequest(http.MethodGet, "/trust", http.NoBody)
		r.Header.Set("Accept-Language", accept)
		if got := languageOf(r); got != want {
			t.Errorf("%q: %s", accept, got)
		}
		r.URL.RawQuery = "lang=ja"
		if got := languageOf(r); got != "ja" {
			t.Errorf("chosen Japanese, got %s", got)
		}
	}
}

func TestTrustTextsAreComplete(t *testing.T) {
	english := trustTexts["en"]
	for lang, text := range trustTexts {
		v := reflect.ValueOf(*text)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s: no %s", lang, v.Type().Field(i).Name)
			}
		}
		if len(text.Devices) != len(english.Devices) {
			t.Fatalf("%s: %d devices", lang, len(text.Devices))
		}
		for i, device := range text.Devices {
			if want := english.Devices[i]; device.ID != want.ID || len(device.Steps) != len(want.Steps) || (device.Note == "") != (want.Note == "") {
				t.Errorf("%s: the steps of %s are not those of %s in English", lang, device.ID, want.ID)
			}
		}
	}
}

func TestDevicesAreGuessed(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1": "ios",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36":                            "android",
		"Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0":                                                "android",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36":                         "windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0":                                    "firefox",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15":                   "macos",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36":                                   "linux",
		"curl/8": "",
	} {
		if got := deviceOf(agent); got != want {
			t.Errorf("%s: %q", agent, got)
		}
	}
}

func TestQRCodeHasItsQuietZone(t *testing.T) {
	code := newQRCode("http://192.168.1.20:8080/trust")
	if code == nil || code.Size != 25+2*quietZone && code.Size != 29+2*quietZone {
		t.Fatalf("%+v", code)
	}
	// The finder in the corner is a ring of 7 by 7.
	if !strings.HasPrefix(code.Path, "M4 4h7v1h-7z") {
		t.Errorf("begins with %.20s", code.Path)
	}
	if newQRCode(strings.Repeat("x", 5000)) != nil {
		t.Error("too long a text became a code")
	}
}

package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// builtApp is a web app as Vite leaves it.
var builtApp = fstest.MapFS{
	"index.html":              {Data: []byte("<!doctype html><title>app</title>" + strings.Repeat(" ", gzipAtLeast))},
	"favicon.svg":             {Data: []byte("<svg/>")},
	"assets/index-abc123.js":  {Data: []byte("// " + strings.Repeat("code ", 1000))},
	"assets/photo-abc123.png": {Data: []byte(strings.Repeat("png ", 1000))},
	".gitkeep":                {Data: nil},
}

// request asks the public handler; headers are pairs.
func request(t *testing.T, app fstest.MapFS, method, target string, headers ...string) *http.Response {
	t.Helper()
	signaling := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	publicHandler(signaling, http.NotFoundHandler(), http.NotFoundHandler(), app).ServeHTTP(answer, r)
	return answer.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPublicPaths(t *testing.T) {
	for _, test := range []struct {
		method, target   string
		code             int
		contentType      string
		cache            string
		bodyHas, bodyNot string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", cacheAsk, "<title>app", ""},
		{"GET", "/r/standup", 200, "text/html; charset=utf-8", cacheAsk, "<title>app", ""},
		{"GET", "/r/v1.2", 200, "text/html; charset=utf-8", cacheAsk, "<title>app", ""},
		{"GET", "/r/%E5%BA%83%E5%A0%B4%2Fa?name=x", 200, "text/html; charset=utf-8", cacheAsk, "<title>app", ""},
		{"HEAD", "/", 200, "text/html; charset=utf-8", cacheAsk, "", "app"},
		{"GET", "/favicon.svg", 200, "image/svg+xml", cacheAsk, "<svg", ""},
		{"GET", "/assets/index-abc123.js", 200, "text/javascript; charset=utf-8", cacheForever, "code", ""},
		{"GET", "/ws", http.StatusTeapot, "", "", "", ""},
		{"GET", "/assets/gone.js", 404, "text/plain; charset=utf-8", "", "", "<title>"},
		{"GET", "/assets/", 404, "text/plain; charset=utf-8", "", "", "<title>"},
		{"GET", "/.gitkeep", 404, "text/plain; charset=utf-8", "", "", ""},
		{"GET", "/nothing", 404, "text/plain; charset=utf-8", "", "", ""},
		{"GET", "/r/a/b", 404, "text/plain; charset=utf-8", "", "", ""},
		{"GET", "/metrics", 404, "text/plain; charset=utf-8", "", "", ""},
		{"GET", "/debug/pprof/", 404, "text/plain; charset=utf-8", "", "", ""},
		{"POST", "/", 405, "text/plain; charset=utf-8", "", "", ""},
	} {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			r := request(t, builtApp, test.method, test.target)
			if r.StatusCode != test.code {
				t.Errorf("status %d, want %d", r.StatusCode, test.code)
			}
			if got := r.Header.Get("Content-Type"); got != test.contentType {
				t.Errorf("content type %q, want %q", got, test.contentType)
			}
			if got := r.Header.Get("Cache-Control"); got != test.cache {
				t.Errorf("cache control %q, want %q", got, test.cache)
			}
			text := body(t, r)
			if !strings.Contains(text, test.bodyHas) || (test.bodyNot != "" && strings.Contains(text, test.bodyNot)) {
				t.Errorf("body is %.80q", text)
			}
			if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") ||
				strings.Contains(csp, "unsafe-eval") {
				t.Errorf("content security policy %q", csp)
			}
		})
	}
}

func TestTextIsSentCompressedToThoseWhoTakeIt(t *testing.T) {
	const target = "/assets/index-abc123.js"
	r := request(t, builtApp, "GET", target, "Accept-Encoding", "br, gzip;q=0.5")
	if got := r.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("content encoding %q", got)
	}
	unzipped, err := gzip.NewReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzipped)
	if err != nil || string(text) != string(builtApp["assets/index-abc123.js"].Data) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	for _, accept := range []string{"", "br", "gzip;q=0", "identity"} {
		r := request(t, builtApp, "GET", target, "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding"); got != "" {
			t.Errorf("Accept-Encoding %q gets %q", accept, got)
		}
		if got := r.Header.Get("Vary"); got != "Accept-Encoding" {
			t.Errorf("vary %q", got)
		}
	}
	r = request(t, builtApp, "GET", "/assets/photo-abc123.png", "Accept-Encoding", "gzip")
	if got := r.Header.Get("Content-Encoding"); got != "" {
		t.Errorf("a picture is sent with the encoding %q", got)
	}
}

func TestFreshCopiesAreNotSentAgain(t *testing.T) {
	for _, accept := range []string{"", "gzip"} {
		etag := request(t, builtApp, "GET", "/", "Accept-Encoding", accept).Header.Get("ETag")
		if etag == "" {
			t.Fatal("no ETag")
		}
		r := request(t, builtApp, "GET", "/", "Accept-Encoding", accept, "If-None-Match", etag)
		if r.StatusCode != http.StatusNotModified {
			t.Errorf("status %d for a fresh copy", r.StatusCode)
		}
	}
}

func TestServerWithoutAppSaysHowToBuildIt(t *testing.T) {
	for _, target := range []string{"/", "/r/standup"} {
		r := request(t, fstest.MapFS{".gitkeep": {}}, "GET", target)
		if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body(t, r), "make run") {
			t.Errorf("%s: status %d", target, r.StatusCode)
		}
	}
}

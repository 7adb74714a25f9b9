package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// notBuiltPage is shown in place of the web app when it was not built before the server.
//
//go:embed notbuilt.html
var notBuiltPage []byte

// gzipAtLeast is the size from which compressing a file is worth the header.
const gzipAtLeast = 1 << 10

// Cache-Control of files with a hash of their content in their name, and of all others.
const (
	cacheForever = "public, max-age=31536000, immutable"
	cacheAsk     = "no-cache"
)

// publicHandler serves the web app, the WebSocket and connection tests. Pages may also connect to the servers in elsewhere.
func publicHandler(signaling, check, report http.Handler, app fs.FS, elsewhere ...string) http.Handler {
	files := newStaticFiles(app)
	index := files.find("index.html")
	mux := http.NewServeMux()
	mux.Handle("GET /ws", signaling)
	mux.Handle("POST /check", check)
	mux.Handle("POST /check/report", report)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	page := func(w http.ResponseWriter, r *http.Request) {
		if index == nil {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", notBuiltPolicy)
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write(notBuiltPage)
			return
		}
		index.serve(w, r)
	}
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /check", page)
	mux.HandleFunc("GET /r/{room}", page) // the app reads the room from its address
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if file := files.find(strings.TrimPrefix(r.URL.Path, "/")); file != nil {
			file.serve(w, r)
			return
		}
		http.NotFound(w, r)
	})
	return secure(mux, elsewhere)
}

// contentPolicy lets the app load only what this server serves. 'self' in connect-src includes the WebSocket of the
// same host.
// connect-src may have more: servers that the page moves to.
const contentPolicy = "default-src 'self'; connect-src 'self'%s; img-src 'self' data: blob:; media-src 'self' blob:; " +
	"style-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

// notBuiltPolicy is that of the page which stands in for the app: nothing but its own style.
const notBuiltPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

// secure sets the headers that keep other pages away from this one, and this one away from everything else.
func secure(next http.Handler, elsewhere []string) http.Handler {
	var more strings.Builder
	for _, server := range elsewhere {
		more.WriteString(" " + server)
	}
	policy := fmt.Sprintf(contentPolicy, more.String())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), "+
			"speaker-selection=(self), fullscreen=(self), geolocation=(), payment=(), usb=()")
		h.Set("Referrer-Policy", "same-origin") // room names stay here
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// staticFiles are the files of the web app by path. It never changes once made.
type staticFiles map[string]*staticFile

// staticFile is one file of the web app in memory.
type staticFile struct {
	name, contentType, cache, etag string
	body                           []byte
	// zipped is the body compressed, or nil where that does not help. It is made when first asked for.
	zipped func() []byte
}

// newStaticFiles reads all files of the app. They are part of the program, so that cannot fail halfway.
func newStaticFiles(app fs.FS) staticFiles {
	files := staticFiles{}
	err := fs.WalkDir(app, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		body, err := fs.ReadFile(app, name)
		if err != nil {
			return err
		}
		files[name] = newStaticFile(name, body)
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("read the embedded web app: %v", err))
	}
	return files
}

func newStaticFile(name string, body []byte) *staticFile {
	sum := sha256.Sum256(body)
	f := &staticFile{
		name: name, body: body, contentType: contentType(name), cache: cacheAsk, etag: hex.EncodeToString(sum[:8]),
	}
	if strings.HasPrefix(name, "assets/") {
		f.cache = cacheForever
	}
	f.zipped = sync.OnceValue(f.compress)
	return f
}

// contentType does not ask the machine's own tables, which differ, for what the app is made of.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	case ".map":
		return "application/json"
	case ".woff2":
		return "font/woff2"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

// find is the file at a path below the root, or nil.
func (s staticFiles) find(name string) *staticFile { return s[name] }

// compress is called once through zipped.
func (f *staticFile) compress() []byte {
	isText := strings.HasPrefix(f.contentType, "text/") || strings.Contains(f.contentType, "json") ||
		strings.HasPrefix(f.contentType, "image/svg")
	if !isText || len(f.body) < gzipAtLeast {
		return nil
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(f.body) // a Buffer takes everything
	_ = w.Close()
	if out.Len() >= len(f.body) {
		return nil
	}
	return out.Bytes()
}

// serve answers GET and HEAD, also for parts and for copies that are still fresh.
func (f *staticFile) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cache)
	h.Set("Vary", "Accept-Encoding")
	body, etag := f.body, f.etag
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		if zipped := f.zipped(); zipped != nil {
			h.Set("Content-Encoding", "gzip")
			body, etag = zipped, etag+"-gzip"
		}
	}
	h.Set("ETag", strconv.Quote(etag))
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, section 12.5.3).
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			value, err := strconv.ParseFloat(q, 64)
			return !found || (err == nil && value > 0)
		}
	}
	return false
}

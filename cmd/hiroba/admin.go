package main

import (
	"io"
	"net/http"
	"net/http/pprof"
)

// adminHandler serves what operators and their tools ask for.
func (s *server) adminHandler(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	// healthz: the process works. readyz: it takes new participants; a load balancer should ask this one.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.closing.Load() {
			answer(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		if !s.draining.deadline().IsZero() {
			answer(w, http.StatusServiceUnavailable, "draining")
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	mux.HandleFunc("POST /drain", s.handleDrain)
	s.handleDebug(mux)
	mux.HandleFunc("POST /debug/doctor", s.serveExamination)
	mux.HandleFunc("GET /debug/doctor/phone", s.examined.servePhone)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") //nolint:gosec // plain text; a client that went away needs no answer
}

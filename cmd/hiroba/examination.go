package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"hiroba/cmd/hiroba/doctor"
	"hiroba/signaling/forwarded"
)

// tokenTTL is how long an examination may ask what its requests are taken for.
const tokenTTL = 5 * time.Minute

// examinees know who may ask what a request is taken for: the examination that began last.
type examinees struct {
	last atomic.Pointer[examinee]
}

type examinee struct {
	token string
	until time.Time
	phone atomic.Pointer[doctor.Phone] // what it has found; nil before
}

// maxReport bounds what a phone tells, in bytes.
const maxReport = 4 << 10

func (e *examinees) admit(now time.Time) (token string) {
	token = rand.Text()
	e.last.Store(&examinee{token: token, until: now.Add(tokenTTL)})
	return token
}

func (e *examinees) knows(now time.Time, token string) bool {
	last := e.last.Load()
	return last != nil && now.Before(last.until) && subtle.ConstantTimeCompare([]byte(last.token), []byte(token)) == 1
}

// tellSeen has answers say what the request was taken for, when an examination asks. Strangers learn nothing of it.
func (e *examinees) tellSeen(next http.Handler, trusted []netip.Prefix) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.Header.Get(doctor.TokenHeader); token != "" && e.knows(time.Now(), token) {
			client := forwarded.Of(r, trusted)
			seen := doctor.Seen{Client: client.Addr, Forwarded: client.Forwarded, Encrypted: client.Encrypted}
			if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
				seen.Peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
			}
			if text, err := json.Marshal(seen); err == nil {
				w.Header().Set(doctor.SeenHeader, string(text))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// takeReport keeps what a phone has found that was sent here by an examination.
func (e *examinees) takeReport(w http.ResponseWriter, r *http.Request) {
	if !e.knows(time.Now(), r.Header.Get(doctor.TokenHeader)) {
		answer(w, http.StatusForbidden, "no examination waits for this; start hiroba doctor --phone again")
		return
	}
	found := &doctor.Phone{}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxReport)).Decode(found); err != nil {
		answer(w, http.StatusBadRequest, "this is no result of a connection test")
		return
	}
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		found.From = at.Addr().Unmap().WithZone("")
	}
	e.last.Load().phone.Store(found)
	answer(w, http.StatusOK, "thank you")
}

// servePhone tells what a phone has found; nothing (204) before.
func (e *examinees) servePhone(w http.ResponseWriter, _ *http.Request) {
	var found *doctor.Phone
	if last := e.last.Load(); last != nil {
		found = last.phone.Load()
	}
	if found == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(found) //nolint:errchkjson // a client that went away needs no answer
}

// describe is what an examination wants to know. It makes credentials.
func (s *server) describe(now time.Time) *doctor.Server {
	d := &doctor.Server{
		Version:   "hiroba/" + version,
		Local:     s.engine.Local(),
		Announced: s.engine.Announced(),
		OpenFiles: doctor.FileLimit(),
		Token:     s.examined.admit(now),
	}
	port, _ := strconv.ParseUint(portOf(s.publicAddress), 10, 16)
	d.Port = uint16(port)
	if relay := s.engine.TURN(); relay != nil {
		d.Username, d.Credential = relay.Issue(now, "doctor")
	}
	return d
}

// serveExamination is a POST, because it makes credentials.
func (s *server) serveExamination(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(s.describe(time.Now())); err != nil {
		s.log.Debug("description not written", "err", err)
	}
}

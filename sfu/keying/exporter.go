// Package keying finds the SRTP keys of a DTLS handshake that pion makes. It is the only place that knows how.
//
// # Why a trick is needed
//
// The keys of SRTP come out of the DTLS exporter (RFC 5764, section 4.2). pion/dtls has one,
// State.ExportKeyingMaterial, but pion/webrtc keeps the DTLS connection to itself and feeds the keys to its own SRTP only.
// Whoever wants to encrypt packets without pion's path below a track needs them too. An exporter is a function of four
// values (RFC 5705, section 4), and pion/webrtc shows all of them to a server through hooks that are public:
//
//   - the hook for the ServerHello (SettingEngine.SetDTLSServerHelloMessageHook) has the server's random, the cipher
//     suite, which names the hash of the pseudorandom function, and the SRTP profile;
//   - the key log (SettingEngine.SetDTLSKeyLogWriter), meant for reading captures, has the client's random and the master
//     secret.
//
// The first is called for the DTLS server only, so the keys are known only where pion is that: when it answers with
// setup:passive. Anywhere else, and for a profile that package srtp does not have, there are no keys, and the peer's media has
// to take pion's own path.
//
// # How it ends
//
// When pion/webrtc has an exporter, for example
//
//	func (t *DTLSTransport) ExportKeyingMaterial(label string, context []byte, length int) ([]byte, error)
//
// this package becomes one call of it, with [Label] and the length srtp.Profile.MaterialLen, handed to srtp.Extract;
// it works for both roles then. A test makes a handshake and decrypts, so a version of pion whose hooks differ is noticed.
package keying

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"strings"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"

	"hiroba/sfu/srtp"
)

// Label is the exporter's label for SRTP keys (RFC 5764, section 4.2).
const Label = "EXTRACTOR-dtls_srtp"

// ErrNoKeys means that the keys are not known: not yet, or never, because this side is the DTLS client or the handshake
// ended in something that is not supported, or not any more, because they were taken.
var ErrNoKeys = errors.New("keying: no SRTP keys")

const (
	randomSize = handshake.RandomLength // of a hello (RFC 5246, section 7.4.1.2)
	secretSize = 48                     // of a master secret (RFC 5246, section 8.1)
)

// keyLogLabel begins the line with the master secret of (D)TLS 1.2.
const keyLogLabel = "CLIENT_RANDOM"

// Exporter listens to the handshake of one PeerConnection. The zero value is ready; it is safe for concurrent use.
//
//	var e keying.Exporter
//	settings.SetDTLSServerHelloMessageHook(e.HandleServerHello)
//	settings.SetDTLSKeyLogWriter(&e)
type Exporter struct {
	mu sync.Mutex
	// hello is what the ServerHello said, nil before it and for one that is not supported.
	hello *hello
	// keys are what the handshake agreed on, nil before and after somebody took them.
	keys   *srtp.Keys
	closed bool
}

// hello is what keys need of a ServerHello.
type hello struct {
	random  [randomSize]byte
	hash    func() hash.Hash
	profile srtp.Profile
}

// HandleServerHello notes what this side answers as a DTLS server, and returns it as it is.
func (e *Exporter) HandleServerHello(m handshake.MessageServerHello) handshake.Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forget()
	if !e.closed {
		e.hello = readHello(&m)
	}
	return &m
}

// readHello is nil where the handshake will end in keys that package srtp cannot use.
func readHello(m *handshake.MessageServerHello) *hello {
	if m.CipherSuiteID == nil {
		return nil
	}
	h := &hello{random: m.Random.MarshalFixed(), hash: hashOf(dtls.CipherSuiteID(*m.CipherSuiteID))}
	for _, e := range m.Extensions {
		use, ok := e.(*extension.UseSRTP)
		// A master key identifier would follow each packet.
		if ok && len(use.ProtectionProfiles) == 1 && len(use.MasterKeyIdentifier) == 0 {
			h.profile = srtp.Profile(use.ProtectionProfiles[0])
		}
	}
	if h.hash == nil || !h.profile.Supported() {
		return nil
	}
	return h
}

// hashOf is the hash of a cipher suite's pseudorandom function: SHA-256 unless the name says another (RFC 5246, section 5
// and RFC 5289, section 3.2). It is nil for a suite that pion does not name.
func hashOf(id dtls.CipherSuiteID) func() hash.Hash {
	name := id.String()
	switch {
	case !strings.HasPrefix(name, "TLS_"):
		return nil
	case strings.HasSuffix(name, "_SHA384"):
		return sha512.New384
	}
	return sha256.New
}

// Write takes a line of the key log. It never fails, and keeps nothing of a line that is of no use.
func (e *Exporter) Write(line []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hello != nil {
		e.handleLine(e.hello, line)
	}
	return len(line), nil
}

func (e *Exporter) handleLine(h *hello, line []byte) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != keyLogLabel ||
		len(fields[1]) != 2*randomSize || len(fields[2]) != 2*secretSize {
		return
	}
	var clientRandom [randomSize]byte
	var master [secretSize]byte
	defer clear(master[:])
	if _, err := hex.Decode(clientRandom[:], fields[1]); err != nil {
		return
	}
	if _, err := hex.Decode(master[:], fields[2]); err != nil {
		return
	}
	e.forget()
	if keys, ok := h.export(clientRandom, master[:]); ok {
		e.keys = &keys
	}
}

// export is the exporter of RFC 5705, section 4, without context.
func (h *hello) export(clientRandom [randomSize]byte, master []byte) (srtp.Keys, bool) {
	seed := append([]byte(Label), clientRandom[:]...)
	seed = append(seed, h.random[:]...)
	material, err := prf.PHash(master, seed, h.profile.MaterialLen(), h.hash)
	if err != nil {
		return srtp.Keys{}, false
	}
	defer clear(material)
	keys, err := srtp.Extract(h.profile, material, false)
	return keys, err == nil
}

// Keys are the SRTP keys, Local those of the DTLS server. They are handed out once: two owners would encrypt different
// packets with the same keystream. Nothing of them stays here.
//
// They are known before the client has proved who it is. Ask when the DTLS transport is connected, not before.
func (e *Exporter) Keys() (srtp.Keys, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.keys == nil {
		return srtp.Keys{}, ErrNoKeys
	}
	keys := *e.keys
	e.keys, e.hello = nil, nil
	return keys, nil
}

// Close wipes keys that nobody took, and ends listening.
func (e *Exporter) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forget()
	e.hello, e.closed = nil, true
}

func (e *Exporter) forget() {
	if e.keys != nil {
		e.keys.Wipe()
		e.keys = nil
	}
}

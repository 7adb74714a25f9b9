package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// filesInterval is how often Files looks whether its files have changed.
const filesInterval = 10 * time.Second

// The settings that faults of Files are about.
const (
	settingCert   = "tls-cert"
	settingKey    = "tls-key"
	settingDomain = "domain"
)

// FilesConfig says where the files are.
type FilesConfig struct {
	// Cert and Key are PEM files: the certificate, followed by those of its issuers, and its private key.
	Cert, Key string
	// Names must be covered by the certificate. May be empty.
	Names []string
	// Log may be nil.
	Log *slog.Logger
	// Now is the clock; nil for the machine's.
	Now func() time.Time
}

// Files is a Source that somebody else keeps fresh, such as certbot. When a file changes, both are read again; a pair
// that cannot be used is reported, and the one before stays.
type Files struct {
	cfg     FilesConfig
	bell    bell
	current atomic.Pointer[tls.Certificate]
	// seen is what the files were like when they were last read. Owned by NewFiles, then by Run.
	seen [2]stamp
}

var _ Source = (*Files)(nil)

// stamp tells versions of a file apart without reading it.
type stamp struct {
	size     int64
	modified time.Time
}

// NewFiles reads the files. An error is a *SettingError.
func NewFiles(cfg FilesConfig) (*Files, error) {
	cfg.Log, cfg.Now = loggerOr(cfg.Log), clockOr(cfg.Now)
	f := &Files{cfg: cfg, bell: newBell()}
	f.seen = f.stamps()
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// Certificate is the one that was read last.
func (f *Files) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.current.Load(), nil
}

// Expiry is the end of the certificate that was read last.
func (f *Files) Expiry() time.Time { return f.current.Load().Leaf.NotAfter }

// Reload makes Run read the files, whether they have changed or not.
func (f *Files) Reload() { f.bell.ring() }

// Run reads the files again whenever they have changed.
func (f *Files) Run(ctx context.Context) {
	ticker := time.NewTicker(filesInterval)
	defer ticker.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-f.bell:
			asked = true
		case <-ticker.C:
		}
		f.look(asked)
	}
}

// look reads the files if they have changed, or somebody asked. Polling, because a file that is replaced through a
// symbolic link, as Kubernetes and certbot do it, is what notifications of the kernel miss.
func (f *Files) look(asked bool) {
	stamps := f.stamps()
	if stamps == f.seen && !asked {
		return
	}
	f.seen = stamps
	if err := f.load(); err != nil {
		f.cfg.Log.Error("certificate not reloaded, the one before stays", "err", err, "expiry", f.Expiry())
		return
	}
	f.cfg.Log.Info("certificate reloaded", "file", f.cfg.Cert, "expiry", f.Expiry())
}

func (f *Files) stamps() (s [2]stamp) {
	for i, name := range []string{f.cfg.Cert, f.cfg.Key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return s
}

// load reads, checks and publishes the pair.
func (f *Files) load() error {
	chain, err := readPEM(settingCert, f.cfg.Cert)
	if err != nil {
		return err
	}
	key, err := readPEM(settingKey, f.cfg.Key)
	if err != nil {
		return err
	}
	pair, err := parsePair(f.cfg, chain, key)
	if err != nil {
		return err
	}
	if err := checkTimes(pair.Leaf, f.cfg.Now()); err != nil {
		return fault(settingCert, err, "the certificate in %s %v", f.cfg.Cert, err)
	}
	if err := covers(pair.Leaf, nil); err != nil {
		return fault(settingCert, err, "the certificate in %s %v", f.cfg.Cert, err)
	}
	if err := covers(pair.Leaf, f.cfg.Names); err != nil {
		return fault(settingDomain, err, "the certificate in %s %v; correct the name, or get a certificate for it",
			f.cfg.Cert, err)
	}
	f.warn(pair)
	f.current.Store(pair)
	return nil
}

// warn tells what is no fault yet, or not for everybody.
func (f *Files) warn(pair *tls.Certificate) {
	if left := pair.Leaf.NotAfter.Sub(f.cfg.Now()); left < soon {
		f.cfg.Log.Warn("certificate expires soon, renew it", "file", f.cfg.Cert, "expiry", pair.Leaf.NotAfter, "left", left)
	}
	if len(pair.Certificate) == 1 && !bytes.Equal(pair.Leaf.RawIssuer, pair.Leaf.RawSubject) {
		f.cfg.Log.Warn("certificate comes without that of its issuer, which many phones need; use the full chain",
			"file", f.cfg.Cert, "issuer", pair.Leaf.Issuer.String())
	}
}

// readPEM reads a file that has at least one PEM block.
func readPEM(setting, name string) ([]byte, error) {
	data, err := os.ReadFile(name) //nolint:gosec // whoever starts the server chooses the file
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault(setting, err, "there is no file %s", name)
	case errors.Is(err, fs.ErrPermission):
		return nil, fault(setting, err, "not allowed to read %s; let the user that runs this server read it", name)
	case err != nil:
		return nil, fault(setting, err, "cannot read %s: %v", name, err)
	}
	if block, _ := pem.Decode(data); block == nil {
		return nil, fault(setting, nil, "%s is not a PEM file, which begins with -----BEGIN", name)
	}
	return data, nil
}

// parsePair turns what crypto/tls says about a pair into what to do about it.
func parsePair(cfg FilesConfig, chain, key []byte) (*tls.Certificate, error) {
	inCert, inKey := blockTypes(chain), blockTypes(key)
	switch {
	case leafOf(chain) == nil && strings.Contains(inCert, "PRIVATE KEY"):
		return nil, fault(settingCert, nil, "%s has a private key and no certificate; is it the file for --tls-key?", cfg.Cert)
	case !slices.Contains(strings.Split(inCert, ", "), "CERTIFICATE"):
		return nil, fault(settingCert, nil, "%s has no certificate, but %s", cfg.Cert, inCert)
	case strings.Contains(inKey, "ENCRYPTED") || bytes.Contains(key, []byte("Proc-Type: 4,ENCRYPTED")):
		return nil, fault(settingKey, nil, "the key in %s has a password; store it without, as 'openssl pkey' does", cfg.Key)
	case !strings.Contains(inKey, "PRIVATE KEY"):
		return nil, fault(settingKey, nil, "%s has no private key, but %s", cfg.Key, inKey)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		if leafOf(chain) != nil && strings.Contains(err.Error(), "does not match") {
			return nil, fault(settingKey, err, "the key in %s does not belong to the first certificate in %s", cfg.Key, cfg.Cert)
		}
		return nil, fault(settingCert, err, "cannot use %s with %s: %v", cfg.Cert, cfg.Key, err)
	}
	if pair.Leaf == nil { // only with GODEBUG=x509keypairleaf=0
		pair.Leaf = leafOf(chain)
	}
	return &pair, nil
}

// leafOf is the first certificate of a PEM file, or nil.
func leafOf(chain []byte) *x509.Certificate {
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			leaf, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil
			}
			return leaf
		}
	}
	return nil
}

// blockTypes lists what is in a PEM file: "CERTIFICATE, EC PRIVATE KEY".
func blockTypes(data []byte) string {
	var types []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		types = append(types, fmt.Sprintf("%.40s", block.Type))
	}
	return strings.Join(types, ", ")
}

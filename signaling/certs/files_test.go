package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// noon is when these tests play.
var noon = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

// pemPair makes a certificate that signs itself, changed by what is given, and its key.
func pemPair(t *testing.T, change func(*x509.Certificate)) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rooms.example.com"},
		DNSNames: []string{"rooms.example.com"}, NotBefore: noon.AddDate(0, -1, 0), NotAfter: noon.AddDate(0, 2, 0),
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err = encodeKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return encodeCert(der), key
}

// put writes a file of a test's folder and returns its path.
func put(t *testing.T, folder, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	cert, key := pemPair(t, nil)
	_, otherKey := pemPair(t, nil)
	expired, expiredKey := pemPair(t, func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Hour) })
	early, earlyKey := pemPair(t, func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Hour) })
	nameless, namelessKey := pemPair(t, func(c *x509.Certificate) { c.DNSNames = nil })
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	locked := pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"},
		Bytes: x509.MarshalPKCS1PrivateKey(rsaKey),
	})
	for _, tt := range []struct {
		name      string
		cert, key []byte
		names     []string
		want      string
	}{
		{"expired", expired, expiredKey, nil, "--tls-cert: the certificate in CERT expired on 2026-11-22 11:00 UTC; renew it (this machine's clock says 2026-11-22 12:00 UTC)"},
		{"not yet valid, or the clock is off", early, earlyKey, nil, "--tls-cert: the certificate in CERT is valid from 2026-11-22 13:00 UTC on, and this machine's clock says 2026-11-22 12:00 UTC; if that is wrong, set the clock"},
		{"another domain", cert, key, []string{"other.example.com"}, "--domain: the certificate in CERT is not for other.example.com, but for rooms.example.com; correct the name, or get a certificate for it"},
		{"no names", nameless, namelessKey, nil, "--tls-cert: the certificate in CERT names no host as subject alternative name, so no browser accepts it"},
		{"another key", cert, otherKey, nil, "--tls-key: the key in KEY does not belong to the first certificate in CERT"},
		{"swapped", key, cert, nil, "--tls-cert: CERT has a private key and no certificate; is it the file for --tls-key?"},
		{"two certificates", cert, cert, nil, "--tls-key: KEY has no private key, but CERTIFICATE"},
		{"key with a password", cert, locked, nil, "--tls-key: the key in KEY has a password; store it without, as 'openssl pkey' does"},
		{"key with a password, PKCS #8", cert, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY"}), nil, "--tls-key: the key in KEY has a password; store it without, as 'openssl pkey' does"},
		{"not PEM", []byte("0\x82\x01"), key, nil, "--tls-cert: CERT is not a PEM file, which begins with -----BEGIN"},
		{"empty key", cert, nil, nil, "--tls-key: KEY is not a PEM file, which begins with -----BEGIN"},
		{"request", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST"}), key, nil, "--tls-cert: CERT has no certificate, but CERTIFICATE REQUEST"},
		{"damaged", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), key, nil, "--tls-cert: cannot use CERT with KEY: x509: malformed certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			c, k := put(t, folder, "cert.pem", tt.cert), put(t, folder, "key.pem", tt.key)
			_, err := NewFiles(FilesConfig{Cert: c, Key: k, Names: tt.names, Now: atNoon})
			want := strings.NewReplacer("CERTIFICATE", "CERTIFICATE", "CERT", c, "KEY", k).Replace(tt.want)
			var f *SettingError
			if !errors.As(err, &f) || err.Error() != want {
				t.Errorf("error is\n%v, want\n%s", err, want)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	cert, key := pemPair(t, nil)
	c, k := put(t, folder, "cert.pem", cert), put(t, folder, "key.pem", key)
	missing := filepath.Join(folder, "nowhere.pem")
	if _, err := NewFiles(FilesConfig{Cert: missing, Key: k, Now: atNoon}); err == nil ||
		err.Error() != "--tls-cert: there is no file "+missing {
		t.Error(err)
	}
	if _, err := NewFiles(FilesConfig{Cert: c, Key: folder, Now: atNoon}); err == nil ||
		!strings.HasPrefix(err.Error(), "--tls-key: cannot read "+folder) {
		t.Error(err)
	}
	if os.Geteuid() == 0 {
		return // may read everything
	}
	if err := os.Chmod(k, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := NewFiles(FilesConfig{Cert: c, Key: k, Now: atNoon}); err == nil ||
		!strings.HasPrefix(err.Error(), "--tls-key: not allowed to read "+k) {
		t.Error(err)
	}
}

func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	folder := t.TempDir()
	var log bytes.Buffer
	cert, key := pemPair(t, nil)
	c, k := put(t, folder, "cert.pem", cert), put(t, folder, "key.pem", key)
	f, err := NewFiles(FilesConfig{Cert: c, Key: k, Now: atNoon, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	first := f.Expiry()
	touch := func(name string, data []byte, at time.Time) {
		put(t, folder, name, data)
		if err := os.Chtimes(filepath.Join(folder, name), at, at); err != nil {
			t.Fatal(err)
		}
	}

	// Half of the new pair is there: what was before stays, and it is told.
	cert, key = pemPair(t, func(c *x509.Certificate) { c.NotAfter = noon.AddDate(0, 3, 0) })
	touch("cert.pem", cert, noon)
	f.look(false)
	if f.Expiry() != first || !strings.Contains(log.String(), "certificate not reloaded") ||
		!strings.Contains(log.String(), "--tls-key: the key in ") {
		t.Errorf("half a pair: %v, log:\n%s", f.Expiry(), &log)
	}
	touch("key.pem", key, noon)
	f.look(false)
	if want := noon.AddDate(0, 3, 0); !f.Expiry().Equal(want) {
		t.Errorf("expiry %v, want %v", f.Expiry(), want)
	}
	if pair, _ := f.Certificate(nil); !pair.Leaf.NotAfter.Equal(f.Expiry()) {
		t.Error("handshakes get another certificate")
	}

	// Nothing changed: it is read only when somebody asks.
	log.Reset()
	f.look(false)
	if log.Len() > 0 {
		t.Errorf("read without need:\n%s", &log)
	}
	f.look(true)
	if !strings.Contains(log.String(), "certificate reloaded") {
		t.Errorf("not read when asked:\n%s", &log)
	}

	// A file that is gone for a moment is no reason to stop.
	if err := os.Remove(k); err != nil {
		t.Fatal(err)
	}
	f.look(false)
	if pair, _ := f.Certificate(nil); pair == nil || !strings.Contains(log.String(), "there is no file") {
		t.Errorf("log:\n%s", &log)
	}
}

func TestFilesWarn(t *testing.T) {
	folder := t.TempDir()
	var log bytes.Buffer
	cert, key := pemPair(t, func(c *x509.Certificate) { c.NotAfter = noon.Add(soon - time.Hour) })
	c, k := put(t, folder, "cert.pem", cert), put(t, folder, "key.pem", key)
	if _, err := NewFiles(FilesConfig{
		Cert: c, Key: k, Now: atNoon, Names: []string{"Rooms.Example.com"}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "certificate expires soon") || strings.Contains(log.String(), "issuer") {
		t.Errorf("log:\n%s", &log)
	}
}

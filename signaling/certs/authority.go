package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// The files of a local authority, in a folder of their own.
const (
	authorityCert = "ca.crt"
	authorityKey  = "ca.key"
	leafFile      = "host.pem"
)

// Lifetimes. Devices refuse certificates of own authorities that live longer than 825 days, and some more than 398.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 90 * 24 * time.Hour
	leafRenew     = leafLife / 3
	// backdate is how far a device's clock may be behind this machine's.
	backdate = 24 * time.Hour
)

// earliest is before any machine that runs this was set up: a clock before it has never been set.
var earliest = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

// settingDataDir and settingTLS are what faults of the authority are about.
const (
	settingDataDir = "data-dir"
	settingTLS     = "tls"
)

// clockFault is about a clock that has never been set.
func clockFault(now time.Time) *SettingError {
	return fault(settingTLS, nil, "this machine's clock says %s, and certificates need the right time; set the clock", date(now))
}

// authority signs certificates for names and addresses of a private network. Its own certificate forbids it everything
// else, so that a device which trusts it is not at the mercy of whoever gets its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// openAuthority reads the authority of a folder, or makes one where there is none.
func openAuthority(folder, hostname string, names []string, now time.Time) (*authority, error) {
	if now.Before(earliest) {
		return nil, clockFault(now)
	}
	certFile, keyFile := filepath.Join(folder, authorityCert), filepath.Join(folder, authorityKey)
	certPEM, certErr := os.ReadFile(certFile) //nolint:gosec // below the data folder
	keyPEM, keyErr := os.ReadFile(keyFile)    //nolint:gosec // likewise
	if errors.Is(certErr, fs.ErrNotExist) && errors.Is(keyErr, fs.ErrNotExist) {
		return newAuthority(folder, hostname, names, now)
	}
	for _, err := range []error{certErr, keyErr} {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fault(settingDataDir, err, "cannot read the local authority: %v; let the user that runs this server "+
				"read it", err)
		}
	}
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, fault(settingDataDir, err, "the local authority is incomplete: %v; put the file back, or remove %s to make "+
			"a new one, which every device has to trust anew", oneLine(err), folder)
	}
	if err := checkPrivate(keyFile); err != nil {
		return nil, err
	}
	a, err := parseAuthority(certPEM, keyPEM)
	if err != nil {
		return nil, fault(settingDataDir, err, "the local authority in %s cannot be used: %v; put its files back, or remove "+
			"the folder to make a new one, which every device has to trust anew", folder, err)
	}
	if err := checkTimes(a.cert, now); err != nil {
		return nil, fault(settingDataDir, err, "the local authority in %s %v; to make a new one, which every device has to "+
			"trust anew, remove the folder", folder, err)
	}
	return a, nil
}

// checkPrivate refuses a key that others on this machine can read.
func checkPrivate(keyFile string) error {
	info, err := os.Stat(keyFile)
	if err != nil {
		return fault(settingDataDir, err, "cannot look at %s: %v", keyFile, err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fault(settingDataDir, nil, "%s can be read by other users, and devices trust whoever has it; if nobody has "+
			"copied it: chmod 600 %s", keyFile, keyFile)
	}
	return nil
}

func parseAuthority(certPEM, keyPEM []byte) (*authority, error) {
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, err
	}
	cert := leafOf(certPEM)
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || cert == nil || !cert.IsCA {
		return nil, errors.New("it is not what this server makes")
	}
	return &authority{cert, key}, nil
}

// newAuthority makes an authority and stores it. Beside private domains it may sign for the host's name and for the
// given ones, which a network without a domain calls somebody by.
func newAuthority(folder, hostname string, names []string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of the local authority: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: newSerial(),
		Subject: pkix.Name{
			Organization: []string{"Hiroba"},
			CommonName:   authorityName(hostname, now),
		},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLife),
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
		// Neither mail nor programs: name constraints say nothing about those.
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         slices.Clone(privateDomains),
	}
	for _, name := range unique(append(namesOf(hostname), names...)) {
		if !permits(template.PermittedDNSDomains, name) {
			template.PermittedDNSDomains = append(template.PermittedDNSDomains, name)
		}
	}
	for _, n := range privateNetworks {
		template.PermittedIPRanges = append(template.PermittedIPRanges, &net.IPNet{
			IP: n.Addr().AsSlice(), Mask: net.CIDRMask(n.Bits(), n.Addr().BitLen()),
		})
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the local authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of the local authority: %w", err)
	}
	a := &authority{cert, key}
	if err := a.store(folder); err != nil {
		return nil, err
	}
	return a, nil
}

// authorityName tells authorities of one household apart in a device's list.
func authorityName(hostname string, now time.Time) string {
	label, _, _ := strings.Cut(hostname, ".")
	if label == "" {
		label = "local"
	}
	return fmt.Sprintf("Hiroba on %.40s (%s)", label, now.UTC().Format(time.DateOnly))
}

// store writes the key first: a certificate without its key would be trusted for nothing.
func (a *authority) store(folder string) error {
	keyPEM, err := encodeKey(a.key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make a folder for the local authority: %w", err)
	}
	if err := writeFile(filepath.Join(folder, authorityKey), keyPEM); err != nil {
		return fmt.Errorf("store the key of the local authority: %w", err)
	}
	if err := writeFile(filepath.Join(folder, authorityCert), encodeCert(a.cert.Raw)); err != nil {
		_ = os.Remove(filepath.Join(folder, authorityKey)) // half an authority would be refused at the next start
		return fmt.Errorf("store the certificate of the local authority: %w", err)
	}
	return nil
}

// fingerprint is the SHA-256 of the certificate, as devices show it.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	pairs := make([]string, 0, len(sum))
	for _, b := range sum {
		pairs = append(pairs, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	return strings.Join(pairs, ":")
}

// permitted leaves of a host what the authority may sign.
func (a *authority) permitted(h Host) Host {
	var allowed Host
	for _, name := range h.Names {
		if permits(a.cert.PermittedDNSDomains, name) {
			allowed.Names = append(allowed.Names, name)
		}
	}
	for _, addr := range h.Addrs {
		if slices.ContainsFunc(a.cert.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(addr.AsSlice()) }) {
			allowed.Addrs = append(allowed.Addrs, addr)
		}
	}
	return allowed
}

// permits applies a name constraint.
func permits(domains []string, name string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return within(name, d) })
}

// issue makes a certificate for a host.
func (a *authority) issue(h Host, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{Organization: []string{"Hiroba"}, CommonName: h.Names[0]},
		NotBefore:             later(now.Add(-backdate), a.cert.NotBefore),
		NotAfter:              earlier(now.Add(leafLife), a.cert.NotAfter),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              h.Names,
	}
	for _, addr := range h.Addrs {
		template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// stored is the certificate of an earlier run, so that those who accepted it by hand need not again. Nil without one
// that is as good as new.
func (a *authority) stored(folder string, h Host, now time.Time) *tls.Certificate {
	file := filepath.Join(folder, leafFile)
	data, err := os.ReadFile(file) //nolint:gosec // below the data folder
	if err != nil || checkPrivate(file) != nil {
		return nil
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil
	}
	pair.Leaf = leafOf(data)
	if pair.Leaf == nil || pair.Leaf.CheckSignatureFrom(a.cert) != nil || a.due(pair.Leaf, h, now) {
		return nil
	}
	return &pair
}

// due reports whether a host needs another certificate than this one.
func (a *authority) due(leaf *x509.Certificate, h Host, now time.Time) bool {
	addrs := make([]netip.Addr, 0, len(leaf.IPAddresses))
	for _, ip := range leaf.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	isOld := leaf.NotAfter.Sub(now) < leafRenew && leaf.NotAfter.Before(a.cert.NotAfter) // no other would live longer
	return isOld || now.Before(leaf.NotBefore) ||
		!sameSet(leaf.DNSNames, h.Names, strings.Compare) || !sameSet(addrs, h.Addrs, netip.Addr.Compare)
}

func sameSet[T comparable](a, b []T, compare func(T, T) int) bool {
	return slices.Equal(slices.SortedFunc(slices.Values(a), compare), slices.SortedFunc(slices.Values(b), compare))
}

// storeLeaf keeps a certificate for the next run.
func storeLeaf(folder string, pair *tls.Certificate) error {
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		panic("certificate of the local authority with a key that it does not make")
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(folder, leafFile), append(encodeCert(pair.Certificate[0]), keyPEM...))
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// newSerial is 127 random bits (RFC 5280, section 4.1.2.2: positive, at most 20 octets).
func newSerial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f
	b[15] |= 1 // never 0
	return new(big.Int).SetBytes(b[:])
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// oneLine is an error of several for a message of one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

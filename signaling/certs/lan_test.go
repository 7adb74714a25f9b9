package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// houseHost is a computer at home.
func houseHost() Host {
	return Host{Names: namesOf("Box.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("192.168.1.20")}}
}

func newHouse(t *testing.T, change func(*LANConfig)) (*LAN, error) {
	t.Helper()
	cfg := LANConfig{Folder: filepath.Join(t.TempDir(), "lan"), Now: atNoon, Host: houseHost}
	if change != nil {
		change(&cfg)
	}
	return NewLAN(cfg)
}

// verify is what a device that trusts the authority says about a host.
func verify(l *LAN, cert *tls.Certificate, host string, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(l.authority.cert)
	_, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now})
	return err
}

func TestLANCertificateIsForTheHost(t *testing.T) {
	l, err := newHouse(t, func(c *LANConfig) {
		c.Names = []string{"Rooms.local"}
		c.Addrs = []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("fd00::1")}
	})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := l.Certificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"localhost", "box.local", "box.lan", "box.home.arpa", "rooms.local",
		"127.0.0.1", "::1", "192.168.1.20", "10.1.2.3", "fd00::1",
	} {
		if err := verify(l, cert, host, noon); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"example.com", "192.168.1.21", "other.local"} {
		if verify(l, cert, host, noon) == nil {
			t.Errorf("%s is covered", host)
		}
	}
	if got := l.Host().Addrs[0].String(); got != "10.1.2.3" {
		t.Errorf("first address is %s; want that of the settings", got)
	}
	if life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore); life > 398*24*time.Hour {
		t.Errorf("lives %v, which devices refuse", life)
	}
}

// TestAuthorityMayNotSignForTheWorld signs with the authority's own key what it must not be able to vouch for.
func TestAuthorityMayNotSignForTheWorld(t *testing.T) {
	l, err := newHouse(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		host string
		want bool
	}{
		{"other.local", true},
		{"printer.home.arpa", true},
		{"10.0.0.1", true},
		{"fd12::1", true},
		{"example.com", false},
		{"local.example.com", false},
		{"xlocal", false},
		{"www.google.com", false},
		{"203.0.113.7", false},
		{"8.8.8.8", false},
		{"172.32.0.1", false},
		{"2001:db8::1", false},
	} {
		h := Host{Names: []string{tt.host}}
		if ip, err := netip.ParseAddr(tt.host); err == nil {
			h = Host{Names: []string{"localhost"}, Addrs: []netip.Addr{ip}}
		}
		cert, err := l.authority.issue(h, noon)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(l, cert, tt.host, noon); (err == nil) != tt.want {
			t.Errorf("%s: %v", tt.host, err)
		}
	}
	ca := l.authority.cert
	if !ca.PermittedDNSDomainsCritical || !ca.MaxPathLenZero || !slices.Equal(ca.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Error("the authority may sign more than servers")
	}
	if got := l.authority.permitted(Host{
		Names: []string{"a.local", "example.com"},
		Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("10.0.0.1")},
	}); len(got.Names) != 1 || len(got.Addrs) != 1 {
		t.Errorf("it would sign for %v", got)
	}
}

func TestLANKeepsItsAuthority(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "lan")
	at := noon
	open := func(h Host) *LAN {
		t.Helper()
		l, err := NewLAN(LANConfig{Folder: folder, Now: func() time.Time { return at }, Host: func() Host { return h }})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := open(houseHost())
	for name, want := range map[string]os.FileMode{".": 0o700, authorityKey: 0o600, authorityCert: 0o600, leafFile: 0o600} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(folder, ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	second := open(houseHost())
	if second.Fingerprint() != first.Fingerprint() || !second.Expiry().Equal(first.Expiry()) {
		t.Error("a restart makes new certificates")
	}

	// Another address, and the same authority.
	moved := houseHost()
	moved.Addrs = []netip.Addr{netip.MustParseAddr("192.168.7.7")}
	third := open(moved)
	cert, _ := third.Certificate(nil)
	if third.Fingerprint() != first.Fingerprint() || verify(third, cert, "192.168.7.7", at) != nil {
		t.Error("the new address has no certificate of the old authority")
	}

	// Time goes by.
	at = noon.Add(leafLife - leafRenew + time.Hour)
	if err := third.renew(); err != nil {
		t.Fatal(err)
	}
	if got, want := third.Expiry(), at.Add(leafLife); !got.Equal(want) {
		t.Errorf("expiry %v, want %v", got, want)
	}
	// At the end of the authority's life there is no better certificate, and nothing is made anew all the time.
	at = noon.Add(authorityLife - time.Hour)
	if err := third.renew(); err != nil {
		t.Fatal(err)
	}
	last, _ := third.Certificate(nil)
	if err := third.renew(); err != nil {
		t.Fatal(err)
	}
	if again, _ := third.Certificate(nil); again != last || !third.Expiry().Equal(noon.Add(authorityLife)) {
		t.Error("made anew although it cannot be better")
	}
}

func TestLANFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, folder string, c *LANConfig)
		want  string
	}{
		{
			"public name", func(_ *testing.T, _ string, c *LANConfig) { c.Names = []string{"rooms.example.com"} },
			"--domain: rooms.example.com is not a name of a private network",
		},
		{
			"name that the authority does not know", func(_ *testing.T, _ string, c *LANConfig) { c.Names = []string{"kitchen"} },
			"--domain: the local authority was made without the name kitchen",
		},
		{
			"clock never set", func(_ *testing.T, _ string, c *LANConfig) { c.Now = func() time.Time { return time.Unix(0, 0) } },
			"--tls: this machine's clock says 1970-01-01 00:00 UTC, and certificates need the right time; set the clock",
		},
		{
			"clock behind", func(_ *testing.T, _ string, c *LANConfig) { c.Now = func() time.Time { return noon.AddDate(0, -6, 0) } },
			"--data-dir: the local authority in FOLDER is valid from 2026-11-21 12:00 UTC on, and this machine's clock says 2026-05-22",
		},
		{
			"authority expired", func(_ *testing.T, _ string, c *LANConfig) { c.Now = func() time.Time { return noon.AddDate(11, 0, 0) } },
			"--data-dir: the local authority in FOLDER expired on ",
		},
		{
			"key gone", func(t *testing.T, folder string, _ *LANConfig) { remove(t, folder, authorityKey) },
			"--data-dir: the local authority is incomplete: open FOLDER/ca.key: no such file or directory; put the file back, or remove FOLDER",
		},
		{
			"certificate gone", func(t *testing.T, folder string, _ *LANConfig) { remove(t, folder, authorityCert) },
			"--data-dir: the local authority is incomplete: open FOLDER/ca.crt: no such file",
		},
		{"key open to all", func(t *testing.T, folder string, _ *LANConfig) {
			if err := os.Chmod(filepath.Join(folder, authorityKey), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "--data-dir: FOLDER/ca.key can be read by other users"},
		{
			"damaged", func(t *testing.T, folder string, _ *LANConfig) { put(t, folder, authorityCert, []byte("-----BEGIN")) },
			"--data-dir: the local authority in FOLDER cannot be used: ",
		},
		{"another's key", func(t *testing.T, folder string, _ *LANConfig) {
			_, key := pemPair(t, nil)
			put(t, folder, authorityKey, key)
		}, "--data-dir: the local authority in FOLDER cannot be used: tls: private key does not match"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "lan")
			cfg := LANConfig{Folder: folder, Now: atNoon, Host: houseHost}
			if _, err := NewLAN(cfg); err != nil {
				t.Fatal(err)
			}
			tt.spoil(t, folder, &cfg)
			_, err := NewLAN(cfg)
			var f *SettingError
			if want := strings.ReplaceAll(tt.want, "FOLDER", folder); !errors.As(err, &f) || !strings.HasPrefix(err.Error(), want) ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("error is\n%v, want\n%s...", err, want)
			}
		})
	}
}

func remove(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

func TestLANWithoutAPlaceForItsFiles(t *testing.T) {
	file := put(t, t.TempDir(), "file", nil)
	_, err := newHouse(t, func(c *LANConfig) { c.Folder = filepath.Join(file, "lan") })
	if err == nil || !strings.HasPrefix(err.Error(), "--data-dir: cannot read the local authority: open "+file) {
		t.Error(err)
	}
}

func TestPrivateNames(t *testing.T) {
	for name, want := range map[string]bool{
		"box": true, "box.local": true, "a.b.home.arpa": true, "BOX.LAN": true, "localhost": true, "x.internal": true,
		"example.com": false, "local.example.com": false, "box.localx": false, "": false, ".local": false, "a..local": false,
		"-a.local": false, "a b.local": false, "*.local": false, "box.local.": false, "日本.local": false,
		strings.Repeat("a", 64) + ".local": false,
	} {
		if got := IsPrivateName(name); got != want {
			t.Errorf("%q is private: %t", name, got)
		}
	}
}

func TestHostAddresses(t *testing.T) {
	var all []netip.Addr
	for _, a := range []string{
		"127.0.0.1", "::1", "fe80::1%eth0", "169.254.1.1", "203.0.113.7", "2001:db8::1", "10.0.0.5", "::ffff:192.168.1.20", "fd00::5",
	} {
		all = append(all, netip.MustParseAddr(a))
	}
	got := orderAddrs(netip.MustParseAddr("192.168.1.20"), all)
	want := []string{"192.168.1.20", "10.0.0.5", "fd00::5"}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i, a := range got {
		if a.String() != want[i] {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if got := orderAddrs(netip.Addr{}, nil); len(got) != 0 {
		t.Errorf("from nothing: %v", got)
	}
	for _, a := range ThisHost().Addrs { // whatever it has
		if net.ParseIP(a.String()).IsLoopback() || !IsPrivate(a) {
			t.Errorf("%v", a)
		}
	}
}

package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// lanInterval is how often LAN looks whether the host has other addresses, or its certificate is old.
const lanInterval = 30 * time.Second

// LANConfig says where the authority is kept, and what its certificates are for.
type LANConfig struct {
	// Folder is for this Source alone. It is made when it is missing.
	Folder string
	// Names and Addrs are added to those of the host; Names must be private (IsPrivateName).
	Names []string
	Addrs []netip.Addr
	// Log may be nil.
	Log *slog.Logger
	// Now is the clock; nil for the machine's.
	Now func() time.Time
	// Host asks for names and addresses; nil for ThisHost.
	Host func() Host
}

// LAN is a Source with an authority of its own, for networks that no public authority knows. Devices must be told to
// trust it.
type LAN struct {
	cfg       LANConfig
	bell      bell
	authority *authority
	current   atomic.Pointer[lanState]
}

var _ Source = (*LAN)(nil)

// lanState is what LAN has for handshakes and pages; it never changes.
type lanState struct {
	pair *tls.Certificate
	host Host
}

// NewLAN opens the authority, or makes one, and makes a certificate for the host. An error is a *SettingError, or says that the
// folder cannot be written.
func NewLAN(cfg LANConfig) (*LAN, error) {
	cfg.Log, cfg.Now = loggerOr(cfg.Log), clockOr(cfg.Now)
	if cfg.Host == nil {
		cfg.Host = ThisHost
	}
	cfg.Names = slices.Clone(cfg.Names)
	for i, name := range cfg.Names {
		cfg.Names[i] = strings.ToLower(name)
		if !IsPrivateName(name) {
			return nil, fault(settingDomain, nil, "%s is not a name of a private network, such as box.local or box.internal; "+
				"use --tls acme for public names", name)
		}
	}
	hostname, _ := os.Hostname() // the authority's name is only for people
	a, err := openAuthority(cfg.Folder, hostname, cfg.Names, cfg.Now())
	if err != nil {
		return nil, err
	}
	for _, name := range cfg.Names {
		if !permits(a.cert.PermittedDNSDomains, name) {
			return nil, fault(settingDomain, nil, "the local authority was made without the name %s and may not sign for it; "+
				"use %s.local, or remove %s to make a new one, which every device has to trust anew", name, name, cfg.Folder)
		}
	}
	l := &LAN{cfg: cfg, bell: newBell(), authority: a}
	if err := l.renew(); err != nil {
		return nil, err
	}
	return l, nil
}

// Certificate is that of the host.
func (l *LAN) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return l.current.Load().pair, nil
}

// Expiry is the end of the host's certificate, or of the authority, should that be earlier.
func (l *LAN) Expiry() time.Time {
	return earlier(l.current.Load().pair.Leaf.NotAfter, l.authority.cert.NotAfter)
}

// Host is what the certificate is for.
func (l *LAN) Host() Host { return l.current.Load().host }

// AuthorityDER is what devices must trust: an X.509 certificate in DER.
func (l *LAN) AuthorityDER() []byte { return l.authority.cert.Raw }

// AuthorityName is what devices call it.
func (l *LAN) AuthorityName() string { return l.authority.cert.Subject.CommonName }

// Fingerprint is the SHA-256 of AuthorityDER in the form that devices show: "AB:CD:...".
func (l *LAN) Fingerprint() string { return fingerprint(l.authority.cert) }

// Reload makes Run look at once whether the host has other addresses.
func (l *LAN) Reload() { l.bell.ring() }

// Run makes another certificate whenever the host's names or addresses change, and before the one in use gets old.
func (l *LAN) Run(ctx context.Context) {
	ticker := time.NewTicker(lanInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.bell:
		case <-ticker.C:
		}
		if err := l.renew(); err != nil {
			l.cfg.Log.Error("certificate not renewed, the one before stays", "err", err)
		}
	}
}

// renew makes another certificate if it is time. Only NewLAN and Run call it.
func (l *LAN) renew() error {
	now, host := l.cfg.Now(), l.authority.permitted(l.host())
	if before := l.current.Load(); before != nil && !l.authority.due(before.pair.Leaf, host, now) {
		return nil
	}
	pair := l.authority.stored(l.cfg.Folder, host, now)
	if pair == nil {
		var err error
		if pair, err = l.authority.issue(host, now); err != nil {
			return err
		}
		if err := storeLeaf(l.cfg.Folder, pair); err != nil {
			if l.current.Load() == nil { // at the start somebody is looking
				return fmt.Errorf("store the certificate of this host: %w", err)
			}
			l.cfg.Log.Warn("certificate not stored, the next start makes another one", "err", err)
		}
		l.cfg.Log.Info("certificate made", "names", pair.Leaf.DNSNames, "addresses", host.Addrs, "expiry", pair.Leaf.NotAfter)
	}
	if left := l.authority.cert.NotAfter.Sub(now); left < leafLife {
		l.cfg.Log.Warn("local authority expires; remove its folder, and have every device trust the new one",
			"folder", l.cfg.Folder, "expiry", l.authority.cert.NotAfter)
	}
	l.current.Store(&lanState{pair, host})
	return nil
}

// host is the host with what the settings add to it. The settings come first: they know better.
func (l *LAN) host() Host {
	h := l.cfg.Host()
	names := append(slices.Clone(l.cfg.Names), append(h.Names, "localhost")...)
	addrs := append(slices.Clone(l.cfg.Addrs), h.Addrs...)
	addrs = append(addrs, netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback())
	return Host{Names: unique(names), Addrs: unique(addrs)}
}

// unique leaves the first of equal values.
func unique[T comparable](all []T) []T {
	var once []T
	for _, v := range all {
		if !slices.Contains(once, v) {
			once = append(once, v)
		}
	}
	return once
}

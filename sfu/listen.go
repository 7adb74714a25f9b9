package sfu

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/pion/ice/v4"

	"hiroba/sfu/udp"
)

// listen opens the media sockets: one UDP port, on one address or on all of them. The address that it returns is the
// unspecified one for all.
//
// On all addresses there are sockets for each, because an answer must leave from the address that was asked.
func listen(cfg Config) (*udp.Mux, netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen address %q: %w", cfg.Listen, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen address %q: port must be 0 to 65535", cfg.Listen)
	}
	var (
		addresses   []netip.Addr
		unspecified netip.Addr
	)
	switch host {
	case "", "::", "0.0.0.0":
		if port == 0 {
			return nil, netip.AddrPort{}, errors.New("listen for media: port 0 needs a single address, such as 127.0.0.1:0")
		}
		if addresses, err = udp.LocalAddresses(host != "0.0.0.0", cfg.Interfaces); err != nil {
			return nil, netip.AddrPort{}, fmt.Errorf("listen for media: %w", err)
		}
		unspecified = netip.IPv6Unspecified()
		if host == "0.0.0.0" {
			unspecified = netip.IPv4Unspecified()
		}
	default:
		resolved, err := net.ResolveUDPAddr("udp", cfg.Listen)
		if err != nil {
			return nil, netip.AddrPort{}, fmt.Errorf("listen address %q: %w", cfg.Listen, err)
		}
		addresses = []netip.Addr{resolved.AddrPort().Addr().Unmap()}
	}
	mux, err := udp.Listen(udp.Config{
		Addresses: addresses, Port: uint16(port), StreamPort: streamPort(cfg.ICETCP), GSO: !cfg.NoGSO, Log: cfg.Log,
	})
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen for media on udp %s: %w", cfg.Listen, err)
	}
	at := mux.Addr()
	if unspecified.IsValid() {
		at = netip.AddrPortFrom(unspecified, uint16(port))
	}
	return mux, at, nil
}

// streamPort is the port of a listener; 0 without one.
func streamPort(l net.Listener) uint16 {
	if l == nil {
		return 0
	}
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		panic(fmt.Sprintf("sfu: a TCP listener with the address %v", l.Addr()))
	}
	return at.AddrPort().Port()
}

// peerMux is the engine's mux as one PeerConnection sees it.
type peerMux struct {
	*udp.PeerMux
	loopback bool // for a client that comes over loopback
}

// GetListenAddresses implements ice.UDPMux. They become candidates, those of loopback only for clients that can use them.
func (m peerMux) GetListenAddresses() []net.Addr {
	return slices.DeleteFunc(m.PeerMux.GetListenAddresses(), func(a net.Addr) bool {
		at, ok := a.(*net.UDPAddr)
		return ok && at.IP.IsLoopback() && !m.loopback
	})
}

var _ ice.UDPMux = peerMux{}

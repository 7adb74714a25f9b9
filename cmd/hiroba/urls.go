package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"hiroba/signaling/certs"
)

// URL is what to open in a browser on this machine.
func (s *server) URL() string {
	switch s.certificates.(type) {
	case nil:
		return "http://" + browserHost(s.publicAddress)
	case *certs.LAN: // the machine itself trusts that name surely, once it trusts at all
		return "https://" + browserHost(s.publicAddress)
	default:
		if len(s.domains) > 0 {
			return "https://" + hostPort(s.domains[0], portOf(s.publicAddress), "https")
		}
		return "https://" + browserHost(s.publicAddress)
	}
}

// TrustURL is where other devices learn to trust the server; empty unless it is its own authority, in a network.
func (s *server) TrustURL() string {
	lan, ok := s.certificates.(*certs.LAN)
	if !ok {
		return ""
	}
	bound, _ := s.publicAddress.(*net.TCPAddr)
	if bound != nil && bound.IP.IsLoopback() {
		return "http://" + browserHost(s.publicAddress) + trustPath
	}
	port := portOf(s.publicAddress)
	return "http://" + hostPort(newTrustHandler(lan, port).hosts()[0], port, "http") + trustPath
}

// AdminURL is where the admin listener answers.
func (s *server) AdminURL() string { return "http://" + browserHost(s.adminAddr) }

// foreign are those addresses that no interface of this machine has; none if that is not known.
func foreign(ips []netip.Addr) (not []netip.Addr) {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, ip := range ips {
		if !slices.ContainsFunc(own, func(a net.Addr) bool {
			prefix, err := netip.ParsePrefix(a.String())
			return err == nil && prefix.Addr().Unmap() == ip
		}) {
			not = append(not, ip)
		}
	}
	return not
}

// browserHost is the host and port of a listener as a browser on this machine writes it.
func browserHost(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		panic(fmt.Sprintf("listener with the address %v", a))
	}
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func portOf(a net.Addr) string {
	_, port, err := net.SplitHostPort(a.String())
	if err != nil {
		panic(fmt.Sprintf("listener with the address %v", a))
	}
	return port
}

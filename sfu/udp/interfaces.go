package udp

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// LocalAddresses lists the addresses of this machine that a client may reach it at: those of all interfaces that are up, loopback
// included. Link-local addresses are left out: they mean nothing without the name of an interface, which differs from machine
// to machine.
func LocalAddresses(ipv6 bool) ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var found []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			continue // it went away
		}
		for _, a := range addresses {
			network, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			addr, ok := netip.AddrFromSlice(network.IP)
			addr = addr.Unmap()
			if !ok || addr.IsLinkLocalUnicast() || addr.IsUnspecified() || addr.IsMulticast() || (addr.Is6() && !ipv6) {
				continue
			}
			if !slices.Contains(found, addr) { // bridges may share one
				found = append(found, addr)
			}
		}
	}
	return found, nil
}

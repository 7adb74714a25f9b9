package udp

import (
	"fmt"
	"net"
	"net/netip"
	glob "path"
	"slices"
	"strings"
)

// virtual begin the names of bridges and cables to containers and virtual machines: no client comes from there, and their
// addresses are the same on many machines.
var virtual = []string{"docker", "br-", "veth", "virbr", "vnet", "cni", "flannel", "cali", "podman", "lxcbr", "lxdbr", "vmnet"}

// Interfaces chooses network interfaces: patterns of names as path.Match knows them, such as eth*. Those that begin with an
// exclamation mark are left out; if there are others, only what they match is taken. Without those others, all are taken
// but bridges and cables to containers and virtual machines. Loopback always is.
type Interfaces []string

// Check reports the first pattern that is none.
func (s Interfaces) Check() error {
	for _, pattern := range s {
		if name := strings.TrimPrefix(pattern, "!"); name == "" || strings.ContainsAny(name, "/ !") {
			return fmt.Errorf("%q is not the name of an interface or a pattern of names", pattern)
		} else if _, err := glob.Match(name, ""); err != nil {
			return fmt.Errorf("%q is not a pattern of names: %w", pattern, err)
		}
	}
	return nil
}

// Takes reports whether an interface that is not loopback is chosen.
func (s Interfaces) Takes(name string) bool {
	only, wanted := false, false
	for _, pattern := range s {
		excluded, isExclusion := strings.CutPrefix(pattern, "!")
		matches, _ := glob.Match(excluded, name) // without an exclamation mark it is the pattern itself
		if isExclusion && matches {
			return false
		}
		only, wanted = only || !isExclusion, wanted || (matches && !isExclusion)
	}
	if only {
		return wanted
	}
	return !slices.ContainsFunc(virtual, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// LocalAddresses lists the addresses of this machine that a client may reach it at: those of the chosen interfaces that are up,
// and of loopback. Link-local addresses are left out: they mean nothing without the name of an interface, which differs from
// machine to machine.
func LocalAddresses(ipv6 bool, chosen Interfaces) ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var found []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || (i.Flags&net.FlagLoopback == 0 && !chosen.Takes(i.Name)) {
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

package certs

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Host is what a machine is called in its own network.
type Host struct {
	// Names are without a dot at the end: "box", "box.local".
	Names []string
	// Addrs are the private addresses without loopback, the one that others most likely use first.
	Addrs []netip.Addr
}

// privateDomains are those that no public authority gives certificates for, as a constraint of the local authority and
// as what a host may be called under. RFC 6761, RFC 6762, RFC 8375; "internal" was set aside by ICANN in 2024; "lan" and
// "home" are what routers use.
var privateDomains = []string{"localhost", "local", "home.arpa", "internal", "lan", "home"}

// nameSuffixes are where a host is usually found: by mDNS, or by the router's DNS.
var nameSuffixes = []string{"", ".local", ".lan", ".home", ".home.arpa", ".internal"}

// privateNetworks are those of RFC 1918, RFC 6598 (carriers, and Tailscale), RFC 3927, RFC 4193, RFC 4291 and loopback.
var privateNetworks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("::1/128"),
}

// maxAddrs bounds a certificate: a machine with more addresses is no computer in a house.
const maxAddrs = 64

// containerInterfaces begin the names of bridges to containers and virtual machines: nobody else gets there.
var containerInterfaces = []string{"docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "podman", "lxc", "vmnet"}

// IsPrivate reports whether an address means something only in its own network.
func IsPrivate(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(privateNetworks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// IsPrivateName reports whether a name means something only in its own network: "box", "box.local".
func IsPrivateName(name string) bool {
	name = strings.ToLower(name)
	return isHostName(name) && (!strings.Contains(name, ".") ||
		slices.ContainsFunc(privateDomains, func(d string) bool { return within(name, d) }))
}

// within reports whether a name is a domain or below it, as name constraints count (RFC 5280, section 4.2.1.10).
func within(name, domain string) bool { return name == domain || strings.HasSuffix(name, "."+domain) }

// isHostName accepts what a certificate may have as a name: letters, digits and hyphens between dots.
func isHostName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		valid := label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-' &&
			strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
		if !valid {
			return false
		}
	}
	return true
}

// ThisHost asks the system. It sends nothing.
func ThisHost() Host {
	name, _ := os.Hostname() // without a name there are still addresses
	return Host{Names: namesOf(name), Addrs: orderAddrs(routeAddr(), interfaceAddrs())}
}

// namesOf are the names that a host with this name may have in its network.
func namesOf(hostname string) []string {
	label, _, _ := strings.Cut(strings.ToLower(hostname), ".")
	if !isHostName(label) || label == "localhost" {
		return nil
	}
	names := make([]string, 0, len(nameSuffixes))
	for _, suffix := range nameSuffixes {
		names = append(names, label+suffix)
	}
	return names
}

// orderAddrs leaves what is private and can be written in a URL, first the one that the default route uses.
func orderAddrs(first netip.Addr, all []netip.Addr) []netip.Addr {
	var usable []netip.Addr
	for _, a := range append([]netip.Addr{first}, all...) {
		a = a.Unmap().WithZone("")
		if IsPrivate(a) && !a.IsLinkLocalUnicast() && !a.IsLoopback() && !slices.Contains(usable, a) {
			usable = append(usable, a)
		}
	}
	return usable[:min(len(usable), maxAddrs)]
}

// interfaceAddrs are all addresses of interfaces that are up and lead out of this machine.
func interfaceAddrs() []netip.Addr {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil // a certificate for loopback is still of use
	}
	var all []netip.Addr
	for _, i := range interfaces {
		isBridge := slices.ContainsFunc(containerInterfaces, func(p string) bool { return strings.HasPrefix(i.Name, p) })
		addrs, err := i.Addrs()
		if i.Flags&net.FlagUp == 0 || isBridge || err != nil {
			continue
		}
		for _, a := range addrs {
			if network, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(network.IP); ok {
					all = append(all, ip)
				}
			}
		}
	}
	return all
}

// routeAddr is the address from which this machine talks to others; invalid when it has no route. A UDP socket that is
// connected sends nothing.
func routeAddr() netip.Addr {
	conn, err := net.Dial("udp4", "192.0.2.1:9") //nolint:noctx // resolves nothing, so it returns at once
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	if local, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return local.AddrPort().Addr()
	}
	return netip.Addr{}
}

package ws

import "net/netip"

// household is what is counted as one client address: an IPv6 customer usually has a whole /64.
func household(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a, 64).Masked().Addr()
}

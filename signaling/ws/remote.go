package ws

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedHeaders are what proxies add. Any of them means that the TCP peer is not the client.
var forwardedHeaders = []string{
	"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip",
}

// remote is where a request comes from.
type remote struct {
	// addr is the client's, as far as it can be told. Invalid when it cannot.
	addr netip.Addr
	// loopback is true when the client itself, not only a proxy, is on this machine.
	loopback bool
}

func remoteOf(r *http.Request, trusted []netip.Prefix) remote {
	peer := peerOf(r)
	forwarded := slices.ContainsFunc(forwardedHeaders, func(h string) bool { return r.Header.Get(h) != "" })
	if !forwarded {
		return remote{addr: peer, loopback: peer.IsLoopback()}
	}
	// Each proxy appends whom it talked to. From the right, the first who is none of ours is the client; what stands
	// further left is hearsay.
	addr := peer
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !isTrusted(addr, trusted) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = next.Unmap().WithZone("")
	}
	return remote{addr: addr}
}

// peerOf is the other end of the TCP connection; invalid when it is no IP address, as in tests without sockets.
func peerOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	return a.IsLoopback() || slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// household is what is counted as one client address: an IPv6 customer usually has a whole /64.
func household(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a, 64).Masked().Addr()
}

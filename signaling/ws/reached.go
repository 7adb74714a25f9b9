package ws

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"hiroba/room"
)

// maxHostBytes bounds the host that a client is told again: a name is not longer (RFC 1035, section 2.3.4).
const maxHostBytes = 253

// ReachedBy tells how the client of a request got here. The host is what it says, and goes back to it alone; what is no host
// is left out.
func ReachedBy(r *http.Request, forwarded bool) room.Reached {
	host, port := r.Host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host, port = host[:i], host[i+1:]
	}
	reached := room.Reached{Port: 80, Direct: !forwarded}
	if r.TLS != nil {
		reached.Port = 443
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return room.Reached{}
		}
		reached.Port = uint16(n)
	}
	if strings.HasPrefix(host, "[") {
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil || !ip.Is6() || ip.Zone() != "" {
			return room.Reached{}
		}
		reached.Host = ip.String()
		return reached
	}
	if !isHost(host) {
		return room.Reached{}
	}
	reached.Host = host
	return reached
}

// isHost reports whether s can be the name of a host, or an IPv4 address.
func isHost(s string) bool {
	return s != "" && len(s) <= maxHostBytes && s[0] != '-' && s[0] != '.' && strings.Trim(s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == ""
}

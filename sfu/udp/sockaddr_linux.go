//go:build !portable

package udp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// sockaddr is a sockaddr_in or sockaddr_in6 as the kernel reads and writes it: family in the byte order of the machine, port in
// that of the network, and the address; for IPv6 flow information before it and the scope after it.
type sockaddr [unix.SizeofSockaddrInet6]byte

// set writes addr, and returns how many bytes it takes. scope is the index of the interface for link-local addresses.
func (s *sockaddr) set(addr netip.AddrPort, scope uint32) uint32 {
	binary.BigEndian.PutUint16(s[2:], addr.Port())
	if addr.Addr().Is4() {
		binary.NativeEndian.PutUint16(s[0:], unix.AF_INET)
		ip := addr.Addr().As4()
		copy(s[4:8], ip[:])
		clear(s[8:16])
		return unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(s[0:], unix.AF_INET6)
	ip := addr.Addr().As16()
	clear(s[4:8])
	copy(s[8:24], ip[:])
	binary.NativeEndian.PutUint32(s[24:], scope)
	return unix.SizeofSockaddrInet6
}

// addrPort reads the address, without its scope.
func (s *sockaddr) addrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(s[2:])
	if binary.NativeEndian.Uint16(s[0:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s[8:24])).Unmap(), port)
}

// scopeOf is the index of the interface that the zone of addr names, 0 without one.
func scopeOf(addr netip.Addr) uint32 {
	zone := addr.Zone()
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0
	}
	return uint32(i.Index) //nolint:gosec // the kernel's index of an interface, positive
}

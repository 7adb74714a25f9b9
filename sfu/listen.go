package sfu

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/pion/ice/v4"
)

// socketBuffer is what the media sockets ask the kernel for, in bytes: room for a burst of keyframes while the reader is
// not scheduled. The kernel may give less.
const socketBuffer = 4 << 20

// listen opens the media socket: one UDP port, on one address or on all of them.
//
// On all addresses there is a socket for each, because an answer must leave from the address that was asked.
func listen(address string, log *pionLoggers) (ice.UDPMux, netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen address %q: %w", address, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen address %q: port must be 0 to 65535", address)
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		return listenAll(host, int(port), log)
	}
	udp, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen address %q: %w", address, err)
	}
	conn, err := net.ListenUDP("udp", udp)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen for media on udp %s: %w", address, err)
	}
	// Less than we ask for is no error: the kernel's own limit holds.
	_, _ = conn.SetReadBuffer(socketBuffer), conn.SetWriteBuffer(socketBuffer)
	local, _ := conn.LocalAddr().(*net.UDPAddr)
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: log.NewLogger("ice")})
	return mux, local.AddrPort(), nil
}

func listenAll(host string, port int, log *pionLoggers) (ice.UDPMux, netip.AddrPort, error) {
	if port == 0 {
		return nil, netip.AddrPort{}, errors.New("listen for media: port 0 needs a single address, such as 127.0.0.1:0")
	}
	networks := []ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}
	unspecified := netip.IPv6Unspecified()
	if host == "0.0.0.0" {
		networks, unspecified = networks[:1], netip.IPv4Unspecified()
	}
	mux, err := ice.NewMultiUDPMuxFromPort(port,
		ice.UDPMuxFromPortWithLoopback(), // given only to clients that come over loopback
		ice.UDPMuxFromPortWithNetworks(networks...),
		ice.UDPMuxFromPortWithReadBufferSize(socketBuffer),
		ice.UDPMuxFromPortWithWriteBufferSize(socketBuffer),
		ice.UDPMuxFromPortWithLogger(log.NewLogger("ice")),
	)
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen for media on udp port %d: %w", port, err)
	}
	return mux, netip.AddrPortFrom(unspecified, uint16(port)), nil //nolint:gosec // parsed as 16 bits
}

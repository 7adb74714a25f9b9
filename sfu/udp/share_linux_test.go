//go:build !portable

package udp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// shared is a socket of somebody who would share the port.
func shared(address string) (net.PacketConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, func(fd uintptr) error {
			return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
	}}
	return config.ListenPacket(context.Background(), "udp4", address)
}

func TestPortThatAnotherWouldShareIsRefused(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		other, err := shared(address)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		port := other.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		if m, err := Listen(Config{Addresses: []netip.Addr{loopback}, Port: port, Readers: 2}); !errors.Is(err, syscall.EADDRINUSE) {
			if err == nil {
				m.Close()
			}
			t.Errorf("port of %s: %v, want EADDRINUSE", address, err)
		}
	}
}

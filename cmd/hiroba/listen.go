package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"

	"hiroba/sfu"
	"hiroba/sfu/tcp"
	"hiroba/sfu/turn"
	"hiroba/signaling/forwarded"
)

// portTries is how often a free port is looked for when --listen asks for port 0: TCP and UDP must both be free.
const portTries = 20

// listenBoth opens TCP for all that speaks it, inside of TLS too if there is a config, and UDP of the same number for media.
func listenBoth(
	ctx context.Context, address string, encryption *tls.Config, proxies []netip.Prefix, media sfu.Config,
) (*tcp.Port, *sfu.Engine, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, badSetting("listen", "%v", err)
	}
	for try := 1; ; try++ {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			return nil, nil, listenError("listen", address, "TCP", err)
		}
		split := tcp.Split(listener, tcp.Config{
			TLS: encryption, Log: media.Log,
			Proxy: func(a netip.Addr) bool { return forwarded.IsTrusted(a, proxies) },
		})
		media.Listen, media.ICETCP = udpAddress(host, listener.Addr()), split.ICE()
		if media.TURN != nil {
			media.TURN = &turn.Config{Streams: split.TURN()}
		} else {
			split.TURN().Close() //nolint:gosec // it only refuses from now on
		}
		engine, err := sfu.New(media)
		if err == nil {
			return split, engine, nil
		}
		split.Close() //nolint:gosec // nobody has been served
		if port == "0" && errors.Is(err, syscall.EADDRINUSE) && try < portTries {
			continue
		}
		return nil, nil, listenError("listen", media.Listen, "UDP", err)
	}
}

// settleWebSockets is http.Server.ConnState: a connection that was taken over is the door's to watch.
func settleWebSockets(c net.Conn, state http.ConnState) {
	if state == http.StateHijacked {
		tcp.Settled(c)
	}
}

// udpAddress is where media goes when the web is at tcp. A host name was resolved for TCP; UDP takes the same address.
func udpAddress(host string, tcp net.Addr) string {
	bound, ok := tcp.(*net.TCPAddr)
	if !ok {
		panic(fmt.Sprintf("TCP listener with the address %v", tcp))
	}
	if host != "" {
		host = bound.IP.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(bound.Port))
}

// listenError says what to do about an address that cannot be opened.
func listenError(flag, address, network string, err error) error {
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("--%s %s: another program uses %s port %s; stop it or choose another port",
			flag, address, network, port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("--%s %s: this machine has no such address; use one of its own, or only :%s for all",
			flag, address, port)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("--%s %s: not allowed to open %s port %s; choose one from 1024 up, or give this program the right "+
			"(systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE; else: sysctl -w net.ipv4.ip_unprivileged_port_start=%s)",
			flag, address, network, port, port)
	default:
		return fmt.Errorf("--%s %s: %w", flag, address, err)
	}
}

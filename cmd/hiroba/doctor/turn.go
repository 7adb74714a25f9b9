package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pion/turn/v5"
)

// checkTURN takes a relay as a client whose network lets nothing but TCP through, and asks for the way to the media port.
func checkTURN(ctx context.Context, r *Report, cfg Config) {
	const id = "turn"
	if !cfg.TURN {
		r.warn(id, "--turn auto", "there is no relay with --turn off: people whose network lets only TLS out cannot join")
		return
	}
	if cfg.Server == nil || cfg.Server.Username == "" || len(cfg.Server.Local) == 0 {
		return
	}
	at := cfg.Server.Local[0]
	if i := slices.IndexFunc(cfg.Server.Local, netip.Addr.IsLoopback); i >= 0 {
		at = cfg.Server.Local[i]
	}
	begun := time.Now()
	if err := relay(ctx, netip.AddrPortFrom(at, cfg.Server.Port), cfg.Server); err != nil {
		fix := "start the server again; if that does not help, report it with this line"
		if strings.Contains(err.Error(), "486") || strings.Contains(err.Error(), "508") {
			fix = "all relays are taken: hiroba_turn_relays in /metrics says how many there are; start another server"
		} else if isRefused(err) || reason(err) == "no answer" {
			fix = fmt.Sprintf("open TCP port %d in the firewall of this machine", cfg.Server.Port)
		}
		r.fault(id, fix, "no relay by TCP: %s", reason(err))
		return
	}
	r.ok(id, "a relay by TCP leads to the media port after %v", time.Since(begun).Round(100*time.Microsecond))
}

// relay allocates and gives up a relay.
func relay(ctx context.Context, at netip.AddrPort, s *Server) error {
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", at.String())
	if err != nil {
		return err //nolint:wrapcheck // it names the address
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(timeout))
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: at.String(), Username: s.Username, Password: s.Credential, Conn: turn.NewSTUNConn(conn),
	})
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	relayed, err := client.AllocateWithContext(ctx)
	if err != nil {
		return fmt.Errorf("allocate: %w", err)
	}
	err = client.CreatePermission(net.UDPAddrFromAddrPort(at))
	if err != nil {
		err = fmt.Errorf("permission for %v: %w", at, err)
	}
	return errors.Join(err, relayed.Close())
}

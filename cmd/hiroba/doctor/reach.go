package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pion/stun/v4"
)

// udpTries is how often a datagram is sent before its silence counts.
const udpTries = 3

// checkAddresses looks whether clients are told addresses that they can use.
func checkAddresses(ctx context.Context, r *Report, cfg Config) {
	const id = "addresses"
	if cfg.Server == nil {
		return
	}
	told := cfg.Server.Announced
	others := slices.DeleteFunc(slices.Clone(told), netip.Addr.IsLoopback)
	isV6 := func(a netip.Addr) bool { return a.Is6() && !a.Is4In6() }
	switch {
	case len(others) == 0:
		r.warn(id, fmt.Sprintf("--listen :%d for everybody", cfg.Server.Port),
			"only this machine can join, because --listen is on loopback")
	case !slices.ContainsFunc(others, func(a netip.Addr) bool { return !isV6(a) }):
		r.warn(id, "give the machine an IPv4 address, or --public-ip with that of a NAT",
			"clients are told %s only: those without IPv6 "+
				"are left out", join(others))
	case !slices.ContainsFunc(others, isPublic) && len(cfg.PublicIPs) == 0:
		r.ok(id, "clients are told %s: people in this network reach it; for those outside, set --public-ip", join(others))
	default:
		r.ok(id, "clients are told %s", join(others))
	}
	checkPublicIP(ctx, r, cfg)
}

// checkPublicIP compares --public-ip with what a STUN server sees, when that was asked for.
func checkPublicIP(ctx context.Context, r *Report, cfg Config) {
	const id = "public-ip"
	if cfg.STUN == "" {
		return
	}
	mapped, err := MappedAddress(ctx, cfg.STUN)
	if err != nil {
		r.warn(id, "name another with --stun HOST:PORT, or let UDP out",
			"%s does not say what this machine's address is: %v", cfg.STUN, err)
		return
	}
	same := slices.DeleteFunc(slices.Clone(cfg.Server.Announced),
		func(a netip.Addr) bool { return a.Is4() != mapped.Is4() || a.IsLoopback() })
	switch {
	case slices.Contains(same, mapped):
		r.ok(id, "%s says %v, which is what clients are told", cfg.STUN, mapped)
	case isPublic(mapped) || len(cfg.PublicIPs) > 0:
		r.fault(id, "--public-ip "+mapped.String(), "%s sees this machine as %v, but clients are told %s", cfg.STUN,
			mapped, join(same))
	default:
		r.ok(id, "%s sees this machine as %v", cfg.STUN, mapped)
	}
}

// answer is what became of a question to one address.
type answer struct {
	took time.Duration
	err  error
}

// checkReach asks the server at each address that clients are told, as they do.
func checkReach(ctx context.Context, r *Report, cfg Config) {
	if cfg.Server == nil {
		return
	}
	for _, addr := range cfg.Server.Announced {
		if addr.IsLoopback() && len(cfg.Server.Announced) > 1 {
			continue
		}
		at := netip.AddrPortFrom(addr, cfg.Server.Port)
		tcp := askTCP(ctx, at)
		udp := answer{err: errNotAsked}
		if cfg.Server.Username != "" {
			udp = askUDP(ctx, at)
		}
		tellReach(r, cfg, at, tcp, udp)
	}
}

var errNotAsked = errors.New("without TURN nothing answers to strangers")

// tellReach makes a finding of what came from an address. From inside one cannot always tell a wrong address from a router
// that does not lead back in; but when one of two protocols comes through, the other is surely blocked.
func tellReach(r *Report, cfg Config, at netip.AddrPort, tcp, udp answer) {
	isNAT := slices.Contains(cfg.PublicIPs, at.Addr()) && !slices.Contains(cfg.Server.Local, at.Addr())
	tcpOK, udpOK, udpAsked := tcp.err == nil, udp.err == nil, !errors.Is(udp.err, errNotAsked)
	open := func(network string) string {
		return fmt.Sprintf("open %s port %d in the firewall: ufw allow %d/%s, or firewall-cmd --permanent "+
			"--add-port=%d/%s && firewall-cmd "+
			"--reload; also in the provider's firewall, and forwarded by the router", strings.ToUpper(network),
			at.Port(), at.Port(), network,
			at.Port(), network)
	}
	switch {
	case tcpOK && udpOK:
		r.ok("reach", "%v answers by UDP after %v, by TCP after %v", at, udp.took.Round(100*time.Microsecond),
			tcp.took.Round(100*time.Microsecond))
	case tcpOK && !udpAsked:
		r.ok("reach", "%v answers by TCP; UDP cannot be asked with --turn off", at)
	case tcpOK:
		r.fault("udp", open("udp"), "%v answers by TCP, but not by UDP (%s): media is blocked, or goes by TCP", at,
			reason(udp.err))
	case udpOK:
		r.fault("tcp", open("tcp"), "%v answers by UDP, but not by TCP (%s): pages do not open there", at, reason(tcp.err))
	case isNAT && (isRefused(tcp.err) || isRefused(udp.err)):
		r.fault("public-ip", "set --public-ip to the address that the internet reaches this machine at, or remove it; "+
			"hiroba doctor --stun "+
			"HOST:PORT asks a STUN server for it", "clients are told %v, which leads nowhere: %s", at, reason(tcp.err))
	case isNAT:
		r.warn("public-ip", "look from outside with a phone, or ask a STUN server with --stun HOST:PORT; if it is right, "+
			"forward port "+strconv.Itoa(int(at.Port()))+" of UDP and TCP",
			"clients are told %v, and nothing comes back from there: it is "+
				"wrong, its port is not forwarded, or the router does not lead back in (hairpin)", at)
	default:
		r.fault("reach", open("udp")+"; the same for tcp", "%v does not answer at all (%s)", at, reason(tcp.err))
	}
}

// isRefused reports whether somebody said no, in place of nobody saying anything.
func isRefused(err error) bool {
	for _, no := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, errStranger} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// reason is an error as people read it.
func reason(err error) string {
	switch {
	case err == nil:
		return "no error"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no way there"
	case errors.Is(err, syscall.EPERM):
		return "this machine's own firewall forbids it"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	default:
		return err.Error()
	}
}

// errStranger is a server that is none of ours.
var errStranger = errors.New("another server answers there")

// ourRealm is what our TURN server calls itself.
const ourRealm = "hiroba"

// askUDP sends what the server answers without knowing us: a request for a relay without credentials, which it refuses by name
// (RFC 8656, section 7.2).
func askUDP(ctx context.Context, at netip.AddrPort) answer {
	request := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest),
		stun.RawAttribute{Type: stun.AttrRequestedTransport, Length: 4, Value: []byte{17, 0, 0, 0}})
	begun := time.Now()
	reply, err := exchange(ctx, at.String(), request)
	if err != nil {
		return answer{err: err}
	}
	var realm stun.Realm
	if realm.GetFrom(reply) != nil || realm.String() != ourRealm {
		return answer{err: errStranger}
	}
	return answer{took: time.Since(begun)}
}

// MappedAddress asks a STUN server (host:port) which address this machine's packets come from.
func MappedAddress(ctx context.Context, server string) (netip.Addr, error) {
	reply, err := exchange(ctx, server, stun.MustBuild(stun.TransactionID, stun.BindingRequest))
	if err != nil {
		return netip.Addr{}, err
	}
	var mapped stun.XORMappedAddress
	if err := mapped.GetFrom(reply); err != nil {
		return netip.Addr{}, fmt.Errorf("read answer of %s: %w", server, err)
	}
	addr, ok := netip.AddrFromSlice(mapped.IP)
	if !ok {
		return netip.Addr{}, fmt.Errorf("%s answered without an address", server)
	}
	return addr.Unmap(), nil
}

// exchange sends a STUN request from a new socket until an answer comes.
func exchange(ctx context.Context, to string, request *stun.Message) (*stun.Message, error) {
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "udp", to)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the address
	}
	defer conn.Close()
	buffer := make([]byte, 1500)
	for range udpTries {
		if _, err = conn.Write(request.Raw); err != nil {
			return nil, err //nolint:wrapcheck // likewise
		}
		_ = conn.SetReadDeadline(time.Now().Add(timeout / udpTries))
		for {
			var n int
			if n, err = conn.Read(buffer); err != nil {
				break
			}
			reply := &stun.Message{Raw: buffer[:n]}
			if reply.Decode() == nil && reply.TransactionID == request.TransactionID {
				return reply, nil
			}
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			break
		}
	}
	return nil, err //nolint:wrapcheck // likewise
}

// askTCP opens a connection and asks over it, without TLS, whether a server is there.
func askTCP(ctx context.Context, at netip.AddrPort) answer {
	begun := time.Now()
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", at.String())
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close()
	took := time.Since(begun)
	_ = conn.SetDeadline(time.Now().Add(timeout))
	if _, err := fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", at); err != nil {
		return answer{err: err}
	}
	buffer := make([]byte, 16)
	n, err := conn.Read(buffer)
	if err != nil {
		return answer{err: err}
	}
	if !strings.HasPrefix(string(buffer[:n]), "HTTP/1.1 200") {
		return answer{err: errStranger}
	}
	return answer{took: took}
}

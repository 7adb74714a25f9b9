package doctor

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// checkSockets looks whether the ports are ours, or free to become it.
func checkSockets(r *Report, cfg Config) {
	if cfg.Server != nil {
		if cfg.Server.Trial {
			r.ok("server", "none answers at --admin-listen %s; one was started for this examination", cfg.AdminListen)
			r.ok("listen", "port %d is free, for TCP and UDP", cfg.Server.Port)
			return
		}
		r.ok("server", "%s runs", cfg.Server.Version)
		r.ok("listen", "the server has port %d, for TCP and UDP", cfg.Server.Port)
		return
	}
	found := false
	for _, s := range []struct{ flag, network, address string }{
		{"listen", "tcp", cfg.Listen}, {"listen", "udp", cfg.Listen}, {"admin-listen", "tcp", cfg.AdminListen},
	} {
		err := try(s.network, s.address)
		if err == nil {
			continue
		}
		found = true
		_, port, _ := net.SplitHostPort(s.address)
		network := strings.ToUpper(s.network)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			who := cfg.owner(s.network, port)
			r.fault(s.flag, fmt.Sprintf("stop it (sudo ss -lnp 'sport = :%s' shows it), or choose another port with "+
				"--%s", port, s.flag),
				"%s port %s is taken by %s", network, port, who)
		case errors.Is(err, syscall.EACCES):
			r.fault(s.flag, fmt.Sprintf("setcap cap_net_bind_service=+ep on the program, or sysctl -w "+
				"net.ipv4.ip_unprivileged_port_start=%s, "+
				"or a port from 1024 up with --%s", port, s.flag), "not allowed to open %s port %s", network, port)
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			r.fault(s.flag, fmt.Sprintf("--%s :%s for all addresses, and --public-ip for one that a NAT leads here",
				s.flag, port),
				"this machine does not have the address of %s", s.address)
		default:
			r.fault(s.flag, "correct --"+s.flag, "cannot open %s at %s: %v", network, s.address, err)
		}
	}
	if !found {
		r.ok("listen", "the ports of %s and %s are free", cfg.Listen, cfg.AdminListen)
		r.fault("server", "correct what is named", "no server could be started for this examination: %v", cfg.StartErr)
	}
}

// try opens a socket for a moment.
func try(network, address string) error {
	if network == "udp" {
		conn, err := net.ListenPacket(network, address) //nolint:noctx // it does not wait
		if err != nil {
			return err //nolint:wrapcheck // it names the address
		}
		return conn.Close() //nolint:wrapcheck // likewise
	}
	l, err := net.Listen(network, address) //nolint:noctx // it does not wait, and ends at once
	if err != nil {
		return err //nolint:wrapcheck // likewise
	}
	return l.Close() //nolint:wrapcheck // likewise
}

// owner names the program that has a port, as far as this user may know.
func (c *Config) owner(network, port string) string {
	const unknown = "another program"
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return unknown
	}
	var inodes []string
	for _, table := range []string{network, network + "6"} {
		inodes = append(inodes, socketInodes([]byte(c.read("proc/net/"+table)), network, uint16(n))...)
	}
	links, _ := filepath.Glob(filepath.Join(c.Root, "proc", "[0-9]*", "fd", "*")) // the pattern is right
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !slices.Contains(inodes, strings.Trim(target, "socket:[]")) {
			continue
		}
		pid := filepath.Base(filepath.Dir(filepath.Dir(link)))
		if name := c.read("proc/" + pid + "/comm"); name != "" {
			return fmt.Sprintf("%s (process %s)", name, pid)
		}
	}
	return unknown
}

// socketInodes finds in a table of the kernel (proc(5)) the sockets that listen at a port.
func socketInodes(table []byte, network string, port uint16) []string {
	const (
		local, state, inode = 1, 3, 9 // fields
		listening           = "0A"
	)
	var inodes []string
	for lines := bufio.NewScanner(bytes.NewReader(table)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) <= inode || !strings.HasSuffix(fields[local], fmt.Sprintf(":%04X", port)) ||
			(network == "tcp" && fields[state] != listening) {
			continue
		}
		inodes = append(inodes, fields[inode])
	}
	return inodes
}

// checkAdmin looks whether strangers can reach the admin port, which tells who is in which room.
func checkAdmin(r *Report, cfg Config) {
	const id = "admin-port"
	host, port, err := net.SplitHostPort(cfg.AdminListen)
	if err != nil {
		return // the settings were checked
	}
	fix := "--admin-listen 127.0.0.1:" + port
	addr, err := netip.ParseAddr(host)
	switch {
	case host == "localhost" || (err == nil && addr.IsLoopback()):
		r.ok(id, "only this machine reaches %s", cfg.AdminListen)
	case err == nil && !addr.IsUnspecified() && isPublic(addr):
		r.fault(id, fix, "the whole internet reaches %s, which tells who is in which room", cfg.AdminListen)
	case (host == "" || (err == nil && addr.IsUnspecified())) && cfg.hasPublicInterface():
		r.fault(id, fix, "the whole internet reaches %s, which tells who is in which room", cfg.AdminListen)
	case cfg.inContainer():
		r.ok(id, "%s is inside of a container; do not publish it", cfg.AdminListen)
	default:
		r.warn(id, fix+", unless only a network of your own can get there",
			"other machines reach %s, which tells who is in which room",
			cfg.AdminListen)
	}
}

func (c *Config) hasPublicInterface() bool {
	return c.Server != nil && slices.ContainsFunc(c.Server.Local, isPublic)
}

// isPublic reports whether an address means the same everywhere.
func isPublic(a netip.Addr) bool {
	carriers := netip.MustParsePrefix("100.64.0.0/10")
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && !carriers.Contains(a)
}

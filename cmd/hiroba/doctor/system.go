package doctor

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	// wantedBuffer is what the media sockets ask the kernel for, in bytes.
	wantedBuffer = 4 << 20
	// fullConntrack is the share of the table in use from which new participants are about to be refused, in percent.
	fullConntrack = 80
	// lowSpace is the free space of the data folder from which it is nearly full, in bytes.
	lowSpace = 64 << 20
	// ownFiles is what the server opens besides a connection for each participant.
	ownFiles = 200
)

// read is the text of a file below Root, without the newline; empty if there is none.
func (c *Config) read(name string) string {
	text, err := os.ReadFile(filepath.Join(c.Root, name)) //nolint:gosec // names are constants, or processes
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// number is the number in a file below Root.
func (c *Config) number(name string) (n int64, found bool) {
	n, err := strconv.ParseInt(c.read(name), 10, 64)
	return n, err == nil
}

// checkBuffers looks whether the kernel gives sockets the memory that bursts need.
func checkBuffers(r *Report, cfg Config) {
	const id = "udp-buffers"
	var small, fix []string
	for _, name := range []string{"net.core.rmem_max", "net.core.wmem_max"} {
		n, found := cfg.number("proc/sys/" + strings.ReplaceAll(name, ".", "/"))
		if !found {
			r.ok(id, "%s cannot be read here; the host decides about it", name)
			return
		}
		if n < wantedBuffer {
			small = append(small, fmt.Sprintf("%s is %d", name, n))
			fix = append(fix, fmt.Sprintf("%s=%d", name, wantedBuffer))
		}
	}
	if small != nil {
		r.warn(id, "on the host: sysctl -w "+strings.Join(fix, " ")+"; to keep it, write the same to /etc/sysctl.d/hiroba.conf, "+
			"and start the server again", "%s, the server asks for %d bytes: bursts of media are lost", strings.Join(small, ", "),
			wantedBuffer)
		return
	}
	r.ok(id, "the kernel gives sockets the %d bytes that are asked for", wantedBuffer)
}

// checkSegmentation looks whether runs of datagrams can be handed over as one.
func checkSegmentation(r *Report, cfg Config) {
	const id = "udp-gso"
	switch canSegment := segmentation(); {
	case !cfg.GSO:
		r.warn(id, "remove --udp-gso off unless the network card needs it", "UDP segmentation offload is turned off, so "+
			"that sending costs more of the CPU")
	case !canSegment:
		r.warn(id, "use Linux 4.18 or newer", "this kernel has no UDP segmentation offload, so that sending costs "+
			"more of the CPU")
	default:
		r.ok(id, "the kernel takes runs of datagrams as one")
	}
}

// checkConntrack looks whether the firewall can remember more connections.
func checkConntrack(r *Report, cfg Config) {
	const id, folder = "conntrack", "proc/sys/net/netfilter/"
	most, found := cfg.number(folder + "nf_conntrack_max")
	if !found || most <= 0 {
		r.ok(id, "the firewall keeps no table of connections")
		return
	}
	used, _ := cfg.number(folder + "nf_conntrack_count")
	if used*100 >= most*fullConntrack {
		fix := fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d", max(4*most, 262144))
		tell := r.warn
		if used >= most*95/100 {
			tell = r.fault
		}
		tell(id, fix, "the firewall's table of connections has %d of %d entries; when it is full, new participants "+
			"are dropped", used, most)
		return
	}
	r.ok(id, "the firewall's table of connections has %d of %d entries", used, most)
}

// checkOpenFiles looks whether the process may have as many sockets as participants may come.
func checkOpenFiles(r *Report, cfg Config) {
	const id = "open-files"
	if cfg.Server == nil || cfg.Server.OpenFiles == 0 {
		return
	}
	// Each participant may have a WebSocket, a connection for media, and another for TURN.
	wanted := uint64(cfg.Sockets + ownFiles) //nolint:gosec // bounded by the settings
	fix := fmt.Sprintf("ulimit -n %d before the server starts; with systemd LimitNOFILE=%d, in a container --ulimit nofile=%d; "+
		"or lower --max-connections", 3*wanted, 3*wanted, 3*wanted)
	switch has := cfg.Server.OpenFiles; {
	case has < wanted:
		r.fault(id, fix, "the process may open %d files, and --max-connections %d needs %d", has, cfg.Sockets, wanted)
	case has < 3*wanted:
		r.warn(id, fix, "the process may open %d files, and --max-connections %d may need %d where UDP is blocked",
			has, cfg.Sockets,
			3*wanted)
	default:
		r.ok(id, "the process may open %d files", has)
	}
}

// checkDataDir looks at the folder where certificates are kept.
func checkDataDir(r *Report, cfg Config) {
	const id = "data-dir"
	if cfg.DataDir == "" {
		r.ok(id, "nothing is kept with these settings")
		return
	}
	if cfg.DataDirFault != nil {
		r.fault(id, "--data-dir FOLDER on a disk with space, which the server's user owns", "%v", cfg.DataDirFault)
		return
	}
	if free, known := freeSpace(cfg.DataDir); known && free < lowSpace {
		r.warn(id, "free some space, or choose another --data-dir", "the disk of %s has %d KB left", cfg.DataDir, free>>10)
		return
	}
	r.ok(id, "%s can be written", cfg.DataDir)
}

// inContainer reports whether this runs in a container.
func (c *Config) inContainer() bool {
	for _, name := range []string{".dockerenv", "run/.containerenv"} {
		if _, err := os.Stat(filepath.Join(c.Root, name)); err == nil {
			return true
		}
	}
	return strings.Contains(c.read("proc/1/cgroup"), "docker") || strings.Contains(c.read("proc/1/cgroup"), "kubepods")
}

// bridges are the networks that container engines give to containers.
var bridges = []netip.Prefix{netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("10.88.0.0/16")}

// checkContainer looks whether clients are told addresses that lead nowhere, because nobody mapped a port or said so.
func checkContainer(r *Report, cfg Config) {
	const id = "container"
	if !cfg.inContainer() {
		r.ok(id, "not in a container")
		return
	}
	if cfg.Server == nil {
		return
	}
	onBridge := func(a netip.Addr) bool {
		return slices.ContainsFunc(bridges, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	told := slices.DeleteFunc(slices.Clone(cfg.Server.Announced), netip.Addr.IsLoopback)
	if i := slices.IndexFunc(told, func(a netip.Addr) bool { return !onBridge(a) }); len(told) == 0 || i >= 0 {
		r.ok(id, "in a container, and clients are told %s", join(cfg.Server.Announced))
		return
	}
	r.fault(id, fmt.Sprintf("publish the port for UDP too (-p %d:%d/tcp -p %d:%d/udp) and set --public-ip to the "+
		"address of the host, or use "+
		"the host's network (network_mode: host)", cfg.Server.Port, cfg.Server.Port, cfg.Server.Port, cfg.Server.Port),
		"in a container, and clients are told only addresses of its own bridge (%s), which nobody else reaches", join(told))
}

func join[T fmt.Stringer](all []T) string {
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}

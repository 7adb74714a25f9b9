package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hiroba/cmd/hiroba/doctor"
)

// rootVariable is where a doctor that plays a part finds the system's files.
const rootVariable = "HIROBA_TEST_ROOT"

func init() {
	parts["doctor"] = doctorPart
	parts["starved doctor"] = func() {
		limit := unix.Rlimit{Cur: 128, Max: 128}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			panic(err)
		}
		doctorPart()
	}
}

// doctorPart examines where it is, and writes the report.
func doctorPart() {
	cli, _, err := parseArguments(append([]string{"doctor"}, os.Args[1:]...), io.Discard, os.Stderr)
	if err != nil {
		panic(err)
	}
	root := os.Getenv(rootVariable)
	if root == "" {
		root = "/"
	}
	report, err := cli.Doctor.examine(context.Background(), root)
	if err == nil {
		err = report.WriteJSON(os.Stdout)
	}
	if err != nil {
		panic(err)
	}
}

// reportOf runs a doctor and reads its report.
func reportOf(t *testing.T, cmd *exec.Cmd) *doctor.Report {
	t.Helper()
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &errors)
	}
	r := &doctor.Report{}
	if err := json.Unmarshal(out, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDoctorFindsALowLimitOfFiles(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], alone(t).flags...)
	cmd.Env = append(os.Environ(), partVariable+"=starved doctor")
	wants(t, reportOf(t, cmd), "open-files", doctor.Fault, "may open 128 files", "LimitNOFILE=")
}

// mount puts a small disk into a folder.
func mount(t *testing.T, options string) string {
	t.Helper()
	folder := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "none", folder).CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted here: %s", out)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func TestDoctorFindsWhatIsWrongWithTheDataFolder(t *testing.T) {
	t.Run("full", func(t *testing.T) {
		folder := mount(t, "size=128k")
		file, err := os.Create(filepath.Join(folder, "fill"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(file, strings.NewReader(strings.Repeat("x", 1<<20)))
		file.Close()
		wants(t, alone(t, "--data-dir", folder).examine(t), "data-dir", doctor.Fault, "is full", "--data-dir")
	})
	t.Run("nearly full", func(t *testing.T) {
		wants(t, alone(t, "--data-dir", mount(t, "size=1m")).examine(t), "data-dir", doctor.Warning, "KB left", "free some space")
	})
	t.Run("read only", func(t *testing.T) {
		wants(t, alone(t, "--data-dir", mount(t, "ro")).examine(t), "data-dir", doctor.Fault, "can only be read", "--data-dir")
	})
	t.Run("a file", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		wants(t, alone(t, "--data-dir", name).examine(t), "data-dir", doctor.Fault, "is not a folder", "--data-dir")
	})
}

// The rules of a server's own firewall.
const (
	dropUDP = "table inet own { chain in { type filter hook input priority 0; udp dport 443 drop; }\n}\n"
	dropTCP = "table inet own { chain in { type filter hook input priority 0; tcp dport 443 drop; }\n}\n"
	// dropForwarded keeps the router from leading back in.
	noHairpin = "table inet f { chain fw { type filter hook forward priority 0; iifname \"n1\" oifname \"n1\" drop; }\n" +
		"chain in { type filter hook input priority 0; iifname \"n1\" drop; }\n}\n"
	// hairpin lets the server reach itself by its public address.
	hairpin = "table ip nat { chain pre { type nat hook prerouting priority -100; ip daddr 203.0.113.2 dnat to 10.90.0.2; }\n" +
		"chain post { type nat hook postrouting priority 100; oifname \"n1\" masquerade; }\n}\n"
	hairpinNoUDP = hairpin + "table inet f { chain fw { type filter hook forward priority 0; meta l4proto udp drop; }\n}\n"
)

func TestDoctorInNetworks(t *testing.T) {
	for _, test := range []struct {
		name, addresses string
		router, own     string
		flags           []string
		container       bool
		id              string
		status          doctor.Status
		found, fix      string
	}{
		{name: "healthy", addresses: addressesIPv4, id: "reach", status: doctor.OK, found: "203.0.113.2:443 answers by UDP"},
		{
			name: "UDP blocked by the own firewall", addresses: addressesIPv4, own: dropUDP,
			id: "udp", status: doctor.Fault, found: "by TCP, but not by UDP", fix: "ufw allow 443/udp",
		},
		{
			name: "TCP blocked by the own firewall", addresses: addressesIPv4, own: dropTCP,
			id: "tcp", status: doctor.Fault, found: "by UDP, but not by TCP", fix: "ufw allow 443/tcp",
		},
		{
			name: "TURN cannot be reached", addresses: addressesIPv4, own: dropTCP,
			id: "turn", status: doctor.Fault, found: "no relay by TCP: no answer", fix: "open TCP port 443",
		},
		{
			name: "a wrong public address", addresses: addressesIPv4, flags: []string{"--public-ip=198.51.100.99"},
			id: "public-ip", status: doctor.Fault, found: "198.51.100.99:443, which leads nowhere", fix: "set --public-ip",
		},
		{
			name: "the address of somebody else", addresses: addressesIPv4, flags: []string{"--public-ip=203.0.113.1"},
			id: "public-ip", status: doctor.Fault, found: "leads nowhere: refused", fix: "set --public-ip",
		},
		{
			name: "a NAT that leads back", addresses: addressesNAT, router: hairpin, flags: []string{"--public-ip=203.0.113.2"},
			id: "reach", status: doctor.OK, found: "203.0.113.2:443 answers by UDP",
		},
		{
			name: "a NAT that does not forward UDP", addresses: addressesNAT, router: hairpinNoUDP,
			flags: []string{"--public-ip=203.0.113.2"},
			id:    "udp", status: doctor.Fault, found: "203.0.113.2:443 answers by TCP, but not by UDP",
			fix: "forwarded by the router",
		},
		{
			name: "a NAT that does not lead back", addresses: addressesNAT, router: noHairpin,
			flags: []string{"--public-ip=203.0.113.2"},
			id:    "public-ip", status: doctor.Warning, found: "does not lead back in (hairpin)", fix: "--stun",
		},
		{
			name: "a container whose port is not mapped", container: true,
			addresses: `ip -n @srv addr add 172.17.0.2/16 dev s0; ip -n @nat addr add 172.17.0.1/16 dev n1`,
			id:        "container", status: doctor.Fault, found: "only addresses of its own bridge (172.17.0.2)",
			fix: "-p 443:443/udp",
		},
		{
			name: "IPv6 only", addresses: addressesIPv6,
			id: "addresses", status: doctor.Warning, found: "those without IPv6 are left out", fix: "IPv4",
		},
		{
			name: "the admin port open to the world", addresses: addressesIPv6, flags: []string{"--admin-listen=[::]:8081"},
			id: "admin-port", status: doctor.Fault, found: "the whole internet reaches", fix: "--admin-listen 127.0.0.1:8081",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newNetworks(t)
			certificateFiles(t, n.folder, 1, "203.0.113.2")
			n.run(test.addresses)
			if test.router != "" {
				n.rules(test.router)
			}
			if test.own != "" {
				file := filepath.Join(n.folder, "own")
				if err := os.WriteFile(file, []byte(test.own), 0o600); err != nil {
					t.Fatal(err)
				}
				n.run("ip netns exec @srv nft -f " + file)
			}
			n.serve(test.flags...)
			cmd := n.inside(t.Context(), "srv", "doctor", append([]string{"--listen=:443"}, test.flags...)...)
			if test.container {
				cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%s", rootVariable, systemFiles(t, map[string]string{".dockerenv": ""})))
			}
			wants(t, reportOf(t, cmd), test.id, test.status, test.found, test.fix)
		})
	}
}

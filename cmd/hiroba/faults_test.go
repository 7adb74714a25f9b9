package main

import (
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// withoutRights is a shell's way to run a program as the same user, who may do no more than others.
var withoutRights = []string{"setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"}

// expiredCertificate is a pair of files that were good until yesterday.
func expiredCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	return writeCertificate(t, t.TempDir(), &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"rooms.example.com"},
		NotBefore: time.Now().AddDate(0, -3, 0), NotAfter: time.Now().AddDate(0, 0, -1),
	})
}

// TestFaultsEndTheStartWithOneLine runs the program with what people get wrong, and looks that its last line says what and what
// to do. TestDataFolderThatCannotBeUsed has the faults of the data folder.
func TestFaultsEndTheStartWithOneLine(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp := listenUDPOnly(t, "127.0.0.1")
	defer udp.Close()
	cert, key := certificateFiles(t, t.TempDir(), 1, "rooms.example.com")
	_, otherKey := certificateFiles(t, t.TempDir(), 2, "rooms.example.com")
	expired, expiredKey := expiredCertificate(t)
	closed, _ := certificateFiles(t, t.TempDir(), 3, "rooms.example.com")
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	readOnly := t.TempDir()
	if err := os.Chmod(readOnly, 0o500); err != nil { //nolint:gosec // it is a folder
		t.Fatal(err)
	}
	const free = "127.0.0.1:0"
	files := func(cert, key string) []string {
		return []string{"--tls", "files", "--tls-cert", cert, "--tls-key", key}
	}
	for _, tt := range []struct {
		name string
		args []string
		// weak is true for what the program must not be allowed by its rights.
		weak bool
		code int
		want []string // all in the last line
	}{
		{"TCP port taken", []string{"--listen", tcp.Addr().String()}, false, exitFault, []string{"--listen ", "another program uses TCP port ", "stop it or choose another port"}},
		{"UDP port taken", []string{"--listen", udp.LocalAddr().String()}, false, exitFault, []string{"--listen ", "another program uses UDP port ", "stop it or choose another port"}},
		{"admin port taken", []string{"--admin-listen", tcp.Addr().String()}, false, exitFault, []string{"--admin-listen ", "another program uses TCP port "}},
		{"address of another machine", []string{"--listen", "192.0.2.1:8080"}, false, exitFault, []string{"--listen 192.0.2.1:8080: this machine has no such address", "only :8080 for all"}},
		{"port that is not allowed", []string{"--listen", "127.0.0.1:443"}, true, exitFault, []string{"not allowed to open TCP port 443", "CAP_NET_BIND_SERVICE", "ip_unprivileged_port_start=443"}},
		{"certificate expired", files(expired, expiredKey), false, exitSetting, []string{"--tls-cert: the certificate in " + expired + " expired on ", "renew it"}},
		{"certificate for another name", append(files(cert, key), "--domain", "other.example.com"), false, exitSetting, []string{"--domain: the certificate in " + cert + " is not for other.example.com, but for rooms.example.com"}},
		{"key of another certificate", files(cert, otherKey), false, exitSetting, []string{"--tls-key: the key in " + otherKey + " does not belong to the first certificate in " + cert}},
		{"certificate that is nowhere", files("/nowhere.pem", key), false, exitSetting, []string{"--tls-cert: there is no file /nowhere.pem"}},
		{"certificate that may not be read", files(closed, key), true, exitSetting, []string{"--tls-cert: not allowed to read " + closed, "let the user that runs this server read it"}},
		{"data folder that may not be written", []string{"--tls", "lan", "--data-dir", readOnly}, true, exitSetting, []string{"--data-dir: not allowed to write to " + readOnly, "let the user that runs this server own it"}},
		{"public address of nobody", []string{"--public-ip", "0.0.0.0"}, false, exitSetting, []string{`--public-ip: "0.0.0.0" is not an address that clients can reach`}},
		{"public address of a group", []string{"--public-ip", "224.0.0.1"}, false, exitSetting, []string{`--public-ip: "224.0.0.1" is not an address`}},
		{"name as a public address", []string{"--public-ip", "rooms.example.com"}, false, exitSetting, []string{`--public-ip: "rooms.example.com" is not an address`, "use one like 203.0.113.7"}},
		{"public address with a port", []string{"--public-ip", "203.0.113.7:8080"}, false, exitSetting, []string{`--public-ip: "203.0.113.7:8080" is not an address`}},
		{"private name from a public authority", []string{"--tls", "acme", "--domain", "box.local"}, false, exitSetting, []string{"--domain: no public authority makes certificates for box.local", "--tls lan"}},
		{"network of proxies that is none", []string{"--trusted-proxies", "10.0.0.0/33"}, false, exitSetting, []string{`--trusted-proxies: "10.0.0.0/33" is not a network`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if b, _ := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); tt.weak && tt.code == exitFault && string(b) != "1024\n" {
				t.Skip("everybody may open that port here")
			}
			var shell []string
			if tt.weak && os.Geteuid() == 0 {
				if _, err := exec.LookPath(withoutRights[0]); err != nil || runtime.GOOS != "linux" {
					t.Skip("root may do everything, and there is no setpriv (Debian: package util-linux)")
				}
				shell = withoutRights
			}
			args := append([]string{"serve", "--listen", free, "--admin-listen", free}, tt.args...)
			out, code := program(t, shell, args...)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			last := lines[len(lines)-1]
			if code != tt.code || !strings.HasPrefix(last, "hiroba: ") {
				t.Errorf("exit code %d, output\n%s", code, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(last, want) {
					t.Errorf("%q lacks %q", last, want)
				}
			}
			if strings.Contains(out, "goroutine ") {
				t.Errorf("it crashed:\n%s", out)
			}
		})
	}
}

func TestForeignPublicAddresses(t *testing.T) {
	own, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("203.0.113.7")
	if got := foreign([]netip.Addr{own, other}); len(got) != 1 || got[0] != other {
		t.Errorf("foreign are %v", got)
	}
}

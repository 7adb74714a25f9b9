package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hiroba/signaling/client"
	"hiroba/signaling/client/synthetic"
)

// The tests here put server and clients into network namespaces, with a router between them that behaves as those of the
// world do. The program of the test plays all parts: in another namespace it runs again, with a part to play.

func init() {
	parts["caller"] = callerPart
	parts["scrape"] = func() { scrapePart(os.Args[1]) }
}

// call is what a caller is told, and callResult what it tells.
type call struct {
	URL, Name, Other string
	Index, Sees      int
	RelayOnly        bool
}

// callResult has the times from the first byte sent on: until the room is joined, until the first frame of the other was decoded, and
// until the other is heard as well.
type callResult struct {
	Joined, FirstFrame, Complete time.Duration
	Err                          string
}

// callerPart joins, publishes a picture of its colour, and waits for that of the other.
func callerPart() {
	var c call
	if err := json.Unmarshal([]byte(os.Args[1]), &c); err != nil {
		panic(err)
	}
	result, keep := c.make()
	text, err := json.Marshal(result)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, string(text))
	if keep != nil { // the other one has to see us, too
		c.obey(keep)
		keep.Close()
	}
}

func (c *call) make() (r callResult, keep *client.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), systemTimeout)
	defer cancel()
	fail := func(err error) (callResult, *client.Client) { r.Err = err.Error(); return r, keep }
	stack, err := client.NewStack(client.StackConfig{RelayOnly: c.RelayOnly})
	if err != nil {
		return fail(err)
	}
	begun := time.Now()
	p := person{colour: synthetic.Palette(c.Index + 1)}
	if keep, err = client.Dial(ctx, client.Config{
		URL: c.URL, Room: "networks", Name: c.Name, Stack: stack, Log: testLog(),
		Publish: []client.Publication{
			client.Microphone(synthetic.NewTone(c.Index)),
			client.Camera(synthetic.NewVP8(synthetic.VP8Config{Colour: p.colour, Bitrate: 300_000})),
		},
	}); err != nil {
		return fail(err)
	}
	r.Joined = time.Since(begun)
	p.Client = keep
	other := &person{name: c.Other, colour: synthetic.Palette(c.Sees + 1), tone: c.Sees}
	var lack error
	if err := keep.Await(ctx, func() bool {
		if r.FirstFrame == 0 && p.seesPictureNow(other) == nil {
			r.FirstFrame = time.Since(begun)
		}
		lack = p.seesNow(other)
		return lack == nil
	}); err != nil {
		return fail(fmt.Errorf("%w: %w", err, lack))
	}
	r.Complete = time.Since(begun)
	return r, keep
}

func scrapePart(url string) {
	response, err := http.Get(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = io.Copy(os.Stdout, response.Body)
}

// networks are the namespaces of a test.
type networks struct {
	*testing.T
	name   string
	folder string
	// trusted is a PEM file with what clients trust.
	trusted string
}

func newNetworks(t *testing.T) *networks {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces can be made by root only")
	}
	n := &networks{T: t, name: fmt.Sprintf("hrb%d", os.Getpid()), folder: t.TempDir()}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s (Debian: packages iproute2 and nftables)", tool)
		}
	}
	if out, err := exec.Command("ip", "netns", "add", n.name+"cli").CombinedOutput(); err != nil {
		t.Skipf("network namespaces cannot be made here: %s", out)
	}
	t.Cleanup(func() {
		for _, space := range []string{"cli", "nat", "srv"} {
			_ = exec.Command("ip", "netns", "del", n.name+space).Run()
		}
	})
	// client c0 -- n0 router n1 -- s0 server
	n.run(`ip netns add @nat; ip netns add @srv
		for n in @cli @nat @srv; do ip -n $n link set lo up; ip netns exec $n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0; done
		ip link add c0 netns @cli type veth peer name n0 netns @nat
		ip link add s0 netns @srv type veth peer name n1 netns @nat
		ip -n @cli link set c0 up; ip -n @nat link set n0 up; ip -n @nat link set n1 up; ip -n @srv link set s0 up
		ip netns exec @nat sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1`)
	return n
}

// run runs lines of a shell; @ stands for the prefix of the namespaces.
func (n *networks) run(script string) {
	n.Helper()
	script = strings.ReplaceAll(script, "@", n.name)
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		n.Fatalf("%v: %s\n%s", err, out, script)
	}
}

// rules sets the router's.
func (n *networks) rules(text string) {
	n.Helper()
	file := filepath.Join(n.folder, "rules")
	if err := os.WriteFile(file, []byte("flush ruleset\n"+text), 0o600); err != nil {
		n.Fatal(err)
	}
	n.run("ip netns exec @nat nft -f " + file)
}

// inside makes this program play a part in a namespace.
func (n *networks) inside(ctx context.Context, space, part string, args ...string) *exec.Cmd {
	all := append([]string{"netns", "exec", n.name + space, os.Args[0]}, args...)
	cmd := exec.CommandContext(ctx, "ip", all...)
	cmd.Env = append(os.Environ(), partVariable+"="+part, "SSL_CERT_FILE="+n.trusted)
	return cmd
}

// serve starts the server, and returns what stops it.
func (n *networks) serve(flags ...string) (stop func()) {
	n.Helper()
	ctx, cancel := context.WithCancel(n.Context())
	cmd := n.inside(ctx, "srv", serverPart, append([]string{"serve", "--listen=:443", "--admin-listen=127.0.0.1:8081"}, flags...)...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = closeTimeout
	if err := cmd.Start(); err != nil {
		n.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		_ = cmd.Wait()
		if n.Failed() {
			n.Logf("server: %s", &log)
		}
	}
	n.Cleanup(stop)
	for end := time.Now().Add(systemTimeout); n.scrape("/readyz") == ""; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			n.Fatalf("the server is not ready: %s", &log)
		}
	}
	return stop
}

// scrape asks the server's admin listener.
func (n *networks) scrape(path string) string {
	out, err := n.inside(n.Context(), "srv", "scrape", "http://127.0.0.1:8081"+path).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

var transportMetric = regexp.MustCompile(`hiroba_peers_by_transport\{transport="(\w+)"\} ([1-9]\d*)`)

// transports is how many peers are reached by what.
func (n *networks) transports() map[string]string {
	found := map[string]string{}
	for _, match := range transportMetric.FindAllStringSubmatch(n.scrape("/metrics"), -1) {
		found[match[1]] = match[2]
	}
	return found
}

// caller is a client that runs in a namespace.
type caller struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
	log  bytes.Buffer
}

// start starts a client in a namespace.
func (n *networks) start(space string, c call) *caller {
	n.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		n.Fatal(err)
	}
	one := &caller{name: c.Name, cmd: n.inside(n.Context(), space, "caller", string(text))}
	if one.in, err = one.cmd.StdinPipe(); err != nil {
		n.Fatal(err)
	}
	out, err := one.cmd.StdoutPipe()
	if err != nil {
		n.Fatal(err)
	}
	one.out = json.NewDecoder(out)
	one.cmd.Stderr = &one.log
	if err := one.cmd.Start(); err != nil {
		n.Fatal(err)
	}
	return one
}

// sees waits until a client sees the right picture.
func (n *networks) sees(one *caller) {
	n.Helper()
	var r callResult
	if err := one.out.Decode(&r); err != nil || r.Err != "" {
		n.Errorf("%s: %s%v\n%s", one.name, r.Err, err, &one.log)
		return
	}
	n.Logf("%s joined after %v; first frame decoded, in the right colour, after %v; heard after %v", one.name,
		r.Joined.Round(time.Millisecond), r.FirstFrame.Round(time.Millisecond), r.Complete.Round(time.Millisecond))
}

// end makes a client leave.
func (one *caller) end() {
	_ = one.in.Close()
	_ = one.cmd.Wait()
}

// call has two clients call each other, and checks the pictures.
func (n *networks) call(url string, relayOnly bool, want string) {
	n.Helper()
	names := []string{"ann", "ben"}
	callers := make([]*caller, 2)
	for i := range callers {
		callers[i] = n.start("cli", call{
			URL: url, Name: names[i], Other: names[1-i], Index: i, Sees: 1 - i, RelayOnly: relayOnly,
		})
	}
	for _, one := range callers {
		n.sees(one)
	}
	if got := n.transports(); got[want] != "2" {
		n.Errorf("transports are %v, want %s for both", got, want)
	}
	for _, one := range callers {
		one.end()
	}
}

const (
	// masquerade is a router of a home: one port for all, and strangers are kept out.
	masquerade = "table ip nat { chain post { type nat hook postrouting priority 100; oifname \"n1\" masquerade; }\n}\n"
	// symmetric takes another port for each server.
	symmetric = "table ip nat { chain post { type nat hook postrouting priority 100; oifname \"n1\" masquerade fully-random; }\n}\n"
	noUDP     = "table inet f { chain fw { type filter hook forward priority 0; meta l4proto udp drop; }\n}\n"
	// onlyTLS looks into connections to port 443, and lets through only those that begin as TLS does.
	onlyTLS = "table inet f { chain fw { type filter hook forward priority 0; iifname \"n1\" accept; " +
		"meta l4proto != tcp drop; tcp dport != 443 drop; ct mark 1 accept; @ih,0,8 0x16 ct mark set 1 accept; " +
		"@ih,0,8 >= 0 drop; }\n}\n"
	// only443 lets nothing out but TCP to port 443.
	only443 = "table inet f { chain fw { type filter hook forward priority 0; iifname \"n0\" tcp dport 443 accept; " +
		"iifname \"n0\" drop; }\n}\n"
)

// The addresses of the server are of a documentation network: browsers take no private ones for TCP on port 443.
const addressesIPv4 = `ip -n @cli addr add 192.168.77.2/24 dev c0; ip -n @nat addr add 192.168.77.1/24 dev n0
	ip -n @nat addr add 203.0.113.1/24 dev n1; ip -n @srv addr add 203.0.113.2/24 dev s0
	ip -n @cli route add default via 192.168.77.1; ip -n @srv route add default via 203.0.113.1`

const addressesIPv6 = `ip -n @cli -6 addr add 2001:db8:1::2/64 dev c0; ip -n @nat -6 addr add 2001:db8:1::1/64 dev n0
	ip -n @nat -6 addr add 2001:db8:2::1/64 dev n1; ip -n @srv -6 addr add 2001:db8:2::2/64 dev s0
	ip -n @cli -6 route add default via 2001:db8:1::1; ip -n @srv -6 route add default via 2001:db8:2::1`

// addressesNAT has the server behind a router of its own kind: 203.0.113.2 is the router's, and all of it is passed on.
// The server has a bridge besides, which is listed before the way out.
const addressesNAT = `ip -n @srv link del s0; ip -n @srv link add docker0 type veth peer name docker1
	ip link add s0 netns @srv type veth peer name n1 netns @nat; ip -n @nat link set n1 up; ip -n @srv link set s0 up
	ip -n @cli addr add 192.168.77.2/24 dev c0; ip -n @nat addr add 192.168.77.1/24 dev n0
	ip -n @nat addr add 10.90.0.1/24 dev n1; ip -n @srv addr add 10.90.0.2/24 dev s0
	ip -n @nat addr add 203.0.113.2/32 dev lo
	ip -n @srv link set docker1 up; ip -n @srv addr add 172.17.0.1/16 dev docker0; ip -n @srv link set docker0 up
	ip -n @cli route add default via 192.168.77.1; ip -n @srv route add default via 10.90.0.1`

const oneToOne = "table ip nat { chain pre { type nat hook prerouting priority -100; ip daddr 203.0.113.2 dnat to 10.90.0.2; }\n" +
	"chain post { type nat hook postrouting priority 100; ip saddr 192.168.77.0/24 masquerade; }\n}\n"

func TestNetworks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	const publicURL = "https://203.0.113.2"
	for _, test := range []struct {
		name      string
		addresses string
		rules     string
		flags     []string
		url       string
		lan       bool // --tls lan
		relayOnly bool
		want      string
	}{
		{name: "UDP", addresses: addressesIPv4, rules: masquerade, url: publicURL, want: "udp"},
		{name: "UDP blocked", addresses: addressesIPv4, rules: masquerade + noUDP, url: publicURL, want: "tcp"},
		{name: "all but 443 of TCP blocked", addresses: addressesIPv4, rules: masquerade + only443, url: publicURL, want: "tcp"},
		{
			name: "all but TLS on 443 blocked", addresses: addressesIPv4, rules: masquerade + onlyTLS, url: publicURL,
			want: "turn",
		},
		{
			name: "a wrong public address", addresses: addressesIPv4, rules: masquerade, url: publicURL,
			flags: []string{"--public-ip=198.51.100.99"}, want: "turn",
		},
		{name: "symmetric NAT", addresses: addressesIPv4, rules: symmetric, url: publicURL, want: "udp"},
		{name: "IPv6 only", addresses: addressesIPv6, url: "https://[2001:db8:2::2]", want: "udp"},
		{name: "IPv6 only, UDP blocked", addresses: addressesIPv6, rules: noUDP, url: "https://[2001:db8:2::2]", want: "tcp"},
		{name: "IPv6 only, by TURN", addresses: addressesIPv6, rules: only443, url: "https://[2001:db8:2::2]", relayOnly: true, want: "turn"},
		{
			name: "server behind NAT", addresses: addressesNAT, rules: oneToOne, url: publicURL,
			flags: []string{"--public-ip=203.0.113.2"}, want: "udp",
		},
		{
			name: "server behind NAT, UDP blocked", addresses: addressesNAT, rules: oneToOne + noUDP, url: publicURL,
			flags: []string{"--public-ip=203.0.113.2"}, want: "tcp",
		},
		{
			name: "server behind NAT, by TURN", addresses: addressesNAT, rules: oneToOne + only443, url: publicURL,
			flags: []string{"--public-ip=203.0.113.2"}, relayOnly: true, want: "turn",
		},
		{
			name: "an authority of its own, by TURN", addresses: addressesNAT, rules: oneToOne + only443,
			url: "https://10.90.0.2", lan: true, relayOnly: true, want: "turn",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newNetworks(t)
			cert, key := certificateFiles(t, n.folder, 1, "203.0.113.2", "2001:db8:2::2")
			flags := []string{"--tls=files", "--tls-cert=" + cert, "--tls-key=" + key}
			n.trusted = cert
			if test.lan {
				flags = []string{"--tls=lan", "--data-dir=" + n.folder}
				n.trusted = filepath.Join(n.folder, lanFolder, "ca.crt")
			}
			n.run(test.addresses)
			n.rules(test.rules)
			n.serve(append(flags, test.flags...)...)
			n.call(test.url, test.relayOnly, test.want)
		})
	}
}

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"hiroba/cmd/hiroba/doctor"
)

// patient is what an examination is done on: settings, and where the system's files are.
type patient struct {
	flags []string
	root  string
}

// examine parses the flags as the program does and examines.
func (p *patient) examine(t *testing.T) *doctor.Report {
	t.Helper()
	cli, _, err := parseArguments(append([]string{"doctor"}, p.flags...), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if p.root == "" {
		p.root = "/"
	}
	report, err := cli.Doctor.examine(t.Context(), p.root)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// wants fails the test unless a check found what it should, and names the fix.
func wants(t *testing.T, r *doctor.Report, id string, status doctor.Status, found, fix string) {
	t.Helper()
	if !slices.ContainsFunc(r.Findings, func(f doctor.Finding) bool {
		return f.ID == id && f.Status == status && strings.Contains(f.Found, found) && strings.Contains(f.Fix, fix)
	}) {
		var text bytes.Buffer
		_ = r.WriteText(&text)
		t.Errorf("want %s of %s with %q and the fix %q in\n%s", status, id, found, fix, &text)
	}
	if status == doctor.Fault && !r.Failed() {
		t.Error("the report says that all is well")
	}
}

// freePort is a port that is free for TCP and, most likely, for UDP.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// alone are flags for a patient without a server that runs.
func alone(t *testing.T, flags ...string) *patient {
	t.Helper()
	return &patient{flags: append([]string{"--listen", freePort(t), "--admin-listen", freePort(t)}, flags...)}
}

// beside are flags for a patient whose server runs.
func beside(t *testing.T, cfg Config, flags ...string) (*server, *patient) {
	t.Helper()
	s := startServer(t, cfg)
	return s, &patient{flags: append([]string{
		"--listen", s.publicAddress.String(), "--admin-listen",
		s.adminAddr.String(),
	}, flags...)}
}

func TestDoctorFindsAHealthyServerHealthy(t *testing.T) {
	s, beside := beside(t, testConfig())
	for name, p := range map[string]*patient{"beside a server": beside, "without one": alone(t)} {
		r := p.examine(t)
		if r.Failed() {
			var text bytes.Buffer
			_ = r.WriteText(&text)
			t.Errorf("%s:\n%s", name, &text)
		}
		wants(t, r, "turn", doctor.OK, "leads to the media port", "")
		wants(t, r, "reach", doctor.OK, "by UDP after", "")
	}
	var out, errors bytes.Buffer
	code := execute(append([]string{"doctor", "--json", "--url", s.URL()}, beside.flags...), &out, &errors)
	var told struct {
		OK       bool
		Findings []doctor.Finding
	}
	if err := json.Unmarshal(out.Bytes(), &told); err != nil || code != 0 || !told.OK || len(told.Findings) < 10 || errors.Len() > 0 {
		t.Errorf("exit code %d, %v: %s%s", code, err, &out, &errors)
	}
	out.Reset()
	if code := execute(append([]string{"doctor", "--trusted-proxies=0.0.0.0/0"}, beside.flags...), &out,
		&errors); code != exitFault ||
		!strings.Contains(out.String(), "fault    trusted-networks") || !strings.Contains(out.String(), "-> --trusted-proxies") {
		t.Errorf("exit code %d: %s", code, &out)
	}
	for end := time.Now().Add(10 * time.Second); s.engine.TURN().Counters().Relays != [3]uint64{}; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a relay is left")
		}
	}
}

func TestDoctorFindsPortsThatAreTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	p := &patient{flags: []string{"--listen", taken.Addr().String(), "--admin-listen", freePort(t)}}
	wants(t, p.examine(t), "listen", doctor.Fault, "TCP port "+port+" is taken by "+filepath.Base(os.Args[0])[:8],
		"choose another port with --listen")

	p = &patient{flags: []string{"--listen", freePort(t), "--admin-listen", taken.Addr().String()}}
	wants(t, p.examine(t), "admin-listen", doctor.Fault, "is taken by", "--admin-listen")

	free := freePort(t)
	udp, err := net.ListenPacket("udp", free)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	p = &patient{flags: []string{"--listen", free, "--admin-listen", freePort(t)}}
	wants(t, p.examine(t), "listen", doctor.Fault, "UDP port", "choose another port")
}

// issue makes files with a certificate for a name that an authority has signed, which the chain has only if wanted.
func issue(t *testing.T, from, until time.Time, name string, withIssuer bool) (cert, key string) {
	t.Helper()
	folder := t.TempDir()
	make1 := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if signer == nil {
			parent, signer = template, private
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, private.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		return der, private
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: from, NotAfter: until, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	above, signer := make1(authority, nil, nil)
	leaf, private := make1(&x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: from, NotAfter: until, DNSNames: []string{name},
	}, authority, signer)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf})
	if withIssuer {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: above})...)
	}
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for name, text := range map[string][]byte{cert: chain, key: pem.EncodeToMemory(&pem.Block{
		Type:  "PRIVATE KEY",
		Bytes: pkcs8,
	})} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestDoctorFindsWhatIsWrongWithCertificates(t *testing.T) {
	const name, day = "rooms.example.com", 24 * time.Hour
	now := time.Now()
	_, other := issue(t, now.Add(-day), now.Add(90*day), name, true)
	for _, test := range []struct {
		what        string
		from, until time.Duration
		alone       bool
		key, domain string
		status      doctor.Status
		found, fix  string
	}{
		{what: "none", from: -day, until: 90 * day, status: doctor.OK, found: "for " + name},
		{what: "expired", from: -90 * day, until: -day, status: doctor.Fault, found: "expired on", fix: "certbot renew"},
		{
			what: "not yet valid, or the clock is off", from: day, until: 90 * day, status: doctor.Fault,
			found: "is valid from", fix: "timedatectl set-ntp true",
		},
		{
			what: "for another name", from: -day, until: 90 * day, domain: "example.org", status: doctor.Fault,
			found: "is not for example.org", fix: "set --domain",
		},
		{
			what: "another key", from: -day, until: 90 * day, key: other, status: doctor.Fault, found: "does not belong",
			fix: "set --tls-key",
		},
		{
			what: "no key", from: -day, until: 90 * day, key: "nowhere.pem", status: doctor.Fault,
			found: "there is no file", fix: "set --tls-cert",
		},
		{what: "expires soon", from: -day, until: 5 * day, status: doctor.Warning, found: "in 4 days", fix: "renew it"},
		{
			what: "without issuer", from: -day, until: 90 * day, alone: true, status: doctor.Warning,
			found: "without that of its issuer, Test CA", fix: "fullchain.pem",
		},
	} {
		t.Run(test.what, func(t *testing.T) {
			cert, key := issue(t, now.Add(test.from), now.Add(test.until), name, !test.alone)
			if test.key != "" {
				key = test.key
			}
			if test.domain == "" {
				test.domain = name
			}
			p := alone(t, "--tls=files", "--tls-cert="+cert, "--tls-key="+key, "--domain="+test.domain)
			wants(t, p.examine(t), "certificate", test.status, test.found, test.fix)
		})
	}
}

func TestDoctorLooksAtTheCertificateThatIsShown(t *testing.T) {
	cfg := testConfig()
	cfg.TLS = tlsFiles
	cfg.TLSCert, cfg.TLSKey = certificateFiles(t, t.TempDir(), 1, "127.0.0.1", "rooms.example.com")
	newCert, newKey := issue(t, time.Now().Add(-time.Hour), time.Now().AddDate(0, 2, 0), "example.org", true)
	_, p := beside(t, cfg, "--tls=files", "--tls-cert="+newCert, "--tls-key="+newKey, "--domain=example.org")
	wants(t, p.examine(t), "certificate", doctor.Fault, "not for example.org, but for rooms.example.com", "--domain")
}

// systemFiles makes a root with files in it.
func systemFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestDoctorFindsWhatIsWrongWithTheSystem(t *testing.T) {
	const sys = "proc/sys/net/"
	for _, test := range []struct {
		what   string
		files  map[string]string
		id     string
		status doctor.Status
		found  string
		fix    string
	}{
		{
			"small buffers",
			map[string]string{sys + "core/rmem_max": "212992", sys + "core/wmem_max": "212992"},
			"udp-buffers", doctor.Warning, "net.core.rmem_max is 212992",
			"sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304",
		},
		{
			"conntrack full",
			map[string]string{
				sys + "netfilter/nf_conntrack_max":   "65536",
				sys + "netfilter/nf_conntrack_count": "65500",
			},
			"conntrack", doctor.Fault, "65500 of 65536", "sysctl -w net.netfilter.nf_conntrack_max=262144",
		},
		{
			"conntrack nearly full",
			map[string]string{
				sys + "netfilter/nf_conntrack_max":   "400000",
				sys + "netfilter/nf_conntrack_count": "340000",
			},
			"conntrack", doctor.Warning, "340000 of 400000", "nf_conntrack_max=1600000",
		},
		{
			"clock behind its own files",
			map[string]string{"etc/resolv.conf": "future"},
			"clock", doctor.Fault, "but /etc/resolv.conf was written on", "timedatectl set-ntp true",
		},
	} {
		t.Run(test.what, func(t *testing.T) {
			p := alone(t)
			p.root = systemFiles(t, test.files)
			if name := filepath.Join(p.root, "etc/resolv.conf"); test.id == "clock" {
				if err := os.Chtimes(name, time.Time{}, time.Now().AddDate(1, 0, 0)); err != nil {
					t.Fatal(err)
				}
			}
			wants(t, p.examine(t), test.id, test.status, test.found, test.fix)
		})
	}
}

func TestDoctorComparesTheClock(t *testing.T) {
	var ahead time.Duration
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}))
	defer web.Close()
	p := alone(t, "--clock", web.URL)
	wants(t, p.examine(t), "clock", doctor.OK, "right to", "")
	ahead = 10*time.Minute + 30*time.Second // Date has whole seconds
	wants(t, p.examine(t), "clock", doctor.Fault, "10m", "timedatectl set-ntp true")
}

// stunServer is a STUN server to which everybody seems to come from one address, as through a NAT.
func stunServer(t *testing.T, mapped netip.Addr) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			request := &stun.Message{Raw: buffer[:n]}
			if request.Decode() == nil {
				_, _ = conn.WriteTo(stun.MustBuild(request, stun.BindingSuccess,
					&stun.XORMappedAddress{IP: mapped.AsSlice(), Port: 9}).Raw, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

func TestDoctorAsksForThePublicAddress(t *testing.T) {
	server := stunServer(t, netip.MustParseAddr("203.0.113.7"))
	p := alone(t, "--stun", server, "--public-ip=198.51.100.1")
	wants(t, p.examine(t), "public-ip", doctor.Fault, "sees this machine as 203.0.113.7", "--public-ip 203.0.113.7")
}

// proxy is a reverse proxy in front of a server.
func proxy(t *testing.T, s *server, change func(*httputil.ProxyRequest)) string {
	t.Helper()
	target, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
		change(r)
	}})
	t.Cleanup(web.Close)
	return web.URL
}

func TestDoctorFindsWhatIsWrongWithProxies(t *testing.T) {
	s, p := beside(t, testConfig())
	flags := p.flags
	through := func(change func(*httputil.ProxyRequest)) *doctor.Report {
		return (&patient{flags: append(slices.Clone(flags), "--url", proxy(t, s, change))}).examine(t)
	}
	good := through(func(*httputil.ProxyRequest) {})
	wants(t, good, "websocket", doctor.OK, "opens at", "")
	wants(t, good, "trusted-proxies", doctor.OK, "own addresses", "")

	wants(t, through(func(r *httputil.ProxyRequest) { r.Out.Header.Del("Upgrade"); r.Out.Header.Del("Connection") }),
		"websocket", doctor.Fault, "strips Upgrade", "proxy_set_header Upgrade $http_upgrade")
	wants(t, through(func(r *httputil.ProxyRequest) { r.Out.Host = "backend.internal" }),
		"websocket", doctor.Fault, "does not know that its address is", "--allowed-origins http://127.0.0.1")
	wants(t, through(func(r *httputil.ProxyRequest) { r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"] }),
		"trusted-proxies", doctor.Fault, "so that anybody can be anybody", "set X-Forwarded-For to the address of its client")

	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	report := (&patient{flags: append(slices.Clone(flags), "--url", dead.URL)}).examine(t)
	wants(t, report, "url", doctor.Fault, "does not open", "lead here")
	other := startServer(t, testConfig())
	report = (&patient{flags: append(slices.Clone(flags), "--url", other.URL())}).examine(t)
	wants(t, report, "trusted-proxies", doctor.Warning, "is not the server", "lead to this server")
}

func TestDoctorFindsDangerousSettings(t *testing.T) {
	r := alone(t, "--trusted-proxies=10.0.0.0/8,0.0.0.0/0").examine(t)
	wants(t, r, "trusted-networks", doctor.Fault, "0.0.0.0/0 is trusted", "--trusted-proxies")
	_, port, _ := net.SplitHostPort(freePort(t))
	p := &patient{flags: []string{"--listen", freePort(t), "--admin-listen", ":" + port}, root: t.TempDir()}
	wants(t, p.examine(t), "admin-port", doctor.Warning, "other machines reach", "--admin-listen 127.0.0.1:"+port)
	wants(t, alone(t, "--turn=off").examine(t), "turn", doctor.Warning, "no relay", "--turn auto")
}

func TestStrangersAreNotToldWhatTheyAreTakenFor(t *testing.T) {
	s := startServer(t, testConfig())
	s.examined.admit(time.Now())
	for _, token := range []string{"", "x", strings.Repeat("x", 26)} {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL()+"/healthz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(doctor.TokenHeader, token)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if told := answer.Header.Get(doctor.SeenHeader); told != "" {
			t.Errorf("with the token %q: %s", token, told)
		}
	}
	if token := s.examined.admit(time.Now()); !s.examined.knows(time.Now(),
		token) || s.examined.knows(time.Now().Add(tokenTTL), token) {
		t.Error("a token is not good for its time")
	}
}

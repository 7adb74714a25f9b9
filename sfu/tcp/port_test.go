package tcp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// certificate makes one for 127.0.0.1.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func split(t *testing.T, cfg Config) *Port {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := Split(l, cfg)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func dial(t *testing.T, p *Port) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func dialTLS(t *testing.T, p *Port, protocols ...string) *tls.Conn {
	t.Helper()
	//nolint:gosec // the certificate is the test's own
	c := tls.Client(dial(t, p), &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// request is a STUN request of a method, with nothing in it.
func request(method uint16) []byte {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b, method)
	binary.BigEndian.PutUint32(b[4:], magicCookie)
	return b
}

func framed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) //nolint:gosec // short
}

// accepted is the next connection of one listener; the test fails when another one gets one.
func accepted(t *testing.T, p *Port, want Service) net.Conn {
	t.Helper()
	type got struct {
		service Service
		conn    net.Conn
	}
	all := make(chan got, services)
	for i, o := range p.outlets {
		go func() {
			select {
			case c := <-o.conns:
				all <- got{Service(i), c} //nolint:gosec // few
			case <-time.After(5 * time.Second):
			case <-t.Context().Done():
			}
		}()
	}
	select {
	case g := <-all:
		t.Cleanup(func() { _ = g.conn.Close() })
		if g.service != want {
			t.Fatalf("handed to %v, want %v", g.service, want)
		}
		return g.conn
	case <-time.After(5 * time.Second):
		t.Fatalf("handed to nobody, counters %+v", p.Counters())
		return nil
	}
}

// eventually waits for the counters.
func eventually(t *testing.T, p *Port, what string, ok func(Counters) bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(p.Counters()); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: counters are %+v", what, p.Counters())
		}
	}
}

func TestPortTellsServicesApart(t *testing.T) {
	upgrade := "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
	cases := []struct {
		name  string
		first []byte
		want  Service
	}{
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HTTP},
		{"HTTP with a body", []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"), HTTP},
		{"HTTP/2 without TLS", []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HTTP},
		{"WebSocket", []byte(upgrade), HTTP},
		{"framed STUN", framed(request(bindingRequest)), ICE},
		{"TURN", request(allocateRequest), TURN},
		{"bare STUN", request(bindingRequest), TURN},
	}
	p := split(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}}) //nolint:gosec // a test
	for _, c := range cases {
		for _, encrypted := range []bool{false, true} {
			for _, piecewise := range []bool{false, true} {
				name := c.name
				var client net.Conn
				if encrypted {
					name += " in TLS"
					client = dialTLS(t, p)
				} else {
					client = dial(t, p)
				}
				if piecewise {
					name += ", a byte at a time"
				}
				t.Run(name, func(t *testing.T) {
					go func() {
						if !piecewise {
							_, _ = client.Write(c.first)
							return
						}
						for i := range c.first {
							_, _ = client.Write(c.first[i : i+1])
						}
					}()
					server := accepted(t, p, c.want)
					if Encrypted(server) != encrypted {
						t.Errorf("Encrypted is %v", !encrypted)
					}
					b := make([]byte, len(c.first))
					_ = server.SetDeadline(time.Now().Add(5 * time.Second))
					if _, err := io.ReadFull(server, b); err != nil || !bytes.Equal(b, c.first) {
						t.Errorf("read %q, %v", b, err)
					}
					if _, err := server.Write([]byte("back")); err != nil {
						t.Error(err)
					}
					if _, err := io.ReadFull(client, b[:4]); err != nil || string(b[:4]) != "back" {
						t.Errorf("the client read %q, %v", b[:4], err)
					}
				})
			}
		}
	}
	counters := p.Counters()
	if counters.Plain != [ServiceCount]uint64{8, 2, 4} || counters.Encrypted != counters.Plain {
		t.Errorf("counters are %+v", counters)
	}
}

type encryptedKey struct{}

func TestPortServesHTTPAndHTTP2(t *testing.T) {
	p := split(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}}) //nolint:gosec // a test
	server := http.Server{
		ReadHeaderTimeout: time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, encryptedKey{}, Encrypted(c))
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			encrypted, _ := r.Context().Value(encryptedKey{}).(bool)
			if encrypted != strings.HasPrefix(r.Header.Get("X-Sent-To"), "https") {
				w.WriteHeader(http.StatusTeapot)
			}
			_, _ = io.WriteString(w, r.Proto)
		}),
	}
	go func() { _ = server.Serve(p.HTTP()) }()
	t.Cleanup(func() { _ = server.Close() })
	for _, c := range []struct {
		scheme    string
		protocols []string
		h2        bool
		want      string
	}{
		{"http", nil, false, "HTTP/1.1"},
		{"https", nil, true, "HTTP/2.0"},
		{"https", []string{"http/1.1"}, false, "HTTP/1.1"}, // as for a WebSocket
		{"https", []string{"unheard-of"}, false, "HTTP/1.1"},
		{"https", nil, false, "HTTP/1.1"},
	} {
		transport := &http.Transport{
			//nolint:gosec // the certificate is the test's own
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, NextProtos: c.protocols},
			ForceAttemptHTTP2: c.h2,
		}
		if !c.h2 {
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			c.scheme+"://"+p.listener.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Sent-To", c.scheme)
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Errorf("%s %v: %v", c.scheme, c.protocols, err)
			continue
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if string(body) != c.want || response.StatusCode != http.StatusOK {
			t.Errorf("%s %v: status %d, %s; want %s", c.scheme, c.protocols, response.StatusCode, body, c.want)
		}
		transport.CloseIdleConnections()
	}
}

func TestPortRefusesJunk(t *testing.T) {
	withLength := func(n uint16, b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, n), b...) }
	junk := map[string][]byte{
		"lower case":                 []byte("hello, is anybody there?"),
		"zeros":                      make([]byte, 64),
		"ones":                       bytes.Repeat([]byte{255}, 64),
		"SSH":                        []byte("\x00SSH-2.0-x"),
		"ChannelData":                {0x40, 0, 0, 4, 1, 2, 3, 4},
		"RTP in a frame":             framed(append([]byte{0x80, 111}, make([]byte, 20)...)),
		"DTLS in a frame":            framed(append([]byte{0x16, 0xFE, 0xFD}, make([]byte, 20)...)),
		"a STUN answer in a frame":   framed(request(0x0101)),
		"a frame shorter than STUN":  withLength(19, request(bindingRequest)),
		"an answer of a TURN server": request(0x0103),
		"TURN data":                  request(0x0016),
		"half of a TLS version":      {0x16, 0x02, 0x00, 0x00, 0x05},
	}
	p := split(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}}) //nolint:gosec // a test
	for name, b := range junk {
		for _, encrypted := range []bool{false, true} {
			var client net.Conn
			if encrypted {
				client = dialTLS(t, p)
			} else {
				client = dial(t, p)
			}
			_, _ = client.Write(b)
			if n, err := client.Read(make([]byte, 1)); n > 0 || errors.Is(err, net.ErrClosed) {
				t.Errorf("%s (TLS: %v): read %d bytes, %v", name, encrypted, n, err)
			}
		}
	}
	want := uint64(2 * len(junk)) //nolint:gosec // few
	eventually(t, p, "junk", func(c Counters) bool { return c.Refused[NotUnderstood] == want && c.Waiting == 0 })

	inside := dialTLS(t, p)
	//nolint:gosec // TLS inside of TLS
	again := tls.Client(inside, &tls.Config{InsecureSkipVerify: true})
	if err := again.Handshake(); err == nil {
		t.Error("TLS inside of TLS was served")
	}
	broken := dial(t, p)
	_, _ = broken.Write([]byte("\x16\x03\x01\x00\x05hello and more"))
	_, _ = io.ReadAll(broken)
	eventually(t, p, "broken TLS", func(c Counters) bool { return c.Refused[BadHandshake] == 1 })
}

func TestPortWithoutCertificateRefusesTLS(t *testing.T) {
	p := split(t, Config{})
	client := tls.Client(dial(t, p), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test
	if err := client.Handshake(); err == nil {
		t.Fatal("served")
	}
	eventually(t, p, "TLS", func(c Counters) bool { return c.Refused[NoTLS] == 1 })
}

// TestPortProvesDomains does what a certificate authority does (RFC 8737, section 3), and looks that it leaves no trace.
func TestPortProvesDomains(t *testing.T) {
	usual, proof := certificate(t), certificate(t)
	p := split(t, Config{TLS: &tls.Config{ //nolint:gosec // a test
		NextProtos: []string{"h2", "http/1.1", proofProtocol},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			switch {
			case !slices.Equal(hello.SupportedProtos, []string{proofProtocol}):
				return &usual, nil
			case hello.ServerName == "rooms.example.com":
				return &proof, nil
			}
			return nil, errors.New("nothing to prove")
		},
	}})
	look := func(name string, protocols ...string) *tls.Conn {
		//nolint:gosec // authorities do not verify what they look at
		return tls.Client(dial(t, p), &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: protocols})
	}
	authority := look("rooms.example.com", proofProtocol)
	if _, err := authority.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // closed in due form
		t.Errorf("read: %v", err)
	}
	state := authority.ConnectionState()
	if state.NegotiatedProtocol != proofProtocol || !bytes.Equal(state.PeerCertificates[0].Raw, proof.Certificate[0]) {
		t.Errorf("agreed on %q, or another certificate was shown", state.NegotiatedProtocol)
	}
	eventually(t, p, "a proof", func(c Counters) bool { return c == Counters{} })
	if err := look("other.example.com", proofProtocol).Handshake(); err == nil {
		t.Error("a proof that nobody ordered")
	}
	eventually(t, p, "no proof", func(c Counters) bool { return c.Refused[BadHandshake] == 1 })
	browser := look("rooms.example.com", "h2", "http/1.1", proofProtocol)
	if err := browser.Handshake(); err != nil || browser.ConnectionState().NegotiatedProtocol != "h2" {
		t.Errorf("agreed on %q, %v", browser.ConnectionState().NegotiatedProtocol, err)
	}
	accepted(t, p, HTTP)
}

func TestPortLosesPatience(t *testing.T) {
	p := split(t, Config{
		Patience: 100 * time.Millisecond,
		TLS:      &tls.Config{Certificates: []tls.Certificate{certificate(t)}}, //nolint:gosec // a test
	})
	for name, say := range map[string]func(){
		"nothing":              func() { _, _ = io.ReadAll(dial(t, p)) },
		"nothing inside TLS":   func() { _, _ = io.ReadAll(dialTLS(t, p)) },
		"half a TLS handshake": func() { c := dial(t, p); _, _ = c.Write([]byte("\x16\x03\x01")); _, _ = io.ReadAll(c) },
		"slow bytes": func() {
			c := dial(t, p)
			for _, b := range request(allocateRequest)[:7] {
				_, _ = c.Write([]byte{b})
				time.Sleep(30 * time.Millisecond)
			}
			_, _ = io.ReadAll(c)
		},
	} {
		before, begun := p.Counters().Refused[Silent], time.Now()
		say()
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("%s: closed after %v", name, took)
		}
		eventually(t, p, name, func(c Counters) bool { return c.Refused[Silent] == before+1 })
	}
	half := dial(t, p) // a client that closes its side only, and one that goes away
	_, _ = half.Write([]byte{0, 1})
	if c, ok := half.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
	_, _ = io.ReadAll(half)
	_ = dial(t, p).Close()
	eventually(t, p, "hung up", func(c Counters) bool { return c.Refused[HungUp] == 2 && c.Waiting == 0 })
}

func TestIdleCrowdKeepsNobodyOut(t *testing.T) {
	if testing.Short() {
		t.Skip("opens 1,000 sockets")
	}
	p := split(t, Config{})
	for range 1000 {
		dial(t, p)
	}
	eventually(t, p, "a crowd", func(c Counters) bool {
		return c.Refused[Crowded] == 1000-DefaultMaxWaitingPerAddress && c.Waiting == DefaultMaxWaitingPerAddress
	})
	client := dial(t, p)
	begun := time.Now()
	_, _ = client.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	server := accepted(t, p, HTTP)
	if took := time.Since(begun); took > time.Second {
		t.Errorf("served after %v", took)
	}
	if line, _, err := bufio.NewReader(server).ReadLine(); err != nil || string(line) != "GET / HTTP/1.1" {
		t.Errorf("read %q, %v", line, err)
	}
}

// TestSlowRequestsMakeRoom opens connections that begin a request and never end it, plain and inside of TLS.
func TestSlowRequestsMakeRoom(t *testing.T) {
	const each, all, many = 20, 50, 100
	for _, test := range []struct {
		name  string
		proxy bool
		want  int
	}{{"an address", false, each}, {"a proxy", true, all}} {
		t.Run(test.name, func(t *testing.T) {
			p := split(t, Config{
				MaxHTTPPerAddress: each, MaxHTTP: all,
				TLS:   &tls.Config{Certificates: []tls.Certificate{certificate(t)}}, //nolint:gosec // a test
				Proxy: func(netip.Addr) bool { return test.proxy },
			})
			served := make(chan net.Conn)
			server := http.Server{
				ReadHeaderTimeout: time.Minute,
				ConnState: func(c net.Conn, state http.ConnState) {
					if state == http.StateHijacked {
						Settled(c)
						served <- c
					}
				},
				Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/ws" {
						_, _, _ = http.NewResponseController(w).Hijack()
					}
				}),
			}
			go func() { _ = server.Serve(p.HTTP()) }()
			t.Cleanup(func() { _ = server.Close() })
			settled := []net.Conn{dial(t, p), dialTLS(t, p, "http/1.1"), dialTLS(t, p)}
			for _, c := range settled {
				_, _ = c.Write([]byte("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n"))
				upgraded := <-served
				t.Cleanup(func() { _ = upgraded.Close() })
			}
			eventually(t, p, "settled", func(c Counters) bool { return c.Browsing == 0 })
			for i := range many {
				var c net.Conn
				switch i % 3 {
				case 0:
					c = dial(t, p)
				case 1:
					c = dialTLS(t, p, "http/1.1")
				case 2:
					c = dialTLS(t, p)
				}
				_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost"))
			}
			eventually(t, p, "a crowd", func(c Counters) bool {
				return c.Browsing == test.want && c.Refused[Crowded] == uint64(many-test.want) //nolint:gosec // few
			})
			c := dialTLS(t, p)
			_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
			if b, err := io.ReadAll(c); err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.1 200 ")) {
				t.Errorf("others get %q, %v", b, err)
			}
			for _, c := range settled { // they stay, whatever crowd comes
				_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("a WebSocket made room: %v", err)
				}
			}
			_ = server.Close()
			eventually(t, p, "the end", func(c Counters) bool { return c.Browsing == 0 })
		})
	}
}

func TestLobbyBoundsAddresses(t *testing.T) {
	w := NewLobby(2, 4)
	hungUp := map[string]bool{}
	enter := func(addr, name string) *Guest {
		return w.Enter(netip.MustParseAddr(addr), func() { hungUp[name] = true })
	}
	enter("192.0.2.1", "a1")
	enter("192.0.2.1", "a2")
	a3 := enter("::ffff:192.0.2.1", "a3") // the same address
	if !hungUp["a1"] || len(hungUp) != 1 {
		t.Errorf("hung up on %v", hungUp)
	}
	enter("2001:db8::1", "b1")
	enter("2001:db8::2:2", "b2")
	enter("2001:db8:0:0:9::3", "b3") // one /64
	if !hungUp["b1"] || len(hungUp) != 2 {
		t.Errorf("hung up on %v", hungUp)
	}
	enter("198.51.100.1", "c1") // in all too many
	if !hungUp["a2"] || len(hungUp) != 3 || w.Count() != 4 {
		t.Errorf("hung up on %v, %d wait", hungUp, w.Count())
	}
	w.Leave(a3)
	w.Leave(a3)
	enter("198.51.100.2", "d1")
	if len(hungUp) != 3 {
		t.Errorf("hung up on %v", hungUp)
	}
	w.Close()
	if len(hungUp) != 7 || w.Enter(netip.Addr{}, nil) != nil {
		t.Errorf("after close, hung up on %v", hungUp)
	}
}

func TestClosedPortServesNobody(t *testing.T) {
	p := split(t, Config{})
	idle, unserved := dial(t, p), dial(t, p)
	_, _ = unserved.Write([]byte("GET / HTTP/1.1\r\n\r\n")) // nobody accepts it
	eventually(t, p, "two", func(c Counters) bool { return c.Waiting == 1 })
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range []net.Conn{idle, unserved} {
		if n, _ := c.Read(make([]byte, 1)); n > 0 {
			t.Error("served")
		}
	}
	if _, err := p.HTTP().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzClassify(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1"))
	f.Add(request(allocateRequest))
	f.Add(framed(request(bindingRequest)))
	f.Add([]byte{0x16, 3, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= headBytes && classify(b) == undecided {
			t.Fatalf("undecided after %d bytes", len(b))
		}
		for i := range b { // what is decided stays decided
			if k := classify(b[:i]); k != undecided && k != classify(b) {
				t.Fatalf("%d after %d bytes, %d in the end", k, i, classify(b))
			}
		}
	})
}

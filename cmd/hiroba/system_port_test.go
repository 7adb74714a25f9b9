package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"hiroba/sfu"
	"hiroba/sfu/tcp"
	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

// stunRequest is a STUN binding request with nothing in it.
const stunRequest = "\x00\x01\x00\x00\x21\x12\xa4\x42transaction1"

// frame is a datagram behind its length (RFC 4571).
func frame(datagram string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(len(datagram)))) + datagram //nolint:gosec // short
}

// record is a TLS record with a handshake message that claims to be longer or shorter than it is.
func record(claimed int, content string) string {
	return "\x16\x03\x01" + string(binary.BigEndian.AppendUint16(nil, uint16(claimed))) + content //nolint:gosec // short
}

// clientHello is what a client of TLS says first, as one record.
func clientHello(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go func() { _ = tls.Client(far, cfg).HandshakeContext(t.Context()); _ = far.Close() }()
	b := make([]byte, 1<<14)
	n, err := near.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// portAttack is what somebody sends to the TCP port, of whom nothing is known.
type portAttack struct {
	name string
	// inside is true for what comes inside of TLS.
	inside bool
	say    string
	// refusal counts the connections, if the port itself refuses them; Silent, which none of these are, stands for none.
	refusal tcp.Refusal
	// answer is what may come back: a beginning, such as that of a TLS alert. Without one nothing may.
	answer string
	// patient is true for who waits to be hung up on, and false for who goes away.
	patient bool
}

// portAttacks is all that is no service, and half of what is.
func portAttacks(t *testing.T) []portAttack {
	t.Helper()
	const alert, badRequest, redirected = "\x15\x03", "HTTP/1.1 4", "HTTP/1.1 308 "
	hello := clientHello(t, &tls.Config{ServerName: "rooms.example.com"})
	halfHello := hello[:len(hello)/2]
	longHeader := "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxHeader*2)
	return []portAttack{
		{name: "TLS record cut short", say: halfHello, refusal: tcp.BadHandshake},
		{name: "TLS record without content", say: record(0, ""), refusal: tcp.BadHandshake, answer: alert},
		{name: "TLS record longer than allowed", say: record(1<<16-1, strings.Repeat("x", 1<<16-1)), refusal: tcp.BadHandshake, answer: alert, patient: true},
		{name: "TLS record full of junk", say: record(100, strings.Repeat("\x01", 100)), refusal: tcp.BadHandshake, answer: alert, patient: true},
		{name: "TLS handshake message longer than allowed", say: record(4, "\x01\xff\xff\xff"), refusal: tcp.BadHandshake, answer: alert, patient: true},
		{name: "TLS hello without end", say: strings.Repeat(record(1, "\x01"), 200), refusal: tcp.BadHandshake, answer: alert, patient: true},
		{name: "TLS hello twice", say: hello + hello, refusal: tcp.BadHandshake, answer: "\x16\x03", patient: true},
		{name: "TLS alert", say: "\x15\x03\x01\x00\x02\x02\x28", refusal: tcp.NotUnderstood, patient: true},
		{name: "TLS application data", say: "\x17\x03\x03\x00\x05hello", refusal: tcp.NotUnderstood, patient: true},
		{name: "SSLv2 hello", say: "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + strings.Repeat("\x01", 37), refusal: tcp.NotUnderstood, patient: true},
		{name: "SSLv2 version in a record", say: "\x16\x02\x00\x00\x05hello", refusal: tcp.NotUnderstood, patient: true},
		{name: "TLS 1.0", say: clientHello(t, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}), refusal: tcp.BadHandshake, answer: alert, patient: true},
		{name: "proof of a domain that nobody ordered", say: clientHello(t, &tls.Config{ServerName: "x", NextProtos: []string{"acme-tls/1"}}), answer: "\x16\x03"},
		{name: "DTLS hello", say: "\x16\xfe\xff" + strings.Repeat("\x00", 60), refusal: tcp.NotUnderstood, patient: true},
		{name: "TLS inside of TLS", inside: true, say: hello, refusal: tcp.NotUnderstood, patient: true},
		{name: "junk inside of TLS", inside: true, say: "\x00\xff junk of no kind", refusal: tcp.NotUnderstood, patient: true},

		{name: "plain HTTP", say: "GET /r/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer: redirected, patient: true},
		{name: "plain HTTP to a host that is none", say: "GET / HTTP/1.1\r\nHost: a@evil.test\r\nConnection: close\r\n\r\n", answer: badRequest, patient: true},
		{name: "HTTP with two lengths", say: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", answer: badRequest, patient: true},
		{name: "HTTP header without end", say: longHeader, answer: badRequest, patient: true},
		{name: "HTTP/2 without TLS", say: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", answer: badRequest, patient: true},
		{name: "a proxy for others", say: "CONNECT example.com:25 HTTP/1.1\r\nHost: example.com:25\r\nConnection: close\r\n\r\n", answer: "HTTP/1.1 ", patient: true},
		{name: "header of the PROXY protocol", say: "PROXY TCP4 127.0.0.1 127.0.0.1 1 443\r\n", answer: badRequest, patient: true},
		{name: "half a request", say: "GET / HTTP/1.1\r\nHost: x\r\nX-", answer: badRequest},
		{name: "half a request inside of TLS", inside: true, say: "GET / HTTP/1.1\r\nHost: x\r\nX-", answer: badRequest},
		{name: "a letter", say: "G", answer: badRequest},
		{name: "mail", say: "ehlo example.com\r\n", refusal: tcp.NotUnderstood, patient: true},
		{name: "SSH", say: "\x00\x00\x01\x14\x08\x14SSH-2.0-", refusal: tcp.NotUnderstood, patient: true},
		{name: "RDP", say: "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00", refusal: tcp.NotUnderstood, patient: true},

		{name: "frame without content", say: frame(""), refusal: tcp.HungUp},
		{name: "frames without content", say: strings.Repeat(frame(""), 100), refusal: tcp.NotUnderstood, patient: true},
		{name: "frame that never ends", say: "\xff\xff" + stunRequest, refusal: tcp.NotUnderstood, patient: true},
		{name: "frame shorter than STUN", say: frame(stunRequest[:19]), refusal: tcp.NotUnderstood, patient: true},
		{name: "media in a frame", say: frame("\x80\x6f" + strings.Repeat("\x00", 40)), refusal: tcp.NotUnderstood, patient: true},
		{name: "DTLS in a frame", say: frame("\x16\xfe\xfd" + strings.Repeat("\x00", 40)), refusal: tcp.NotUnderstood, patient: true},
		{name: "ICE of nobody", say: frame(stunRequest[:3] + "\x0c" + stunRequest[4:] + "\x00\x06\x00\x08some:one")},
		{name: "ICE of nobody, and junk", say: frame(stunRequest) + strings.Repeat("\xff", 5000), patient: true},
		{name: "ICE of nobody inside of TLS", inside: true, say: frame(stunRequest)},
		{name: "ChannelData of nobody", say: "\x40\x00\x00\x04data", refusal: tcp.NotUnderstood, patient: true},
		{name: "TURN data of nobody", say: "\x00\x16\x00\x00\x21\x12\xa4\x42transaction1", refusal: tcp.NotUnderstood, patient: true},
		{name: "TURN, and junk", say: "\x00\x03\x00\x00\x21\x12\xa4\x42transaction1" + strings.Repeat("\xff", 5000), answer: "\x01\x13", patient: true},
		{name: "STUN message that claims to be long", say: "\x00\x01\xff\xfc\x21\x12\xa4\x42transaction1" + strings.Repeat("\x00", 8)},

		{name: "nothing", refusal: tcp.HungUp},
		{name: "a byte", say: "\x16", refusal: tcp.HungUp},
	}
}

// attempt makes one attack and says what was wrong with how it was taken.
func (a *portAttack) attempt(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(systemTimeout))
	below, _ := conn.(*net.TCPConn)
	if a.inside {
		inside := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test's own
		if err := inside.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("TLS: %w", err)
		}
		conn = inside
	}
	go func() { // who is refused in the middle of it may not want the rest
		_, _ = io.WriteString(conn, a.say)
		if !a.patient {
			_ = below.CloseWrite()
		}
	}()
	var answer bytes.Buffer
	if _, err := io.Copy(&answer, io.LimitReader(conn, 1<<16)); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("still open, after it was answered with %.20q", &answer)
	}
	if got := answer.String(); got != "" && (a.answer == "" || !strings.HasPrefix(got, a.answer)) {
		return fmt.Errorf("answered with %.60q, want %q", got, a.answer)
	}
	return nil
}

// TestSystemNobodyElseSuffersFromJunkOnThePort makes every attack on the port several times beside a call on the same port, one half of
// which comes by TCP, and looks that each ends soon, leaves nothing, and disturbs nobody.
func TestSystemNobodyElseSuffersFromJunkOnThePort(t *testing.T) {
	cfg := testConfig()
	cfg.TLS = tlsFiles
	cfg.TLSCert, cfg.TLSKey = certificateFiles(t, t.TempDir(), 1, "rooms.example.com", "127.0.0.1")
	t.Setenv("SSL_CERT_FILE", cfg.TLSCert)
	s := startServer(t, cfg)
	byTCP, err := client.NewStack(client.StackConfig{Loopback: true, TCPOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	calm := enter(t, s, "calm", 0)
	other := enter(t, s, "calm", 1, func(c *client.Config) { c.Stack = byTCP })
	calm.sees(t, other)
	other.sees(t, calm)
	if n := s.engine.PeersByTransport()[sfu.TransportTCP]; n != 1 {
		t.Fatalf("%d come by TCP", n)
	}

	// One kind of attack that leaves something behind leaves so many.
	const times = 10
	goroutines := runtime.NumGoroutine()
	for _, attack := range portAttacks(t) {
		t.Run(attack.name, func(t *testing.T) {
			frames := calm.Received(other.ID(), protocol.Camera).Frames
			before := s.port.Counters().Refused[attack.refusal]
			ended := make(chan error, times)
			for range times {
				go func() { ended <- attack.attempt(t.Context(), s.publicAddress.String()) }()
			}
			for range times {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			if attack.refusal != tcp.Silent {
				counted := func() uint64 { return s.port.Counters().Refused[attack.refusal] - before }
				for end := time.Now().Add(systemTimeout); counted() != times; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%d are counted as %v, of %+v", counted(), attack.refusal, s.port.Counters())
					}
				}
			}
			await(t, calm.Client, "the call beside goes on", func() bool {
				return calm.Received(other.ID(), protocol.Camera).Frames > frames+2
			})
		})
	}
	t.Run("a crowd that says little", func(t *testing.T) { crowd(t, s) })
	calm.checkFaultless(t)
	other.checkFaultless(t)
	for end := time.Now().Add(systemTimeout); runtime.NumGoroutine() >= goroutines+times; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			t.Fatalf("%d goroutines before, %d after:\n%s", goroutines, runtime.NumGoroutine(), stacks)
		}
	}
}

// crowd holds hundreds of connections of one address half open, and lets somebody else join beside them.
func crowd(t *testing.T, s *server) {
	const each = 100
	before := s.port.Counters().Refused[tcp.Crowded]
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	for range each {
		for _, say := range []string{"", "\x16\x03\x01", "\x00\x14\x00\x01", "GET / HTTP/1.1\r\nHost"} {
			conn, err := from.DialContext(t.Context(), "tcp", s.publicAddress.String())
			if errors.Is(err, syscall.EADDRNOTAVAIL) {
				t.Skip("loopback has one address only here")
			} else if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, say); err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Fatal(err)
			}
		}
	}
	const room = tcp.DefaultMaxWaitingPerAddress
	for end := time.Now().Add(systemTimeout); s.port.Counters().Refused[tcp.Crowded] < before+3*each-room; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("counters are %+v", s.port.Counters())
		}
	}
	if n := s.port.Counters().Waiting; n > room {
		t.Errorf("%d are waited for", n)
	}
	begun := time.Now()
	newcomer := enter(t, s, "beside-the-crowd", 2)
	if took := time.Since(begun); took > systemTimeout/2 {
		t.Errorf("somebody else joins after %v", took)
	}
	newcomer.Close()
}

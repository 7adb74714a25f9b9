package turn

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"hiroba/sfu/packet"
	"hiroba/sfu/tcp"
	"hiroba/sfu/udp"
)

const patience = 5 * time.Second

// rig is a server with a media port behind it.
type rig struct {
	t      *testing.T
	mux    *udp.Mux
	port   *tcp.Port
	server *Server
	// agent is a PeerConnection with the username fragment "ours".
	peer  *udp.PeerMux
	agent net.PacketConn
	media chan string // SRTP that it got
}

// HandleMedia implements udp.Receiver.
func (r *rig) HandleMedia(_ time.Time, p *packet.Packet) bool {
	r.media <- string(p.Bytes())
	p.Release()
	return true
}

// HandleBatch implements udp.Receiver.
func (r *rig) HandleBatch(time.Time, *udp.Sender) time.Time { return time.Time{} }

func start(t *testing.T, cfg Config) *rig {
	t.Helper()
	r := &rig{t: t, media: make(chan string, 1000)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	//nolint:gosec // a test
	r.port = tcp.Split(l, tcp.Config{TLS: &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}})
	if r.mux, err = udp.Listen(udp.Config{Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}); err != nil {
		t.Fatal(err)
	}
	cfg.Streams = r.port.TURN()
	if r.server, err = New(r.mux, cfg); err != nil {
		t.Fatal(err)
	}
	r.peer = r.mux.Peer(r)
	if r.agent, err = r.peer.GetConn("ours", net.UDPAddrFromAddrPort(r.mux.Addr())); err != nil {
		t.Fatal(err)
	}
	_ = r.agent.SetReadDeadline(time.Now().Add(patience))
	t.Cleanup(func() {
		if err := r.server.Close(); err != nil {
			t.Error(err)
		}
		_, _, _ = r.peer.Close(), r.mux.Close(), r.port.Close()
	})
	return r
}

// caller is a client of the server.
type caller struct {
	*turn.Client
	conn net.PacketConn
	deaf *deaf // of TCP and TLS
}

// deaf is a connection that can be made to read nothing any more.
type deaf struct {
	net.Conn
	now    atomic.Bool
	closed chan struct{}
}

func (d *deaf) Read(b []byte) (int, error) {
	if d.now.Load() {
		<-d.closed
	}
	return d.Conn.Read(b)
}

// call connects a client by a transport.
func (r *rig) call(transport Transport, user, password string) *caller {
	r.t.Helper()
	address := r.mux.Addr().String()
	var conn net.PacketConn
	var ears *deaf
	if transport == UDP {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			r.t.Fatal(err)
		}
		conn = c
	} else {
		address = r.port.TURN().Addr().String()
		ears = &deaf{Conn: r.dial(transport), closed: make(chan struct{})}
		r.t.Cleanup(func() { close(ears.closed) })
		conn = turn.NewSTUNConn(ears)
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	c, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: address, STUNServerAddr: address, Username: user, Password: password, Realm: realm, Conn: conn,
		RTO: 500 * time.Millisecond, LoggerFactory: quiet,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := c.Listen(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close(); _ = conn.Close() })
	return &caller{c, conn, ears}
}

func (r *rig) dial(transport Transport) net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.port.TURN().Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	if transport == TLS {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test's own
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// join is call with good credentials.
func (r *rig) join(transport Transport, user string) *caller {
	r.t.Helper()
	name, password := r.server.Issue(time.Now(), user)
	return r.call(transport, name, password)
}

// allocate gets a relay, which must work.
func (r *rig) allocate(c *caller) net.PacketConn {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	relayed, err := c.AllocateWithContext(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = relayed.SetReadDeadline(time.Now().Add(patience))
	return relayed
}

func (r *rig) eventually(what string, ok func(Counters) bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(r.server.Counters()); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%s: counters are %+v", what, r.server.Counters())
		}
	}
}

// total is the sum over all transports.
func total(n [TransportCount]uint64) (sum uint64) {
	for _, v := range n {
		sum += v
	}
	return sum
}

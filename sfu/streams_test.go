package sfu_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/sfu/stats"
	"hiroba/sfu/tcp"
	"hiroba/sfu/turn"
	"hiroba/signaling/client/synthetic"
)

// onePort makes an engine with all of TCP, too.
func onePort(t *testing.T) *sfu.Engine {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := tcp.Split(l, tcp.Config{})
	t.Cleanup(func() { _ = port.Close() })
	return newEngine(t, func(c *sfu.Config) {
		c.ICETCP, c.TURN = port.ICE(), &turn.Config{Streams: port.TURN()}
	})
}

// tcpOnly is a client whose network lets no UDP through.
var tcpOnly = network{settings: func(s *webrtc.SettingEngine) {
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
}}

// relayOnly is a client that reaches nothing but the TURN server.
func relayOnly(e *sfu.Engine, name, address, transport string) network {
	user, password := e.TURN().Issue(time.Now(), name)
	return network{config: webrtc.Configuration{
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
		ICEServers: []webrtc.ICEServer{{
			URLs: []string{"turn:" + address + "?transport=" + transport}, Username: user, Credential: password,
		}},
	}}
}

// streamAddress finds the address for TCP in an answer.
func streamAddress(t *testing.T, sdp string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^a=candidate:\S+ 1 (?i:tcp) \d+ (\S+) (\d+) typ host.* tcptype passive`).FindStringSubmatch(sdp)
	if found == nil {
		t.Fatalf("no candidate for TCP in\n%s", sdp)
	}
	return net.JoinHostPort(found[1], found[2])
}

func TestCallsWithoutUDP(t *testing.T) {
	e := onePort(t)
	direct := publisher(t, e, "direct", blue)
	viewer := newClient(t, e, "viewer", 3)
	viewer.offer()
	byWay := map[string]network{
		"ICE-TCP":  tcpOnly,
		"TURN-UDP": relayOnly(e, "turn-udp", e.Addr().String(), "udp"),
	}
	var port string
	probe := newClientWith(t, e, "probe", 1, tcpOnly)
	probe.answers = func(sdp string) string { port = streamAddress(t, sdp); return sdp }
	probe.offer()
	byWay["TURN-TCP"] = relayOnly(e, "turn-tcp", port, "tcp")
	seat := 0
	for name, how := range byWay {
		c := newClientWith(t, e, strings.ToLower(name), 1, how)
		c.publish(webrtc.MimeTypeVP8)
		begun := time.Now()
		c.offer()
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		c.send(ctx, vp8(red))
		c.peer.Seat(0, direct.occupant())
		viewer.peer.Seat(seat, c.occupant())
		until(t, name+": pictures both ways", func() bool { return c.saw(0, blue) && viewer.saw(seat, red) })
		t.Logf("%s: first pictures both ways after %v", name, time.Since(begun).Round(time.Millisecond))
		want := sfu.TransportTURN
		if name == "ICE-TCP" {
			want = sfu.TransportTCP
		}
		if got := c.peer.Transport(); got != want {
			t.Errorf("%s: transport is %q, want %q", name, got, want)
		}
		if !pionPath() && c.peer.Path() != sfu.PathOwn {
			t.Errorf("%s: path is %q", name, c.peer.Path())
		}
		r := c.seat(0, media.Video)
		before := r.count()
		until(t, name+": pictures go on", func() bool { return r.count() > before+30 })
		if err := r.continuous(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		seat++
	}
	counts := e.PeersByTransport()
	if counts[sfu.TransportTURN] != 2 || counts[sfu.TransportTCP] < 1 || counts[sfu.TransportUDP] != 2 {
		t.Errorf("transports are %v", counts)
	}
	if c := e.TURN().Counters(); c.Relays[turn.UDP] != 1 || c.Relays[turn.TCP] != 1 || c.Refused != [turn.RefusalCount]uint64{} {
		t.Errorf("TURN counters are %+v", c)
	}
	e.Forget("turn-udp")
	until(t, "a relay is gone", func() bool { return e.TURN().Counters().Relays[turn.UDP] == 0 })
}

func (r *received) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.packets)
}

// muffled is a client's UDP socket that can be cut off from the network.
type muffled struct {
	net.PacketConn
	off atomic.Bool
}

func (m *muffled) WriteTo(b []byte, to net.Addr) (int, error) {
	if m.off.Load() {
		return len(b), nil
	}
	return m.PacketConn.WriteTo(b, to)
}

func (m *muffled) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := m.PacketConn.ReadFrom(b)
		if err != nil || !m.off.Load() {
			return n, from, err
		}
	}
}

// TestUDPThatIsCutGoesOnOverTCP keeps the DTLS session, so that the same keys encrypt on another way.
func TestUDPThatIsCutGoesOnOverTCP(t *testing.T) {
	e := onePort(t)
	a := publisher(t, e, "a", red)
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wire := &muffled{PacketConn: socket}
	t.Cleanup(func() { _ = socket.Close() })
	c := newClientWith(t, e, "c", 1, network{settings: func(s *webrtc.SettingEngine) {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
		s.SetICEUDPMux(webrtc.NewICEUDPMux(nil, wire))
	}})
	c.offer()
	c.peer.Seat(0, a.occupant())
	until(t, "pictures over UDP", func() bool { return c.saw(0, red) && c.peer.Transport() == sfu.TransportUDP })

	wire.off.Store(true)
	begun := time.Now()
	c.restart = true
	c.offer()
	until(t, "another transport", func() bool { return c.peer.Transport() == sfu.TransportTCP })
	r := c.seat(0, media.Video)
	before := r.count()
	until(t, "pictures over TCP", func() bool { return r.count() > before+30 })
	t.Logf("pictures over TCP %v after the restart", time.Since(begun).Round(time.Millisecond))
}

// valve is a TCP proxy that can stop reading from the server.
type valve struct {
	address string
	shut    atomic.Bool
}

func newValve(t *testing.T) (v *valve, to func(server string)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v = &valve{address: l.Addr().String()}
	target := make(chan string, 1)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		server := <-target
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(upstream, client); _ = upstream.Close() }()
			go func() {
				defer client.Close() //nolint:errcheck // a test
				b := make([]byte, 2048)
				for {
					for v.shut.Load() && t.Context().Err() == nil {
						time.Sleep(10 * time.Millisecond)
					}
					n, err := upstream.Read(b)
					if err != nil {
						return
					}
					if _, err := client.Write(b[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return v, func(server string) { target <- server }
}

// through makes a client reach the server's TCP through the valve.
func (v *valve) through(t *testing.T, c *client, connect func(server string)) {
	c.answers = func(sdp string) string {
		server := streamAddress(t, sdp)
		connect(server)
		_, from, _ := net.SplitHostPort(server)
		_, to, _ := net.SplitHostPort(v.address)
		return strings.ReplaceAll(sdp, " "+from+" typ host tcptype", " "+to+" typ host tcptype")
	}
}

// TestSlowSubscriberOnTCPGetsAKeyframe has one subscriber whose connection drains nothing for a while.
func TestSlowSubscriberOnTCPGetsAKeyframe(t *testing.T) {
	if pionPath() {
		t.Skip("pion's path drops what has no room, and the client asks")
	}
	e := onePort(t)
	a := newClient(t, e, "a", 0)
	a.publish(webrtc.MimeTypeVP8)
	a.offer()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	// 2 Mbit/s: frames of 9 kB.
	a.send(ctx, &padded{Source: vp8(red), bytes: 9000})
	v, connect := newValve(t)
	slow := newClientWith(t, e, "slow", 1, tcpOnly)
	v.through(t, slow, connect)
	slow.offer()
	other, fast := newClientWith(t, e, "other", 1, tcpOnly), newClient(t, e, "fast", 1)
	other.offer()
	fast.offer()
	for _, c := range []*client{slow, other, fast} {
		c.peer.Seat(0, a.occupant())
	}
	until(t, "pictures", func() bool { return slow.saw(0, red) && other.saw(0, red) && fast.saw(0, red) })

	dropped := func() uint64 { return e.Counters().Drops(stats.Down, stats.Stalled) }
	keyframes := e.Counters().Keyframes.Load()
	others := []*received{other.seat(0, media.Video), fast.seat(0, media.Video)}
	var counted []int
	for _, r := range others {
		counted = append(counted, r.count())
	}
	begun := time.Now()
	v.shut.Store(true)
	until(t, "the stall is noticed", func() bool { return dropped() > 100 })
	time.Sleep(2 * time.Second) // of pictures that are never sent
	stalled := dropped()
	sofar := slow.seat(0, media.Video).count()
	v.shut.Store(false)
	shut := time.Since(begun)
	until(t, "pictures go on", func() bool {
		return slow.seat(0, media.Video).count() > sofar+100 && e.Counters().Keyframes.Load() > keyframes
	})
	until(t, "no drops", func() bool {
		n := dropped()
		time.Sleep(300 * time.Millisecond)
		return dropped() == n
	})
	t.Logf("shut for %v: %d packets left out, %d keyframes", shut.Round(time.Millisecond), dropped(),
		e.Counters().Keyframes.Load()-keyframes)
	if stalled < 300 {
		t.Errorf("only %d packets were left out", stalled)
	}
	if err := slow.seat(0, media.Video).continuous(); err != nil {
		t.Errorf("what was left out left a gap: %v", err)
	}
	// The others got all, at its time.
	seconds := time.Since(begun).Seconds()
	for i, r := range others {
		if err := r.continuous(); err != nil {
			t.Errorf("another subscriber: %v", err)
		}
		if got := float64(r.count()-counted[i]) / seconds; got < 150 {
			t.Errorf("another subscriber got %.0f packets a second", got)
		}
	}
}

// padded makes frames larger: each gets more payloads, which no decoder looks at.
type padded struct {
	synthetic.Source
	bytes int
}

func (p *padded) Next(keyframe bool) synthetic.Frame {
	f := p.Source.Next(keyframe)
	descriptor := bytes.Clone(f.Payloads[0])[:1]
	descriptor[0] = 0 // goes on with a partition
	for n := 0; n < p.bytes; n += 1100 {
		f.Payloads = append(f.Payloads, append(bytes.Clone(descriptor), make([]byte, 1100)...))
	}
	return f
}

func TestStreamsThatNobodyOwnsEnd(t *testing.T) {
	e := onePort(t)
	c := newClientWith(t, e, "c", 1, tcpOnly)
	var at string
	c.answers = func(sdp string) string { at = streamAddress(t, sdp); return sdp }
	c.offer()
	until(t, "connected", func() bool { return c.peer.State() == sfu.StateConnected })
	check := func() []byte { // for a username fragment of nobody
		b := []byte("\x00\x01\x00\x10\x21\x12\xa4\x42transaction1\x00\x06\x00\x0bnobody:them\x00")
		return append([]byte{0, byte(len(b))}, b...)
	}
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(wait))
		return conn
	}
	flood := dial()
	go func() {
		for {
			if _, err := flood.Write(check()); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if n, _ := flood.Read(make([]byte, 1)); n > 0 {
		t.Error("answered")
	}
	long := dial()
	_, _ = long.Write(check())
	_, _ = long.Write(append([]byte{0xFF, 0xFF}, make([]byte, 2000)...))
	if n, _ := long.Read(make([]byte, 1)); n > 0 {
		t.Error("answered")
	}
	until(t, "both are refused", func() bool { return e.Streams().Refused[sfu.StreamUnclaimed] == 2 })
	for range 64 + 5 { // too many that say something, and nothing that helps
		_, _ = dial().Write(check())
	}
	until(t, "a crowd", func() bool { return e.Streams().Refused[sfu.StreamCrowded] == 5 })
	if n := e.Streams().Open; n < 65 || n > 66 {
		t.Errorf("%d are open", n)
	}
	if s := c.peer.State(); s != sfu.StateConnected {
		t.Errorf("the call is %s", s)
	}
}

func TestServerNeverDialsCandidates(t *testing.T) {
	e := onePort(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	c := newClient(t, e, "c", 1)
	c.munge = func(o *sfu.Offer) {
		o.SDP = strings.Replace(o.SDP, "a=candidate:", fmt.Sprintf(
			"a=candidate:1 1 tcp 2105524479 127.0.0.1 %s typ host tcptype passive\r\n"+
				"a=candidate:2 1 tcp 2105524478 127.0.0.1 %s typ host tcptype so\r\na=candidate:", port, port), 1)
	}
	c.offer()
	until(t, "connected", func() bool { return c.peer.State() == sfu.StateConnected })
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(300 * time.Millisecond))
	if conn, err := l.Accept(); !os.IsTimeout(err) {
		t.Errorf("the server came: %v, %v", conn, err)
	}
}

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"hiroba/sfu/stats"
	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

// attack is something that is done to a server from a room of its own.
type attack struct {
	name string
	run  func(t *testing.T, s *server, room string)
}

// attackBesideACall runs attacks one after the other beside a call, whose picture must go on without a fault. It returns the
// server, and one of those who call.
func attackBesideACall(t *testing.T, attacks []attack) (*server, *person) {
	t.Helper()
	s := startServer(t, testConfig())
	calm := enter(t, s, "calm", 0)
	other := enter(t, s, "calm", 1)
	calm.sees(t, other)
	for i, attack := range attacks {
		t.Run(attack.name, func(t *testing.T) {
			before := calm.Received(other.ID(), protocol.Camera).Frames
			attack.run(t, s, fmt.Sprint("wild-", i))
			await(t, calm.Client, "the call beside goes on", func() bool {
				return calm.Received(other.ID(), protocol.Camera).Frames > before+10
			})
			calm.checkFaultless(t)
		})
	}
	return s, calm
}

// TestSystemNobodyElseSuffersFromABadClient runs each attack beside a call in another room of the same process, whose
// picture must go on without a fault.
func TestSystemNobodyElseSuffersFromABadClient(t *testing.T) {
	s, calm := attackBesideACall(t, []attack{
		{"malformed RTP", attackWithMalformedRTP},
		{"malformed RTCP", attackWithMalformedRTCP},
		{"datagrams of a stranger", attackFromOutside},
		{"datagrams on the client's own path", attackOnOwnPath},
		{"flood of SSRCs", attackWithSSRCs},
		{"offers", attackWithOffers},
		{"candidates of other hosts", attackWithCandidates},
	})
	newcomer := enter(t, s, "calm", 2)
	newcomer.sees(t, calm)
}

// stillThere fails the test unless the server still talks to p and takes its media.
func stillThere(t *testing.T, p, watcher *person) {
	t.Helper()
	if err := p.SendChat("", "still here"); err != nil {
		t.Fatal(err)
	}
	await(t, watcher.Client, "chat of the bad client", func() bool { return len(watcher.Room().Chat) > 0 })
	before := watcher.Received(p.ID(), protocol.Camera).Frames
	await(t, watcher.Client, "picture of the bad client", func() bool {
		return watcher.Received(p.ID(), protocol.Camera).Frames > before+5
	})
}

func attackWithMalformedRTP(t *testing.T, s *server, room string) {
	bad, watcher := enter(t, s, room, 5), enter(t, s, room, 6)
	watcher.sees(t, bad)
	malformed := func() uint64 { return s.engine.Counters().Drops(stats.Up, stats.Malformed) }
	before := malformed()
	write := func(h rtp.Header, payload []byte) {
		h.Version = 2
		if err := bad.WriteRTP(protocol.Camera, h, payload); err != nil {
			t.Fatal(err)
		}
	}
	padded := make([]byte, 10)
	padded[9] = 255 // more padding than payload
	for range 20 {
		write(rtp.Header{Padding: true}, padded)
		write(rtp.Header{Padding: true}, []byte{0})
		write(rtp.Header{}, nil)
		for _, descriptor := range [][]byte{{0x90}, {0x90, 0xf0}, {0x90, 0xf0, 0x80}, {0xff, 0xff}, {0x10}} { // cut short
			write(rtp.Header{}, descriptor)
		}
		write(rtp.Header{CSRC: make([]uint32, 15)}, []byte{0x10, 0})
		write(rtp.Header{Extension: true, ExtensionProfile: 0x1234, Extensions: nil}, []byte{0x90})
		write(rtp.Header{SSRC: 1, PayloadType: 127}, []byte{0x90, 0x80, 0x80, 0x01})
	}
	stillThere(t, bad, watcher)
	if malformed() == before {
		t.Error("no packet was counted as malformed, so none came to where that is decided")
	}
}

func attackWithMalformedRTCP(t *testing.T, s *server, room string) {
	bad, watcher := enter(t, s, room, 5), enter(t, s, room, 6)
	watcher.sees(t, bad)
	for _, raw := range []string{
		"\x80\xc9\x00\x00\x00\x00\x00\x00",                 // a receiver report without its sender
		"\x9f\xc8\xff\xff\x00\x00\x00\x01",                 // a sender report of 256 kB
		"\x81\xcd\x00\x02\x00\x00\x00\x01\x00\x00\x00\x02", // a NACK without numbers
		// feedback on 65,535 packets
		"\x8f\xcd\x00\x05\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff",
		"\x84\xce\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00", // a FIR for nobody
		"\x8f\xce\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00REMB\xff\xff\xff\xff",
		"\xa0\xca\x00\x01\x00\x00\x00\xff", // padding longer than the packet
		"\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		packet := rtcp.RawPacket(raw)
		if err := bad.WriteRTCP(&packet); err != nil {
			t.Fatal(err)
		}
	}
	stillThere(t, bad, watcher)
}

// garbage are datagrams that look like something at first.
func garbage() [][]byte {
	var all [][]byte
	for first := range 256 {
		for _, size := range []int{1, 2, 3, 11, 12, 13, 20, 48, 1200} {
			b := make([]byte, size)
			for i := range b {
				b[i] = byte(rand.N(256)) //nolint:gosec // any
			}
			b[0] = byte(first)
			if size >= 20 && first < 4 { // STUN: the magic cookie, and an attribute longer than the message
				binary.BigEndian.PutUint32(b[4:], 0x2112a442)
				binary.BigEndian.PutUint16(b[2:], uint16(size-20)) //nolint:gosec // small
			}
			all = append(all, b)
		}
	}
	return all
}

func attackFromOutside(t *testing.T, s *server, _ string) {
	conn, err := net.Dial("udp", s.engine.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // UDP
	for _, b := range garbage() {
		_, _ = conn.Write(b) // a closed port would be told here, and by the call that stops
	}
}

func attackOnOwnPath(t *testing.T, s *server, room string) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	stack, err := client.NewStack(client.StackConfig{Loopback: true, Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	bad := enter(t, s, room, 5, func(c *client.Config) { c.Stack = stack })
	watcher := enter(t, s, room, 6)
	watcher.sees(t, bad)
	server := net.UDPAddrFromAddrPort(s.engine.Addr())
	for i, b := range garbage() {
		if _, err := socket.WriteTo(b, server); err != nil {
			t.Fatal(err)
		}
		if i%64 == 0 {
			time.Sleep(time.Millisecond) // not to lose the call's own packets to a full socket
		}
	}
	stillThere(t, bad, watcher)
}

func attackWithSSRCs(t *testing.T, s *server, room string) {
	bad := enter(t, s, room, 5, func(c *client.Config) { c.NoResume = true })
	witness := enter(t, s, room, 6)
	witness.sees(t, bad)
	for i := range 2000 {
		if bad.WriteRTP(protocol.Camera, rtp.Header{Version: 2, SSRC: uint32(1000 + i), PayloadType: 96}, []byte{0x10, 1}) != nil { //nolint:gosec // small
			break // it has been closed
		}
	}
	select {
	case <-bad.Done():
	case <-bounded(t).Done():
		t.Fatal("a client with 2,000 SSRCs is still there")
	}
	var bye *client.ByeError
	if !errors.As(bad.Err(), &bye) || bye.Reason != protocol.ByeMediaAbuse {
		t.Errorf("ended with %v", bad.Err())
	}
	await(t, witness.Client, "the bad client is gone", func() bool { return len(witness.Room().Participants) == 0 })
}

// offerOf makes an SDP of n video m-lines.
func offerOf(n int) string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 " +
		strings.TrimSuffix(strings.Repeat("AA:", 32), ":") + "\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=group:BUNDLE")
	for i := range n {
		fmt.Fprintf(&b, " %d", i)
	}
	b.WriteString("\r\n")
	for i := range n {
		fmt.Fprintf(&b, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:%d\r\na=sendonly\r\na=rtcp-mux\r\n"+
			"a=setup:actpass\r\na=rtpmap:96 VP8/90000\r\n", i)
	}
	return b.String()
}

func attackWithOffers(t *testing.T, s *server, room string) {
	for _, c := range []struct {
		name  string
		offer protocol.Offer
		want  protocol.Code
	}{
		{"400 m-lines", protocol.Offer{SDP: offerOf(400)}, protocol.CodeTooManyMedia},
		{"200 seats", protocol.Offer{SDP: offerOf(2), Seats: make([]protocol.SeatMIDs, 200)}, protocol.CodeTooManyMedia},
		{"no SDP", protocol.Offer{SDP: "hello"}, protocol.CodeBadOffer},
		{"empty SDP", protocol.Offer{}, protocol.CodeBadOffer},
		{"cut SDP", protocol.Offer{SDP: offerOf(3)[:400]}, protocol.CodeBadOffer},
		{"a track that is not there", protocol.Offer{
			SDP: offerOf(1), Tracks: []protocol.TrackMID{{MID: "9", Source: protocol.Camera}},
		}, protocol.CodeBadOffer},
		{"a seat that sends", protocol.Offer{
			SDP: offerOf(2), Seats: []protocol.SeatMIDs{{Audio: "0", Video: "1"}},
		}, protocol.CodeBadOffer},
	} {
		bad := enter(t, s, room, 5, func(c *client.Config) { c.NoMedia, c.NoResume = true, true })
		c.offer.ID = 1
		if c.offer.Tracks == nil {
			c.offer.Tracks = []protocol.TrackMID{}
		}
		if c.offer.Seats == nil {
			c.offer.Seats = []protocol.SeatMIDs{}
		}
		if err := bad.Send(c.offer); err != nil {
			t.Fatal(err)
		}
		await(t, bad.Client, c.name+" is refused", func() bool { return len(bad.Refusals()) > 0 })
		if got := bad.Refusals()[0]; got.Code != c.want || got.Re != protocol.TypeOffer {
			t.Errorf("%s: %+v, want %s", c.name, got, c.want)
		}
		if err := bad.Leave(bounded(t)); err != nil {
			t.Error(err)
		}
	}
}

func attackWithCandidates(t *testing.T, s *server, room string) {
	victim, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close() //nolint:errcheck // UDP
	bad, watcher := enter(t, s, room, 5), enter(t, s, room, 6)
	watcher.sees(t, bad)
	port := victim.LocalAddr().(*net.UDPAddr).Port //nolint:errcheck // it is one
	mid := "0"
	for _, candidate := range []string{
		fmt.Sprintf("candidate:1 1 udp 2130706431 127.0.0.1 %d typ host", port),
		fmt.Sprintf("candidate:2 1 udp 2130706431 127.0.0.1 %d typ srflx raddr 0.0.0.0 rport 0", port),
		"candidate:3 1 udp 2130706431 192.0.2.1 9 typ host",
		"candidate:4 1 tcp 2130706431 192.0.2.1 9 typ host tcptype passive",
		"candidate:5 1 udp 2130706431 somewhere.local 9 typ host",
		"candidate:6 1 udp 2130706431 example.com 9 typ host",
		"candidate:", "nonsense", "candidate:1 1 udp 99999999999999 1 2 3 4",
	} {
		if err := bad.Send(protocol.Candidate{Candidate: candidate, SDPMid: &mid}); err != nil {
			t.Fatal(err)
		}
	}
	stillThere(t, bad, watcher)
	_ = victim.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, from, err := victim.ReadFrom(make([]byte, 2000)); err == nil {
		t.Errorf("the victim got %d bytes from %v", n, from)
	}
}

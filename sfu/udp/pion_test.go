package udp_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/packet"
	"hiroba/sfu/udp"
)

const patience = 20 * time.Second

// none takes nothing: all is pion's.
type none struct{}

func (none) HandleMedia(time.Time, *packet.Packet) bool   { return false }
func (none) HandleBatch(time.Time, *udp.Sender) time.Time { return time.Time{} }

func listen(t *testing.T) *udp.Mux {
	t.Helper()
	m, err := udp.Listen(udp.Config{Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, GSO: true, Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func newPeerConnection(t *testing.T, change func(*webrtc.SettingEngine)) *webrtc.PeerConnection {
	t.Helper()
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" || name == "lo0" })
	change(&s)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc
}

// negotiate makes client offer and server answer, both with all their candidates.
func negotiate(t *testing.T, client, server *webrtc.PeerConnection, options *webrtc.OfferOptions) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	offer, err := client.CreateOffer(options)
	must(err)
	gathered := webrtc.GatheringCompletePromise(client)
	must(client.SetLocalDescription(offer))
	<-gathered
	must(server.SetRemoteDescription(*client.LocalDescription()))
	answer, err := server.CreateAnswer(nil)
	must(err)
	gathered = webrtc.GatheringCompletePromise(server)
	must(server.SetLocalDescription(answer))
	<-gathered
	must(client.SetRemoteDescription(*server.LocalDescription()))
}

// echo makes the server send back what comes over data channels, and returns what comes back to the client.
func echo(t *testing.T, client, server *webrtc.PeerConnection) (channel *webrtc.DataChannel, open <-chan struct{}, back <-chan string) {
	t.Helper()
	server.OnDataChannel(func(d *webrtc.DataChannel) {
		d.OnMessage(func(m webrtc.DataChannelMessage) {
			if err := d.Send(m.Data); err != nil {
				t.Error(err)
			}
		})
	})
	channel, err := client.CreateDataChannel("echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	opened, received := make(chan struct{}), make(chan string, 100)
	channel.OnOpen(func() { close(opened) })
	channel.OnMessage(func(m webrtc.DataChannelMessage) { received <- string(m.Data) })
	return channel, opened, received
}

func roundTrip(t *testing.T, channel *webrtc.DataChannel, back <-chan string, text string) {
	t.Helper()
	if err := channel.SendText(text); err != nil {
		t.Fatal(err)
	}
	if got := await(t, back, "echo"); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
}

func await[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("no %s after %v", what, patience)
	}
	return v
}

func TestPeerConnectionsTalkThroughTheMux(t *testing.T) {
	m := listen(t)
	for _, lite := range []bool{true, false} {
		peer := m.Peer(none{})
		server := newPeerConnection(t, func(s *webrtc.SettingEngine) {
			s.SetLite(lite)
			s.SetICEUDPMux(peer)
		})
		client := newPeerConnection(t, func(*webrtc.SettingEngine) {})
		channel, open, back := echo(t, client, server)
		negotiate(t, client, server, nil)
		await(t, open, "data channel")
		for _, text := range []string{"one", "two", "three"} {
			roundTrip(t, channel, back, text)
		}

		pair, err := server.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
		if err != nil || pair == nil {
			t.Fatalf("no selected pair: %v", err)
		}
		remote := netip.AddrPortFrom(netip.MustParseAddr(pair.Remote.Address), pair.Remote.Port)
		if d, ok := peer.Destination(remote); !ok || d.Remote() != remote {
			t.Errorf("no destination for %v", remote)
		}

		// After an ICE restart there is another username fragment.
		negotiate(t, client, server, &webrtc.OfferOptions{ICERestart: true})
		roundTrip(t, channel, back, "restarted")

		for _, pc := range []*webrtc.PeerConnection{client, server} {
			if err := pc.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := peer.Close(); err != nil {
			t.Error(err)
		}
		if _, ok := peer.Destination(remote); ok {
			t.Error("a closed peer has a destination")
		}
	}
	if n := m.Counters(); n.DatagramsIn == 0 || n.DatagramsOut == 0 || n.SendErrors != [udp.SendErrorCount]uint64{} {
		t.Errorf("counters: %+v", n)
	}
}

// Two PeerConnections of one client may use one UDP port after another, or at once: the mux tells them apart by what the client
// calls them.
func TestPortIsUsedAgainByAnotherPeerConnection(t *testing.T) {
	m := listen(t)
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port := socket.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	var servers []*webrtc.PeerConnection // which do not learn that their clients went away
	for range 2 {
		peer := m.Peer(none{})
		defer peer.Close()
		server := newPeerConnection(t, func(s *webrtc.SettingEngine) {
			s.SetLite(true)
			s.SetICEUDPMux(peer)
		})
		servers = append(servers, server)
		socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
		if err != nil {
			t.Fatal(err)
		}
		client := newPeerConnection(t, func(s *webrtc.SettingEngine) {
			s.SetICEUDPMux(webrtc.NewICEUDPMux(nil, socket))
		})
		channel, open, back := echo(t, client, server)
		negotiate(t, client, server, nil)
		await(t, open, "data channel")
		roundTrip(t, channel, back, "hello")
		// The client vanishes: no goodbye reaches the server.
		if err := socket.Close(); err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
	if state := servers[0].ConnectionState(); state != webrtc.PeerConnectionStateConnected {
		t.Logf("the first server connection was already %v", state)
	}
}

package keying_test

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/keying"
	"hiroba/sfu/srtp"
)

const patience = 15 * time.Second

// tap is a socket that keeps media away from pion, as a path of our own does (RFC 7983).
type tap struct {
	net.PacketConn
	media chan []byte
}

func (p *tap) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := p.PacketConn.ReadFrom(b)
		if err != nil || n == 0 || b[0] < 128 || b[0] > 191 {
			return n, from, err
		}
		select {
		case p.media <- bytes.Clone(b[:n]):
		default: // nobody waits for so many
		}
	}
}

// call is a stock client that is connected to a server whose keys we know.
type call struct {
	exporter       keying.Exporter
	socket         *tap
	server, client *webrtc.PeerConnection
	down           *webrtc.RTPSender // the server's
	up             *webrtc.TrackLocalStaticRTP
	arrived        chan *rtp.Packet // at the client
}

// newPeer makes a PeerConnection that talks to itself only.
func newPeer(t *testing.T, settings webrtc.SettingEngine) *webrtc.PeerConnection {
	t.Helper()
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media)).
		NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

func newTrack(t *testing.T) *webrtc.TrackLocalStaticRTP {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "video", "test")
	if err != nil {
		t.Fatal(err)
	}
	return track
}

// connect makes a call and waits until DTLS is connected on both sides.
func connect(t *testing.T, role webrtc.DTLSRole, profile dtls.SRTPProtectionProfile) *call {
	t.Helper()
	c := &call{
		socket:  &tap{PacketConn: listen(t), media: make(chan []byte, 100)},
		up:      newTrack(t),
		arrived: make(chan *rtp.Packet, 100),
	}
	settings := webrtc.SettingEngine{}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: c.socket})
	t.Cleanup(func() { _ = mux.Close() })
	settings.SetICEUDPMux(mux)
	settings.SetSRTPProtectionProfiles(profile)
	settings.SetDTLSServerHelloMessageHook(c.exporter.HandleServerHello)
	settings.SetDTLSKeyLogWriter(&c.exporter)
	if err := settings.SetAnsweringDTLSRole(role); err != nil {
		t.Fatal(err)
	}
	c.server, c.client = newPeer(t, settings), newPeer(t, webrtc.SettingEngine{})

	var err error
	if c.down, err = c.server.AddTrack(newTrack(t)); err != nil {
		t.Fatal(err)
	}
	if _, err = c.client.AddTrack(c.up); err != nil {
		t.Fatal(err)
	}
	c.client.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			c.arrived <- packet
		}
	})
	var connected sync.WaitGroup
	connected.Add(2)
	for _, pc := range []*webrtc.PeerConnection{c.server, c.client} {
		pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
			if state == webrtc.PeerConnectionStateConnected {
				connected.Done()
			}
		})
	}
	negotiate(t, c.client, c.server)
	done := make(chan struct{})
	go func() {
		connected.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("not connected")
	}
	return c
}

// negotiate lets the first side offer.
func negotiate(t *testing.T, offerer, answerer *webrtc.PeerConnection) {
	t.Helper()
	offer, err := offerer.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(offerer)
	if err = offerer.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	if err = answerer.SetRemoteDescription(*offerer.LocalDescription()); err != nil {
		t.Fatal(err)
	}
	answer, err := answerer.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered = webrtc.GatheringCompletePromise(answerer)
	if err = answerer.SetLocalDescription(answer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	if err = offerer.SetRemoteDescription(*answerer.LocalDescription()); err != nil {
		t.Fatal(err)
	}
}

func TestStockClientReadsWhatWeSeal(t *testing.T) {
	for _, profile := range []srtp.Profile{srtp.AEADAES128GCM, srtp.AEADAES256GCM, srtp.AES128CMHMACSHA180} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			c := connect(t, webrtc.DTLSRoleServer, dtls.SRTPProtectionProfile(profile))
			keys, err := c.exporter.Keys()
			if err != nil {
				t.Fatal(err)
			}
			if keys.Profile != profile {
				t.Fatalf("profile %v", keys.Profile)
			}
			sealer, err := srtp.NewSealer(profile, keys.Local)
			if err != nil {
				t.Fatal(err)
			}
			opener, err := srtp.NewOpener(profile, keys.Remote, 10)
			if err != nil {
				t.Fatal(err)
			}
			c.sendDown(t, sealer)
			c.sendUp(t, opener)
		})
	}
}

// sendDown sends packets past pion; the client must read them.
func (c *call) sendDown(t *testing.T, sealer *srtp.Sealer) {
	t.Helper()
	pair, err := c.server.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		t.Fatal(err)
	}
	to := &net.UDPAddr{IP: net.ParseIP(pair.Remote.Address), Port: int(pair.Remote.Port)}
	parameters := c.down.GetParameters()
	stream := sealer.Stream(uint32(parameters.Encodings[0].SSRC))
	for i := range uint16(20) {
		packet := rtp.Packet{
			Header: rtp.Header{
				Version: 2, SSRC: stream.SSRC(), PayloadType: uint8(parameters.Codecs[0].PayloadType),
				SequenceNumber: 65530 + i, Timestamp: uint32(i), CSRC: []uint32{1, 2},
			},
			Payload: bytes.Repeat([]byte{byte(i)}, 1100),
		}
		b, err := packet.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := stream.Seal(slices.Grow(b, sealer.Overhead()), packet.Header.MarshalSize())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.socket.WriteTo(sealed, to); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-c.arrived:
			if got.SequenceNumber != packet.SequenceNumber || !bytes.Equal(got.Payload, packet.Payload) {
				t.Fatalf("packet %d arrived as %v", i, got)
			}
		case <-time.After(patience):
			t.Fatalf("packet %d did not arrive", i)
		}
	}
}

// sendUp lets the client send; we must read it.
func (c *call) sendUp(t *testing.T, opener *srtp.Opener) {
	t.Helper()
	const packets = 20
	for i := range packets {
		packet := &rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(i)},
			Payload: bytes.Repeat([]byte{byte(i)}, 1100),
		}
		if err := c.up.WriteRTP(packet); err != nil {
			t.Fatal(err)
		}
	}
	var next, reports int
	for deadline := time.After(patience); next < packets; {
		select {
		case b := <-c.socket.media:
			if 192 <= b[1] && b[1] <= 223 { // RTCP (RFC 5761, section 4)
				if _, err := opener.OpenRTCP(b); err != nil {
					t.Fatalf("RTCP: %v", err)
				}
				reports++
				continue
			}
			var header rtp.Header
			n, err := header.Unmarshal(b)
			if err != nil {
				t.Fatal(err)
			}
			if b, err = opener.Open(b, n); err != nil {
				t.Fatalf("packet %d: %v", header.SequenceNumber, err)
			}
			if want := bytes.Repeat([]byte{byte(next)}, 1100); int(header.SequenceNumber) != next || !bytes.Equal(b[n:], want) {
				t.Fatalf("packet %d: %v", next, header)
			}
			next++
		case <-deadline:
			t.Fatalf("%d of %d packets, %d reports", next, packets, reports)
		}
	}
}

// TestNoKeysAsDTLSClient: then there is no ServerHello of ours. That profiles without keys are told apart is tested on bare
// DTLS, since pion/webrtc refuses them.
func TestNoKeysAsDTLSClient(t *testing.T) {
	c := connect(t, webrtc.DTLSRoleClient, dtls.SRTP_AEAD_AES_128_GCM)
	if _, err := c.exporter.Keys(); !errors.Is(err, keying.ErrNoKeys) {
		t.Errorf("%v, want %v", err, keying.ErrNoKeys)
	}
}

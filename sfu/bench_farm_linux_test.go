package sfu_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
)

// The clients of the benchmarks live in a process of their own, the farm, so that the processor time of the benchmark's
// process is that of the server alone. The farm is this test binary, started again; orders and replies are lines of JSON.

const (
	farmVariable = "HIROBA_BENCH_FARM"

	// A picture as in a call of 2.2 Mbit/s: what a publisher sends at once, thirty times a second.
	packetsInFrame = 8
	payloadBytes   = 1160
	frameRate      = 30
	keyframeEvery  = frameRate // frames
)

// farmOrder is what the farm shall do.
type farmOrder struct {
	Op   string // offer, answer, connected, send, received
	Peer int
	Role farmRole `json:",omitempty"`
	SDP  string   `json:",omitempty"`
}

// farmReply is the answer to an order.
type farmReply struct {
	Err  string   `json:",omitempty"`
	SDP  string   `json:",omitempty"`
	MIDs []string `json:",omitempty"`
	N    uint64   `json:",omitempty"`
}

// farmRole is what a client is for.
type farmRole string

const (
	farmPublisher farmRole = "publisher"
	// farmSink is a subscriber whose socket drops media in the kernel: receiving costs nothing.
	farmSink farmRole = "sink"
	// farmProbe is a subscriber that decrypts and counts.
	farmProbe farmRole = "probe"
	// farmMember has all that a participant has: a camera, a microphone, a data channel, and memberSeats seats.
	farmMember farmRole = "member"
)

const memberSeats = 8

// farm is the side of it that gives orders.
type farm struct {
	b       testing.TB
	orders  *json.Encoder
	replies *json.Decoder
	peers   int
}

// startFarm starts the process. It ends with the benchmark.
func startFarm(b testing.TB) *farm {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestFarm$", "-test.timeout=10m") //nolint:gosec // this binary
	command.Env = append(os.Environ(), farmVariable+"=1")
	command.Stderr = os.Stderr
	orders, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	replies, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cancel()
		_ = command.Wait()
	})
	return &farm{b: b, orders: json.NewEncoder(orders), replies: json.NewDecoder(bufio.NewReader(replies))}
}

func (f *farm) order(o farmOrder) farmReply {
	f.b.Helper()
	var reply farmReply
	if err := f.orders.Encode(o); err != nil {
		f.b.Fatalf("farm: %v", err)
	}
	if err := f.replies.Decode(&reply); err != nil {
		f.b.Fatalf("farm: %v", err)
	}
	if reply.Err != "" {
		f.b.Fatalf("farm: %s: %s", o.Op, reply.Err)
	}
	return reply
}

// connect makes a client. The server's part is to answer its offer.
func (f *farm) connect(role farmRole, answer func(sdp string, mids []string) string) int {
	f.b.Helper()
	peer := f.peers
	f.peers++
	offer := f.order(farmOrder{Op: "offer", Peer: peer, Role: role})
	f.order(farmOrder{Op: "answer", Peer: peer, SDP: answer(offer.SDP, offer.MIDs)})
	return peer
}

// connected waits until all clients are connected.
func (f *farm) connected() { f.order(farmOrder{Op: "connected"}) }

// send makes all publishers send until the farm ends.
func (f *farm) send() { f.order(farmOrder{Op: "send"}) }

// received is how many packets a probe has read.
func (f *farm) received(probe int) uint64 { return f.order(farmOrder{Op: "received", Peer: probe}).N }

// TestFarm is the farm itself. It runs only where startFarm started it.
func TestFarm(t *testing.T) {
	if os.Getenv(farmVariable) == "" {
		t.Skip("only for the benchmarks")
	}
	orders, replies := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	clients := &farmClients{}
	for {
		var o farmOrder
		if orders.Decode(&o) != nil {
			return // the benchmark is over
		}
		reply, err := clients.do(o)
		if err != nil {
			reply.Err = err.Error()
		}
		if err := replies.Encode(reply); err != nil {
			return
		}
	}
}

type farmClients struct{ all []*farmClient }

type farmClient struct {
	pc        *webrtc.PeerConnection
	track     *webrtc.TrackLocalStaticRTP // of a publisher
	connected chan struct{}
	packets   atomic.Uint64
}

func (c *farmClients) do(o farmOrder) (farmReply, error) {
	switch o.Op {
	case "offer":
		client, err := newFarmClient(o.Role)
		if err != nil {
			return farmReply{}, err
		}
		c.all = append(c.all, client)
		return client.offer()
	case "answer":
		return farmReply{}, c.all[o.Peer].answer(o.SDP)
	case "connected":
		for _, client := range c.all {
			select {
			case <-client.connected:
			case <-time.After(wait):
				return farmReply{}, fmt.Errorf("not connected within %v", wait)
			}
		}
		return farmReply{}, nil
	case "send":
		for i, client := range c.all {
			if client.track != nil {
				go client.send(time.Duration(i) * time.Second / frameRate / time.Duration(len(c.all)))
			}
		}
		return farmReply{}, nil
	case "received":
		return farmReply{N: c.all[o.Peer].packets.Load()}, nil
	}
	return farmReply{}, fmt.Errorf("unknown order %q", o.Op)
}

func newFarmClient(role farmRole) (*farmClient, error) {
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if role == farmSink {
		if err := dropMedia(socket); err != nil {
			return nil, err
		}
	}
	settings := loopbackSettings(socket)
	mediaEngine, interceptors := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := mediaEngine.RegisterDefaultCodecs(); err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	if err := webrtc.ConfigureTWCCHeaderExtensionSender(mediaEngine, interceptors); err != nil { // as browsers do
		return nil, fmt.Errorf("configure transport-wide numbers: %w", err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(mediaEngine),
		webrtc.WithInterceptorRegistry(interceptors)).NewPeerConnection(likeBrowsers)
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	c := &farmClient{pc: pc, connected: make(chan struct{})}
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			close(c.connected)
		}
	})
	return c, c.addMedia(role)
}

func (c *farmClient) addMedia(role farmRole) error {
	if role == farmMember {
		return c.addMember()
	}
	if role != farmPublisher {
		c.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			b := make([]byte, 1500)
			for {
				if _, _, err := track.Read(b); err != nil {
					return
				}
				c.packets.Add(1)
			}
		})
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if _, err := c.pc.AddTransceiverFromKind(kind,
				webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				return fmt.Errorf("add transceiver: %w", err)
			}
		}
		return nil
	}
	var err error
	c.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "cam", "me")
	if err != nil {
		return fmt.Errorf("make track: %w", err)
	}
	t, err := c.pc.AddTransceiverFromTrack(c.track,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return fmt.Errorf("add track: %w", err)
	}
	go drain(t.Sender())
	return nil
}

// addMember adds the m-lines of a participant: camera, microphone, seats.
func (c *farmClient) addMember() error {
	if _, err := c.pc.CreateDataChannel("chat", nil); err != nil {
		return fmt.Errorf("create data channel: %w", err)
	}
	kinds := []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio}
	for line := range 2 + 2*memberSeats {
		direction := webrtc.RTPTransceiverDirectionRecvonly
		if line < 2 {
			direction = webrtc.RTPTransceiverDirectionSendonly
		}
		if _, err := c.pc.AddTransceiverFromKind(kinds[line%2], webrtc.RTPTransceiverInit{Direction: direction}); err != nil {
			return fmt.Errorf("add transceiver: %w", err)
		}
	}
	return nil
}

// drain reads what RTCP comes for a sender, so that interceptors see it.
func drain(sender *webrtc.RTPSender) {
	b := make([]byte, 1500)
	for {
		if _, _, err := sender.Read(b); err != nil {
			return
		}
	}
}

func (c *farmClient) offer() (farmReply, error) {
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		return farmReply{}, fmt.Errorf("create offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		return farmReply{}, fmt.Errorf("set offer: %w", err)
	}
	<-gathered
	reply := farmReply{SDP: c.pc.LocalDescription().SDP}
	for _, t := range c.pc.GetTransceivers() {
		reply.MIDs = append(reply.MIDs, t.Mid())
	}
	return reply, nil
}

func (c *farmClient) answer(sdp string) error {
	err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp})
	if err != nil {
		return fmt.Errorf("set answer: %w", err)
	}
	return nil
}

// send writes a picture, all its packets at once, every 30th of a second.
func (c *farmClient) send(after time.Duration) {
	time.Sleep(after)
	eachFrame(func(packets []*rtp.Packet) {
		for _, p := range packets {
			_ = c.track.WriteRTP(p)
		}
	})
}

// frames makes the packets of a VP8 stream, with nothing in them but what a server looks at.
type frames struct {
	packets  [packetsInFrame]*rtp.Packet
	sequence uint16
	n        uint32
}

func newFrames() *frames {
	f := &frames{}
	for i := range f.packets {
		f.packets[i] = &rtp.Packet{
			Header:  rtp.Header{Version: 2, Marker: i == packetsInFrame-1},
			Payload: make([]byte, payloadBytes),
		}
	}
	return f
}

// next is the next picture, valid until the one after it.
func (f *frames) next() []*rtp.Packet {
	for i, p := range f.packets {
		p.SequenceNumber = f.sequence
		p.Timestamp = f.n * 90000 / frameRate
		f.sequence++
		// The payload descriptor with a picture id of 15 bits (RFC 7741, section 4.2).
		p.Payload[0], p.Payload[1] = 0x80, 0x80
		binary.BigEndian.PutUint16(p.Payload[2:], 0x8000|uint16(f.n&0x7fff))
		if i > 0 {
			continue
		}
		p.Payload[0] |= 0x10
		if f.n%keyframeEvery == 0 { // the frame header of a keyframe of 1280x720 (RFC 6386, section 9.1)
			copy(p.Payload[4:], []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02})
		} else {
			copy(p.Payload[4:], []byte{0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		}
	}
	f.n++
	return f.packets[:]
}

// eachFrame makes a picture every 30th of a second until the function that it returns is called.
func eachFrame(send func([]*rtp.Packet)) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(time.Second / frameRate)
		defer ticker.Stop()
		for frames := newFrames(); ; {
			send(frames.next())
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// likeBrowsers leaves header extensions in the clear: no browser offers Cryptex (RFC 9335).
var likeBrowsers = webrtc.Configuration{RTPHeaderEncryptionPolicy: webrtc.RTPHeaderEncryptionPolicyDisable}

// loopbackSettings are those of a PeerConnection that is alone on its socket, or shares it as the server does.
func loopbackSettings(socket net.PacketConn) webrtc.SettingEngine {
	s := webrtc.SettingEngine{}
	s.SetICEUDPMux(ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket}))
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	return s
}

// dropMedia makes the kernel drop the SRTP and SRTCP that come to a socket (RFC 7983).
func dropMedia(socket net.PacketConn) error {
	const udpHeader = 8
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: udpHeader, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: 128, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: 191, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 1 << 16},
	})
	if err != nil {
		return fmt.Errorf("assemble filter: %w", err)
	}
	if err := ipv4.NewPacketConn(socket).SetBPF(program); err != nil {
		return fmt.Errorf("set filter: %w", err)
	}
	return nil
}

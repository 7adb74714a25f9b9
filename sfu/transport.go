package sfu

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/transport/v5/packetio"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

const (
	// disconnectedAfter and failedAfter, which follows it, are how long a silent transport is waited for. Only STUN and DTLS
	// count, since media never reach pion: browsers check each 2.5 to 6 s, so two checks that are lost in a row must not
	// look like the end. After 30 s in all their consent has expired (RFC 7675, section 5.1). The client acts earlier, on its
	// own view of the network.
	disconnectedAfter = 15 * time.Second
	failedAfter       = 15 * time.Second
	keepAlive         = 2 * time.Second
	// feedbackInterval is how often transport-wide feedback goes to a publisher whose bandwidth is steady.
	feedbackInterval = 100 * time.Millisecond
	// maxStreams bounds the SSRCs that one client may send: three encodings with retransmission for each of its tracks
	// are well below. pion keeps some kilobytes for each until the peer is closed.
	maxStreams = 64
	// streamBuffer bounds what waits for one ingress loop, in bytes.
	streamBuffer = 512 << 10
)

// newPeerConnection makes the PeerConnection of a peer: ICE-lite on the engine's socket, DTLS server, AES-GCM first, and an
// interceptor chain of its own.
func (e *Engine) newPeerConnection(p *Peer, loopback bool) (*webrtc.PeerConnection, error) {
	s := webrtc.SettingEngine{LoggerFactory: e.loggers}
	s.SetLite(true)
	loopback = loopback || e.addr.Addr().IsLoopback()
	s.SetICEUDPMux(peerMux{p.mux, loopback})
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if e.streams != nil {
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
		s.SetICETCPMux(p.mux.Streams())
	}
	s.SetNetworkTypes(networks)
	s.DisableActiveTCP(true)                               // never connect to addresses that a client sends
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // never resolve names that a client sends
	s.SetIncludeLoopbackCandidate(loopback)
	s.SetICETimeouts(disconnectedAfter, failedAfter, keepAlive)
	s.SetReceiveMTU(packet.MaxBytes)
	// Only the DTLS server picks the SRTP profile, and browsers take AES-GCM, several times cheaper, when it is first.
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return nil, fmt.Errorf("set DTLS role: %w", err)
	}
	s.SetDTLSServerHelloMessageHook(p.exporter.HandleServerHello)
	s.SetDTLSKeyLogWriter(&p.exporter)
	// The cookie exchange guards against spoofed addresses, which ICE has ruled out before.
	s.SetDTLSInsecureSkipHelloVerify(true)
	// A client's goodbye over DTLS must not close the PeerConnection behind the peer's back: see Peer.settle.
	s.DisableCloseByDTLS(true)
	s.DetachDataChannels() // pion would keep 64 kB for each, see channel
	s.BufferFactory = p.streamLimit().newBuffer
	// Streams that an offer declares are found at once: otherwise pion has a goroutine wait for the first packet of each.
	s.SetFireOnTrackBeforeFirstRTP(true)

	interceptors := &interceptor.Registry{}
	interceptors.Add(pathGuardFactory{p}) // first, so that nothing comes after it
	interceptors.Add(pionFeedbackFactory{e})
	interceptors.Add(rtcpInterceptorFactory{p, p.postSenderReport, time.Now})

	api := webrtc.NewAPI(webrtc.WithMediaEngine(e.media), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(interceptors))
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{e.certificate},
		// Which stream a packet is of stands in its header extensions: with Cryptex (RFC 9335) they would be encrypted.
		RTPHeaderEncryptionPolicy: webrtc.RTPHeaderEncryptionPolicyDisable,
	})
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	return pc, nil
}

// streamLimit counts the open RTP streams of one client, so that a flood of SSRCs ends the client and not the server. Those
// of stopped tracks are closed and do not count: a camera may go on and off all day.
type streamLimit struct {
	streams  atomic.Int32
	exceeded func() // called once, from a goroutine of pion
	names    *atomic.Pointer[map[media.SSRC]streamName]
	lineup   *atomic.Pointer[lineup]
}

func (p *Peer) streamLimit() *streamLimit {
	return &streamLimit{exceeded: func() { p.abuse("too many SSRCs") }, names: &p.names, lineup: &p.uplink.lineup}
}

// newBuffer implements SettingEngine.BufferFactory.
func (l *streamLimit) newBuffer(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	if kind == packetio.RTPBufferPacket {
		switch n := l.streams.Add(1); {
		case n == maxStreams+1:
			l.exceeded()
			return closedBuffer{}
		case n > maxStreams:
			return closedBuffer{}
		}
	}
	b := &buffer{Buffer: packetio.NewBuffer()}
	if kind == packetio.RTPBufferPacket {
		b.closed = sync.OnceFunc(func() { l.streams.Add(-1) })
		if names := l.names.Load(); names != nil {
			if name, ok := (*names)[media.SSRC(ssrc)]; ok {
				b.namer = newNamer(name)
			}
		}
		b.lineup = l.lineup
	}
	b.SetLimitSize(streamBuffer)
	return b
}

// buffer makes an io.ReadWriteCloser of a packetio.Buffer.
type buffer struct {
	*packetio.Buffer
	closed func()                  // nil for RTCP
	namer  *namer                  // nil where streams have names of their own
	lineup *atomic.Pointer[lineup] // until the first packet, and nil for RTCP
}

func (b *buffer) Close() error {
	if b.closed != nil {
		b.closed()
	}
	return b.Buffer.Close() //nolint:wrapcheck // it is one
}

func (b *buffer) Write(p []byte) (int, error) {
	n := len(p)
	if b.lineup != nil && b.namer == nil {
		if name, ok := b.lineup.Load().misnamed(p); ok {
			b.namer = newNamer(name)
		}
	}
	b.lineup = nil
	if b.namer != nil {
		p = b.namer.handle(p)
	}
	if _, err := b.Buffer.Write(p, nil); err != nil {
		return 0, err //nolint:wrapcheck // it is one
	}
	return n, nil
}

func (b *buffer) Read(p []byte) (int, error) {
	n, _, err := b.Buffer.Read(p, nil)
	return n, err
}

var errStreamRefused = errors.New("too many streams")

// closedBuffer keeps nothing.
type closedBuffer struct{}

func (closedBuffer) Read([]byte) (int, error)        { return 0, io.EOF }
func (closedBuffer) Write([]byte) (int, error)       { return 0, errStreamRefused }
func (closedBuffer) Close() error                    { return nil }
func (closedBuffer) SetReadDeadline(time.Time) error { return nil }

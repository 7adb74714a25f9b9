package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
)

// Stack is what the PeerConnections of many clients share: codecs, interceptors, and a certificate, whose making would
// otherwise be the most expensive part of a client.
type Stack struct {
	api         *webrtc.API
	certificate webrtc.Certificate
	encryption  webrtc.RTPHeaderEncryptionPolicy
	transports  webrtc.ICETransportPolicy
}

// StackConfig says what is special about a Stack. The zero value is a browser's behaviour.
type StackConfig struct {
	// Loopback uses only loopback addresses, so that nothing leaves the machine.
	Loopback bool
	// Socket is used by the PeerConnection of the one client that may have this Stack, instead of a socket of its own.
	Socket net.PacketConn
	// Mux takes the place of Socket for who wants to see every datagram before pion does, such as a load tester that
	// counts media and lets only STUN and DTLS through. It belongs to the one client that may have this Stack.
	Mux ice.UDPMux
	// Bare leaves out all interceptors (NACK, reports, feedback) and asks the server more rarely whether it is still
	// there: for clients whose Mux keeps the media to itself, of which there are thousands.
	Bare bool
	// RelayOnly reaches the server through its TURN server only.
	RelayOnly bool
	// TCPOnly reaches the server by ICE over TCP only.
	TCPOnly bool
	// Like is a Stack whose certificate is taken, as making one is expensive.
	Like *Stack
	// Loss drops received packets before anything sees them. It is called from many goroutines.
	Loss func(ssrc media.SSRC, seq uint16) bool
	// UpLoss drops packets before they are sent, after they were kept for retransmission.
	UpLoss func(ssrc media.SSRC, seq uint16) bool
}

// sharedStacks are the Stacks of clients that bring none, for loopback servers and for others.
var sharedStacks = struct{ loopback, any func() (*Stack, error) }{
	loopback: sync.OnceValues(func() (*Stack, error) { return NewStack(StackConfig{Loopback: true}) }),
	any:      sync.OnceValues(func() (*Stack, error) { return NewStack(StackConfig{}) }),
}

// NewStack makes a Stack.
func NewStack(cfg StackConfig) (*Stack, error) {
	engine, err := newMediaEngine()
	if err != nil {
		return nil, err
	}
	registry, err := newInterceptors(cfg)
	if err != nil {
		return nil, err
	}
	s := &Stack{api: webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(newSettings(cfg)))}
	if cfg.Mux != nil { // who looks into packets wants to find contributing sources in the clear, as browsers send them
		s.encryption = webrtc.RTPHeaderEncryptionPolicyDisable
	}
	if cfg.RelayOnly {
		s.transports = webrtc.ICETransportPolicyRelay
	}
	if cfg.Like != nil {
		s.certificate = cfg.Like.certificate
		return s, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	s.certificate = *certificate
	return s, nil
}

func (s *Stack) newPeerConnection(servers []webrtc.ICEServer) (*webrtc.PeerConnection, error) {
	pc, err := s.api.NewPeerConnection(webrtc.Configuration{
		ICEServers: servers, ICETransportPolicy: s.transports, Certificates: []webrtc.Certificate{s.certificate},
		RTPHeaderEncryptionPolicy: s.encryption,
	})
	if err != nil {
		return nil, fmt.Errorf("make PeerConnection: %w", err)
	}
	return pc, nil
}

// relayWait is how long better ways than a relay are waited for.
const relayWait = 300 * time.Millisecond

func newSettings(cfg StackConfig) webrtc.SettingEngine {
	var s webrtc.SettingEngine
	quiet := quietLogs()
	s.LoggerFactory = quiet
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	// As browsers do, take a relay soon when nothing better works.
	s.SetRelayAcceptanceMinWait(relayWait)
	// A track is read from the answer on, not from its first packet: no packet waits in between.
	s.SetFireOnTrackBeforeFirstRTP(true)
	s.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	s.DisableActiveTCP(cfg.RelayOnly) // pion would dial all the same
	if cfg.Loopback {
		s.SetIncludeLoopbackCandidate(true)
		s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	}
	if cfg.TCPOnly {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	}
	if cfg.Bare {
		s.SetICETimeouts(bareDisconnectedAfter, bareFailedAfter, bareKeepAlive)
	}
	if cfg.Mux != nil {
		s.SetICEUDPMux(cfg.Mux)
	} else if cfg.Socket != nil {
		s.SetICEUDPMux(ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: cfg.Socket, Logger: quiet.NewLogger("mux")}))
	}
	return s
}

// The ICE timeouts of a bare client. Its keep-alives are as rare as the consent checks of browsers.
const (
	bareDisconnectedAfter = 15 * time.Second
	bareFailedAfter       = 30 * time.Second
	bareKeepAlive         = 2500 * time.Millisecond
)

// nackInterval is how often missing packets are asked for; browsers wait about as long.
const nackInterval = 30 * time.Millisecond

// maxNACKs is how often one packet is asked for. pion does not see that a packet came as RTX, so it asks on.
const maxNACKs = 4

// newInterceptors makes what a browser does by itself: NACK and RTX both ways, transport feedback, reports.
func newInterceptors(cfg StackConfig) (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	if cfg.Bare {
		return registry, nil
	}
	if cfg.Loss != nil || cfg.UpLoss != nil { // first, that is next to the network
		registry.Add(&lossFactory{down: cfg.Loss, up: cfg.UpLoss})
	}
	quiet := quietLogs()
	responder, err1 := nack.NewResponderInterceptor(nack.WithResponderLoggerFactory(quiet))
	generator, err2 := nack.NewGeneratorInterceptor(nack.GeneratorMaxNacksPerPacket(maxNACKs),
		nack.GeneratorInterval(nackInterval), nack.WithGeneratorLoggerFactory(quiet))
	stamper, err3 := twcc.NewHeaderExtensionInterceptor()
	feedback, err4 := twcc.NewSenderInterceptor(twcc.WithLoggerFactory(quiet))
	receiverReports, err5 := report.NewReceiverInterceptor(report.WithReceiverLoggerFactory(quiet))
	senderReports, err6 := report.NewSenderInterceptor(report.WithSenderLoggerFactory(quiet))
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return nil, fmt.Errorf("make interceptors: %w", err)
	}
	for _, f := range []interceptor.Factory{responder, generator, stamper, feedback, receiverReports, senderReports} {
		registry.Add(f)
	}
	return registry, nil
}

// quietLogs keeps pion's complaints about closed connections to itself. PIONS_LOG_DEBUG and its siblings still work.
func quietLogs() logging.LoggerFactory {
	f := logging.NewDefaultLoggerFactory()
	f.DefaultLogLevel = logging.LogLevelDisabled
	return f
}

package sfu_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// pionServer is what a server looks like that is made of pion as it comes: one TrackLocalStaticRTP, which writes to all
// subscribers, and a loop that reads each publisher. All share one socket.
type pionServer struct {
	api      *webrtc.API
	defaults bool // the default interceptors
	track    *webrtc.TrackLocalStaticRTP

	mu      sync.Mutex
	peers   []*webrtc.PeerConnection
	packets atomic.Uint64
}

func newPionServer(b testing.TB, defaults bool) *pionServer {
	b.Helper()
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	settings := loopbackSettings(socket)
	settings.SetLite(true)
	if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		b.Fatal(err)
	}
	mediaEngine, interceptors := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := mediaEngine.RegisterDefaultCodecs(); err != nil {
		b.Fatal(err)
	}
	if defaults {
		if err := webrtc.RegisterDefaultInterceptors(mediaEngine, interceptors); err != nil {
			b.Fatal(err)
		}
	}
	s := &pionServer{defaults: defaults}
	s.api = webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(mediaEngine),
		webrtc.WithInterceptorRegistry(interceptors))
	s.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "cam", "them")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		for _, pc := range s.peers {
			_ = pc.Close()
		}
		_ = socket.Close()
	})
	return s
}

// answer makes a PeerConnection for the offer of a client.
func (s *pionServer) answer(b testing.TB, role farmRole, sdp string) string {
	b.Helper()
	pc, err := s.api.NewPeerConnection(likeBrowsers)
	if err != nil {
		b.Fatal(err)
	}
	s.mu.Lock()
	s.peers = append(s.peers, pc)
	s.mu.Unlock()
	if role == farmPublisher {
		pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { s.read(track) })
	} else {
		sender, err := pc.AddTrack(s.track)
		if err != nil {
			b.Fatal(err)
		}
		go drain(sender)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
		b.Fatal(err)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		b.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		b.Fatal(err)
	}
	<-gathered
	return pc.LocalDescription().SDP
}

// read counts what a publisher sends: as examples do with the default interceptors, and as cheaply as pion lets without.
func (s *pionServer) read(track *webrtc.TrackRemote) {
	buffer := make([]byte, 1500)
	for {
		var err error
		if s.defaults {
			_, _, err = track.ReadRTP()
		} else {
			_, _, err = track.Read(buffer)
		}
		if err != nil {
			return
		}
		s.packets.Add(1)
	}
}

// sendFrames writes pictures to all subscribers until the function that it returns is called.
func (s *pionServer) sendFrames() (stop func()) {
	return eachFrame(func(packets []*rtp.Packet) {
		for _, p := range packets {
			if err := s.track.WriteRTP(p); err == nil {
				s.packets.Add(subscribers)
			}
		}
	})
}

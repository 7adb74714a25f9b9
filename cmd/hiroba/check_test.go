package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// post sends a body to an address, and returns the code and the text of the answer.
func post(t *testing.T, address, contentType, body string) (int, string) {
	t.Helper()
	r, err := http.Post(address, contentType, strings.NewReader(body)) //nolint:noctx,bodyclose // a test; read closes
	return read(t, r, err)
}

func TestConnectionTestConnectsByEachWay(t *testing.T) {
	s := startServer(t, testConfig())
	for _, way := range []string{"udp", "tcp"} {
		t.Run(way, func(t *testing.T) {
			settings := webrtc.SettingEngine{}
			settings.SetIncludeLoopbackCandidate(true)
			settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
			pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
			if err != nil {
				t.Fatal(err)
			}
			defer pc.Close()
			connected := make(chan struct{}, 1)
			pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
				if state == webrtc.PeerConnectionStateConnected {
					connected <- struct{}{}
				}
			})
			if _, err := pc.CreateDataChannel("check", nil); err != nil {
				t.Fatal(err)
			}
			offer, err := pc.CreateOffer(nil)
			if err == nil {
				err = pc.SetLocalDescription(offer)
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := json.Marshal(checkRequest{SDP: offer.SDP})
			if err != nil {
				t.Fatal(err)
			}
			code, text := post(t, s.URL()+"/check", "application/json", string(body))
			var told checkAnswer
			if err := json.Unmarshal([]byte(text), &told); err != nil || code != http.StatusOK {
				t.Fatalf("%d %s", code, text)
			}
			var kept bytes.Buffer // what a page keeps, to test one way
			for line := range strings.Lines(told.SDP) {
				if !strings.HasPrefix(line, "a=candidate:") || strings.Contains(line, " "+way+" ") {
					kept.WriteString(line)
				}
			}
			if err := pc.SetRemoteDescription(webrtc.SessionDescription{
				Type: webrtc.SDPTypeAnswer,
				SDP:  kept.String(),
			}); err != nil {
				t.Fatal(err)
			}
			select {
			case <-connected:
			case <-time.After(10 * time.Second):
				t.Fatalf("not connected by %s with\n%s", way, told.SDP)
			}
		})
	}
}

func TestConnectionTestRefuses(t *testing.T) {
	s := startServer(t, testConfig())
	for _, tt := range []struct {
		contentType, body string
		want              int
	}{
		{"text/plain", `{"sdp": "v=0"}`, http.StatusUnsupportedMediaType}, // what a page of another origin may send unasked
		{"application/json", "", http.StatusBadRequest},
		{"application/json", "{}", http.StatusBadRequest},
		{"application/json", `{"sdp": "v=0"}`, http.StatusBadRequest},
		{"application/json", `{"sdp": "` + strings.Repeat("x", maxTestOffer) + `"}`, http.StatusBadRequest},
	} {
		if code, text := post(t, s.URL()+"/check", tt.contentType, tt.body); code != tt.want {
			t.Errorf("%.20s: %d %s", tt.body, code, text)
		}
	}
	if code, _ := get(t, s.URL()+"/check"); code == http.StatusTooManyRequests {
		t.Error("a page counts as a test")
	}
}

func TestConnectionTestsAreLimited(t *testing.T) {
	c := &checker{each: make(map[netip.Prefix]int)}
	one, same, other := networkOf(netip.MustParseAddr("2001:db8::1")), networkOf(netip.MustParseAddr("2001:db8::2")),
		networkOf(netip.MustParseAddr("192.0.2.1"))
	for range maxTestsEach {
		if !c.take(one) {
			t.Fatal("refused early")
		}
	}
	if c.take(same) || !c.take(other) {
		t.Error("a household is not one, or two are")
	}
	for i := range maxTests - maxTestsEach - 1 {
		if !c.take(networkOf(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}))) {
			t.Fatal("refused early")
		}
	}
	if c.take(networkOf(netip.MustParseAddr("203.0.113.1"))) {
		t.Error("more than all")
	}
	c.giveBack(other)
	if _, kept := c.each[other]; kept || !c.take(networkOf(netip.MustParseAddr("203.0.113.1"))) {
		t.Error("not given back")
	}
	s := startServer(t, testConfig())
	codes := map[int]int{}
	for range maxTestsEach + 2 {
		code, _ := post(t, s.URL()+"/check", "application/json", `{"sdp": "v=0"}`)
		codes[code]++
	}
	if codes[http.StatusTooManyRequests] != 2 {
		t.Errorf("answers were %v", codes)
	}
}

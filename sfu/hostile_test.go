package sfu_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/sfu/stats"
)

// call starts a call of two and returns a check that its picture still moves.
func call(t *testing.T, e *sfu.Engine) (moves func()) {
	t.Helper()
	_, c := pair(t, e)
	r := c.seat(0, media.Video)
	count := func() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.packets) }
	return func() {
		t.Helper()
		before := count()
		until(t, "the good call goes on", func() bool { return count() > before+10 })
		if err := r.continuous(); err != nil {
			t.Errorf("the good call: %v", err)
		}
	}
}

func TestBadOffersAreRefusedAndHurtNobody(t *testing.T) {
	e := newEngine(t)
	moves := call(t, e)
	line := func(mid string) string {
		return "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\na=mid:" + mid + "\r\n"
	}
	head := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
	var bomb strings.Builder
	bomb.WriteString(head)
	for range 400 {
		bomb.WriteString(line("0"))
	}
	for _, test := range []struct {
		name  string
		offer sfu.Offer
		want  error
	}{
		{"empty", sfu.Offer{}, sfu.ErrBadOffer},
		{"garbage", sfu.Offer{SDP: "\x00\xff m=video"}, sfu.ErrBadOffer},
		{"400 m-lines", sfu.Offer{SDP: bomb.String()}, sfu.ErrTooManyMedia},
		{"1,000 seats", sfu.Offer{SDP: head, Seats: make([]sfu.SeatMIDs, 1000)}, sfu.ErrTooManyMedia},
		{"100 tracks", sfu.Offer{SDP: head, SendMIDs: make([]media.MID, 100)}, sfu.ErrTooManyMedia},
		{"m-line without mid", sfu.Offer{SDP: head + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"}, sfu.ErrBadOffer},
		{"mid twice", sfu.Offer{SDP: head + line("0") + line("0")}, sfu.ErrBadOffer},
		{"no transport", sfu.Offer{SDP: head + line("0")}, sfu.ErrBadOffer},
		{"seat without m-line", sfu.Offer{SDP: head + line("0"), Seats: []sfu.SeatMIDs{{Audio: "7", Video: "0"}}}, sfu.ErrBadOffer},
		{"seat of the wrong kind", sfu.Offer{SDP: head + line("0") + line("1"), Seats: []sfu.SeatMIDs{{Audio: "0", Video: "1"}}}, sfu.ErrBadOffer},
		{"track without m-line", sfu.Offer{SDP: head + line("0"), SendMIDs: []media.MID{"9"}}, sfu.ErrBadOffer},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, e, "bad", 0)
			test.offer.ID = 7
			c.peer.HandleOffer(test.offer)
			failed := waitFor[sfu.OfferFailed](c)
			if failed.OfferID != 7 || !errors.Is(failed.Err, test.want) {
				t.Errorf("offer %d: %v, want 7: %v", failed.OfferID, failed.Err, test.want)
			}
		})
	}
	moves()
}

func TestPeerSurvivesARefusedOffer(t *testing.T) {
	e := newEngine(t)
	a := publisher(t, e, "a", red)
	c := newClient(t, e, "c", 1)
	c.offer()
	c.peer.HandleOffer(sfu.Offer{ID: 99, SDP: "nonsense"})
	waitFor[sfu.OfferFailed](c)
	c.peer.Seat(0, a.occupant())
	until(t, "picture after a refused offer", func() bool { return c.saw(0, red) })
	c.seats = 2
	c.offer()
}

func TestBadCandidates(t *testing.T) {
	e := newEngine(t)
	c := newClient(t, e, "c", 1)
	c.offer()
	mid := "0"
	c.peer.AddCandidate(sfu.Candidate{Candidate: "candidate:garbage", SDPMid: &mid})
	if failed := waitFor[sfu.CandidateFailed](c); !errors.Is(failed.Err, sfu.ErrBadCandidate) {
		t.Errorf("got %v", failed.Err)
	}
	for range 100 { // naming a host that is none of its own; ICE-lite sends nothing there
		c.peer.AddCandidate(sfu.Candidate{Candidate: "candidate:1 1 udp 2130706431 192.0.2.1 9 typ host", SDPMid: &mid})
	}
	if failed := waitFor[sfu.CandidateFailed](c); !errors.Is(failed.Err, sfu.ErrBadCandidate) {
		t.Errorf("got %v", failed.Err)
	}
}

// TestSSRCFloodEndsTheSender is the attack of a publisher that sends each packet as another stream.
func TestSSRCFloodEndsTheSender(t *testing.T) {
	e := newEngine(t)
	moves := call(t, e)
	bad := newClient(t, e, "bad", 0)
	bad.publish(webrtc.MimeTypeVP8)
	bad.offer()
	connected(t, bad)
	parameters := bad.vsend.GetParameters()
	until(t, "the flood is noticed", func() bool {
		for range 10 {
			writeRaw(t, bad, uint8(parameters.Codecs[0].PayloadType))
		}
		bad.mu.Lock()
		defer bad.mu.Unlock()
		return bad.closed
	})
	moves()
}

// writeRaw sends a packet of a stream that nobody knows, by way of a track whose writer takes any SSRC.
func writeRaw(t *testing.T, c *client, pt uint8) {
	t.Helper()
	c.mu.Lock()
	w := c.raw
	c.mu.Unlock()
	c.flood++
	_, _ = w.Write(&rtp.Header{Version: 2, PayloadType: pt, SSRC: c.flood, SequenceNumber: 1}, []byte{0x10, 0, 0, 0}, nil)
}

func connected(t *testing.T, c *client) {
	t.Helper()
	until(t, "connected", func() bool { return c.peer.State() == sfu.StateConnected })
}

// TestMalformedRTPIsDropped sends padding longer than the payload, and payloads that lie.
func TestMalformedRTPIsDropped(t *testing.T) {
	e := newEngine(t)
	moves := call(t, e)
	bad := newClient(t, e, "bad", 0)
	bad.publish(webrtc.MimeTypeVP8)
	bad.offer()
	connected(t, bad)
	c := newClient(t, e, "c", 1)
	c.offer()
	c.peer.Seat(0, bad.occupant())
	sequence := uint16(0) // without jumps, after which nobody could decrypt
	header := func() rtp.Header {
		sequence++
		return rtp.Header{Version: 2, SequenceNumber: sequence}
	}
	until(t, "malformed packets are counted", func() bool {
		for _, payload := range [][]byte{
			{0x90}, {0x90, 0xff}, {0x90, 0x80, 0xff}, // a VP8 descriptor that is cut short
			{}, {0},
		} {
			_ = bad.video.WriteRTP(&rtp.Packet{Header: header(), Payload: payload})
		}
		padded := header()
		padded.Padding, padded.PaddingSize = true, 255
		_ = bad.video.WriteRTP(&rtp.Packet{Header: padded})
		return e.Counters().Drops(stats.Up, stats.Malformed) > 20
	})
	moves()
}

// TestChurnLeavesNothingBehind joins and leaves, and counts goroutines.
func TestChurnLeavesNothingBehind(t *testing.T) {
	e := newEngine(t)
	cycle := func() {
		a := newClient(t, e, "a", 2)
		a.publish(webrtc.MimeTypeVP8)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		a.offer()
		a.send(ctx, vp8(red))
		connected(t, a)
		a.leave()
		_ = a.pc.Close()
	}
	cycle()
	time.Sleep(500 * time.Millisecond)
	before := runtime.NumGoroutine()
	for range 10 {
		cycle()
	}
	until(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before+3 })
	if n := e.UpTracks(); n != 0 {
		t.Errorf("%d up tracks are left", n)
	}
	for state, n := range e.Peers() {
		if n != 0 {
			t.Errorf("%d peers are left as %s", n, state)
		}
	}
}

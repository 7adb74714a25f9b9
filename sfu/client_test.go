package sfu_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/client/synthetic"
)

// wait bounds each wait of a test. It is generous, since machines that run tests are slow and shared.
const wait = 20 * time.Second

// newEngine makes an engine on loopback. HIROBA_TEST_MEDIA_PATH=pion and HIROBA_TEST_UDP_GSO=off make it as the settings of
// these names do, so that all tests can be run each way.
func newEngine(t *testing.T, change ...func(*sfu.Config)) *sfu.Engine {
	t.Helper()
	cfg := sfu.Config{
		Listen: "127.0.0.1:0", Shards: 2, PionPath: pionPath(), NoGSO: os.Getenv("HIROBA_TEST_UDP_GSO") == "off",
	}
	for _, f := range change {
		f(&cfg)
	}
	e, err := sfu.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func pionPath() bool { return os.Getenv("HIROBA_TEST_MEDIA_PATH") == "pion" }

// client is a browser's part, played by pion: it offers, sends one picture and one sound, and receives in seats.
type client struct {
	t      *testing.T
	peer   *sfu.Peer
	pc     *webrtc.PeerConnection
	seats  int
	events chan sfu.Event
	video  *webrtc.TrackLocalStaticRTP
	audio  *webrtc.TrackLocalStaticRTP
	vsend  *webrtc.RTPSender
	offers int
	raw    interceptor.RTPWriter // writes streams of any SSRC
	flood  uint32
	// munge changes the next offers before the server sees them; restart makes them restart ICE.
	munge   func(o *sfu.Offer)
	answers func(sdp string) string // changes the answers before the client sees them
	restart bool

	mu       sync.Mutex
	received map[webrtc.SSRC]*received // by the SSRC of the seat's m-line
	mids     map[string]webrtc.SSRC
	tracks   []*sfu.UpTrack
	closed   bool
	feedback []rtcp.Packet // that the sender of pictures got
}

// rawTap gives a client the innermost writer of its interceptor chain, which encrypts whatever it is given.
type rawTap struct {
	interceptor.NoOp
	client *client
}

func (r *rawTap) NewInterceptor(string) (interceptor.Interceptor, error) { return r, nil }

func (r *rawTap) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	r.client.raw = w
	return w
}

// received is what came on one m-line of a seat.
type received struct {
	mu            sync.Mutex
	packets       []rtp.Header
	pictures      []synthetic.Colour // of keyframes
	pictureIDs    []uint16
	retransmitted int
}

// PeerEvent implements sfu.Sink.
func (c *client) PeerEvent(_ *sfu.Peer, e sfu.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if added, ok := e.(sfu.TrackAdded); ok {
		c.tracks = append(c.tracks, added.Track)
	}
	if c.closed {
		c.t.Errorf("event after Closed: %T", e)
	}
	if _, ok := e.(sfu.Closed); ok {
		c.closed = true
	}
	select {
	case c.events <- e:
	default: // nobody waits for so many
	}
}

// newClient makes a client with these SRTP profiles, or AES-GCM.
func newClient(t *testing.T, e *sfu.Engine, name string, seats int, profiles ...dtls.SRTPProtectionProfile) *client {
	t.Helper()
	return newClientWith(t, e, name, seats, network{}, profiles...)
}

// network is how a client reaches the server, when that is special.
type network struct {
	settings func(*webrtc.SettingEngine) // may be nil
	config   webrtc.Configuration
}

func newClientWith(
	t *testing.T, e *sfu.Engine, name string, seats int, n network, profiles ...dtls.SRTPProtectionProfile,
) *client {
	t.Helper()
	c := &client{
		t: t, events: make(chan sfu.Event, 1000), received: map[webrtc.SSRC]*received{}, mids: map[string]webrtc.SSRC{}, seats: seats,
	}
	peer, err := e.NewPeer(sfu.PeerConfig{ID: name, Sink: c})
	if err != nil {
		t.Fatal(err)
	}
	c.peer = peer
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{
		"urn:ietf:params:rtp-hdrext:sdes:mid",
		"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
		"urn:ietf:params:rtp-hdrext:ssrc-audio-level",
		"urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
		"urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
	} {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				t.Fatal(err)
			}
		}
	}
	i := &interceptor.Registry{}
	i.Add(&rawTap{client: c})
	if err := webrtc.ConfigureNack(m, i); err != nil {
		t.Fatal(err)
	}
	if err := webrtc.ConfigureRTCPReports(i); err != nil {
		t.Fatal(err)
	}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	if len(profiles) == 0 {
		profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM}
	}
	s.SetSRTPProtectionProfiles(profiles...)
	if n.settings != nil {
		n.settings(&s)
	}
	c.pc, err = webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(i), webrtc.WithSettingEngine(s)).
		NewPeerConnection(n.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.pc.Close()
		c.leave()
	})
	c.pc.OnTrack(c.read)
	return c
}

// leave closes the peer and waits for its last event.
func (c *client) leave() {
	c.t.Helper()
	c.peer.Close()
	until(c.t, "the peer is closed", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.closed })
}

// publish adds sendonly m-lines. It must come before the first offer, and then once at most.
func (c *client) publish(mime string) {
	c.t.Helper()
	var err error
	c.audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "me")
	if err != nil {
		c.t.Fatal(err)
	}
	c.video, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, "cam", "me")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, track := range []webrtc.TrackLocal{c.audio, c.video} {
		tr, err := c.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			c.t.Fatal(err)
		}
		c.vsend = tr.Sender()
	}
}

// offer negotiates all that was added so far and waits for the answer.
func (c *client) offer() {
	c.t.Helper()
	c.tryOffer()
	for {
		switch e := waitForAny(c, func(e sfu.Event) bool {
			switch e.(type) {
			case sfu.Answered, sfu.OfferFailed:
				return true
			}
			return false
		}).(type) {
		case sfu.Answered:
			if c.answers != nil {
				e.SDP = c.answers(e.SDP)
			}
			if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: e.SDP}); err != nil {
				c.t.Fatalf("answer: %v\n%s", err, e.SDP)
			}
			return
		case sfu.OfferFailed:
			c.t.Fatal(e.Err)
		}
	}
}

// tryOffer offers all that was added so far.
func (c *client) tryOffer() {
	c.t.Helper()
	var recv []*webrtc.RTPTransceiver
	for _, tr := range c.pc.GetTransceivers() {
		if tr.Direction() == webrtc.RTPTransceiverDirectionRecvonly {
			recv = append(recv, tr)
		}
	}
	for len(recv) < 2*c.seats {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			tr, err := c.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
			if err != nil {
				c.t.Fatal(err)
			}
			recv = append(recv, tr)
		}
	}
	offer, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: c.restart})
	if err != nil {
		c.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	<-gathered
	c.offers++
	o := sfu.Offer{ID: c.offers, SDP: c.pc.LocalDescription().SDP}
	for i := range c.seats {
		o.Seats = append(o.Seats, sfu.SeatMIDs{Audio: media.MID(recv[2*i].Mid()), Video: media.MID(recv[2*i+1].Mid())})
	}
	for _, tr := range c.pc.GetTransceivers() {
		if tr.Direction() == webrtc.RTPTransceiverDirectionSendonly {
			o.SendMIDs = append(o.SendMIDs, media.MID(tr.Mid()))
		}
	}
	if c.munge != nil {
		c.munge(&o)
	}
	c.peer.HandleOffer(o)
}

// track is an up track of this client.
func (c *client) track(kind media.Kind) *sfu.UpTrack {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.tracks {
		if t.Kind() == kind {
			return t
		}
	}
	c.t.Fatalf("no %s track was added", kind)
	return nil
}

func (c *client) occupant() sfu.Occupant {
	return sfu.Occupant{Audio: c.track(media.Audio), Video: c.track(media.Video)}
}

// send publishes pictures of one colour and silence until ctx ends. It makes a keyframe at once when asked.
func (c *client) send(ctx context.Context, source synthetic.Source) {
	keyframe := make(chan struct{}, 1)
	keyframe <- struct{}{}
	go func() {
		for {
			packets, _, err := c.vsend.ReadRTCP()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.feedback = append(c.feedback, packets...)
			c.mu.Unlock()
			for _, p := range packets {
				if _, ok := p.(*rtcp.PictureLossIndication); ok {
					select {
					case keyframe <- struct{}{}:
					default:
					}
				}
			}
		}
	}()
	go func() {
		ticker := time.NewTicker(source.Interval())
		defer ticker.Stop()
		sequence, timestamp := uint16(65000), uint32(1<<32-90000)
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			wanted := false
			select {
			case <-keyframe:
				wanted = true
			default:
			}
			frame := source.Next(wanted)
			timestamp += 3000
			for i, payload := range frame.Payloads {
				sequence++
				_ = c.video.WriteRTP(&rtp.Packet{Header: rtp.Header{
					Version: 2, SequenceNumber: sequence, Timestamp: timestamp, Marker: i == len(frame.Payloads)-1,
				}, Payload: payload})
			}
		}
	}()
	go func() {
		tone := synthetic.NewTone(1)
		ticker := time.NewTicker(tone.Interval())
		defer ticker.Stop()
		sequence, timestamp := uint16(10), uint32(0)
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			sequence++
			timestamp += 960
			for _, payload := range tone.Next(false).Payloads {
				_ = c.audio.WriteRTP(&rtp.Packet{Header: rtp.Header{
					Version: 2, SequenceNumber: sequence, Timestamp: timestamp,
				}, Payload: payload})
			}
		}
	}()
}

// read notes what comes on one m-line of a seat.
func (c *client) read(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	r := &received{}
	c.mu.Lock()
	c.received[track.SSRC()] = r
	for _, tr := range c.pc.GetTransceivers() {
		if tr.Receiver() == receiver {
			c.mids[tr.Mid()] = track.SSRC()
		}
	}
	c.mu.Unlock()
	var frame []byte
	for {
		p, attributes, err := track.ReadRTP()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			continue
		}
		r.mu.Lock()
		if attributes.Get(webrtc.AttributeRtxSsrc) != nil {
			r.retransmitted++
		}
		r.packets = append(r.packets, p.Header)
		if track.Kind() == webrtc.RTPCodecTypeVideo && track.Codec().MimeType == webrtc.MimeTypeVP8 {
			var d codecs.VP8Packet
			if part, err := d.Unmarshal(p.Payload); err == nil {
				if d.S == 1 && d.PID == 0 {
					frame = frame[:0]
				}
				frame = append(frame, part...)
				r.pictureIDs = append(r.pictureIDs, d.PictureID)
			}
			if p.Marker {
				if picture, err := synthetic.ReadVP8(frame); err == nil {
					r.pictures = append(r.pictures, picture.Colour)
				}
			}
		}
		r.mu.Unlock()
	}
}

// seat finds what came on the m-line of a seat: seats are numbered in the order of their m-lines.
func (c *client) seat(index int, kind media.Kind) *received {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, tr := range c.pc.GetTransceivers() {
		if tr.Direction() != webrtc.RTPTransceiverDirectionRecvonly || tr.Kind().String() != kind.String() {
			continue
		}
		if n == index {
			return c.received[c.mids[tr.Mid()]]
		}
		n++
	}
	return nil
}

// saw reports whether a seat showed a colour last.
func (c *client) saw(index int, want synthetic.Colour) bool {
	r := c.seat(index, media.Video)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pictures) > 0 && r.pictures[len(r.pictures)-1].Near(want, 6)
}

// waitFor waits for an event of a type.
func waitFor[E sfu.Event](c *client) E {
	c.t.Helper()
	e, _ := waitForAny(c, func(e sfu.Event) bool { _, ok := e.(E); return ok }).(E)
	return e
}

func waitForAny(c *client, match func(sfu.Event) bool) sfu.Event {
	c.t.Helper()
	timeout := time.After(wait)
	for {
		select {
		case e := <-c.events:
			if match(e) {
				return e
			}
		case <-timeout:
			c.t.Error("an event did not come")
			return nil
		}
	}
}

// until polls a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(wait); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, wait)
		}
	}
}

// continuous checks that an m-line's sequence numbers have no gap, no jump back and no repetition, and its timestamps no
// jump back.
func (r *received) continuous() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 1; i < len(r.packets); i++ {
		a, b := r.packets[i-1], r.packets[i]
		if b.SequenceNumber != a.SequenceNumber+1 {
			return fmt.Errorf("packet %d: sequence number %d after %d", i, b.SequenceNumber, a.SequenceNumber)
		}
		if int32(b.Timestamp-a.Timestamp) < 0 {
			return fmt.Errorf("packet %d: timestamp %d after %d", i, b.Timestamp, a.Timestamp)
		}
	}
	return nil
}

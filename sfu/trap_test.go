package sfu_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/client/synthetic"
)

const (
	uriMID         = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriTransportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// TestT14LossOfASubscriberStaysWithIt: a publisher is told of its own link only, whatever its viewers report.
func TestT14LossOfASubscriberStaysWithIt(t *testing.T) {
	e := newEngine(t)
	a, c := pair(t, e)
	r := c.seat(0, media.Video)
	r.mu.Lock()
	ssrc := r.packets[0].SSRC
	r.mu.Unlock()
	reports := 0
	until(t, "reports to the publisher", func() bool {
		if err := c.pc.WriteRTCP([]rtcp.Packet{
			&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: ssrc, FractionLost: 250, TotalLost: 9000, Jitter: 90_000}}},
			&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 10_000, SSRCs: []uint32{ssrc}},
		}); err != nil {
			t.Fatal(err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		reports = 0
		for _, p := range a.feedback {
			switch p := p.(type) {
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				t.Fatalf("the publisher was told %v", p)
			case *rtcp.ReceiverReport:
				for _, report := range p.Reports {
					reports++
					if report.FractionLost != 0 || report.TotalLost != 0 {
						t.Fatalf("the publisher was told of a loss that it has not: %+v", report)
					}
				}
			}
		}
		return reports >= 2
	})
}

// TestT19TransportSequenceCountsEverything: the numbers that congestion control goes by are one sequence over all m-lines.
func TestT19TransportSequenceCountsEverything(t *testing.T) {
	e := newEngine(t)
	a, b := publisher(t, e, "a", red), publisher(t, e, "b", blue)
	c := newClient(t, e, "c", 2)
	c.offer()
	c.peer.Seat(0, a.occupant())
	c.peer.Seat(1, b.occupant())
	until(t, "both pictures", func() bool { return c.saw(0, red) && c.saw(1, blue) })
	numbers := func() (all []int) {
		for seat := range 2 {
			for _, kind := range []media.Kind{media.Audio, media.Video} {
				r := c.seat(seat, kind)
				if r == nil {
					return nil
				}
				r.mu.Lock()
				for _, h := range r.packets {
					if n := h.GetExtension(c.extension(t, uriTransportCC)); len(n) == 2 {
						all = append(all, int(n[0])<<8|int(n[1]))
					} else {
						t.Errorf("a packet of %s has no transport-wide number", kind)
					}
				}
				r.mu.Unlock()
			}
		}
		return all
	}
	until(t, "packets on four m-lines", func() bool { return len(numbers()) > 400 })
	all := numbers()
	slices.Sort(all)
	missing := 0
	for i := 1; i < len(all)-10; i++ { // the newest may still be on their way
		switch all[i] - all[i-1] {
		case 0:
			t.Fatalf("number %d was used twice", all[i])
		case 1:
		default:
			missing += all[i] - all[i-1] - 1
		}
	}
	if missing > 2 {
		t.Errorf("%d numbers are missing among %d", missing, len(all))
	}
}

// extension is the id under which the client negotiated a header extension.
func (c *client) extension(t *testing.T, uri string) uint8 {
	t.Helper()
	for _, tr := range c.pc.GetTransceivers() {
		var parameters []webrtc.RTPHeaderExtensionParameter
		if s := tr.Sender(); s != nil {
			parameters = s.GetParameters().HeaderExtensions
		}
		if r := tr.Receiver(); r != nil {
			parameters = append(parameters, r.GetParameters().HeaderExtensions...)
		}
		for _, e := range parameters {
			if e.URI == uri {
				return uint8(e.ID) //nolint:gosec // small
			}
		}
	}
	t.Fatalf("%s was not negotiated", uri)
	return 0
}

// rawSource sends pictures as any stream of a client.
type rawSource struct {
	*client
	header rtp.Header
	source synthetic.Source
}

// picture sends the next picture, a keyframe, but for the packets that lost says.
func (r *rawSource) picture(lost func(i int) bool) (left []rtp.Packet) {
	r.header.Timestamp += 3000
	payloads := r.source.Next(true).Payloads
	for i, payload := range payloads {
		r.header.SequenceNumber++
		p := rtp.Packet{Header: r.header, Payload: payload}
		p.Marker = i == len(payloads)-1
		if lost != nil && lost(i) {
			left = append(left, p)
			continue
		}
		r.write(&p)
	}
	return left
}

func (r *rawSource) write(p *rtp.Packet) {
	r.mu.Lock()
	w := r.raw
	r.mu.Unlock()
	_, _ = w.Write(&p.Header, p.Payload, nil)
}

// TestT23TwoPublishersMayUseOneSSRC: those of publishers never reach anybody.
func TestT23TwoPublishersMayUseOneSSRC(t *testing.T) {
	e := newEngine(t)
	const ssrc = 0x5EA75EA7
	var sources []*rawSource
	for i, colour := range []synthetic.Colour{red, blue} {
		c := newClient(t, e, fmt.Sprint("publisher", i), 0)
		c.publish(webrtc.MimeTypeVP8)
		own := fmt.Sprint(uint32(c.vsend.GetParameters().Encodings[0].SSRC))
		c.munge = func(o *sfu.Offer) { o.SDP = strings.ReplaceAll(o.SDP, own, fmt.Sprint(ssrc)) }
		c.offer()
		connected(t, c)
		sources = append(sources, &rawSource{client: c, source: vp8(colour), header: rtp.Header{
			Version: 2, SSRC: ssrc, PayloadType: uint8(c.vsend.GetParameters().Codecs[0].PayloadType), SequenceNumber: 500,
		}})
	}
	c := newClient(t, e, "viewer", 2)
	c.offer()
	for i, s := range sources {
		c.peer.Seat(i, s.occupant())
	}
	until(t, "both pictures", func() bool {
		for _, s := range sources {
			s.picture(nil)
		}
		time.Sleep(20 * time.Millisecond)
		return c.saw(0, red) && c.saw(1, blue)
	})
	for seat := range 2 {
		r := c.seat(seat, media.Video)
		r.mu.Lock()
		if got := r.packets[0].SSRC; got == ssrc {
			t.Errorf("seat %d has the SSRC of the publisher", seat)
		}
		r.mu.Unlock()
	}
}

// TestT23UndeclaredStreamsHurtNobody sends streams that no offer declares: without names, with the name of the m-line, and
// with that of an encoding that is not there.
func TestT23UndeclaredStreamsHurtNobody(t *testing.T) {
	e := newEngine(t)
	moves := call(t, e)
	bad := newClient(t, e, "bad", 0)
	bad.publish(webrtc.MimeTypeVP8)
	bad.offer()
	connected(t, bad)
	s := &rawSource{client: bad, source: vp8(red), header: rtp.Header{
		Version: 2, PayloadType: uint8(bad.vsend.GetParameters().Codecs[0].PayloadType),
	}}
	for i := range 10 {
		s.header.SSRC = uint32(100 + i)
		s.header.Extension, s.header.Extensions = false, nil
		if i%3 > 0 {
			_ = s.header.SetExtension(bad.extension(t, uriMID), []byte("1"))
		}
		if i%3 > 1 {
			_ = s.header.SetExtension(bad.extension(t, uriRID), []byte("zz"))
		}
		for range 15 {
			s.picture(nil)
		}
	}
	moves()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	bad.send(ctx, vp8(blue))
	c := newClient(t, e, "viewer", 1)
	c.offer()
	c.peer.Seat(0, bad.occupant())
	until(t, "the declared stream", func() bool { return c.saw(0, blue) })
}

// TestT11EncodingsAndTheirRTXAreFoundByRID sends simulcast as browsers do: nothing but header extensions tells which stream
// is which. What is lost comes as RTX, whose stream may be seen first, and may begin with padding.
func TestT11EncodingsAndTheirRTXAreFoundByRID(t *testing.T) {
	for _, c := range []struct {
		name      string
		simulcast string
		rtxFirst  bool
		keepSSRCs bool
	}{
		{"Chromium", "send q;h;f", false, false},
		{"Chromium, RTX first", "send q;h;f", true, false},
		{"Firefox declares SSRCs too", "send q;h;~f", false, true},
		{"Firefox, RTX first", "send q;h;~f", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t)
			p := newClient(t, e, "publisher", 0)
			p.publish(webrtc.MimeTypeVP8)
			p.munge = func(o *sfu.Offer) { o.SDP = simulcast(o.SDP, c.simulcast, c.keepSSRCs) }
			p.offer()
			connected(t, p)
			viewer := newClient(t, e, "viewer", 1)
			viewer.offer()
			viewer.peer.Seat(0, sfu.Occupant{Video: p.track(media.Video)})
			parameters := p.vsend.GetParameters()
			var sources, rtx []*rawSource
			for i, rid := range []string{"q", "h", "f"} {
				colour := synthetic.Palette(i)
				s := &rawSource{client: p, source: vp8(colour), header: rtp.Header{
					Version: 2, SSRC: uint32(1001 + i), PayloadType: uint8(parameters.Codecs[0].PayloadType), SequenceNumber: uint16(i * 30_000),
				}}
				again := &rawSource{client: p, header: s.header}
				again.header.SSRC += 1000
				again.header.PayloadType = rtxOf(t, parameters.Codecs)
				for uri, value := range map[string]string{uriMID: "1", uriRID: rid} {
					if err := s.header.SetExtension(p.extension(t, uri), []byte(value)); err != nil {
						t.Fatal(err)
					}
				}
				for uri, value := range map[string]string{uriMID: "1", uriRepairedRID: rid} {
					if err := again.header.SetExtension(p.extension(t, uri), []byte(value)); err != nil {
						t.Fatal(err)
					}
				}
				sources, rtx = append(sources, s), append(rtx, again)
			}
			if c.rtxFirst {
				for _, r := range rtx { // bandwidth is probed before there is a picture
					r.header.SequenceNumber++
					r.write(&rtp.Packet{Header: r.header, Payload: []byte{0, 0}})
				}
			}
			until(t, "the best encoding, with what was lost", func() bool {
				for i, s := range sources {
					for _, lost := range s.picture(func(int) bool { return s.header.Timestamp%9000 == 0 }) {
						r := rtx[i]
						r.header.SequenceNumber++
						r.header.Timestamp, r.header.Marker = lost.Timestamp, lost.Marker
						payload := append([]byte{byte(lost.SequenceNumber >> 8), byte(lost.SequenceNumber)}, lost.Payload...)
						r.write(&rtp.Packet{Header: r.header, Payload: payload})
					}
				}
				time.Sleep(20 * time.Millisecond)
				return viewer.saw(0, synthetic.Palette(2)) && e.Counters().RTXReceived.Load() > 5
			})
			until(t, "all that was lost", func() bool {
				for _, s := range sources { // what was lost last comes with what follows
					s.picture(nil)
				}
				time.Sleep(20 * time.Millisecond)
				return viewer.seat(0, media.Video).complete()
			})
		})
	}
}

// simulcast makes the m-line of pictures, which is the last one, one of three encodings.
func simulcast(sdp, value string, keepSSRCs bool) string {
	at := strings.LastIndex(sdp, "m=video")
	var b strings.Builder
	b.WriteString(sdp[:at])
	for line := range strings.Lines(sdp[at:]) {
		if !strings.HasPrefix(line, "a=ssrc") && !strings.HasPrefix(line, "a=msid") {
			b.WriteString(line)
		}
	}
	for _, rid := range []string{"q", "h", "f"} {
		b.WriteString("a=rid:" + rid + " send\r\n")
	}
	b.WriteString("a=simulcast:" + value + "\r\na=msid:me cam\r\n")
	if keepSSRCs {
		for i := range 3 {
			fmt.Fprintf(&b, "a=ssrc:%d cname:me\r\na=ssrc:%d cname:me\r\na=ssrc-group:FID %[1]d %[2]d\r\n", 1001+i, 2001+i)
		}
	}
	return b.String()
}

// rtxOf is the payload type for retransmissions of the first codec.
func rtxOf(t *testing.T, codecs []webrtc.RTPCodecParameters) uint8 {
	t.Helper()
	apt := fmt.Sprintf("apt=%d", codecs[0].PayloadType)
	for _, c := range codecs {
		if c.SDPFmtpLine == apt {
			return uint8(c.PayloadType)
		}
	}
	t.Fatalf("no RTX for payload type %d", codecs[0].PayloadType)
	return 0
}

// TestT28StoppedTracksLeaveNoLines publishes and stops again and again, as browsers do: on the same m-line.
func TestT28StoppedTracksLeaveNoLines(t *testing.T) {
	e := newEngine(t)
	moves := call(t, e)
	others := e.UpTracks()
	c := newClient(t, e, "toggling", 0)
	c.publish(webrtc.MimeTypeVP8)
	c.offer()
	connected(t, c)
	for round := range 60 {
		c.munge = func(o *sfu.Offer) {
			at := strings.LastIndex(o.SDP, "m=video")
			o.SDP = o.SDP[:at] + strings.Replace(o.SDP[at:], "a=sendonly", "a=inactive", 1)
			o.SendMIDs = o.SendMIDs[:1]
		}
		c.offer()
		until(t, "the track is gone", func() bool { return e.UpTracks() == others+1 })
		c.munge = nil
		c.offer()
		until(t, "the track is back", func() bool { return e.UpTracks() == others+2 })
		if n := strings.Count(c.pc.RemoteDescription().SDP, "\nm="); n != 2 {
			t.Fatalf("round %d: %d m-lines", round, n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.mu.Lock()
	c.tracks = c.tracks[len(c.tracks)-1:]
	c.mu.Unlock()
	c.send(ctx, vp8(blue))
	viewer := newClient(t, e, "viewer", 1)
	viewer.offer()
	viewer.peer.Seat(0, sfu.Occupant{Video: c.track(media.Video)})
	until(t, "the last of them", func() bool { return viewer.saw(0, blue) })
	moves()
}

// TestT30ICERestartLosesNothing restarts ICE on both sides of a call while media flow. What could not be sent while there was
// no pair of addresses is sent again.
func TestT30ICERestartLosesNothing(t *testing.T) {
	e := newEngine(t)
	a, c := pair(t, e)
	r := c.seat(0, media.Video)
	count := func() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.packets) }
	for _, who := range []*client{c, a} {
		who.restart = true
		who.offer()
		before := count()
		until(t, "pictures after the restart", func() bool { return count() > before+30 })
		if state := who.peer.State(); state != sfu.StateConnected {
			t.Errorf("state is %v", state)
		}
	}
	until(t, "what was lost meanwhile", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		came := map[uint16]bool{}
		for _, p := range r.packets {
			came[p.SequenceNumber] = true
		}
		for n := r.packets[0].SequenceNumber; n != r.packets[len(r.packets)-1].SequenceNumber; n++ {
			if !came[n] {
				return false
			}
		}
		return true
	})
}

// TestT24WhoDoesNotReadHoldsNobodyUp has a viewer beside a call who leaves everything that comes lying.
func TestT24WhoDoesNotReadHoldsNobodyUp(t *testing.T) {
	e := newEngine(t)
	moves := call(t, e)
	a := publisher(t, e, "a", blue)
	stuck := newClient(t, e, "stuck", 4)
	stuck.pc.OnTrack(func(*webrtc.TrackRemote, *webrtc.RTPReceiver) {})
	stuck.offer()
	connected(t, stuck)
	for seat := range 4 {
		stuck.peer.Seat(seat, a.occupant())
	}
	waitFor[sfu.FirstForwarded](stuck)
	for range 5 {
		moves()
	}
	if state := stuck.peer.State(); state != sfu.StateConnected {
		t.Errorf("the one who does not read is %v", state)
	}
}

package sfu_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/signaling/client/synthetic"
)

// grouped makes the m-line of pictures, which is the last one, one of three encodings that a group of SSRCs names, as clients
// from before RIDs do. Bare leaves out the header extensions that they did not have, and says the msid with each SSRC.
func grouped(sdp string, bare bool) string {
	at := strings.LastIndex(sdp, "m=video")
	var b strings.Builder
	b.WriteString(sdp[:at])
	for line := range strings.Lines(sdp[at:]) {
		if strings.HasPrefix(line, "a=ssrc") || bare && (strings.HasPrefix(line, "a=msid") || strings.Contains(line, "hdrext:sdes")) {
			continue
		}
		b.WriteString(line)
	}
	b.WriteString("a=ssrc-group:SIM 1001 1002 1003\r\n")
	for i := range 3 {
		fmt.Fprintf(&b, "a=ssrc-group:FID %d %d\r\n", 1001+i, 2001+i)
	}
	for i := range 3 {
		fmt.Fprintf(&b, "a=ssrc:%d cname:me\r\na=ssrc:%[1]d msid:me cam\r\na=ssrc:%d cname:me\r\na=ssrc:%[2]d msid:me cam\r\n", 1001+i, 2001+i)
	}
	if !bare {
		return b.String()
	}
	return regexp.MustCompile(`a=extmap:\d+ urn:ietf:params:rtp-hdrext:sdes\S*\r\n`).ReplaceAllString(b.String(), "")
}

// TestSSRCGroupsAreEncodings: the tile chooses among the streams of a group, what is lost comes by the group of each, and a
// client that never heard of RIDs is answered without.
func TestSSRCGroupsAreEncodings(t *testing.T) {
	for _, bare := range []bool{false, true} {
		t.Run(fmt.Sprintf("without header extensions: %v", bare), func(t *testing.T) {
			e := newEngine(t)
			p := newClient(t, e, "publisher", 0)
			p.publish(webrtc.MimeTypeVP8)
			p.munge = func(o *sfu.Offer) { o.SDP = grouped(o.SDP, bare) }
			p.offer()
			connected(t, p)
			answer := p.pc.RemoteDescription().SDP
			for _, foreign := range []string{"a=rid", "a=simulcast"} {
				if strings.Contains(answer, foreign) {
					t.Errorf("the answer has %s", foreign)
				}
			}
			if bare && strings.Contains(answer, "hdrext:sdes") {
				t.Errorf("the answer has header extensions that were not offered:\n%s", answer)
			}
			parameters := p.vsend.GetParameters()
			var sources, rtx []*rawSource
			for i := range 3 {
				s := &rawSource{
					client: p,
					source: synthetic.NewVP8(synthetic.VP8Config{Width: 160 << i, Height: 90 << i, Colour: synthetic.Palette(i)}),
					header: rtp.Header{
						Version: 2, SSRC: uint32(1001 + i), PayloadType: uint8(parameters.Codecs[0].PayloadType), SequenceNumber: uint16(i * 30_000),
					},
				}
				again := &rawSource{client: p, header: s.header}
				again.header.SSRC += 1000
				again.header.PayloadType = rtxOf(t, parameters.Codecs)
				sources, rtx = append(sources, s), append(rtx, again)
			}
			viewer := newClient(t, e, "viewer", 1)
			viewer.offer()
			for _, step := range []struct{ height, encoding int }{{90, 0}, {360, 2}, {180, 1}, {90, 0}, {0, 2}} {
				viewer.peer.Seat(0, sfu.Occupant{Video: p.track(media.Video), Height: step.height})
				before := e.Counters().RTXReceived.Load()
				until(t, fmt.Sprintf("the encoding for a tile of %d, with what was lost", step.height), func() bool {
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
					return viewer.saw(0, synthetic.Palette(step.encoding)) && e.Counters().RTXReceived.Load() > before+5
				})
			}
			until(t, "all that was lost", func() bool {
				for _, s := range sources { // what was lost last comes with what follows
					s.picture(nil)
				}
				time.Sleep(20 * time.Millisecond)
				return viewer.seat(0, media.Video).complete()
			})
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.tracks) != 2 {
				t.Errorf("%d tracks, want one of sound and one of pictures", len(p.tracks))
			}
		})
	}
}

// complete reports whether all numbers came, in whatever order, but for the first ones: pion drops retransmissions of a
// stream that it does not know yet.
func (r *received) complete() bool {
	const first, enough = 60, 100
	r.mu.Lock()
	defer r.mu.Unlock()
	came := map[uint16]bool{}
	newest := uint16(0)
	for _, p := range r.packets {
		n := p.SequenceNumber - r.packets[0].SequenceNumber
		came[n] = true
		if n < 1<<15 {
			newest = max(newest, n)
		}
	}
	for n := uint16(first); n < newest; n++ {
		if !came[n] {
			return false
		}
	}
	return newest > enough
}

// TestSSRCGroupsSurviveAnotherOffer: nothing changes when the client offers again.
func TestSSRCGroupsSurviveAnotherOffer(t *testing.T) {
	e := newEngine(t)
	p := newClient(t, e, "publisher", 0)
	p.publish(webrtc.MimeTypeVP8)
	p.munge = func(o *sfu.Offer) { o.SDP = grouped(o.SDP, true) }
	p.offer()
	connected(t, p)
	viewer := newClient(t, e, "viewer", 1)
	viewer.offer()
	viewer.peer.Seat(0, sfu.Occupant{Video: p.track(media.Video)})
	s := &rawSource{client: p, source: vp8(red), header: rtp.Header{
		Version: 2, SSRC: 1003, PayloadType: uint8(p.vsend.GetParameters().Codecs[0].PayloadType),
	}}
	sees := func(c synthetic.Colour) func() bool {
		return func() bool {
			s.picture(nil)
			time.Sleep(20 * time.Millisecond)
			return viewer.saw(0, c)
		}
	}
	until(t, "picture", sees(red))
	p.offer()
	s.source = vp8(blue)
	until(t, "picture after another offer", sees(blue))
	if err := viewer.seat(0, media.Video).continuous(); err != nil {
		t.Error(err)
	}
}

// TestStreamsThatNothingGroupsAreRefused: pion would take them for tracks of an older kind of SDP.
func TestStreamsThatNothingGroupsAreRefused(t *testing.T) {
	e := newEngine(t)
	moves := call(t, e)
	for _, group := range []string{"SIM 1001", "SIM 1001 1001", "SIM 1001 x", "SIM 0 1001", "", "SIM 1001 1002 1003 1004 1005"} {
		bad := newClient(t, e, "bad", 0)
		bad.publish(webrtc.MimeTypeVP8)
		var o sfu.Offer
		bad.munge = func(offer *sfu.Offer) {
			offer.SDP = strings.Replace(grouped(offer.SDP, false), "SIM 1001 1002 1003", group, 1)
			o = *offer
		}
		bad.tryOffer()
		if failed := waitFor[sfu.OfferFailed](bad); failed.OfferID != o.ID {
			t.Errorf("%q: %+v", group, failed)
		}
	}
	moves()
}

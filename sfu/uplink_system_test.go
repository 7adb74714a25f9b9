package sfu_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu"
	"hiroba/sfu/media"
)

// TestHeaderExtensionsAreNotEncrypted: a client that offers Cryptex (RFC 9335) is told no, since streams are known by their
// header extensions.
func TestHeaderExtensionsAreNotEncrypted(t *testing.T) {
	e := newEngine(t)
	c := newClient(t, e, "c", 1)
	c.publish("video/VP8")
	offered := false
	c.munge = func(o *sfu.Offer) {
		offered = strings.Contains(o.SDP, "a=cryptex")
		if !offered {
			t.Error("the offer has no a=cryptex, so that the answer means nothing")
		}
	}
	c.offer()
	if answer := c.pc.RemoteDescription().SDP; strings.Contains(answer, "a=cryptex") {
		t.Errorf("the answer agrees to Cryptex:\n%s", answer)
	}
}

// TestSeatsNeedNoGoroutines on the server's own path: one reader of RTCP serves all m-lines.
func TestSeatsNeedNoGoroutines(t *testing.T) {
	if pionPath() {
		t.Skip("pion's path has one for each m-line")
	}
	e := newEngine(t)
	_, c := pair(t, e)
	stacks := make([]byte, 4<<20)
	if all := string(stacks[:runtime.Stack(stacks, true)]); strings.Contains(all, "drainRTCP") ||
		strings.Contains(all, "pionStream") || strings.Contains(all, "twcc.(*SenderInterceptor).loop") {
		t.Error("there are goroutines that only pion's path needs")
	}
	r := c.seat(0, media.Video)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.packets) == 0 {
		t.Error("nothing came")
	}
}

// TestPublishersGetFeedback in a client that was not made here, for each SRTP profile, also when it moved to another address.
func TestPublishersGetFeedback(t *testing.T) {
	for _, profile := range []dtls.SRTPProtectionProfile{
		dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	} {
		t.Run(fmt.Sprint(profile), func(t *testing.T) {
			e := newEngine(t)
			c := newClient(t, e, "a", 0, profile)
			c.publish(webrtc.MimeTypeVP8)
			c.offer()
			c.send(t.Context(), vp8(red))
			reports := func() (n int) {
				c.mu.Lock()
				defer c.mu.Unlock()
				for _, p := range c.feedback {
					if r, ok := p.(*rtcp.ReceiverReport); ok && len(r.Reports) > 0 {
						n++
					}
				}
				return n
			}
			until(t, "a receiver report", func() bool { return reports() > 0 })
			c.restart = true
			c.offer()
			before := reports()
			until(t, "receiver reports after the restart", func() bool { return reports() > before+1 })
		})
	}
}

package sfu_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pion/dtls/v3"

	"hiroba/sfu"
	"hiroba/sfu/media"
)

// usualPath is the path of clients for whom both would do.
func usualPath() sfu.Path {
	if pionPath() {
		return sfu.PathPion
	}
	return sfu.PathOwn
}

// TestAllProfilesAreDecrypted sends to a client that was not made here, for each SRTP profile.
func TestAllProfilesAreDecrypted(t *testing.T) {
	for _, profile := range []dtls.SRTPProtectionProfile{
		dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	} {
		t.Run(fmt.Sprint(profile), func(t *testing.T) {
			e := newEngine(t)
			a := publisher(t, e, "a", red)
			c := newClient(t, e, "c", 1, profile)
			c.offer()
			c.peer.Seat(0, a.occupant())
			until(t, "picture", func() bool { return c.saw(0, red) })
			r := c.seat(0, media.Video)
			until(t, "many packets", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.packets) > 50 })
			if err := r.continuous(); err != nil {
				t.Error(err)
			}
			if got := c.peer.Path(); got != usualPath() {
				t.Errorf("path %q, want %q", got, usualPath())
			}
			if got := e.PeersByPath()[usualPath()]; got != 2 {
				t.Errorf("%d peers take the path %q, want 2", got, usualPath())
			}
		})
	}
}

// TestWhereKeysAreNotKnownPionEncrypts has the client be the server of the handshake: its keys are known to pion only.
func TestWhereKeysAreNotKnownPionEncrypts(t *testing.T) {
	e := newEngine(t)
	a := publisher(t, e, "a", red)
	c := newClient(t, e, "c", 1)
	c.munge = func(o *sfu.Offer) { o.SDP = strings.ReplaceAll(o.SDP, "a=setup:actpass", "a=setup:passive") }
	c.answers = func(sdp string) string { return strings.ReplaceAll(sdp, "a=setup:passive", "a=setup:active") }
	c.offer()
	c.peer.Seat(0, a.occupant())
	until(t, "picture", func() bool { return c.saw(0, red) })
	if got := c.peer.Path(); got != sfu.PathPion {
		t.Errorf("path %q", got)
	}
	if got := a.peer.Path(); got != usualPath() {
		t.Errorf("path of the other %q, want %q", got, usualPath())
	}
	if got := e.PeersByPath()[sfu.PathPion]; got == 0 {
		t.Error("nobody is counted on pion's path")
	}
}

// TestPathFollowsAnICERestart: the client gets another address, and the same DTLS session goes on.
func TestPathFollowsAnICERestart(t *testing.T) {
	e := newEngine(t)
	_, c := pair(t, e)
	r := c.seat(0, media.Video)
	count := func() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.packets) }
	for range 3 {
		c.restart = true
		c.offer()
		before := count()
		until(t, "packets after the restart", func() bool { return count() > before+30 })
	}
	if got := c.peer.Path(); got != usualPath() {
		t.Errorf("path %q, want %q", got, usualPath())
	}
}

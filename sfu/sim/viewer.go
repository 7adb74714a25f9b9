package sim

import (
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/rtptime"
)

// echoEvery is about how often a browser sends receiver reports.
const echoEvery = time.Second

// Viewer is a browser that receives.
type Viewer struct {
	Seats []*Seat

	world    *World
	server   *Server
	network  Network
	up, down *Link
	left     bool
}

// Seat is one audio and one video m-line, at both ends.
type Seat struct {
	// Audio and Video are the browser's ends.
	Audio *Listener
	Video *Screen

	viewer       *Viewer
	audio, video *line
}

// Links are the two directions of the viewer's network.
func (v *Viewer) Links() (up, down *Link) { return v.up, v.down }

// Leave closes the browser.
func (v *Viewer) Leave() {
	v.left = true
	for _, s := range v.Seats {
		s.Empty()
	}
}

// Show seats a publisher, in a tile that is so many pixels high; 0 is the best quality.
func (s *Seat) Show(p *Publisher, tile int) {
	s.video.tile = tile
	s.audio.setTarget(p.Audio)
	s.video.setTarget(p.Video)
	s.video.adapt()
}

// Resize changes the height of the tile, in pixels; 0 is the best quality.
func (s *Seat) Resize(tile int) {
	s.video.tile = tile
	s.video.adapt()
}

// Empty takes the occupant away.
func (s *Seat) Empty() {
	s.audio.setTarget(nil)
	s.video.setTarget(nil)
	s.Video.pause()
}

// Sent is what the server counted for the pictures of the seat.
func (s *Seat) Sent() LineCounts { return s.video.counts }

// tick is what the rim does for each subscriber from time to time.
func (v *Viewer) tick() bool {
	if v.left {
		return false
	}
	for _, s := range v.Seats {
		for _, l := range []*line{s.audio, s.video} {
			l.report()
			l.adapt()
		}
	}
	return true
}

// handleReport takes a sender report of one m-line, and echoes it a while later.
func (s *Seat) handleReport(kind media.Kind, sent time.Time, ntp rtptime.NTP, timestamp uint32) {
	w, l := s.viewer.world, s.video
	if kind == media.Audio {
		l = s.audio
		s.Audio.clock.handleReport(ntp, timestamp)
	} else {
		s.Video.clock.handleReport(ntp, timestamp)
	}
	received := w.now
	if !l.echoed.IsZero() && received.Sub(l.echoed) < echoEvery {
		return
	}
	l.echoed = received
	w.After(echoEvery/4, func() {
		delay := w.now.Sub(received)
		s.viewer.up.Send(reportBytes, func() { l.handleEcho(sent, delay) })
	})
}

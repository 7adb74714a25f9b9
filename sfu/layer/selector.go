// Package layer decides which packets of a track with several qualities a subscriber is sent. A track is simulcast (one
// stream for each encoding) or SVC (spatial layers inside one stream); both may have temporal layers.
//
// It goes up only at a frame from which the better quality can be decoded, and down as soon as that leaves a picture that
// can be decoded. Until a switch the former layer goes on.
package layer

import "hiroba/sfu/media"

// Packet is what a selector looks at.
type Packet struct {
	// Encoding is the simulcast encoding that the packet belongs to; 0 where there is one only.
	Encoding int8
	// Spatial and Temporal are the layers that the payload or its dependency descriptor names.
	Spatial, Temporal int8
	// Start and End say that it is the first, or last, packet of a frame (one spatial layer of one instant).
	Start, End bool
	// Keyframe says that it starts a keyframe.
	Keyframe bool
	// Intra says that its frame depends on nothing but lower layers of its own instant.
	Intra bool
	// SwitchUp says that its frame can be decoded by who had only lower temporal layers so far.
	SwitchUp bool
	// NotForUpper says that no higher spatial layer is predicted from its frame (K-SVC between keyframes).
	NotForUpper bool
	// Marker is that of the RTP header.
	Marker bool
}

// Decision is what happens to a packet.
type Decision uint8

// The decisions.
const (
	// Leave it out, without a gap for the subscriber.
	Leave Decision = iota
	// Forward it.
	Forward
	// Switch to its encoding, beginning with it.
	Switch
)

// Selector chooses for one subscriber of one track. Make it with New.
type Selector struct {
	// simulcast says that encodings are the spatial layers.
	simulcast bool
	wanted    media.Layer
	// current is what is sent. Its Spatial is -1 before the first keyframe.
	current media.Layer
	// apart says that the spatial layers of an SVC stream do not depend on each other between keyframes (K-SVC): going
	// down needs a keyframe, too.
	apart bool
	// rising is set within an SVC picture that depends on none before it: its layers come one after the other, and who
	// gets too few can go up. In other pictures nobody goes up, since the marker has been sent when the next layer comes.
	rising bool
	// parted says that the lowest layer of the newest picture is not for the upper ones. Of a higher layer that alone says
	// nothing: above the highest there is none.
	parted bool
	// short counts the pictures in a row that ended below current, from which it is not predicted.
	short uint8
}

// vanishedAfter is how many pictures in a row must end below a layer for it to have been stopped. An encoder drops the
// layer of one or two that would be too large.
const vanishedAfter = 4

// New makes a selector that has sent nothing yet.
func New(simulcast bool) Selector {
	return Selector{simulcast: simulcast, wanted: media.TopLayer, current: media.Layer{Spatial: -1}}
}

// SetWanted sets the best layer that should be sent.
func (s *Selector) SetWanted(l media.Layer) { s.wanted = l }

// Wanted is the best layer that should be sent.
func (s *Selector) Wanted() media.Layer { return s.wanted }

// Current is the layer that is sent; its Spatial is -1 before the first keyframe.
func (s *Selector) Current() media.Layer { return s.current }

// Simulcast reports whether encodings are the spatial layers.
func (s *Selector) Simulcast() bool { return s.simulcast }

// Encoding is the simulcast encoding that is sent; -1 for none.
func (s *Selector) Encoding() int8 {
	if s.simulcast || s.current.Spatial < 0 {
		return s.current.Spatial
	}
	return 0
}

// Restart forgets what was sent: nothing is until the next keyframe.
func (s *Selector) Restart() {
	s.current, s.apart, s.rising, s.short = media.Layer{Spatial: -1}, false, false, 0
}

// NeedsKeyframe reports whether a keyframe is needed to reach the wanted layer, best being the highest spatial layer that
// the publisher sends; and of which encoding.
func (s *Selector) NeedsKeyframe(best int8) (encoding int8, needed bool) {
	goal := min(s.wanted.Spatial, best)
	switch {
	case goal < 0:
		return 0, false
	case s.simulcast:
		return goal, s.current.Spatial != goal
	case s.rising: // one is coming in
		return 0, false
	default:
		return 0, s.current.Spatial < goal || (s.apart && s.current.Spatial > goal)
	}
}

// Select decides about a packet. Marker is what the RTP marker must become.
func (s *Selector) Select(p Packet) (d Decision, marker bool) {
	if s.simulcast {
		return s.selectEncoding(p), p.Marker
	}
	return s.selectLayer(p)
}

// selectEncoding is Select for simulcast. The spatial layer in the payload means nothing here: it is 0 in each encoding.
func (s *Selector) selectEncoding(p Packet) Decision {
	if p.Encoding != s.current.Spatial {
		if !p.Keyframe || !s.nearer(p.Encoding) {
			return Leave
		}
		s.current = media.Layer{Spatial: p.Encoding, Temporal: s.wanted.Temporal}
		return Switch
	}
	s.switchTemporal(p)
	if p.Temporal > s.current.Temporal {
		return Leave
	}
	return Forward
}

// nearer reports whether an encoding is nearer to the wanted one than what is sent. Anything not above it is better than
// nothing.
func (s *Selector) nearer(encoding int8) bool {
	goal, now := s.wanted.Spatial, s.current.Spatial
	switch {
	case now < 0:
		return encoding <= goal
	case now > goal: // too good: any that is not
		return encoding < now
	default:
		return encoding > now && encoding <= goal
	}
}

// selectLayer is Select for SVC.
func (s *Selector) selectLayer(p Packet) (Decision, bool) {
	if s.current.Spatial < 0 {
		if !p.Keyframe {
			return Leave, p.Marker
		}
		s.current = media.Layer{Spatial: 0, Temporal: s.wanted.Temporal}
		s.rising = true
		marker := s.marker(p)
		s.rising = !p.Marker
		return Switch, marker
	}
	if p.Spatial == 0 {
		s.parted = p.NotForUpper
		s.rising = p.Keyframe || p.Intra
	}
	if p.Start {
		s.switchTemporal(p)
		s.switchSpatial(p)
	}
	// Within a keyframe the start of a layer may have been lost. It comes again; without the rest the picture has no end.
	if s.rising && p.Intra && p.Spatial > s.current.Spatial && p.Spatial <= s.wanted.Spatial {
		s.current.Spatial = p.Spatial
	}
	marker := s.marker(p)
	if p.Marker {
		s.rising = false
	}
	switch {
	case p.Temporal > s.current.Temporal, p.Spatial > s.current.Spatial:
		return Leave, marker
	case p.Spatial < s.current.Spatial && p.NotForUpper && s.parted:
		s.apart = true
		if p.Marker {
			if s.short++; s.short >= vanishedAfter {
				s.current.Spatial, s.short = -1, 0
			}
		}
		return Leave, marker
	default:
		s.short = 0
		return Forward, marker
	}
}

// SelectLate decides about a packet that came late: pictures after its own went on without it. It changes nothing of what
// comes next, whatever the packet starts.
func (s *Selector) SelectLate(p Packet) (d Decision, marker bool) {
	if p.Temporal > s.current.Temporal {
		return Leave, false
	}
	if s.simulcast {
		return Forward, p.Marker
	}
	if p.Spatial > s.current.Spatial || (p.Spatial < s.current.Spatial && p.NotForUpper && s.parted) {
		return Leave, false
	}
	return Forward, s.marker(p)
}

// marker is what the RTP marker of a packet of an SVC stream must become: it ends the highest layer that is sent of its
// picture. A browser shows no picture before.
func (s *Selector) marker(p Packet) bool {
	followed := s.rising && s.current.Spatial < s.wanted.Spatial
	return p.Marker || (p.End && p.Spatial == s.current.Spatial && !followed)
}

// switchTemporal goes up at a frame that allows it, and down at any.
func (s *Selector) switchTemporal(p Packet) {
	switch {
	case s.wanted.Temporal < s.current.Temporal:
		s.current.Temporal = s.wanted.Temporal
	case p.Start && p.Temporal > s.current.Temporal && p.Temporal <= s.wanted.Temporal && p.SwitchUp:
		s.current.Temporal = p.Temporal
	}
}

// switchSpatial goes up, one layer after the other, at a picture whose layers depend on nothing before it, and down at the
// beginning of a picture.
func (s *Selector) switchSpatial(p Packet) {
	switch {
	case p.Keyframe:
		s.current.Spatial, s.apart = 0, false
		s.current.Temporal = s.wanted.Temporal
	case s.rising && p.Spatial == s.current.Spatial+1 && p.Spatial <= s.wanted.Spatial && p.Intra:
		s.current.Spatial = p.Spatial
	case p.Spatial == 0 && s.current.Spatial > s.wanted.Spatial && !s.apart:
		s.current.Spatial = max(s.wanted.Spatial, 0)
	}
}

package egress

import "hiroba/sfu/media"

// takesRED reports whether the subscriber can receive sound with redundancy.
func (l *Line) takesRED() bool {
	return l.cfg.PayloadTypes[media.RED] != 0 && l.cfg.PayloadTypes[media.Opus] != 0
}

// unpacks reports whether only the newest sound of a packet is sent, as plain Opus.
func (l *Line) unpacks(c media.Codec) bool { return c == media.RED && !l.takesRED() }

// payloadType is the one under which the subscriber gets a packet of this codec; 0 is none.
func (l *Line) payloadType(c media.Codec) media.PayloadType {
	if l.unpacks(c) {
		c = media.Opus
	}
	return l.cfg.PayloadTypes[c]
}

package sfu

import (
	"slices"
	"time"

	"hiroba/sfu/media"
)

// meet makes the record of an SSRC that was not seen before. It is nil if the client has too many, which ends it.
func (u *uplink) meet(ssrc media.SSRC) *named {
	if u.open >= maxStreams || len(u.named) >= maxNamed {
		u.peer.abuse("too many SSRCs")
		return nil
	}
	if u.named == nil {
		u.named = make(map[media.SSRC]*named)
	}
	n := &named{ssrc: ssrc}
	u.named[ssrc] = n
	u.open++
	return n
}

// name finds the m-line of an SSRC that has none, with the help of a packet of it, and makes its stream.
func (u *uplink) name(n *named, b []byte) bool {
	if u.followed == nil {
		return false
	}
	again := n.mid != "" // its track was stopped; there may be another one on the m-line of this name
	if !again {
		is, ok := u.followed.identify(b, n.ssrc, u.identityOf)
		if !ok {
			return false
		}
		n.mid, n.encoding, n.repairs = is.line.mid, is.encoding, is.repairs
	}
	at := slices.IndexFunc(u.lines, func(l *upLine) bool { return l.mid == n.mid })
	if at < 0 || int(n.encoding) >= max(len(u.lines[at].track.rids), 1) {
		return false
	}
	if again {
		if u.open >= maxStreams {
			u.peer.abuse("too many SSRCs")
			return false
		}
		u.open++
	}
	n.line = u.lines[at]
	if !n.repairs {
		u.begin(n)
	}
	return true
}

// identityOf is what is known of an SSRC.
func (u *uplink) identityOf(ssrc media.SSRC) (identity, bool) {
	n := u.named[ssrc]
	if n == nil || n.line == nil {
		return identity{}, false
	}
	return identity{line: n.line.sendLine, encoding: n.encoding, repairs: n.repairs}, true
}

// begin makes an SSRC the stream of its encoding: the newest one is.
func (u *uplink) begin(n *named) {
	l := n.line
	s := newUpStream(l.track, n.encoding, n.ssrc, &l.types, l.ids, &u.out)
	n.stream = s
	l.current[n.encoding] = n
	u.adopt(s)
}

// takeOver lets a stream that another one followed begin again, if that one stopped.
func (u *uplink) takeOver(now time.Time, n *named) bool {
	current := n.line.current[n.encoding]
	if current != nil && !n.line.track.supply.Quiet(now, int(n.encoding)) {
		return false
	}
	n.line.current[n.encoding] = n
	u.adopt(n.stream)
	return true
}

// adopt tells the peer which stream an encoding has.
func (u *uplink) adopt(s *upStream) {
	u.peer.log.Debug("stream started", "mid", s.track.mid, "ssrc", s.ssrc, "encoding", s.encoding)
	u.peer.post(func(time.Time) { s.track.streams[s.encoding] = s })
}

// follow takes over what was negotiated anew.
func (u *uplink) follow(l *lineup) {
	lines := make([]*upLine, len(l.lines))
	for i, line := range l.lines {
		lines[i] = &upLine{sendLine: line}
		for _, former := range u.lines {
			if former.track == line.track {
				lines[i].current = former.current
			}
		}
	}
	for _, n := range u.named {
		if n.line == nil {
			continue
		}
		track := n.line.track
		n.line = nil
		for _, line := range lines {
			if line.track == track {
				n.line = line
			}
		}
		if n.line == nil { // the track was stopped
			n.stream = nil
			u.open--
		}
	}
	u.lines, u.followed = lines, l
}

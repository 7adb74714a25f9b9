package sfu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"hiroba/sfu/media"
)

// Offer is a client's SDP offer with the meaning of its m-lines.
type Offer struct {
	// ID is the client's count, echoed in the Answered or OfferFailed event.
	ID  int
	SDP string
	// Seats are the m-line pairs in which the client receives, in the order of their creation. Seats are never taken
	// back: each offer lists those of the former one first.
	Seats []SeatMIDs
	// SendMIDs are the m-lines on which the client may send.
	SendMIDs []media.MID
}

// SeatMIDs are the two m-lines of a seat.
type SeatMIDs struct{ Audio, Video media.MID }

// spareLines is how many m-lines an offer may have besides those of its seats and tracks: the data channels' and some
// that were stopped.
const spareLines = 16

// maxTracks bounds what one peer publishes.
const maxTracks = 8

// mLine is what matters of an m-line of an offer before it is applied.
type mLine struct {
	kind            media.Kind
	sends, receives bool
	// rids are the encodings of a simulcast m-line in the client's order, which is the smallest picture first.
	rids []media.RID
	// group are the SSRCs of these, where the client has no RIDs for them but a group; else nil.
	group []encodingSSRCs
	// ssrcs are the SSRCs that the m-line declares (RFC 5576), as far as they are few enough to be sent.
	ssrcs []media.SSRC
	// repairs are those for retransmissions, by the SSRC that they repair (RFC 4588, section 8.8).
	repairs map[media.SSRC]media.SSRC
}

// check reads the offer and refuses what cannot be answered, before pion spends time on it or changes its state.
func (o Offer) check(maxSeats int) (map[media.MID]mLine, error) {
	allowed := 2*len(o.Seats) + len(o.SendMIDs) + spareLines
	if len(o.Seats) > maxSeats {
		return nil, fmt.Errorf("%w: %d seats, %d allowed", ErrTooManyMedia, len(o.Seats), maxSeats)
	}
	if len(o.SendMIDs) > maxTracks {
		return nil, fmt.Errorf("%w: %d tracks, %d allowed", ErrTooManyMedia, len(o.SendMIDs), maxTracks)
	}
	if n := strings.Count(o.SDP, "\nm="); n > allowed { // before the parser allocates for them
		return nil, fmt.Errorf("%w: %d m-lines, %d allowed for these seats and tracks", ErrTooManyMedia, n, allowed)
	}
	var description sdp.SessionDescription
	if err := description.UnmarshalString(o.SDP); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	lines := make(map[media.MID]mLine, len(description.MediaDescriptions))
	for _, m := range description.MediaDescriptions {
		mid, ok := m.Attribute("mid")
		if !ok || mid == "" {
			return nil, fmt.Errorf("%w: an m-line without mid", ErrBadOffer)
		}
		if _, taken := lines[media.MID(mid)]; taken {
			return nil, fmt.Errorf("%w: mid %q twice", ErrBadOffer, mid)
		}
		lines[media.MID(mid)] = newMLine(m)
	}
	for i, s := range o.Seats {
		for _, want := range []struct {
			mid  media.MID
			kind media.Kind
		}{{s.Audio, media.Audio}, {s.Video, media.Video}} {
			line, ok := lines[want.mid]
			if !ok || line.kind != want.kind || !line.receives || line.sends {
				return nil, fmt.Errorf("%w: seat %d: mid %q is not a recvonly %s m-line", ErrBadOffer, i, want.mid, want.kind)
			}
		}
	}
	for _, mid := range o.SendMIDs {
		if line, ok := lines[mid]; !ok || line.kind == 0 {
			return nil, fmt.Errorf("%w: no audio or video m-line has the mid %q", ErrBadOffer, mid)
		}
	}
	for _, line := range lines {
		if len(line.rids) > media.MaxSpatial+1 {
			return nil, fmt.Errorf("%w: %d encodings on an m-line, %d allowed",
				ErrTooManyMedia, len(line.rids), media.MaxSpatial+1)
		}
	}
	return lines, o.checkUnique()
}

// checkUnique refuses an m-line that is named twice.
func (o Offer) checkUnique() error {
	mids := slices.Clone(o.SendMIDs)
	for _, s := range o.Seats {
		mids = append(mids, s.Audio, s.Video)
	}
	slices.Sort(mids)
	if len(slices.Compact(mids)) != 2*len(o.Seats)+len(o.SendMIDs) {
		return fmt.Errorf("%w: a mid is named twice in seats and tracks", ErrBadOffer)
	}
	return nil
}

func newMLine(m *sdp.MediaDescription) mLine {
	line := mLine{sends: true, receives: true}
	switch m.MediaName.Media {
	case "audio":
		line.kind = media.Audio
	case "video":
		line.kind = media.Video
	}
	var groups []string
	for _, a := range m.Attributes {
		switch a.Key {
		case "ssrc-group":
			groups = append(groups, a.Value)
			line.pair(a.Value)
		case "sendonly":
			line.receives = false
		case "recvonly":
			line.sends = false
		case "inactive":
			line.sends, line.receives = false, false
		case "simulcast":
			line.rids = simulcastRIDs(a.Value)
		case "ssrc":
			line.declare(a.Value)
		}
	}
	if mid, _ := m.Attribute("mid"); line.rids == nil && line.kind == media.Video && line.sends && len(mid) <= maxGroupMID {
		line.group = groupedSSRCs(groups, line.repairs)
		line.rids = groupRIDs(line.group)
	}
	return line
}

// declare reads "<ssrc> <attribute>" (RFC 5576, section 4.1). There are several lines for each SSRC.
func (l *mLine) declare(value string) {
	number, _, _ := strings.Cut(value, " ")
	if ssrc := parseSSRC(number); ssrc != 0 && len(l.ssrcs) < maxStreams && !slices.Contains(l.ssrcs, ssrc) {
		l.ssrcs = append(l.ssrcs, ssrc)
	}
}

// pair reads "FID <ssrc> <ssrc>" (RFC 5576, section 4.2).
func (l *mLine) pair(value string) {
	fields := strings.Fields(value)
	if len(fields) != 3 || fields[0] != "FID" || len(l.repairs) >= maxStreams {
		return
	}
	original, repair := parseSSRC(fields[1]), parseSSRC(fields[2])
	if original == 0 || repair == 0 {
		return
	}
	if l.repairs == nil {
		l.repairs = make(map[media.SSRC]media.SSRC)
	}
	l.repairs[original] = repair
}

// simulcastRIDs reads which encodings a simulcast attribute sends (RFC 8853, section 5.1): "send q;h;~f recv ...". Of
// alternatives the first is taken; "~" marks one that is paused at first.
func simulcastRIDs(value string) []media.RID {
	fields := strings.Fields(value)
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] != "send" {
			continue
		}
		var rids []media.RID
		for stream := range strings.SplitSeq(fields[i+1], ";") {
			first, _, _ := strings.Cut(stream, ",")
			if rid := media.RID(strings.TrimPrefix(first, "~")); rid != "" && !slices.Contains(rids, rid) {
				rids = append(rids, rid)
			}
		}
		return rids
	}
	return nil
}

package sfu

import (
	"cmp"
	"slices"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// lineup is what an uplink must know of the negotiation to tell what the streams of a client are. It does not change: the
// peer makes another after each offer.
type lineup struct {
	lines []*sendLine
	// declared are the SSRCs that the offer names.
	declared map[media.SSRC]declaredSSRC
}

// sendLine is an m-line on which the client may send.
type sendLine struct {
	track *UpTrack
	mid   media.MID
	types payloadTypes
	ids   packet.ExtensionIDs
}

// declaredSSRC is what the offer says of an SSRC.
type declaredSSRC struct {
	line *sendLine
	// encoding is that of simulcast without RIDs; -1 where the stream itself says it, if there are several.
	encoding int8
	// repairs is the SSRC whose packets are sent again under this one; 0 for media.
	repairs media.SSRC
}

// lineUp tells the uplink what was negotiated. Called by the peer.
func (p *Peer) lineUp(lines map[media.MID]mLine) {
	l := &lineup{declared: make(map[media.SSRC]declaredSSRC)}
	for _, transceiver := range p.pc.GetTransceivers() {
		mid := media.MID(transceiver.Mid())
		track, receiver := p.tracks[mid], transceiver.Receiver()
		if track == nil || receiver == nil {
			continue
		}
		parameters := receiver.GetParameters()
		line := &sendLine{
			track: track, mid: mid, types: newPayloadTypes(parameters.Codecs), ids: readExtensions(parameters.HeaderExtensions),
		}
		l.lines = append(l.lines, line)
		l.declare(line, lines[mid])
	}
	slices.SortFunc(l.lines, func(a, b *sendLine) int { return cmp.Compare(a.track.csrc, b.track.csrc) })
	p.uplink.lineup.Store(l)
}

// declare notes the SSRCs of an m-line.
func (l *lineup) declare(line *sendLine, m mLine) {
	for _, ssrc := range m.ssrcs {
		l.declared[ssrc] = declaredSSRC{line: line, encoding: -1}
	}
	for i, e := range m.group {
		l.declared[e.media] = declaredSSRC{line: line, encoding: int8(i)}
	}
	for original, ssrc := range m.repairs {
		encoding := int8(-1)
		if d, ok := l.declared[original]; ok {
			encoding = d.encoding
		}
		l.declared[ssrc] = declaredSSRC{line: line, encoding: encoding, repairs: original}
	}
}

// identity says what the packets of an SSRC are.
type identity struct {
	line     *sendLine
	encoding int8
	// repairs is set where they are retransmissions of packets of that encoding.
	repairs bool
}

// identify finds out what the packet b, of an SSRC that is not known yet, is: by the names in its header extensions (RFC 8843,
// section 9.2, and RFC 8852), else by what the offer declared. It is false for a packet that says too little, or lies.
func (l *lineup) identify(b []byte, ssrc media.SSRC, known func(media.SSRC) (identity, bool)) (identity, bool) {
	for _, line := range l.lines {
		h, err := packet.ParseHeader(b, line.ids)
		if err != nil {
			return identity{}, false
		}
		if mid := b[h.MID.From:h.MID.To]; string(mid) == string(line.mid) {
			return l.identifyOn(line, b, &h, ssrc, known)
		} else if len(mid) > 0 {
			continue // of another m-line, whatever the offer declared
		}
		if l.declared[ssrc].line == line {
			return l.identifyOn(line, b, &h, ssrc, known)
		}
	}
	return identity{}, false
}

// identifyOn is identify where the m-line is known.
func (l *lineup) identifyOn(
	line *sendLine, b []byte, h *packet.Header, ssrc media.SSRC, known func(media.SSRC) (identity, bool),
) (identity, bool) {
	is := identity{line: line, repairs: line.types.repaired[h.PayloadType] != 0}
	declared, ok := l.declared[ssrc]
	if !ok || declared.line != line {
		declared = declaredSSRC{encoding: -1}
	}
	if !line.track.simulcast() {
		return is, true
	}
	rid := h.RID
	if is.repairs {
		rid = h.RepairedRID
	}
	if !rid.Empty() {
		i := slices.Index(line.track.rids, media.RID(b[rid.From:rid.To]))
		is.encoding = int8(i) //nolint:gosec // up to MaxSpatial
		return is, i >= 0
	}
	if declared.repairs != 0 && is.repairs {
		original, ok := known(declared.repairs)
		is.encoding = original.encoding
		return is, ok && original.line == line
	}
	is.encoding = declared.encoding
	return is, declared.encoding >= 0 && int(declared.encoding) < len(line.track.rids)
}

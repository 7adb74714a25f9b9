package sfu

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/rtp"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// Clients from before RIDs name the encodings of a simulcast track by a group of SSRCs, "a=ssrc-group:SIM 1 2 3" with the
// smallest picture first, and the retransmissions of each by another, "a=ssrc-group:FID 1 4" (RFC 5576). pion knows no such
// groups. So at the door they are made what it knows: in the offer each encoding gets a RID, and the first packets of each
// stream get the header extensions that say whose they are. Behind the door there is one kind of simulcast.

// maxGroupMID bounds the MIDs of m-lines with a group: what the one-byte form of header extensions has room for.
const maxGroupMID = oneByteLength

// encodingSSRCs are the streams of one encoding. RTX is 0 where there is none.
type encodingSSRCs struct{ media, rtx media.SSRC }

// groupedSSRCs reads the encodings of an m-line from the values of its ssrc-group attributes; nil when it has no group for
// simulcast. Repairs are the SSRCs for retransmissions, by the one that they repair.
func groupedSSRCs(values []string, repairs map[media.SSRC]media.SSRC) (encodings []encodingSSRCs) {
	for _, value := range values {
		fields := strings.Fields(value)
		if len(fields) < 3 || fields[0] != "SIM" {
			continue
		}
		for _, field := range fields[1:] {
			ssrc := parseSSRC(field)
			if ssrc == 0 || slices.ContainsFunc(encodings, func(e encodingSSRCs) bool { return e.media == ssrc }) {
				return nil
			}
			encodings = append(encodings, encodingSSRCs{media: ssrc, rtx: repairs[ssrc]})
		}
		break
	}
	return encodings
}

// parseSSRC reads an SSRC; 0 is none.
func parseSSRC(s string) media.SSRC {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return media.SSRC(n)
}

// groupRIDs are the RIDs that the encodings of a group get.
func groupRIDs(encodings []encodingSSRCs) (rids []media.RID) {
	for i := range encodings {
		rids = append(rids, media.RID(strconv.Itoa(i)))
	}
	return rids
}

// nameURIs are the header extensions that name a stream.
var nameURIs = [...]string{uriMID, uriRID, uriRepairedRID}

// ridOffer is an offer whose groups were made RIDs, and what must be undone in its answer.
type ridOffer struct {
	sdp string
	// names are the streams of the groups.
	names map[media.SSRC]streamName
	// added are the attributes of the answer that the client must not see, by m-line.
	added map[media.MID][]string
}

// withRIDs makes RIDs of the groups in an offer. It gives the offer back as it is when there are none.
func withRIDs(offer string, lines map[media.MID]mLine) (ridOffer, error) {
	r := ridOffer{sdp: offer}
	if !slices.ContainsFunc(slices.Collect(maps.Values(lines)), func(l mLine) bool { return l.group != nil }) {
		return r, nil
	}
	ids, err := nameIDs(offer)
	if err != nil {
		return r, err
	}
	r.names, r.added = map[media.SSRC]streamName{}, map[media.MID][]string{}
	var b strings.Builder
	for section := range sections(offer) {
		mid := sectionMID(section)
		group := lines[mid].group
		if group == nil {
			b.WriteString(section)
			continue
		}
		hasMSID := false
		for line := range strings.Lines(section) {
			hasMSID = hasMSID || strings.HasPrefix(line, "a=msid:")
			if !strings.HasPrefix(line, "a=ssrc:") && !strings.HasPrefix(line, "a=ssrc-group:") {
				b.WriteString(line)
			}
		}
		if !hasMSID { // it was said of each SSRC
			b.WriteString("a=msid:- -\r\n")
		}
		for i, uri := range nameURIs {
			extmap := fmt.Sprintf("a=extmap:%d %s", ids[i], uri)
			if !strings.Contains(section, " "+uri) {
				b.WriteString(extmap + "\r\n")
				r.added[mid] = append(r.added[mid], extmap)
			}
		}
		r.added[mid] = append(r.added[mid], "a=rid:", "a=simulcast:")
		var all []string
		for i, e := range group {
			rid := strconv.Itoa(i)
			all = append(all, rid)
			b.WriteString("a=rid:" + rid + " send\r\n")
			r.names[e.media] = streamName{mid: mid, rid: media.RID(rid), ids: ids}
			if e.rtx != 0 {
				r.names[e.rtx] = streamName{mid: mid, rid: media.RID(rid), rtx: true, ids: ids}
			}
		}
		b.WriteString("a=simulcast:send " + strings.Join(all, ";") + "\r\n")
	}
	r.sdp = b.String()
	return r, nil
}

// answerTo takes out of an answer what the client did not offer.
func (r *ridOffer) answerTo(answer string) string {
	if len(r.added) == 0 {
		return answer
	}
	var b strings.Builder
	for section := range sections(answer) {
		added := r.added[sectionMID(section)]
		for line := range strings.Lines(section) {
			if !slices.ContainsFunc(added, func(prefix string) bool { return strings.HasPrefix(line, prefix) }) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// sections are the m-lines of an SDP with all that is said of each; what is said of all of them comes first.
func sections(sdp string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for {
			at := strings.Index(sdp, "\nm=")
			if at < 0 {
				yield(sdp)
				return
			}
			if !yield(sdp[:at+1]) {
				return
			}
			sdp = sdp[at+1:]
		}
	}
}

func sectionMID(section string) media.MID {
	for line := range strings.Lines(section) {
		if mid, ok := strings.CutPrefix(line, "a=mid:"); ok {
			return media.MID(strings.TrimSpace(mid))
		}
	}
	return ""
}

// nameIDs are the ids of nameURIs: those of the offer, and free ones for those that it has not.
func nameIDs(offer string) (ids [len(nameURIs)]uint8, err error) {
	var used [256]bool
	for line := range strings.Lines(offer) {
		value, ok := strings.CutPrefix(line, "a=extmap:")
		if !ok {
			continue
		}
		id, uri, _ := strings.Cut(value, " ")
		id, _, _ = strings.Cut(id, "/") // the direction
		n, err := strconv.ParseUint(id, 10, 8)
		if err != nil {
			continue
		}
		used[n] = true
		if i := slices.Index(nameURIs[:], strings.TrimSpace(uri)); i >= 0 {
			ids[i] = uint8(n)
		}
	}
	for i := range ids {
		for id := uint8(oneByteID); ids[i] == 0; id-- {
			if id == 0 {
				return ids, fmt.Errorf("%w: no header extension is left to name the SSRCs of a group", ErrTooManyMedia)
			}
			if !used[id] {
				ids[i], used[id] = id, true
			}
		}
	}
	return ids, nil
}

// streamName says which stream of which m-line an SSRC is.
type streamName struct {
	mid media.MID
	rid media.RID
	rtx bool                 // retransmissions of that encoding
	ids [len(nameURIs)]uint8 // of nameURIs
}

// namedPackets is how many packets of a stream are named. pion looks at the first one.
const namedPackets = 16

// namer names the first packets of one stream.
type namer struct {
	name streamName
	left int
	b    [packet.MaxBytes]byte
}

func newNamer(name streamName) *namer { return &namer{name: name, left: namedPackets} }

// handle gives a packet the header extensions that name its stream. What has no room for them stays as it is. The result is
// valid until the next call.
func (n *namer) handle(b []byte) []byte {
	if n.left == 0 {
		return b
	}
	n.left--
	var p rtp.Packet
	if p.Unmarshal(b) != nil {
		return b
	}
	values := [len(nameURIs)]string{string(n.name.mid), string(n.name.rid), ""}
	if n.name.rtx {
		values[1], values[2] = "", values[1]
	}
	for i, value := range values {
		if value != "" && p.SetExtension(n.name.ids[i], []byte(value)) != nil {
			return b
		}
	}
	size, err := p.MarshalTo(n.b[:])
	if err != nil {
		return b
	}
	return n.b[:size]
}

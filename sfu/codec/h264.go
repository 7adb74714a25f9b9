package codec

// NAL unit types of H.264 (RFC 6184, section 5.2) that the server tells apart.
const (
	nalSlice      = 1
	nalPartitionA = 2
	nalIDR        = 5
	nalSEI        = 6
	nalSPS        = 7
	nalPPS        = 8
	nalDelimiter  = 9
	nalLastSingle = 23
	nalSTAPA      = 24
	nalFUA        = 28
)

// H264 is what an H.264 RTP payload (RFC 6184) holds.
type H264 struct {
	// SPS, PPS and IDR say that a sequence parameter set, a picture parameter set or (a part of) a slice of an IDR
	// picture starts in the payload.
	SPS, PPS, IDR bool
	// StartsFrame says that something starts here with which an access unit can start. Where parameter sets travel in
	// packets of their own it is said by several packets of one frame.
	StartsFrame bool
	// NonReference says that no other frame depends on what is inside (nal_ref_idc is 0 everywhere).
	NonReference bool
	// Width and Height are the size in pixels that the SPS says, 0 where there is none.
	Width, Height uint16

	rated bool // NonReference is about something
}

// StartsKeyframe reports whether decoding can start with this payload. That takes an SPS: an IDR slice alone cannot be
// decoded by who has not seen the parameter sets, and senders repeat those in front of each IDR picture.
func (d H264) StartsKeyframe() bool { return d.SPS }

// ParseH264 walks the NAL units of an H.264 RTP payload in the non-interleaved mode (RFC 6184, section 6.3): one NAL
// unit, an aggregate (STAP-A) or a fragment (FU-A).
func ParseH264(payload []byte) (H264, error) {
	if len(payload) < 2 {
		return H264{}, ErrTruncated
	}
	if payload[0]&0x80 != 0 { // forbidden_zero_bit
		return H264{}, ErrMalformed
	}
	var d H264
	switch t := payload[0] & 0x1F; {
	case t >= nalSlice && t <= nalLastSingle:
		d.add(payload)
	case t == nalSTAPA:
		r := reader{b: payload, at: 1}
		for r.left() > 0 {
			unit := r.take(int(r.uint16()))
			if len(unit) == 0 {
				return H264{}, ErrTruncated
			}
			d.add(unit)
		}
	case t == nalFUA:
		if len(payload) < 3 {
			return H264{}, ErrTruncated
		}
		d.addFragment(payload)
	default:
		return H264{}, ErrUnsupported
	}
	return d, nil
}

// add notes a NAL unit, which has at least its header byte.
func (d *H264) add(unit []byte) {
	d.note(unit[0], unit[1:])
	if unit[0]&0x1F == nalSPS {
		d.Width, d.Height = parseSPS(unit[1:])
	}
}

// addFragment notes a fragment (RFC 6184, section 5.8): the header of its NAL unit is spread over the FU indicator and
// the FU header.
func (d *H264) addFragment(payload []byte) {
	header := payload[0]&0xE0 | payload[1]&0x1F
	if payload[1]&0x80 != 0 { // S
		d.note(header, payload[2:])
		return
	}
	d.rate(header)
}

func (d *H264) note(header byte, body []byte) {
	switch header & 0x1F {
	case nalSPS:
		d.SPS, d.StartsFrame = true, true
	case nalPPS:
		d.PPS, d.StartsFrame = true, true
	case nalSEI, nalDelimiter:
		d.StartsFrame = true
		return // nal_ref_idc is always 0 here and says nothing about the frame
	case nalIDR, nalSlice, nalPartitionA:
		d.IDR = d.IDR || header&0x1F == nalIDR
		// A slice begins with first_mb_in_slice, whose value 0 is the single bit 1 (H.264, section 7.3.3).
		d.StartsFrame = d.StartsFrame || len(body) > 0 && body[0]&0x80 != 0
	}
	d.rate(header)
}

// rate notes the nal_ref_idc of a NAL unit.
func (d *H264) rate(header byte) {
	nonReference := header&0x60 == 0
	d.NonReference = nonReference && (d.NonReference || !d.rated)
	d.rated = true
}

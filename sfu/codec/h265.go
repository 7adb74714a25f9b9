package codec

// NAL unit types of H.265 (H.265, table 7-1; RFC 7798, section 4.4) that the server tells apart.
const (
	hevcTSAN      = 2
	hevcSTSAR     = 5
	hevcFirstIRAP = 16 // BLA, IDR and CRA pictures, with two types reserved for more
	hevcLastIRAP  = 23
	hevcLastVCL   = 31
	hevcVPS       = 32
	hevcSPS       = 33
	hevcPPS       = 34
	hevcLastUnit  = 47
	hevcAP        = 48
	hevcFU        = 49
)

// hevcHeaderBytes is the size of a NAL unit header and of a payload header (RFC 7798, section 1.1.4).
const hevcHeaderBytes = 2

// H265 is what an H.265 RTP payload (RFC 7798) holds.
type H265 struct {
	// VPS, SPS, PPS and IRAP say that a parameter set of that kind, or (a part of) a picture at which decoding can begin
	// (IDR, CRA or BLA), starts in the payload.
	VPS, SPS, PPS, IRAP bool
	// StartsFrame says that something starts here with which an access unit can start. Where parameter sets travel in
	// packets of their own it is said by several packets of one frame.
	StartsFrame bool
	// TID is the temporal layer, 0 the lowest. SwitchUp says that who received all lower ones can begin to receive it.
	TID      uint8
	SwitchUp bool
	// Width and Height are the size in pixels that the SPS says, 0 where there is none.
	Width, Height uint16
}

// StartsKeyframe reports whether decoding can start with this payload. That takes the parameter sets, of which the VPS is
// the first: senders repeat them in front of each picture at which decoding can begin, and without them it cannot.
func (d H265) StartsKeyframe() bool { return d.VPS }

// ParseH265 walks the NAL units of an H.265 RTP payload as browsers send it, without decoding order numbers: one NAL unit,
// an aggregate (AP) or a fragment (FU) (RFC 7798, section 4.4).
func ParseH265(payload []byte) (H265, error) {
	if len(payload) <= hevcHeaderBytes {
		return H265{}, ErrTruncated
	}
	// forbidden_zero_bit, and a temporal id that is not one (RFC 7798, section 1.1.4)
	if payload[0]&0x80 != 0 || payload[1]&0x07 == 0 {
		return H265{}, ErrMalformed
	}
	d := H265{TID: payload[1]&0x07 - 1}
	switch t := hevcType(payload); {
	case t <= hevcLastUnit:
		d.add(payload)
	case t == hevcAP:
		r := reader{b: payload, at: hevcHeaderBytes}
		for r.left() > 0 {
			unit := r.take(int(r.uint16()))
			if len(unit) <= hevcHeaderBytes {
				return H265{}, ErrTruncated
			}
			d.add(unit)
		}
	case t == hevcFU:
		if len(payload) < hevcHeaderBytes+2 {
			return H265{}, ErrTruncated
		}
		d.addFragment(payload[hevcHeaderBytes], payload[hevcHeaderBytes+1:])
	default:
		return H265{}, ErrUnsupported
	}
	return d, nil
}

func hevcType(header []byte) byte { return header[0] >> 1 & 0x3F }

// add notes a NAL unit, which is longer than its header.
func (d *H265) add(unit []byte) {
	t, body := hevcType(unit), unit[hevcHeaderBytes:]
	d.note(t, body)
	if t == hevcSPS {
		d.Width, d.Height = parseHEVCSPS(body)
	}
}

// addFragment notes a fragment (RFC 7798, section 4.4.3). Its FU header has the type of the NAL unit.
func (d *H265) addFragment(header byte, body []byte) {
	if t := header & 0x3F; header&0x80 != 0 { // S
		d.note(t, body)
	} else {
		d.switchUp(t)
	}
}

func (d *H265) note(t byte, body []byte) {
	switch {
	case t <= hevcLastVCL:
		d.IRAP = d.IRAP || t >= hevcFirstIRAP && t <= hevcLastIRAP
		d.switchUp(t)
		// A slice begins with first_slice_segment_in_pic_flag (H.265, section 7.3.6.1).
		d.StartsFrame = d.StartsFrame || len(body) > 0 && body[0]&0x80 != 0
		return
	case t == hevcVPS:
		d.VPS = true
	case t == hevcSPS:
		d.SPS = true
	case t == hevcPPS:
		d.PPS = true
	case t > hevcPPS && t != hevcAUD && t != hevcPrefixSEI:
		return // it ends something, or is of no matter
	}
	d.StartsFrame = true
}

// The other NAL units with which an access unit can start (H.265, section 7.4.2.4.4).
const (
	hevcAUD       = 35
	hevcPrefixSEI = 39
)

// switchUp notes the type of a slice: TSA and STSA pictures are those from which on a temporal layer can be added.
func (d *H265) switchUp(t byte) { d.SwitchUp = d.SwitchUp || t >= hevcTSAN && t <= hevcSTSAR }

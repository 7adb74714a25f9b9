package egress_test

import (
	"testing"

	"hiroba/sfu/media"
	"hiroba/sfu/rtptime"
)

// TestT10H265BeginsWithItsParameterSets: the first picture must bring them, of which the VPS is the first.
func TestT10H265BeginsWithItsParameterSets(t *testing.T) {
	vps, sps, pps := []byte{0x40, 1, 0x0C}, []byte{0x42, 1, 1}, []byte{0x44, 1, 0xC1}
	idr, cra, delta := []byte{0x28, 1, 0xAF}, []byte{0x2A, 1, 0xAF}, []byte{2, 1, 0xD0}
	ap := []byte{0x60, 1}
	for _, unit := range [][]byte{vps, sps, pps} {
		ap = append(append(ap, 0, byte(len(unit))), unit...)
	}
	for name, c := range map[string]struct {
		packets [][]byte
		sent    int
	}{
		"IDR alone":            {[][]byte{idr}, 0},
		"CRA alone":            {[][]byte{cra}, 0},
		"SPS, PPS, IDR":        {[][]byte{sps, pps, idr}, 0},
		"VPS, SPS, PPS, IDR":   {[][]byte{vps, sps, pps, idr}, 4},
		"AP, CRA":              {[][]byte{ap, cra}, 2},
		"AP, IDR in fragments": {[][]byte{ap, {0x62, 1, 0x94, 0xAF}, {0x62, 1, 0x54, 8}}, 3},
		"AUD, AP, IDR":         {[][]byte{{0x46, 1, 0x10}, ap, idr}, 2},
		"delta":                {[][]byte{delta}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, media.Video)
			u := r.up(alice, 0, media.H265, new(rtptime.Publisher))
			r.line.SetTarget(alice, false)
			for i, p := range c.packets {
				u.send(at(0), p, i+1 == len(c.packets))
			}
			if len(r.sent) != c.sent {
				t.Errorf("sent %d packets, want %d; refused %v", len(r.sent), c.sent, r.refused)
			}
			if _, needed := r.line.NeedsKeyframe(0); needed != (c.sent == 0) {
				t.Errorf("needs a keyframe: %v", needed)
			}
			if c.sent > 0 {
				u.header.Timestamp += 3000
				u.send(at(33), delta, true)
				r.continuous()
			}
		})
	}
}

package egress_test

import (
	"testing"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
)

// TestLateAndLeftOutPacketsAllocateNothing counts allocations on the ways that packets take through a line besides the
// usual one: late, empty, of another layer, with a descriptor.
func TestLateAndLeftOutPacketsAllocateNothing(t *testing.T) {
	for _, c := range []media.Codec{media.VP8, media.VP9, media.AV1} {
		r := newRig(t, media.Video)
		u := r.up(alice, 0, c, new(rtptime.Publisher))
		r.line.SetTarget(alice, false)
		r.line.SetWanted(media.Layer{})
		var packets []*packet.Packet
		read := func(raw []byte) {
			p := packet.New()
			p.SetLen(copy(p.Buffer(), raw))
			if _, reason, ok := u.stream.HandleRTP(epoch, p); !ok {
				t.Fatal(reason)
			}
			p.Source = u.source
			packets = append(packets, p)
		}
		switch c {
		case media.VP8:
			read(u.raw(vp8{key: true}.bytes(), nil, true))
			read(u.raw(vp8{pictureID: 1, tid: 1}.bytes(), nil, true))
			read(u.raw(vp8{pictureID: 2, tl0: 1}.bytes(), nil, true))
		case media.VP9:
			read(u.raw(vp9{start: true, end: true}.bytes(), nil, false))
			read(u.raw(vp9{sid: 1, below: true, start: true, end: true}.bytes(), nil, true))
			read(u.raw(vp9{pictureID: 1, inter: true, start: true, end: true}.bytes(), nil, true))
		default:
			for number := range 3 {
				lower, upper := u.described(number, number, uint16(2*number), number == 0) //nolint:gosec // few
				read(lower)
				read(upper)
			}
		}
		read(u.raw(nil, nil, false))
		payload, descriptor := make([]byte, 0, packet.MaxBytes), make([]byte, 0, 255)
		ms := 0
		if n := testing.AllocsPerRun(200, func() {
			ms += 1000
			for _, i := range []int{0, 2, 1, len(packets) - 1, 1} {
				p := packets[i]
				p.Captured = at(ms)
				out, _, _, ok := r.line.HandleRTP(alice, p)
				if !ok {
					continue
				}
				payload, descriptor = out.AppendPayload(payload[:0]), out.AppendDescriptor(descriptor[:0])
				if again, _, ok := r.line.HandleNACK(at(ms), out.Out.Sequence, p); ok {
					payload, descriptor = again.AppendPayload(payload[:0]), again.AppendDescriptor(descriptor[:0])
				}
			}
			for _, p := range packets {
				p.Sequence += 100
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations", c, n)
		}
	}
}

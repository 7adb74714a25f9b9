package egress_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"hiroba/sfu/codec"
	"hiroba/sfu/media"
	"hiroba/sfu/rtptime"
)

// TestT05VP8NumbersRunOn plays pictures through a wrap of their ids, leaves temporal layers out, and changes to streams
// whose descriptors have fewer fields.
func TestT05VP8NumbersRunOn(t *testing.T) {
	for name, shape := range map[string]vp8{
		"15 bits near the wrap": {pictureID: 32_760, tl0: 250, keyIdx: 30},
		"7 bits near the wrap":  {pictureID: 120, tl0: 250, keyIdx: 30, short: true},
		"no picture id":         {pictureID: -1, tl0: 7, keyIdx: 3},
		"no layers":             {pictureID: 100, tl0: -1, noTID: true},
		"nothing":               {pictureID: -1, tl0: -1, noTID: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, media.Video)
			clock := new(rtptime.Publisher)
			reference, u := r.up(alice, 0, media.VP8, clock), r.up(ben, 0, media.VP8, clock)
			r.line.SetTarget(alice, true)
			reference.send(at(0), vp8{pictureID: 32_767, tl0: 255, keyIdx: 31, key: true}.bytes(), true)
			before, err := codec.ParseVP8(r.last().payload)
			if err != nil {
				t.Fatal(err)
			}
			r.line.SetTarget(ben, true)
			r.line.SetWanted(media.Layer{Temporal: 1})
			var read []codec.VP8
			for i := range 40 {
				frame := shape
				if frame.pictureID >= 0 {
					frame.pictureID += i
				}
				if frame.tl0 >= 0 {
					frame.tl0 += i / 4
				}
				if !frame.noTID {
					frame.tid, frame.sync = []int{0, 2, 1, 2}[i%4], i%4 == 1
				}
				frame.key = i == 0
				u.header.Timestamp += 3000
				for part := range 2 {
					frame.more = part > 0
					if u.send(at(40+33*i), frame.bytes(), part == 1) && part == 0 {
						d, err := codec.ParseVP8(r.last().payload)
						if err != nil {
							t.Fatal(err)
						}
						read = append(read, d)
					}
				}
			}
			r.continuous()
			want := 20
			if shape.noTID {
				want = 40
			}
			if len(read) != want {
				t.Fatalf("%d pictures, want %d", len(read), want)
			}
			mask := uint16(0x7FFF)
			if shape.short {
				mask = 0x7F
			}
			for i, d := range read {
				if d.HasPictureID != (shape.pictureID >= 0) || d.LongPictureID == shape.short && d.HasPictureID ||
					d.HasTL0PicIdx != (shape.tl0 >= 0) || d.HasTID == shape.noTID {
					t.Fatalf("picture %d has another shape: %+v", i, d)
				}
				if want := (before.PictureID + 1 + uint16(i)) & mask; d.HasPictureID && d.PictureID != want {
					t.Fatalf("picture %d has the id %d, want %d", i, d.PictureID, want)
				}
				if want := before.TL0PicIdx + 1 + uint8(i/2); d.HasTL0PicIdx && d.TL0PicIdx != want {
					t.Fatalf("picture %d has the TL0PICIDX %d, want %d", i, d.TL0PicIdx, want)
				}
				if want := (before.KeyIdx + 1) & 0x1F; d.HasKeyIdx && d.KeyIdx != want {
					t.Fatalf("picture %d has the KEYIDX %d, want %d", i, d.KeyIdx, want)
				}
			}
		})
	}
}

// TestT05LostBaseLayerKeepsItsPlace: the place of a lost picture of temporal layer 0 stays free in all numbers, and it comes
// late as what it is.
func TestT05LostBaseLayerKeepsItsPlace(t *testing.T) {
	r := newRig(t, media.Video)
	u := r.up(alice, 0, media.VP8, new(rtptime.Publisher))
	r.line.SetTarget(alice, true)
	r.line.SetWanted(media.Layer{})
	u.send(at(0), vp8{pictureID: 10, tl0: 10, key: true}.bytes(), true)
	first := r.last().Out
	u.header.Timestamp += 3000
	u.send(at(30), vp8{pictureID: 11, tl0: 10, tid: 1}.bytes(), true) // left out
	lost := u.raw(vp8{pictureID: 12, tl0: 11}.bytes(), nil, true)
	u.header.Timestamp += 3000
	// The first packet of a picture that is left out is lost: the others take its id along.
	lostStart := u.raw(vp8{pictureID: 13, tl0: 11, tid: 1}.bytes(), nil, false)
	u.send(at(60), vp8{pictureID: 13, tl0: 11, tid: 1, more: true}.bytes(), true)
	u.header.Timestamp += 3000
	u.send(at(90), vp8{pictureID: 14, tl0: 12}.bytes(), true)
	if got := r.last().Out; got.PictureID != first.PictureID+2 || got.TL0PicIdx != first.TL0PicIdx+2 {
		t.Errorf("after the loss: %+v, first was %+v", got, first)
	}
	u.arrive(at(100), lost)
	if got := r.last().Out; got.Sequence != first.Sequence+1 || got.PictureID != first.PictureID+1 || got.TL0PicIdx != first.TL0PicIdx+1 {
		t.Errorf("late: %+v, first was %+v", got, first)
	}
	u.arrive(at(101), lostStart)
	if got := r.last(); !got.Empty || got.Out.Sequence != first.Sequence+2 {
		t.Errorf("late packet of the other layer: %+v, first was %+v", got.Out, first)
	}
}

// svc sends one picture of three spatial layers, of two packets each.
func (u *up) svc(ms, picture int, key, apart bool) {
	u.header.Timestamp += 3000
	for sid := range 3 {
		for part := range 2 {
			u.send(at(ms), vp9{
				pictureID: picture, sid: sid, inter: !key, below: sid > 0 && (key || !apart), start: part == 0, end: part == 1,
				notForUpper: sid == 2 || apart && !key, bytesOfPayload: 100 << sid,
			}.bytes(), sid == 2 && part == 1)
		}
	}
}

// oneMarker checks that each picture ends with the only marker it has, and in the layer it should.
func (r *rig) oneMarker(want uint8) {
	r.t.Helper()
	for i, s := range r.sent {
		last := i+1 == len(r.sent) || r.sent[i+1].Out.Timestamp != s.Out.Timestamp
		if s.Marker != last {
			r.t.Errorf("packet %d of layer %d: marker %v, is the last of its picture: %v", i, s.Source.Info.Spatial, s.Marker, last)
		}
		if last && s.Source.Info.Spatial != want {
			r.t.Errorf("packet %d: the picture ends with layer %d, want %d", i, s.Source.Info.Spatial, want)
		}
	}
}

// TestT06MarkerEndsTheLayerThatIsSent also looks at the time in which a better or a worse layer is waited for.
func TestT06MarkerEndsTheLayerThatIsSent(t *testing.T) {
	for _, apart := range []bool{false, true} {
		for first := range int8(3) {
			r := newRig(t, media.Video)
			u := r.up(alice, 0, media.VP9, new(rtptime.Publisher))
			r.line.SetTarget(alice, false)
			r.line.SetWanted(media.Layer{Spatial: first, Temporal: 3})
			for picture := range 5 {
				u.svc(33*picture, picture, picture == 0, apart)
			}
			r.oneMarker(uint8(first))
			if len(r.sent) == 0 {
				t.Fatal("nothing was sent")
			}
			r.sent = nil
			r.line.SetWanted(media.TopLayer) // the publisher has fewer layers than are wanted
			for picture := 5; picture < 10; picture++ {
				u.svc(33*picture, picture, false, apart)
			}
			r.oneMarker(uint8(first))
			if len(r.sent) == 0 {
				t.Fatal("nothing was sent while a keyframe is awaited")
			}
			r.sent = nil
			for picture := 10; picture < 15; picture++ {
				u.svc(33*picture, picture, picture == 10, apart)
			}
			r.oneMarker(2)
			r.continuous()
		}
	}
}

// TestT06LateKeyframePacketDoesNotThrowTheLayerDown loses the first packet of a keyframe, which comes again after the
// others.
func TestT06LateKeyframePacketDoesNotThrowTheLayerDown(t *testing.T) {
	r := newRig(t, media.Video)
	u := r.up(alice, 0, media.VP9, new(rtptime.Publisher))
	r.line.SetTarget(alice, false)
	for picture := range 3 {
		u.svc(33*picture, picture, picture == 0, false)
	}
	u.header.Timestamp += 3000
	lost := u.raw(vp9{pictureID: 3, start: true}.bytes(), nil, false)
	for sid := range 3 {
		u.send(at(99), vp9{pictureID: 3, sid: sid, below: sid > 0, start: sid > 0, end: true, notForUpper: sid == 2}.bytes(), sid == 2)
	}
	if !u.arrive(at(120), lost) {
		t.Fatal("the keyframe's first packet was not sent")
	}
	if got := r.line.Layer().Spatial; got != 2 {
		t.Errorf("layer %d is sent after it, want 2", got)
	}
	if _, needed := r.line.NeedsKeyframe(2); needed {
		t.Error("another keyframe is asked for")
	}
	before := len(r.sent)
	u.svc(132, 4, false, false)
	if got := len(r.sent) - before; got != 6 {
		t.Errorf("%d packets of the next picture were sent, want 6", got)
	}
}

// TestT07KSVCSendsTheTopLayerOnly counts bytes: 28 % of each picture would be for nothing.
func TestT07KSVCSendsTheTopLayerOnly(t *testing.T) {
	r := newRig(t, media.Video)
	u := r.up(alice, 0, media.VP9, new(rtptime.Publisher))
	r.line.SetTarget(alice, false)
	u.svc(0, 0, true, true)
	if len(r.sent) != 6 {
		t.Fatalf("%d packets of the keyframe were sent, want 6", len(r.sent))
	}
	r.sent = nil
	for picture := 1; picture < 30; picture++ {
		u.svc(33*picture, picture, false, true)
	}
	payload := 0
	for _, s := range r.sent {
		payload += len(s.payload)
	}
	if limit := 29 * 2 * (400 + 10); payload > limit || len(r.sent) != 29*2 {
		t.Errorf("%d packets, %d bytes between keyframes; want %d, at most %d", len(r.sent), payload, 29*2, limit)
	}
	r.continuous()
	r.oneMarker(2)
}

// TestT08EncodingDecidesTheLayerOfSimulcast: in VP9 simulcast each encoding calls itself layer 0.
func TestT08EncodingDecidesTheLayerOfSimulcast(t *testing.T) {
	r := newRig(t, media.Video)
	clock := new(rtptime.Publisher)
	var ups []*up
	for encoding := range int8(3) {
		u := r.up(alice, encoding, media.VP9, clock)
		u.header.Timestamp += uint32(encoding) * 77_777
		ups = append(ups, u)
	}
	r.line.SetTarget(alice, true)
	keyframes := 0
	for picture := range 300 {
		if picture%100 == 0 {
			r.line.SetWanted(media.Layer{Spatial: []int8{2, 0, 1}[picture/100], Temporal: 3})
		}
		encoding, needed := r.line.NeedsKeyframe(2)
		if needed {
			keyframes++
		}
		for i, u := range ups {
			u.header.Timestamp += 3000
			u.send(at(33*picture), vp9{pictureID: picture, inter: !needed || int8(i) != encoding, start: true, end: true}.bytes(), true)
		}
		if want := []int8{2, 0, 1}[picture/100]; r.last().Source.Encoding != want {
			t.Fatalf("picture %d is of encoding %d, want %d", picture, r.last().Source.Encoding, want)
		}
	}
	// Going up, one picture is sent in both sizes, since the smaller came first.
	if r.switches != 3 || keyframes != 3 || len(r.sent) != 301 {
		t.Errorf("%d switches, %d keyframes, %d packets; want 3, 3, 301", r.switches, keyframes, len(r.sent))
	}
	r.continuous()
	for i := 1; i < len(r.sent); i++ {
		if a, b := r.sent[i-1].Out.PictureID, r.sent[i].Out.PictureID; b != (a+1)&0x7FFF {
			t.Fatalf("picture id %d after %d", b, a)
		}
	}
}

// TestT08VP9NumbersRunOn checks what is written into the payload when the occupant changes.
func TestT08VP9NumbersRunOn(t *testing.T) {
	r := newRig(t, media.Video)
	clock := new(rtptime.Publisher)
	a, b := r.up(alice, 0, media.VP9, clock), r.up(ben, 0, media.VP9, clock)
	r.line.SetTarget(alice, false)
	for picture := range 3 {
		a.header.Timestamp += 3000
		a.send(at(33*picture), vp9{pictureID: 32_766 + picture, tl0: 254 + picture, nonFlexible: true, inter: picture > 0, start: true, end: true}.bytes(), true)
	}
	before, err := codec.ParseVP9(r.last().payload)
	if err != nil {
		t.Fatal(err)
	}
	r.line.SetTarget(ben, false)
	for picture := range 3 {
		b.header.Timestamp += 3000
		b.send(at(100+33*picture), vp9{pictureID: 5 + picture, tl0: 99 + picture, nonFlexible: true, inter: picture > 0, start: true, end: true}.bytes(), true)
		d, err := codec.ParseVP9(r.last().payload)
		if err != nil {
			t.Fatal(err)
		}
		if want := (before.PictureID + 1 + uint16(picture)) & 0x7FFF; d.PictureID != want {
			t.Errorf("picture id %d, want %d", d.PictureID, want)
		}
		if want := before.TL0PicIdx + 1 + uint8(picture); d.TL0PicIdx != want {
			t.Errorf("TL0PICIDX %d, want %d", d.TL0PicIdx, want)
		}
	}
}

// l2t2Key is the dependency descriptor of the first frame of a stream with two spatial and two temporal layers, whose
// spatial layers do not depend on each other between keyframes. Its frame number is 100.
var l2t2Key, _ = hex.DecodeString("fc00648783187aaa0100a0a014d1413451802190888a19409fc059c13fc0b3c0")

// described is a frame of that stream that names its template only.
func described(template byte, frame uint16) []byte {
	return []byte{0xC0 | template, byte(frame >> 8), byte(frame)}
}

// picture of two layers, each one packet of AV1. Even ones are of temporal layer 0.
func (u *up) described(ms, number int, frame uint16, structure bool) (lower, upper []byte) {
	u.header.Timestamp += 3000
	templates := [2]byte{61, 0}
	if number%2 == 1 {
		templates = [2]byte{62, 1}
	}
	dd := described(templates[0], frame)
	if structure {
		templates[1] = 63
		dd = bytes.Clone(l2t2Key)
		dd[1], dd[2] = byte(frame>>8), byte(frame)
	}
	payload := []byte{0x10, 6 << 3, 0}
	if structure {
		payload[0] |= 0x08
	}
	return u.raw(payload, dd, false), u.raw([]byte{0x10, 6 << 3, 0}, described(templates[1], frame+1), true)
}

// TestT09DescriptorsSuitTheSubscriber plays AV1 with frame numbers that wrap: each subscriber is told the decode targets that
// it gets, whenever that changes, and a packet that is sent again is the same to the bit.
func TestT09DescriptorsSuitTheSubscriber(t *testing.T) {
	r := newRig(t, media.Video)
	u := r.up(alice, 0, media.AV1, new(rtptime.Publisher))
	r.line.SetTarget(alice, false)
	r.line.SetWanted(media.Layer{Spatial: 0, Temporal: 3})
	var reader codec.DescriptorReader
	frame := uint16(65_530)
	play := func(number int, structure bool) {
		lower, upper := u.described(number, number, frame, structure)
		u.arrive(at(33*number), lower)
		u.arrive(at(33*number), upper)
		frame += 2
	}
	play(0, false) // a late joiner: nothing before the structure
	if len(r.sent) != 0 {
		t.Fatal("sent a frame without its structure")
	}
	var masks []uint32
	read := func(from int) {
		t.Helper()
		for _, s := range r.sent[from:] {
			var d codec.Descriptor
			if err := reader.Read(s.descriptor, &d); err != nil {
				t.Fatalf("the subscriber cannot read %x: %v", s.descriptor, err)
			}
			if d.FrameNumber != s.Out.FrameNumber {
				t.Fatalf("frame number %d, want %d", d.FrameNumber, s.Out.FrameNumber)
			}
			if s.HasActive {
				masks = append(masks, s.Active)
				if reader.ActiveTargets() != s.Active {
					t.Fatalf("read the mask %b, want %b", reader.ActiveTargets(), s.Active)
				}
			}
		}
	}
	play(0, true)
	for number := 1; number < 6; number++ {
		play(number, false)
	}
	read(0)
	r.continuous()
	if len(masks) != 1 || masks[0] != 0b0011 || len(r.sent) != 6 {
		t.Fatalf("told %v with %d packets, want the two targets of the lower layer with 6", masks, len(r.sent))
	}
	for i := 1; i < len(r.sent); i++ {
		if a, b := r.sent[i-1].Out.FrameNumber, r.sent[i].Out.FrameNumber; b-a != 2 { // as they came: references count in them
			t.Errorf("frame number %d after %d", b, a)
		}
	}
	r.line.SetWanted(media.TopLayer)
	from := len(r.sent)
	play(6, true)
	play(7, false)
	read(from)
	if len(masks) < 2 || masks[1] != 0b1111 {
		t.Fatalf("told %v after going up, want all targets", masks)
	}
	from = len(r.sent)
	r.line.SetWanted(media.Layer{Spatial: 1, Temporal: 0})
	play(8, false)
	play(9, false)
	read(from)
	if last := masks[len(masks)-1]; last != 0b0101 {
		t.Errorf("told %04b after leaving the upper temporal layer out, want 0101", last)
	}
	for _, was := range r.sent {
		again, ok := r.nack(at(5000), was.Out.Sequence)
		if !ok {
			t.Fatalf("packet %d is not sent again", was.Out.Sequence)
		}
		if !bytes.Equal(again.descriptor, was.descriptor) || again.Marker != was.Marker {
			t.Errorf("packet %d was sent with the descriptor %x, again with %x", was.Out.Sequence, was.descriptor, again.descriptor)
		}
	}
}

// TestT10NobodyIsLetInWithoutParameterSets: the first picture of H.264 must bring its SPS.
func TestT10NobodyIsLetInWithoutParameterSets(t *testing.T) {
	sps, pps, idr := []byte{0x67, 0x42, 0xC0, 0x1E, 0xDA, 0x02}, []byte{0x68, 0xCB, 0x83, 0xCB}, []byte{0x65, 0x88, 0x84, 0x09}
	stap := []byte{0x78, 0, byte(len(sps))}
	stap = append(append(append(stap, sps...), 0, byte(len(pps))), pps...)
	for name, c := range map[string]struct {
		packets [][]byte
		sent    int
	}{
		"IDR alone":                {[][]byte{idr}, 0},
		"PPS and IDR":              {[][]byte{pps, idr}, 0},
		"SPS, PPS, IDR":            {[][]byte{sps, pps, idr}, 3},
		"STAP-A, IDR":              {[][]byte{stap, idr}, 2},
		"STAP-A, IDR in fragments": {[][]byte{stap, {0x7C, 0x85, 0x88}, {0x7C, 0x45, 0x84}}, 3},
		"SPS in a fragment":        {[][]byte{{0x7C, 0x87, 0x42}, {0x7C, 0x47, 0xC0}, pps, idr}, 4},
		"delta":                    {[][]byte{{0x41, 0x9A, 0x38}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, media.Video)
			u := r.up(alice, 0, media.H264, new(rtptime.Publisher))
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
		})
	}
}

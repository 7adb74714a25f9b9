package layer_test

import (
	"testing"

	"hiroba/sfu/layer"
	"hiroba/sfu/media"
)

// play feeds packets and returns what was sent, as a list of the indices of packets that were forwarded.
func play(s *layer.Selector, packets []layer.Packet) (sent []int, markers int) {
	for i, p := range packets {
		if d, marker := s.Select(p); d != layer.Leave {
			sent = append(sent, i)
			if marker {
				markers++
			}
		}
	}
	return sent, markers
}

func equal(t *testing.T, got []int, want ...int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("sent %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("sent %v, want %v", got, want)
		}
	}
}

// frame is a frame of one packet of an encoding.
func frame(encoding, temporal int8, key bool) layer.Packet {
	return layer.Packet{Encoding: encoding, Temporal: temporal, Start: true, End: true, Keyframe: key, Intra: key, SwitchUp: true, Marker: true}
}

func TestSelectorOfSimulcastWaitsForTheKeyframeOfTheBetterEncoding(t *testing.T) {
	s := layer.New(true)
	s.SetWanted(media.Layer{Spatial: 2, Temporal: 3})
	sent, _ := play(&s, []layer.Packet{
		frame(0, 0, false), // 0: nothing can start here
		frame(0, 0, true),  // 1: better than nothing
		frame(1, 0, false),
		frame(2, 0, false),
		frame(0, 0, false), // 4
		frame(2, 0, true),  // 5: what is wanted
		frame(0, 0, false),
		frame(1, 0, true),  // not nearer
		frame(2, 0, false), // 8
	})
	equal(t, sent, 1, 4, 5, 8)
	if _, needed := s.NeedsKeyframe(2); needed {
		t.Error("needs a keyframe although the wanted encoding is sent")
	}
	s.SetWanted(media.Layer{Spatial: 0, Temporal: 3})
	if encoding, needed := s.NeedsKeyframe(2); !needed || encoding != 0 {
		t.Errorf("needs a keyframe of %d %v, want of 0", encoding, needed)
	}
	sent, _ = play(&s, []layer.Packet{frame(2, 0, false), frame(0, 0, false), frame(0, 0, true), frame(2, 0, false)})
	equal(t, sent, 0, 2)
}

func TestSelectorLeavesUpperTemporalLayersOut(t *testing.T) {
	s := layer.New(true)
	s.SetWanted(media.Layer{Spatial: 0, Temporal: 1})
	noSwitch := frame(0, 2, false)
	noSwitch.SwitchUp = false
	sent, _ := play(&s, []layer.Packet{
		frame(0, 0, true), frame(0, 2, false), frame(0, 1, false), frame(0, 2, false), frame(0, 0, false),
	})
	equal(t, sent, 0, 2, 4)
	s.SetWanted(media.Layer{Spatial: 0, Temporal: 2})
	sent, _ = play(&s, []layer.Packet{noSwitch, frame(0, 1, false), frame(0, 2, false), noSwitch})
	equal(t, sent, 1, 2, 3)
	s.SetWanted(media.Layer{})
	sent, _ = play(&s, []layer.Packet{frame(0, 1, false), frame(0, 0, false)})
	equal(t, sent, 1)
}

// picture is one instant of an SVC stream with three spatial layers of one packet each.
func picture(key, apart bool) []layer.Packet {
	var packets []layer.Packet
	for spatial := range int8(3) {
		packets = append(packets, layer.Packet{
			Spatial: spatial, Start: true, End: true, Keyframe: key && spatial == 0, Intra: key, SwitchUp: true,
			NotForUpper: apart && !key && spatial < 2, Marker: spatial == 2,
		})
	}
	return packets
}

func stream(pictures ...[]layer.Packet) []layer.Packet {
	var all []layer.Packet
	for _, p := range pictures {
		all = append(all, p...)
	}
	return all
}

func TestSelectorOfSVCMarksTheEndOfWhatItSends(t *testing.T) {
	for wanted := range int8(3) {
		s := layer.New(false)
		s.SetWanted(media.Layer{Spatial: wanted, Temporal: 3})
		sent, markers := play(&s, stream(picture(true, false), picture(false, false), picture(false, false)))
		if want := 3 * (int(wanted) + 1); len(sent) != want || markers != 3 {
			t.Errorf("up to layer %d: sent %v with %d markers, want %d packets and 3 markers", wanted, sent, markers, want)
		}
	}
}

// TestSelectorOfKSVCLeavesLowerLayersOut is trap T7: between keyframes the lower layers are of no use.
func TestSelectorOfKSVCLeavesLowerLayersOut(t *testing.T) {
	s := layer.New(false)
	sent, markers := play(&s, stream(picture(true, true), picture(false, true), picture(false, true)))
	equal(t, sent, 0, 1, 2, 5, 8)
	if markers != 3 {
		t.Errorf("%d markers, want 3", markers)
	}
	s.SetWanted(media.Layer{Spatial: 1, Temporal: 3})
	if _, needed := s.NeedsKeyframe(2); !needed {
		t.Error("going down needs a keyframe, since layer 1 has not been sent")
	}
	sent, _ = play(&s, stream(picture(false, true), picture(true, true), picture(false, true)))
	equal(t, sent, 2, 3, 4, 7)
}

func TestSelectorOfSVCGoesDownAtOnceAndUpAtAKeyframe(t *testing.T) {
	s := layer.New(false)
	play(&s, picture(true, false))
	s.SetWanted(media.Layer{Spatial: 0, Temporal: 3})
	sent, _ := play(&s, picture(false, false))
	equal(t, sent, 0)
	s.SetWanted(media.Layer{Spatial: 2, Temporal: 3})
	if _, needed := s.NeedsKeyframe(2); !needed {
		t.Error("going up needs a keyframe")
	}
	sent, _ = play(&s, stream(picture(false, false), picture(true, false)))
	equal(t, sent, 0, 3, 4, 5)
}

// TestSelectorOfKSVCNoticesThatTheTopLayerVanished: the publisher stopped it, and what is below was never sent.
func TestSelectorOfKSVCNoticesThatTheTopLayerVanished(t *testing.T) {
	s := layer.New(false)
	play(&s, stream(picture(true, true), picture(false, true)))
	shorter := picture(false, true)[:2]
	shorter[1].Marker = true
	for range 4 {
		if _, needed := s.NeedsKeyframe(2); needed {
			t.Error("asks for a keyframe too soon")
		}
		play(&s, shorter)
	}
	if _, needed := s.NeedsKeyframe(1); !needed {
		t.Error("no keyframe is asked for, the picture would stand still")
	}
}

// TestSelectorOfKSVCBearsPicturesWithoutTheirTopLayer: encoders leave it out where the picture would be too large, most of
// all after a keyframe. To ask for another then makes it worse.
func TestSelectorOfKSVCBearsPicturesWithoutTheirTopLayer(t *testing.T) {
	s := layer.New(false)
	play(&s, picture(true, true))
	shorter := picture(false, true)[:2]
	shorter[1].Marker = true
	for range 10 {
		sent, _ := play(&s, stream(shorter, shorter, shorter))
		equal(t, sent)
		sent, markers := play(&s, picture(false, true))
		equal(t, sent, 2)
		if _, needed := s.NeedsKeyframe(2); needed || markers != 1 {
			t.Errorf("keyframe asked for: %v; %d markers, want 1", needed, markers)
		}
	}
}

// TestSelectorOfSVCAsksForNothingWithinAKeyframe: the upper layers of a keyframe come after the lowest.
func TestSelectorOfSVCAsksForNothingWithinAKeyframe(t *testing.T) {
	s := layer.New(false)
	key := picture(true, false)
	for range 2 {
		play(&s, key[:1])
		if _, needed := s.NeedsKeyframe(2); needed {
			t.Error("asks for a keyframe while one comes in")
		}
		play(&s, key[1:])
	}
	play(&s, key[:2]) // the highest layer is lost
	play(&s, picture(false, false)[:1])
	if _, needed := s.NeedsKeyframe(2); !needed {
		t.Error("asks for no keyframe after one came in part")
	}
}

// TestSelectorOfSVCGoesUpThoughTheStartOfALayerIsLost: it comes again, and the picture needs its end.
func TestSelectorOfSVCGoesUpThoughTheStartOfALayerIsLost(t *testing.T) {
	s := layer.New(false)
	key := picture(true, false)
	rest := key[2]
	rest.Start = false
	sent, markers := play(&s, []layer.Packet{key[0], rest}) // all of layer 1, and the start of layer 2
	equal(t, sent, 0, 1)
	if markers != 1 {
		t.Errorf("%d markers, want 1", markers)
	}
	if d, _ := s.SelectLate(key[1]); d != layer.Forward {
		t.Error("the lost layer is left out when it comes")
	}
	if _, needed := s.NeedsKeyframe(2); needed {
		t.Error("asks for a keyframe although all of one is on its way")
	}
}

// TestSelectorOfSVCSendsWhatIsLeftWhenTheTopLayerVanishes: what is now the highest layer is for no upper one.
func TestSelectorOfSVCSendsWhatIsLeftWhenTheTopLayerVanishes(t *testing.T) {
	s := layer.New(false)
	play(&s, stream(picture(true, false), picture(false, false)))
	shorter := picture(false, false)[:2]
	shorter[1].Marker, shorter[1].NotForUpper = true, true
	sent, markers := play(&s, stream(shorter, shorter))
	equal(t, sent, 0, 1, 2, 3)
	if markers != 2 {
		t.Errorf("%d markers, want 2", markers)
	}
}

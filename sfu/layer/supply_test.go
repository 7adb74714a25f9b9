package layer

import (
	"testing"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/packet"
)

// TestSpatialLayersStayWithinAKeyframe: while the layers of a keyframe come in, the highest must not seem to be gone, or seats
// would change their minds and ask for another keyframe.
func TestSpatialLayersStayWithinAKeyframe(t *testing.T) {
	s := NewSupply(1)
	handle := func(spatial uint8, key, start, marker bool, want int) {
		t.Helper()
		s.HandleRTP(time.Unix(1, 0), &packet.Packet{
			Header: packet.Header{Marker: marker},
			Info:   codec.Info{Spatial: spatial, Keyframe: key, StartOfFrame: start},
		})
		if got := s.Encoding(0).Spatial; got != want {
			t.Errorf("layer %d, keyframe %v, marker %v: %d layers, want %d", spatial, key, marker, got, want)
		}
	}
	handle(0, true, true, false, 1) // the first: nothing is known
	handle(1, false, true, false, 2)
	handle(2, false, true, true, 3)
	handle(0, true, true, false, 3)
	handle(1, false, true, false, 3)
	handle(2, false, true, true, 3)
	handle(0, true, true, false, 3) // from now on two
	handle(0, false, false, false, 3)
	handle(1, false, true, true, 2)
	handle(0, true, true, false, 2) // the end is lost
	handle(0, false, true, false, 1)
	handle(1, false, true, true, 2)
}

// TestT26RarePicturesKeepTheirEncodings plays a shared screen with a picture each five seconds: in the moment in which only
// the lowest encoding has the next one, the others must not seem to be gone. When they are, it is noticed.
func TestT26RarePicturesKeepTheirEncodings(t *testing.T) {
	for _, interval := range []time.Duration{33 * time.Millisecond, 5 * time.Second} {
		s := NewSupply(3)
		now := time.Unix(1, 0)
		play := func(pictures, encodings int, want int8) {
			t.Helper()
			for range pictures {
				for i := range encodings {
					now = now.Add(5 * time.Millisecond)
					s.HandleRTP(now, &packet.Packet{Encoding: int8(i), Header: packet.Header{Marker: true}})
					if got := s.Best(); want >= 0 && got != want {
						t.Fatalf("each %v, after a picture of encoding %d: the best is %d, want %d", interval, i, got, want)
					}
				}
				now = now.Add(interval - time.Duration(encodings)*5*time.Millisecond)
			}
		}
		play(1, 3, -1)
		play(20, 3, 2)
		play(20, 2, -1) // the highest goes to sleep
		play(1, 2, 1)
		play(1, 3, -1)
		play(1, 3, 2)
	}
}

// TestT26StillPicturesAreAskedForKeyframes: of a track of which nothing came for long a new viewer still wants one. A
// sleeping encoding of a track that goes on is left alone.
func TestT26StillPicturesAreAskedForKeyframes(t *testing.T) {
	now := time.Unix(100, 0)
	s := NewSupply(3)
	came := func(ago time.Duration, encoding int8) {
		s.HandleRTP(now.Add(-ago), &packet.Packet{Encoding: encoding, Header: packet.Header{Marker: true}})
	}
	if !s.Asleep(now, 0) {
		t.Error("what never came is asked for")
	}
	came(4*time.Second, 0)
	came(4*time.Second, 2)
	if s.Asleep(now, 0) {
		t.Error("a still picture counts as asleep")
	}
	came(10*time.Millisecond, 0)
	if s.Asleep(now, 0) || !s.Asleep(now, 2) || !s.Asleep(now, 1) {
		t.Error("of a moving picture only what stopped is asleep")
	}
}

package sfu

import (
	"testing"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/packet"
)

// TestSpatialLayersStayWithinAKeyframe: while the layers of a keyframe come in, the highest must not seem to be gone, or seats
// would change their minds and ask for another keyframe.
func TestSpatialLayersStayWithinAKeyframe(t *testing.T) {
	var e encodingInfo
	handle := func(spatial uint8, key, start, marker bool, want int32) {
		t.Helper()
		e.handle(time.Unix(1, 0), &packet.Packet{
			Header: packet.Header{Marker: marker},
			Info:   codec.Info{Spatial: spatial, Keyframe: key, StartOfFrame: start},
		})
		if got := e.spatial.Load(); got != want {
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

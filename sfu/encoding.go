package sfu

import (
	"sync/atomic"
	"time"

	"hiroba/sfu/layer"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// encodingInfo is what is known of one encoding of an up track. One ingress loop writes it, shards read it.
type encodingInfo struct {
	// size is width << 16 | height of the picture, in pixels; 0 while it is not known.
	size atomic.Uint32
	// newest is when the newest packet came, to noteInterval, in Unix nanoseconds.
	newest atomic.Int64
	// spatial is the highest spatial layer in the stream's payload, plus 1.
	spatial atomic.Int32

	// frames counts the pictures of this encoding, in the lowest one; seen is that count when the newest packet of this
	// encoding came.
	frames, seen atomic.Uint32

	// rising is the same within a keyframe, whose layers come one after the other, 0 outside. Owned by the ingress loop.
	rising int32
}

// handle notes a packet. Lowest is the lowest encoding of the track, which is the last to be put to sleep.
func (e *encodingInfo) handle(now time.Time, p *packet.Packet, lowest *encodingInfo) {
	// Writing an atomic costs much more than reading one.
	if at := now.UnixNano(); at-e.newest.Load() >= int64(noteInterval) {
		e.newest.Store(at)
	}
	if e == lowest && p.Header.Marker {
		e.frames.Add(1)
	}
	if frames := lowest.frames.Load(); e.seen.Load() != frames {
		e.seen.Store(frames)
	}
	if w, h := p.Info.Width, p.Info.Height; w != 0 {
		if size := uint32(w)<<16 | uint32(h); e.size.Load() != size {
			e.size.Store(size)
		}
	}
	spatial := int32(p.Info.Spatial) + 1
	switch {
	case p.Info.Keyframe:
		e.rising = 1 // the layers above follow
	case e.rising != 0 && p.Info.StartOfFrame && spatial == 1: // the end of the keyframe was lost
		e.spatial.Store(e.rising)
		e.rising = 0
	}
	if e.rising != 0 {
		e.rising = max(e.rising, spatial)
		if p.Header.Marker {
			e.spatial.Store(e.rising)
			e.rising = 0
		}
	}
	if spatial > e.spatial.Load() {
		e.spatial.Store(spatial)
	}
}

// asleepAfter and asleepFrames are how far an encoding may be behind the others before it counts as asleep: by time and by
// pictures. Encodings of a picture that stands still, such as a shared screen, are slow together, and the lowest comes
// first.
const (
	asleepAfter  = 600 * time.Millisecond
	asleepFrames = 3
)

// best is the highest spatial layer that the publisher sends now; 0 also while it sends none.
func (t *UpTrack) best() int8 {
	if !t.simulcast() {
		return int8(max(t.encodings[0].spatial.Load()-1, 0)) //nolint:gosec // up to MaxSpatial
	}
	var newest int64
	for i := range t.rids {
		newest = max(newest, t.encodings[i].newest.Load())
	}
	for i := len(t.rids) - 1; i > 0; i-- {
		e := &t.encodings[i]
		behind := t.encodings[0].frames.Load() - e.seen.Load()
		if came := e.newest.Load(); came != 0 && (newest-came < int64(asleepAfter) || behind < asleepFrames) {
			return int8(i) //nolint:gosec // up to MaxSpatial
		}
	}
	return 0
}

// wanted is the layer of which a subscriber gets enough for a tile of this height, in pixels; 0 is the best there is.
func (t *UpTrack) wanted(tileHeight int) media.Layer {
	if tileHeight <= 0 {
		return media.TopLayer
	}
	var heights [media.MaxSpatial + 1]int
	var n int
	if t.simulcast() {
		n = len(t.rids)
		for i := range n {
			heights[i] = int(t.encodings[i].size.Load() & 0xFFFF)
		}
	} else {
		n = int(max(t.encodings[0].spatial.Load(), 1))
		top := int(t.encodings[0].size.Load() & 0xFFFF)
		for i := range n { // each spatial layer is half of the next
			heights[i] = top >> (n - 1 - i)
		}
	}
	return media.Layer{Spatial: layer.Fit(heights[:n], tileHeight), Temporal: media.MaxTemporal}
}

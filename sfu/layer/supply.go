package layer

import (
	"sync/atomic"
	"time"

	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

const (
	// asleepAfter and asleepFrames are how far an encoding may be behind the others before it counts as asleep: by time and by
	// pictures. Encodings of a picture that stands still, such as a shared screen, are slow together, and the lowest comes
	// first.
	asleepAfter  = 600 * time.Millisecond
	asleepFrames = 3
	// noteInterval is how exactly it is known when the newest packet came.
	noteInterval = 10 * time.Millisecond
	// quietAfter is how long without packets an encoding counts as paused.
	quietAfter = 2 * time.Second
)

// Supply is what the publisher of one track sends now, which subscribers choose from: the other side of Demand. Each
// encoding is written by one goroutine, its ingress loop, and all are read by anybody. Make it with NewSupply.
type Supply struct {
	count     int // encodings
	encodings [media.MaxSpatial + 1]supplied
}

// supplied is what is known of one encoding.
type supplied struct {
	size    atomic.Uint32 // of the picture, width << 16 | height; 0 while it is not known
	newest  atomic.Int64  // when the newest packet came, to noteInterval, in Unix nanoseconds
	spatial atomic.Int32  // the highest spatial layer in the stream's payload, plus 1
	// frames counts the pictures of this encoding, in the lowest one; seen is that count when the newest packet of this
	// encoding came.
	frames, seen atomic.Uint32
	// rising is the same as spatial within a keyframe, whose layers come one after the other, 0 outside. Owned by the writer.
	rising int32
}

// Encoding describes an encoding of a Supply. Its Newest is zero while no packet has come.
type Encoding struct {
	// Width and Height are in pixels; 0 while they are not known.
	Width, Height int
	// Spatial is how many spatial layers there are in the stream.
	Spatial int
	// Newest is when the newest packet came.
	Newest time.Time
}

// NewSupply makes a supply of a track with so many encodings, of which nothing has come. More than one is simulcast.
func NewSupply(encodings int) *Supply { return &Supply{count: max(encodings, 1)} }

// Simulcast reports whether there are several encodings.
func (s *Supply) Simulcast() bool { return s.count > 1 }

// Encoding describes an encoding.
func (s *Supply) Encoding(i int) (e Encoding) {
	size := s.encodings[i].size.Load()
	e.Width, e.Height, e.Spatial = int(size>>16), int(size&0xFFFF), int(s.encodings[i].spatial.Load())
	if newest := s.encodings[i].newest.Load(); newest != 0 {
		e.Newest = time.Unix(0, newest)
	}
	return e
}

// HandleRTP notes a packet.
func (s *Supply) HandleRTP(now time.Time, p *packet.Packet) {
	e, lowest := &s.encodings[p.Encoding], &s.encodings[0] // the lowest is the last to be put to sleep
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

// Best is the highest spatial layer that the publisher sends now; 0 also while it sends none.
func (s *Supply) Best() int8 {
	if !s.Simulcast() {
		return int8(max(s.encodings[0].spatial.Load()-1, 0)) //nolint:gosec // up to MaxSpatial
	}
	var newest int64
	for i := range s.count {
		newest = max(newest, s.encodings[i].newest.Load())
	}
	for i := s.count - 1; i > 0; i-- {
		e := &s.encodings[i]
		behind := s.encodings[0].frames.Load() - e.seen.Load()
		if came := e.newest.Load(); came != 0 && (newest-came < int64(asleepAfter) || behind < asleepFrames) {
			return int8(i) //nolint:gosec // up to MaxSpatial
		}
	}
	return 0
}

// Asleep reports whether an encoding was stopped, while others go on: its encoder is not asked for keyframes. Where nothing
// comes at all the picture may just stand still, and who came since wants to see it.
func (s *Supply) Asleep(now time.Time, encoding int) bool {
	if !s.Quiet(now, encoding) {
		return false
	}
	for i := range s.count {
		if !s.Quiet(now, i) {
			return true
		}
	}
	return s.encodings[encoding].newest.Load() == 0
}

// Quiet reports whether nothing has come of an encoding for a while.
func (s *Supply) Quiet(now time.Time, encoding int) bool {
	return now.UnixNano()-s.encodings[encoding].newest.Load() > int64(quietAfter)
}

// Fit is the layer of which a subscriber gets enough for a tile of this height, in pixels; 0 is the best there is.
func (s *Supply) Fit(tile int) media.Layer {
	if tile <= 0 {
		return media.TopLayer
	}
	var heights [media.MaxSpatial + 1]int
	n := s.count
	if s.Simulcast() {
		for i := range n {
			heights[i] = int(s.encodings[i].size.Load() & 0xFFFF)
		}
	} else {
		n = int(max(s.encodings[0].spatial.Load(), 1))
		top := int(s.encodings[0].size.Load() & 0xFFFF)
		for i := range n { // each spatial layer is half of the next
			heights[i] = top >> (n - 1 - i)
		}
	}
	return media.Layer{Spatial: Fit(heights[:n], tile), Temporal: media.MaxTemporal}
}

package sim

import "slices"

// maxFrames is how many frames wait to be decoded.
const maxFrames = 800

// frameBuffer chooses what to decode next: the first picture of which all frames, and all that they need, are there
// (libwebrtc, FrameBuffer).
type frameBuffer struct {
	frames []*assembled // by id
	// history are the ids that were decoded, newest and shown those of the newest.
	history       map[int64]bool
	newest, shown int64
	any           bool
}

func newFrameBuffer() frameBuffer { return frameBuffer{history: make(map[int64]bool)} }

// insert takes a frame, unless it comes too late.
func (b *frameBuffer) insert(f *assembled) bool {
	if b.any && f.id <= b.newest {
		if !f.jumps || !f.key || f.timestamp <= b.shown {
			return false
		}
		b.reset()
	}
	if len(b.frames) >= maxFrames {
		if !f.key {
			return false
		}
		b.reset()
	}
	at, found := slices.BinarySearchFunc(b.frames, f.id, func(g *assembled, id int64) int { return int(g.id - id) })
	if !found {
		b.frames = slices.Insert(b.frames, at, f)
	}
	return !found
}

func (b *frameBuffer) reset() {
	b.frames = nil
	clear(b.history)
	b.any = false
}

// next is the next picture that can be decoded; nil if there is none. With keyOnly only a keyframe can.
func (b *frameBuffer) next(keyOnly bool) []*assembled {
	for from := 0; from < len(b.frames); {
		to := from + 1
		for to < len(b.frames) && b.frames[to].timestamp == b.frames[from].timestamp && !b.frames[to-1].ends {
			to++
		}
		unit := b.frames[from:to]
		if unit[len(unit)-1].ends && b.decodable(unit) && (unit[0].key || !keyOnly) {
			return slices.Clone(unit)
		}
		from = to
	}
	return nil
}

func (b *frameBuffer) decodable(unit []*assembled) bool {
	for _, f := range unit {
		for _, r := range f.references {
			if !b.history[r] && !slices.ContainsFunc(unit, func(g *assembled) bool { return g.id == r }) {
				return false
			}
		}
	}
	return true
}

// decoded takes a picture out, and all before it.
func (b *frameBuffer) decoded(unit []*assembled) {
	last := unit[len(unit)-1]
	b.frames = slices.DeleteFunc(b.frames, func(f *assembled) bool { return f.id <= last.id })
	for _, f := range unit {
		b.history[f.id] = true
	}
	b.newest, b.shown, b.any = last.id, last.timestamp, true
	if len(b.history) > 2000 {
		for id := range b.history {
			if id < last.id-1000*layersOfID {
				delete(b.history, id)
			}
		}
	}
}

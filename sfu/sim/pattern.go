package sim

// frame is one frame of an encoder: one spatial layer of one picture.
type frame struct {
	// number counts the frames of the stream in the order of decoding, picture its pictures.
	number, picture   int64
	spatial, temporal int
	// key is set in all layers of a picture that depends on none before it.
	key bool
	// inter lists the frames of former pictures that it is predicted from, below the one of the next lower spatial layer of
	// its own picture, -1 if none.
	inter []reference
	below int64
	// last is set for the highest spatial layer of its picture.
	last bool
	// sync says that it depends on temporal layer 0 only; disposable that nothing depends on it.
	sync, disposable bool
	// baseIndex counts the pictures of temporal layer 0.
	baseIndex int64
}

// reference is a former frame of the same spatial layer.
type reference struct{ number, picture int64 }

// pattern makes the frames of an encoder depend on each other as browsers' scalability modes do: LsTt, and with apart
// LsTt_KEY, where spatial layers depend on each other in keyframes only.
type pattern struct {
	spatial, temporal int
	apart             bool

	number, picture, baseIndex int64
	// position is in the cycle of temporal layers.
	position int
	// newest are the newest frames of each spatial and temporal layer, number -1 if none since the keyframe.
	newest [4][4]reference
}

// cycles are the temporal layers of successive pictures.
var cycles = [4][]int{1: {0}, 2: {0, 1}, 3: {0, 2, 1, 2}}

func newPattern(spatial, temporal int, apart bool) *pattern {
	return &pattern{spatial: spatial, temporal: temporal, apart: apart, number: -1, picture: -1, baseIndex: -1}
}

// next makes the frames of the next picture, with so many spatial layers.
func (p *pattern) next(key bool, layers int) []frame {
	if key {
		p.position = 0
		for s := range p.newest {
			for t := range p.newest[s] {
				p.newest[s][t].number = -1
			}
		}
	}
	cycle := cycles[p.temporal]
	temporal := cycle[p.position%len(cycle)]
	odd := p.position%len(cycle) == len(cycle)-1
	p.position++
	p.picture++
	if temporal == 0 {
		p.baseIndex++
	}
	frames := make([]frame, 0, layers)
	for s := range layers {
		p.number++
		f := frame{
			number: p.number, picture: p.picture, spatial: s, temporal: temporal, key: key, below: -1,
			last: s == layers-1, sync: temporal > 0, baseIndex: p.baseIndex,
			disposable: temporal > 0 && temporal == p.temporal-1 && (p.apart || s == layers-1),
		}
		if s > 0 && (key || !p.apart) {
			f.below = p.number - 1
		}
		from := 0
		if temporal == 2 && odd { // the second of the highest layer is predicted from the middle one
			from, f.sync = 1, false
		}
		if r := p.newest[s][from]; !key && r.number >= 0 {
			f.inter = append(f.inter, r)
		}
		frames = append(frames, f)
	}
	for _, f := range frames {
		p.newest[f.spatial][temporal] = reference{f.number, f.picture}
	}
	return frames
}

// references are the frames that f is predicted from, all of them.
func (f *frame) references() []int64 {
	var all []int64
	for _, r := range f.inter {
		all = append(all, r.number)
	}
	if f.below >= 0 {
		all = append(all, f.below)
	}
	return all
}

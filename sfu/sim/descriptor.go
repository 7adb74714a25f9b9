package sim

// structure makes the dependency descriptors of one stream (AV1 RTP specification, appendix A). There is a decode target
// for each pair of layers, a chain for each spatial layer, and a template for each pair of layers; what differs from frame
// to frame is written out.
type structure struct {
	spatial, temporal int
	apart             bool
	width, height     uint16 // of the highest spatial layer

	// chains are the numbers of the newest frame of each chain, -1 before the first.
	chains [4]int64
}

// indications of the specification, appendix A.4.
const (
	notPresent = iota
	discardable
	switchHere
	required
)

// append appends the descriptor of a packet of f. It must be called once for each frame with start set, first.
func (s *structure) append(dst []byte, f *frame, diffs []int, start, end bool) []byte {
	w := bits{b: dst}
	w.flag(start)
	w.flag(end)
	w.put(6, f.spatial*s.temporal+f.temporal)
	w.put(16, int(f.number&0xFFFF))
	attach := start && f.key && f.spatial == 0
	w.flag(attach)
	w.flag(false) // active targets: all, as the structure says
	w.flag(true)  // custom indications
	w.flag(true)  // custom references
	w.flag(true)  // custom chains
	if attach {
		s.put(&w)
	}
	for target := range s.spatial * s.temporal {
		w.put(2, s.indication(f, target/s.temporal, target%s.temporal))
	}
	for _, r := range f.references() {
		distance := int(f.number-r) - 1
		size := 1
		for distance >= 1<<(4*size) {
			size++
		}
		w.put(2, size)
		w.put(4*size, distance)
	}
	w.put(2, 0)
	for _, d := range diffs {
		w.put(8, d)
	}
	return w.b
}

// put writes the template structure.
func (s *structure) put(w *bits) {
	targets := s.spatial * s.temporal
	w.put(6, 0)
	w.put(5, targets-1)
	for t := range targets {
		switch {
		case t == targets-1:
			w.put(2, 3)
		case (t+1)%s.temporal == 0:
			w.put(2, 2)
		default:
			w.put(2, 1)
		}
	}
	for template := range targets {
		f := frame{spatial: template / s.temporal, temporal: template % s.temporal}
		for target := range targets {
			w.put(2, s.indication(&f, target/s.temporal, target%s.temporal))
		}
	}
	for range targets {
		w.put(1, 0) // no references
	}
	w.nonSymmetric(targets+1, s.spatial)
	for target := range targets {
		w.nonSymmetric(s.spatial, target/s.temporal)
	}
	for range targets * s.spatial {
		w.put(4, 0)
	}
	w.flag(true)
	for i := range s.spatial {
		shift := s.spatial - 1 - i
		w.put(16, int(s.width>>shift)-1)
		w.put(16, int(s.height>>shift)-1)
	}
}

// indication says what f means to the decode target of these layers.
func (s *structure) indication(f *frame, spatial, temporal int) int {
	switch {
	case f.spatial > spatial, f.temporal > temporal:
		return notPresent
	case f.key:
		return switchHere
	case f.spatial < spatial && s.apart:
		return notPresent
	case f.spatial < spatial:
		return required
	case f.temporal > 0 && f.temporal == temporal:
		return discardable
	default:
		return switchHere
	}
}

// diffs are the distances of f to the newest frame of each chain, and counts f in.
func (s *structure) diffs(f *frame) []int {
	diffs := make([]int, s.spatial)
	for c := range diffs {
		if f.key && f.spatial == 0 {
			s.chains[c] = -1
		}
		if s.chains[c] >= 0 {
			diffs[c] = int(f.number - s.chains[c])
		}
		if f.temporal == 0 && (f.spatial == c || f.spatial < c && (f.key || !s.apart)) {
			s.chains[c] = f.number
		}
	}
	return diffs
}

// bits appends fields of bits, most significant first.
type bits struct {
	b    []byte
	free int // bits of the last byte
}

func (w *bits) put(n, v int) {
	for n--; n >= 0; n-- {
		if w.free == 0 {
			w.b = append(w.b, 0)
			w.free = 8
		}
		w.free--
		w.b[len(w.b)-1] |= byte(v>>n&1) << w.free
	}
}

func (w *bits) flag(v bool) {
	bit := 0
	if v {
		bit = 1
	}
	w.put(1, bit)
}

// nonSymmetric writes ns(n) (AV1 bitstream specification, section 4.10.7).
func (w *bits) nonSymmetric(n, v int) {
	size := 0
	for x := n; x > 0; x >>= 1 {
		size++
	}
	if few := 1<<size - n; v < few {
		w.put(size-1, v)
	} else {
		w.put(size, v+few)
	}
}

package sim

import (
	"hiroba/sfu/codec"
	"hiroba/sfu/media"
	"hiroba/sfu/seqnum"
)

// finder tells what frames a frame needs, from its descriptors only, as libwebrtc's RtpFrameReferenceFinder does. A
// frame of which that is not known yet waits.
type finder struct {
	descriptors codec.DescriptorReader
	codec       media.Codec
	described   bool
	pictures    seqnum.Counter
	numbers     seqnum.Counter
	vp8         vp8Finder
	waiting     [][]*arrival
	// offset is added to all ids, so that those after a change of codec are higher than those before.
	offset, highest int64
}

// layersOfID spreads picture ids so that there is room for spatial layers between them.
const layersOfID = 8

// handle takes the packets of a frame and gives the frames of which it is now known what they need.
func (f *finder) handle(run []*arrival) []*assembled {
	first := run[0]
	if first.codec != f.codec || first.described != f.described {
		f.codec, f.described = first.codec, first.described
		f.offset = f.highest + 1<<20
		f.pictures, f.numbers, f.vp8 = seqnum.NewCounter(15), seqnum.NewCounter(16), newVP8Finder()
		f.waiting = nil
	}
	done := f.try(run, nil)
	for progress := len(done) > 0; progress; {
		progress = false
		again := f.waiting
		f.waiting = nil
		for _, w := range again {
			before := len(done)
			done = f.try(w, done)
			progress = progress || len(done) > before
		}
	}
	if over := len(f.waiting) - 100; over > 0 {
		f.waiting = f.waiting[over:]
	}
	return done
}

// try appends the frame if it is known what it needs, and else keeps it.
func (f *finder) try(run []*arrival, done []*assembled) []*assembled {
	first, last := run[0], run[len(run)-1]
	frame := &assembled{
		timestamp: first.timestamp, wire: first.wire, last: last.sequence, ends: true, csrc: first.csrc, truth: first.truth,
	}
	for _, p := range run {
		frame.repaired = frame.repaired || p.repaired
	}
	found := handOver
	switch {
	case first.described:
		d := &first.descriptor
		frame.ends = last.marker
		frame.id = f.numbers.Extend(uint32(d.FrameNumber))
		frame.key = d.HasStructure
		for _, distance := range d.References[:d.ReferenceCount] {
			frame.references = append(frame.references, frame.id-int64(distance))
		}
	case first.codec == media.VP8 && first.vp8.HasTL0PicIdx:
		frame.jumps = true
		frame.key = first.vp8.Keyframe
		found = f.vp8.find(&first.vp8, f.pictures.Extend(uint32(first.vp8.PictureID)), frame)
	case first.codec == media.VP8:
		frame.jumps = true
		frame.key = first.vp8.Keyframe
		frame.id = f.pictures.Extend(uint32(first.vp8.PictureID))
		if !frame.key {
			frame.references = []int64{frame.id - 1}
		}
	default:
		d := &first.vp9
		frame.jumps = true
		frame.ends = last.marker
		frame.key = !d.InterPicture
		picture := f.pictures.Extend(uint32(d.PictureID))
		frame.id = picture*layersOfID + int64(d.SID)
		for _, distance := range d.References[:d.ReferenceCount] {
			frame.references = append(frame.references, frame.id-layersOfID*int64(distance))
		}
		if d.InterLayer {
			frame.references = append(frame.references, frame.id-1)
		}
	}
	switch found {
	case handOver:
		frame.id += f.offset
		for i := range frame.references {
			frame.references[i] += f.offset
		}
		f.highest = max(f.highest, frame.id)
		return append(done, frame)
	case stash:
		f.waiting = append(f.waiting, run)
	case drop:
	}
	return done
}

// outcome is what becomes of a frame.
type outcome uint8

const (
	handOver outcome = iota
	stash
	drop
)

// vp8Finder is for VP8 with temporal layers: the references follow from the picture id and TL0PICIDX (libwebrtc,
// RtpVp8RefFinder).
type vp8Finder struct {
	base    seqnum.Counter // TL0PICIDX
	last    int64
	started bool
	// missing are picture ids between those that came.
	missing map[int64]bool
	// newest are, for each TL0PICIDX, the newest pictures of each temporal layer; -1 for none.
	newest map[int64][4]int64
}

func newVP8Finder() vp8Finder {
	return vp8Finder{base: seqnum.NewCounter(8), missing: make(map[int64]bool), newest: make(map[int64][4]int64)}
}

func (v *vp8Finder) find(d *codec.VP8, id int64, frame *assembled) outcome {
	frame.id = id
	if !v.started {
		v.started, v.last = true, id
	}
	for ; v.last < id; v.last++ {
		v.missing[v.last+1] = true
	}
	for n := range v.missing {
		if n < id-100 {
			delete(v.missing, n)
		}
	}
	base := v.base.Extend(uint32(d.TL0PicIdx))
	for n := range v.newest {
		if n < base-50 {
			delete(v.newest, n)
		}
	}
	if d.Keyframe {
		v.newest[base] = [4]int64{-1, -1, -1, -1}
		v.update(id, base, 0)
		return handOver
	}
	from := base
	if d.TID == 0 {
		from--
	}
	layers, known := v.newest[from]
	if !known {
		return stash
	}
	if d.TID == 0 {
		v.newest[base] = layers
		frame.references = []int64{layers[0]}
		v.update(id, base, 0)
		return handOver
	}
	if d.LayerSync {
		frame.references = []int64{layers[0]}
		v.update(id, base, d.TID)
		return handOver
	}
	for _, newest := range layers[:d.TID+1] {
		if newest < 0 {
			return drop
		}
		if newest > id {
			return drop
		}
		for n := range v.missing {
			if n > newest && n < id {
				return stash // it may be what this one is predicted from
			}
		}
		frame.references = append(frame.references, newest)
	}
	v.update(id, base, d.TID)
	return handOver
}

func (v *vp8Finder) update(id, base int64, temporal uint8) {
	for ; ; base++ {
		layers, ok := v.newest[base]
		if !ok || layers[temporal] > id {
			break
		}
		layers[temporal] = id
		v.newest[base] = layers
	}
	delete(v.missing, id)
}

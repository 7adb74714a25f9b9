package codec

// seenFrames is how many frames of a stream are remembered: more than lie between a frame and what it depends on.
const seenFrames = 64

// switchPoints finds the frames at which a receiver can go up to their temporal layer: those that depend on lower
// temporal layers only. The indication Switch alone does not tell. It mostly stands on a frame of a lower layer, and
// says that all that follows can be decoded, so that the frames of the highest layer do not carry it.
type switchPoints struct {
	frames [seenFrames]seenFrame
}

type seenFrame struct {
	number            int64 // extended
	spatial, temporal uint8
	switchUp          bool
	seen              bool
}

// at tells whether the frame of d, whose extended frame number is number, is such a point. In doubt it is not: when
// something that the frame depends on has not been seen.
func (p *switchPoints) at(number int64, d *Descriptor, s *Structure) bool {
	frame := seenFrame{number: number, spatial: d.Spatial, temporal: d.Temporal, seen: true}
	target, exists := s.FindTarget(d.Spatial, d.Temporal)
	frame.switchUp = d.HasStructure || exists && d.Indication(target) == Switch || p.onlyLower(frame, d)
	if old := p.slot(number); !old.seen || old.number <= number {
		*old = frame
	}
	return frame.switchUp
}

// onlyLower reports whether all that the frame depends on is of a lower temporal layer, or is a lower spatial layer of
// the same picture for which this is true.
func (p *switchPoints) onlyLower(frame seenFrame, d *Descriptor) bool {
	for _, distance := range d.References[:d.ReferenceCount] {
		number := frame.number - int64(distance)
		reference := p.slot(number)
		if !reference.seen || reference.number != number {
			return false
		}
		if reference.temporal >= frame.temporal && !(d.inPicture(distance) && reference.switchUp) {
			return false
		}
	}
	return true
}

func (p *switchPoints) slot(number int64) *seenFrame { return &p.frames[number&(seenFrames-1)] }

// inPicture reports whether the frame so many numbers before belongs to the same picture. Frames of one picture follow
// each other, the lowest spatial layer first.
func (d *Descriptor) inPicture(distance uint16) bool { return distance <= uint16(d.Spatial) }

// Intra reports whether the frame depends on its own picture at most.
func (d *Descriptor) Intra() bool {
	for _, distance := range d.References[:d.ReferenceCount] {
		if !d.inPicture(distance) {
			return false
		}
	}
	return true
}

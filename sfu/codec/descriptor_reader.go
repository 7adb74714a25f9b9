package codec

import (
	"errors"

	"hiroba/sfu/seqnum"
)

// ErrNoStructure is a dependency descriptor whose template structure has not been seen: the first packet of the
// keyframe is missing, or the frame is older than the newest keyframe. Only the head of such a descriptor is known.
var ErrNoStructure = errors.New("dependency descriptor without template structure")

// Descriptor is a whole dependency descriptor (AV1 RTP specification, appendix A). It holds no pointers.
type Descriptor struct {
	DescriptorHead

	// Spatial and Temporal are the layers of the frame.
	Spatial, Temporal uint8
	// Width and Height are the size of the frame's spatial layer in pixels, 0 when the structure does not say.
	Width, Height uint16
	// PictureWidth and PictureHeight are the size of the highest spatial layer in pixels, 0 as above.
	PictureWidth, PictureHeight uint16
	// SwitchUp says that who received all lower temporal layers can begin to receive this one with this frame.
	SwitchUp bool
	// HasActiveTargets says that the packet says which decode targets are active: always with a structure, and when
	// they change. ActiveTargets are those valid from this frame on, a bit for each, the first target lowest.
	HasActiveTargets bool
	ActiveTargets    uint32
	// References are the distances in frame numbers to the frames that this one depends on.
	References     [maxReferences]uint16
	ReferenceCount uint8
	// ChainDiffs are the distances in frame numbers to the frame before this one in each chain; 0 where a chain begins.
	ChainDiffs [maxDecodeTargets]uint8
	Chains     uint8
	// DecodeTargets is how many decode targets there are.
	DecodeTargets uint8

	indications indications
	layout      descriptorLayout
}

// maxDescriptorBytes is the size of the largest header extension (RFC 8285, section 4.3).
const maxDescriptorBytes = 255

// descriptorLayout says where in the bits of a descriptor its parts end; see AppendDescriptor.
type descriptorLayout struct {
	targets    uint16 // where the mask of active decode targets begins, or would
	definition uint16 // where the frame's own indications, references and chains begin
	end        uint16
	flags      uint8 // the five flags of the extended fields
}

// Indication says what the frame means to a decode target.
func (d *Descriptor) Indication(target int) Indication { return d.indications.of(target) }

// Discardable reports whether nothing depends on the frame in any decode target.
func (d *Descriptor) Discardable() bool {
	anywhere := false
	for target := range int(d.DecodeTargets) {
		switch d.Indication(target) {
		case NotPresent:
		case Discardable:
			anywhere = true
		case Switch, Required:
			return false
		}
	}
	return anywhere
}

// notForUpper reports whether there are decode targets of higher spatial layers, and none has the frame in it.
func (d *Descriptor) notForUpper(s *Structure) bool {
	upper := false
	for target := range int(d.DecodeTargets) {
		if spatial, _ := s.Target(target); spatial > d.Spatial {
			upper = true
			if d.Indication(target) != NotPresent {
				return false
			}
		}
	}
	return upper
}

// DescriptorReader reads the dependency descriptors of one stream and keeps the template structure of its newest
// keyframe. The zero value is ready to use.
type DescriptorReader struct {
	structure Structure
	known     bool
	// keyframe is the extended frame number at which structure came, newest that of the newest frame.
	keyframe, newest int64
	started          bool
	active           uint32 // the newest active decode targets
	switches         switchPoints
}

// Structure is the template structure of the newest keyframe, nil before the first. It is valid until the next Read.
func (d *DescriptorReader) Structure() *Structure {
	if !d.known {
		return nil
	}
	return &d.structure
}

// ActiveTargets are the decode targets that the sender produces at present, a bit for each.
func (d *DescriptorReader) ActiveTargets() uint32 { return d.active }

// Read reads a descriptor into out. With ErrNoStructure the head is valid, with any other error nothing is. A broken
// descriptor changes nothing.
func (d *DescriptorReader) Read(dd []byte, out *Descriptor) error {
	head, err := ParseDescriptorHead(dd)
	if err != nil {
		return err
	}
	*out = Descriptor{DescriptorHead: head}
	number := d.extend(head.FrameNumber)
	if !head.HasStructure {
		if !d.known || number < d.keyframe {
			return ErrNoStructure
		}
		if err := out.read(dd, &d.structure); err != nil {
			return err
		}
	} else if err := d.readKeyframe(dd, number, out); err != nil {
		return err
	}
	switch newer := !d.started || number >= d.newest; {
	case newer && out.HasActiveTargets:
		d.active = out.ActiveTargets
	case !out.HasActiveTargets:
		out.ActiveTargets = d.active
	}
	out.SwitchUp = d.switches.at(number, out, &d.structure)
	d.newest = max(d.newest, number)
	d.started = true
	return nil
}

// readKeyframe reads a descriptor that brings its structure, and keeps that unless it is older than the one we have: a
// keyframe can come late, by retransmission, but it must not undo a newer one.
func (d *DescriptorReader) readKeyframe(dd []byte, number int64, out *Descriptor) error {
	var structure Structure
	if err := out.read(dd, &structure); err != nil {
		return err
	}
	if !d.known || number >= d.keyframe {
		d.structure, d.known, d.keyframe = structure, true, number
	}
	return nil
}

func (d *DescriptorReader) extend(number uint16) int64 {
	if !d.started {
		return int64(number)
	}
	return d.newest + seqnum.Distance(16, uint32(d.newest), uint32(number)) //nolint:gosec // the lower bits are meant
}

// Bits of the extended fields of a descriptor, after the one that announces a structure.
const (
	flagActiveTargets = 1 << (3 - iota)
	flagCustomIndications
	flagCustomReferences
	flagCustomChains
)

// read reads what follows the head. The structure is filled if the descriptor brings one, and used otherwise.
func (d *Descriptor) read(dd []byte, s *Structure) error {
	if len(dd) > maxDescriptorBytes {
		return ErrMalformed
	}
	r := bitReader{b: dd, at: 8 * descriptorHeadBytes}
	if len(dd) > descriptorHeadBytes {
		d.layout.flags = uint8(r.bits(5)) //nolint:gosec // 5 bits
	}
	if d.HasStructure {
		if err := s.read(&r); err != nil {
			return err
		}
	}
	d.layout.targets = uint16(r.at) //nolint:gosec // at most 8 * 255
	if d.layout.flags&flagActiveTargets != 0 {
		d.HasActiveTargets = true
		d.ActiveTargets = r.bits(int(s.DecodeTargets))
	} else if d.HasStructure {
		d.HasActiveTargets = true
		d.ActiveTargets = s.AllTargets()
	}
	d.layout.definition = uint16(r.at) //nolint:gosec // as above

	t := s.template(d.TemplateID)
	if t == nil {
		if d.HasStructure {
			return ErrMalformed
		}
		*d = Descriptor{DescriptorHead: d.DescriptorHead}
		return ErrNoStructure
	}
	d.Spatial, d.Temporal = t.spatial, t.temporal
	d.Width, d.Height = s.Resolution(t.spatial)
	d.PictureWidth, d.PictureHeight = s.Resolution(s.SpatialLayers - 1)
	d.DecodeTargets, d.Chains = s.DecodeTargets, s.Chains
	if err := d.readDefinition(&r, t); err != nil {
		return err
	}
	if r.short {
		return ErrTruncated
	}
	d.layout.end = uint16(r.at) //nolint:gosec // as above
	return nil
}

// readDefinition reads frame_dependency_definition: what the frame has in common with its template, and what not.
func (d *Descriptor) readDefinition(r *bitReader, t *template) error {
	d.indications = t.indications
	if d.layout.flags&flagCustomIndications != 0 {
		d.indications = readIndications(r, d.DecodeTargets)
	}
	if d.layout.flags&flagCustomReferences != 0 {
		for size := r.bits(2); size != 0; size = r.bits(2) {
			if d.ReferenceCount == maxReferences {
				return ErrMalformed
			}
			d.References[d.ReferenceCount] = uint16(r.bits(4*int(size))) + 1 //nolint:gosec // 12 bits
			d.ReferenceCount++
		}
	} else {
		d.ReferenceCount = t.referenceCount
		for i, distance := range t.references[:t.referenceCount] {
			d.References[i] = uint16(distance)
		}
	}
	d.ChainDiffs = t.chainDiffs
	if d.layout.flags&flagCustomChains != 0 {
		for chain := range d.Chains {
			d.ChainDiffs[chain] = uint8(r.bits(8)) //nolint:gosec // 8 bits
		}
	}
	return nil
}

package codec

// The bounds of a template structure. The syntax allows 64 templates and 32 decode targets (AV1 RTP specification,
// appendix A.8.2); it sets no bound to layers and references, but AV1 does: 4 spatial and 8 temporal layers, and 7
// references, for which 8 are enough.
const (
	maxTemplates      = 64
	maxDecodeTargets  = 32
	maxSpatialLayers  = 4
	maxTemporalLayers = 8
	maxReferences     = 8
)

// Indication says what a frame means to a decode target (AV1 RTP specification, appendix A.4, table A.1).
type Indication uint8

// The decode target indications.
const (
	// NotPresent: the frame is no part of the decode target.
	NotPresent Indication = iota
	// Discardable: nothing in the decode target depends on the frame.
	Discardable
	// Switch: who can decode this frame can decode all later ones of the decode target.
	Switch
	// Required: the frame is a part of the decode target, and none of the others.
	Required
)

// indications are those for all decode targets, 2 bits each, the first target lowest.
type indications uint64

func (i indications) of(target int) Indication { return Indication(i >> (2 * target) & 3) }

func readIndications(r *bitReader, targets uint8) indications {
	var all indications
	for target := range int(targets) {
		all |= indications(r.bits(2)) << (2 * target)
	}
	return all
}

// template is what frames of the same kind have in common.
type template struct {
	spatial, temporal uint8
	indications       indications
	references        [maxReferences]uint8
	referenceCount    uint8
	chainDiffs        [maxDecodeTargets]uint8
}

// Structure is the template structure of a dependency descriptor: the shape of a stream from one keyframe to the next.
// It has a fixed size and no pointers.
type Structure struct {
	// DecodeTargets is how many decode targets there are, 32 at most: sets of layers that a receiver can choose.
	DecodeTargets uint8
	// Chains is how many chains there are: sequences of frames that tell a receiver whether it lost something needed.
	Chains uint8
	// SpatialLayers and TemporalLayers are how many layers there are.
	SpatialLayers, TemporalLayers uint8

	templateIDOffset uint8
	templateCount    uint8
	templates        [maxTemplates]template
	targets          [maxDecodeTargets]decodeTarget
	hasResolutions   bool
	resolutions      [maxSpatialLayers][2]uint16
}

type decodeTarget struct{ spatial, temporal, chain uint8 }

// Target is the highest spatial and temporal layer of a decode target.
func (s *Structure) Target(target int) (spatial, temporal uint8) {
	t := &s.targets[target]
	return t.spatial, t.temporal
}

// TargetChain is the chain that protects a decode target; false when there are no chains.
func (s *Structure) TargetChain(target int) (chain uint8, ok bool) {
	return s.targets[target].chain, s.Chains > 0
}

// FindTarget is the decode target of exactly these layers.
func (s *Structure) FindTarget(spatial, temporal uint8) (target int, ok bool) {
	for i := range int(s.DecodeTargets) {
		if t := &s.targets[i]; t.spatial == spatial && t.temporal == temporal {
			return i, true
		}
	}
	return 0, false
}

// Resolution is the size in pixels of a spatial layer, 0 when the structure does not say.
func (s *Structure) Resolution(spatial uint8) (width, height uint16) {
	if !s.hasResolutions || spatial >= s.SpatialLayers {
		return 0, 0
	}
	return s.resolutions[spatial][0], s.resolutions[spatial][1]
}

// TargetsUpTo is the mask of the decode targets that need no layer above these.
func (s *Structure) TargetsUpTo(spatial, temporal uint8) uint32 {
	var mask uint32
	for i := range int(s.DecodeTargets) {
		if t := &s.targets[i]; t.spatial <= spatial && t.temporal <= temporal {
			mask |= 1 << i
		}
	}
	return mask
}

// AllTargets is the mask in which all decode targets are active.
func (s *Structure) AllTargets() uint32 { return uint32(1<<uint64(s.DecodeTargets) - 1) }

func (s *Structure) template(id uint8) *template {
	index := (id - s.templateIDOffset) & (maxTemplates - 1)
	if index >= s.templateCount {
		return nil
	}
	return &s.templates[index]
}

// read fills an empty structure: template_dependency_structure of the specification.
func (s *Structure) read(r *bitReader) error {
	s.templateIDOffset = uint8(r.bits(6))  //nolint:gosec // 6 bits
	s.DecodeTargets = uint8(r.bits(5)) + 1 //nolint:gosec // 5 bits
	if err := s.readLayers(r); err != nil {
		return err
	}
	templates := s.templates[:s.templateCount]
	for i := range templates {
		templates[i].indications = readIndications(r, s.DecodeTargets)
	}
	for i := range templates {
		if err := templates[i].readReferences(r); err != nil {
			return err
		}
	}
	if err := s.readChains(r); err != nil {
		return err
	}
	s.setTargetLayers()
	if s.hasResolutions = r.flag(); s.hasResolutions {
		for i := range s.SpatialLayers {
			s.resolutions[i] = [2]uint16{pixels(r.bits(16)), pixels(r.bits(16))}
		}
	}
	if r.short {
		return ErrTruncated
	}
	return nil
}

// readLayers reads template_layers: how each template's layers differ from those of the one before.
func (s *Structure) readLayers(r *bitReader) error {
	const sameLayer, nextTemporal, nextSpatial, noMore = 0, 1, 2, 3
	var spatial, temporal uint8
	for {
		if s.templateCount == maxTemplates {
			return ErrMalformed
		}
		s.templates[s.templateCount] = template{spatial: spatial, temporal: temporal}
		s.templateCount++
		s.TemporalLayers = max(s.TemporalLayers, temporal+1)
		switch r.bits(2) {
		case sameLayer:
			if r.short {
				return ErrTruncated
			}
		case nextTemporal:
			if temporal++; temporal == maxTemporalLayers {
				return ErrMalformed
			}
		case nextSpatial:
			temporal = 0
			if spatial++; spatial == maxSpatialLayers {
				return ErrMalformed
			}
		case noMore:
			s.SpatialLayers = spatial + 1
			return nil
		}
	}
}

// readReferences reads template_fdiffs of one template.
func (t *template) readReferences(r *bitReader) error {
	for r.flag() {
		if t.referenceCount == maxReferences {
			return ErrMalformed
		}
		t.references[t.referenceCount] = uint8(r.bits(4)) + 1 //nolint:gosec // 4 bits
		t.referenceCount++
	}
	return nil
}

// readChains reads template_chains.
func (s *Structure) readChains(r *bitReader) error {
	s.Chains = uint8(r.nonSymmetric(uint32(s.DecodeTargets) + 1)) //nolint:gosec // at most 32
	if s.Chains == 0 {
		return nil
	}
	for i := range s.DecodeTargets {
		s.targets[i].chain = uint8(r.nonSymmetric(uint32(s.Chains))) //nolint:gosec // below 32
	}
	for i := range s.templateCount {
		for chain := range s.Chains {
			s.templates[i].chainDiffs[chain] = uint8(r.bits(4)) //nolint:gosec // 4 bits
		}
	}
	return nil
}

// setTargetLayers finds the layers of the decode targets: the highest of what is present in them.
func (s *Structure) setTargetLayers() {
	for target := range s.targets[:s.DecodeTargets] {
		layers := &s.targets[target]
		for i := range s.templates[:s.templateCount] {
			t := &s.templates[i]
			if t.indications.of(target) == NotPresent {
				continue
			}
			layers.spatial = max(layers.spatial, t.spatial)
			layers.temporal = max(layers.temporal, t.temporal)
		}
	}
}

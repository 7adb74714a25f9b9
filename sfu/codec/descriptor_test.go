package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"hiroba/sfu/codec"
)

func TestParseDescriptorHeadNeedsNoStructure(t *testing.T) {
	got, err := codec.ParseDescriptorHead([]byte{0x86, 0x12, 0x34})
	want := codec.DescriptorHead{StartOfFrame: true, TemplateID: 6, FrameNumber: 0x1234}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	key := frameSpec{start: true, end: true, number: 0xFFFF, structure: &l1t1}.bytes()
	got, err = codec.ParseDescriptorHead(key)
	want = codec.DescriptorHead{StartOfFrame: true, EndOfFrame: true, FrameNumber: 0xFFFF, HasStructure: true}
	if err != nil || got != want {
		t.Errorf("keyframe: got %+v, %v; want %+v", got, err, want)
	}
	for n := range 3 {
		if _, err := codec.ParseDescriptorHead(key[:n]); !errors.Is(err, codec.ErrTruncated) {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
}

func TestPutFrameNumberChangesNothingElse(t *testing.T) {
	dd := frameSpec{start: true, number: 65535, structure: &l1t3}.bytes()
	want := frameSpec{start: true, number: 3, structure: &l1t3}.bytes()
	if codec.PutFrameNumber(dd, 3); !bytes.Equal(dd, want) {
		t.Errorf("got %x, want %x", dd, want)
	}
}

// wantFrame is what a test expects of a descriptor.
type wantFrame struct {
	spatial, temporal uint8
	width             uint16
	indications       string
	references        []uint16
	chains            []uint8
	active            uint32
	discardable       bool
	intra             bool
}

func checkFrame(t *testing.T, got *codec.Descriptor, want wantFrame) {
	t.Helper()
	if got.Spatial != want.spatial || got.Temporal != want.temporal || got.Width != want.width {
		t.Errorf("S%d T%d, width %d; want S%d T%d, %d",
			got.Spatial, got.Temporal, got.Width, want.spatial, want.temporal, want.width)
	}
	indications := ""
	for target := range int(got.DecodeTargets) {
		indications += "-DSR"[got.Indication(target):][:1]
	}
	if indications != want.indications {
		t.Errorf("indications %s, want %s", indications, want.indications)
	}
	if r := got.References[:got.ReferenceCount]; !equal(r, want.references) {
		t.Errorf("references %v, want %v", r, want.references)
	}
	if c := got.ChainDiffs[:got.Chains]; !equal(c, want.chains) {
		t.Errorf("chains %v, want %v", c, want.chains)
	}
	if got.ActiveTargets != want.active {
		t.Errorf("active targets %b, want %b", got.ActiveTargets, want.active)
	}
	if got.Discardable() != want.discardable || got.Intra() != want.intra {
		t.Errorf("discardable %v, intra %v; want %v, %v", got.Discardable(), got.Intra(), want.discardable, want.intra)
	}
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestDescriptorReaderReadsAStream(t *testing.T) {
	steps := []struct {
		name string
		frameSpec
		want wantFrame
	}{
		{
			"keyframe of the lower layer",
			frameSpec{start: true, end: true, template: 60, number: 65534, structure: &l2t2Key},
			wantFrame{0, 0, 640, "SSSS", nil, []uint8{0, 0}, 0b1111, false, true},
		},
		{
			"keyframe of the upper layer",
			frameSpec{start: true, end: true, template: 63, number: 65535},
			wantFrame{1, 0, 1280, "--SS", []uint16{1}, []uint8{1, 1}, 0b1111, false, true},
		},
		{
			"discardable frame behind the wrap of the frame number",
			frameSpec{start: true, end: true, template: 62, number: 0},
			wantFrame{0, 1, 640, "-D--", []uint16{2}, []uint8{2, 1}, 0b1111, true, false},
		},
		{
			"template behind the wrap of the template id",
			frameSpec{start: true, template: 1, number: 1},
			wantFrame{1, 1, 1280, "---D", []uint16{2}, []uint8{3, 2}, 0b1111, true, false},
		},
		{
			"upper layer switched off",
			frameSpec{start: true, end: true, template: 61, number: 2, active: "0011"},
			wantFrame{0, 0, 640, "SS--", []uint16{4}, []uint8{4, 3}, 0b0011, false, false},
		},
		{
			"and it stays off",
			frameSpec{start: true, end: true, template: 62, number: 4},
			wantFrame{0, 1, 640, "-D--", []uint16{2}, []uint8{2, 1}, 0b0011, true, false},
		},
		{
			"everything different from the template",
			frameSpec{
				start: true, template: 61, number: 6, active: "1111",
				indications: "RSDS", references: []int{1, 16, 17, 256, 257, 4096}, chains: []int{255, 7},
			},
			wantFrame{0, 0, 640, "RSDS", []uint16{1, 16, 17, 256, 257, 4096}, []uint8{255, 7}, 0b1111, false, false},
		},
		{
			"no references, other than the template",
			frameSpec{start: true, template: 61, number: 7, references: []int{}},
			wantFrame{0, 0, 640, "SS--", nil, []uint8{4, 3}, 0b1111, false, true},
		},
		{
			"a new structure with other decode targets",
			frameSpec{start: true, template: 0, number: 8, structure: &l1t1, active: "1"},
			wantFrame{0, 0, 320, "S", nil, []uint8{0}, 0b1, false, true},
		},
	}
	var r codec.DescriptorReader
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			var d codec.Descriptor
			if err := r.Read(step.bytes(), &d); err != nil {
				t.Fatal(err)
			}
			if d.StartOfFrame != step.start || d.EndOfFrame != step.end || d.FrameNumber != step.number {
				t.Errorf("head is %+v", d.DescriptorHead)
			}
			checkFrame(t, &d, step.want)
			if r.ActiveTargets() != step.want.active {
				t.Errorf("the reader says %b", r.ActiveTargets())
			}
		})
	}
}

func TestStructureTellsTheShapeOfTheStream(t *testing.T) {
	var r codec.DescriptorReader
	if r.Structure() != nil {
		t.Fatal("a structure out of nothing")
	}
	var d codec.Descriptor
	if err := r.Read(frameSpec{template: 60, structure: &l2t2Key}.bytes(), &d); err != nil {
		t.Fatal(err)
	}
	s := r.Structure()
	if s.DecodeTargets != 4 || s.Chains != 2 || s.SpatialLayers != 2 || s.TemporalLayers != 2 {
		t.Errorf("%d targets, %d chains, %d spatial, %d temporal layers",
			s.DecodeTargets, s.Chains, s.SpatialLayers, s.TemporalLayers)
	}
	for target, want := range [][3]uint8{{0, 0, 0}, {0, 1, 0}, {1, 0, 1}, {1, 1, 1}} {
		spatial, temporal := s.Target(target)
		chain, ok := s.TargetChain(target)
		if got := [3]uint8{spatial, temporal, chain}; got != want || !ok {
			t.Errorf("target %d: S, T, chain are %v, %v; want %v", target, got, ok, want)
		}
		if found, ok := s.FindTarget(spatial, temporal); found != target || !ok {
			t.Errorf("FindTarget(%d, %d) = %d, %v", spatial, temporal, found, ok)
		}
	}
	if _, ok := s.FindTarget(2, 0); ok {
		t.Error("found a target that is not there")
	}
	if w, h := s.Resolution(1); w != 1280 || h != 720 {
		t.Errorf("the upper layer has %dx%d", w, h)
	}
	if w, h := s.Resolution(2); w != 0 || h != 0 {
		t.Errorf("a layer that is not there has %dx%d", w, h)
	}
	if d.PictureWidth != 1280 || d.PictureHeight != 720 {
		t.Errorf("the picture has %dx%d", d.PictureWidth, d.PictureHeight)
	}
}

func TestDescriptorReaderTakesTheLargestStructures(t *testing.T) {
	many := structureSpec{protectedBy: make([]int, 32)}
	for spatial := range 4 {
		for temporal := range 8 {
			many.templates = append(many.templates, templateSpec{
				spatial: spatial, temporal: temporal, indications: "R",
			})
		}
	}
	many.templates = append(many.templates, many.templates[31:]...)
	for len(many.templates) < 64 {
		many.templates = append(many.templates, many.templates[32])
	}
	many.protectedBy = nil
	wide := structureSpec{templates: []templateSpec{{
		indications: "SSSSSSSSSSSSSSSSDDDDDDDDRRRRRRR-", references: []int{1, 2, 3, 4, 5, 6, 7, 16}, chains: make([]int, 32),
	}}}
	for i := range 32 {
		wide.protectedBy = append(wide.protectedBy, 31-i)
		wide.templates[0].chains[i] = i & 15
	}
	wide.sizes = [][2]int{{65536, 65535}}
	for name, s := range map[string]structureSpec{"templates": many, "targets and chains": wide} {
		t.Run(name, func(t *testing.T) {
			var r codec.DescriptorReader
			var d codec.Descriptor
			if err := r.Read(frameSpec{structure: &s}.bytes(), &d); err != nil {
				t.Fatal(err)
			}
			if name == "templates" {
				if err := r.Read(frameSpec{template: 63, number: 1}.bytes(), &d); err != nil {
					t.Fatal(err)
				}
				checkFrame(t, &d, wantFrame{3, 7, 0, "R", nil, nil, 1, false, true})
				return
			}
			want := wantFrame{
				0, 0, 65535, wide.templates[0].indications, []uint16{1, 2, 3, 4, 5, 6, 7, 16}, nil, 0xFFFFFFFF, false, false,
			}
			for i := range 32 {
				want.chains = append(want.chains, uint8(i&15))
			}
			checkFrame(t, &d, want)
			if chain, _ := r.Structure().TargetChain(0); chain != 31 {
				t.Errorf("target 0 is protected by chain %d", chain)
			}
		})
	}
}

package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"hiroba/sfu/codec"
)

func TestDescriptorReaderWaitsForTheStructure(t *testing.T) {
	var r codec.DescriptorReader
	var d codec.Descriptor
	dd := frameSpec{start: true, template: 2, number: 99, active: "111"}.bytes()
	if err := r.Read(dd, &d); !errors.Is(err, codec.ErrNoStructure) {
		t.Fatalf("got %v", err)
	}
	if !d.StartOfFrame || d.FrameNumber != 99 || d.DecodeTargets != 0 {
		t.Errorf("got %+v, want only the head", d)
	}
	if got := codec.AppendDescriptor(nil, dd, &d, 7, 0); !bytes.Equal(got[3:], dd[3:]) || got[2] != 7 {
		t.Errorf("rewritten to %x", got)
	}
}

func TestDescriptorReaderKeepsTheNewestStructure(t *testing.T) {
	old, young := l1t1, l1t3
	young.offset = 10
	oldKey := frameSpec{start: true, template: 0, number: 65500, structure: &old}.bytes()
	youngKey := frameSpec{start: true, template: 10, number: 20, structure: &young}.bytes()
	var r codec.DescriptorReader
	var d codec.Descriptor
	read := func(dd []byte, want error) {
		t.Helper()
		if err := r.Read(dd, &d); !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
	read(oldKey, nil)
	read(frameSpec{template: 1, number: 65501}.bytes(), nil)
	read(frameSpec{template: 12, number: 22}.bytes(), codec.ErrNoStructure) // its keyframe is still missing
	read(youngKey, nil)
	read(oldKey, nil) // sent again
	if d.DecodeTargets != 1 {
		t.Errorf("the old keyframe was read with %d targets", d.DecodeTargets)
	}
	read(frameSpec{template: 12, number: 22}.bytes(), nil)
	if d.Temporal != 1 {
		t.Errorf("T%d: read with the wrong structure", d.Temporal)
	}
	read(frameSpec{template: 11, number: 65510}.bytes(), codec.ErrNoStructure) // before the keyframe
	read(youngKey, nil)
}

func TestDescriptorReaderFollowsALongStreamWithoutKeyframe(t *testing.T) {
	var r codec.DescriptorReader
	var d codec.Descriptor
	if err := r.Read(frameSpec{structure: &l1t1}.bytes(), &d); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 200_000; i += 7 {
		if err := r.Read(frameSpec{template: 1, number: uint16(i)}.bytes(), &d); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	if err := r.Read(frameSpec{number: uint16(200_001 & 0xFFFF), structure: &l1t3}.bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if r.Structure().DecodeTargets != 3 {
		t.Error("the new structure was taken for an old one")
	}
}

func TestDescriptorReaderRefusesBrokenDescriptors(t *testing.T) {
	reader := func() *codec.DescriptorReader {
		var r codec.DescriptorReader
		var d codec.Descriptor
		if err := r.Read(frameSpec{structure: &l1t3}.bytes(), &d); err != nil {
			t.Fatal(err)
		}
		return &r
	}
	sequence := func(template templateSpec, n int) *structureSpec {
		s := structureSpec{templates: []templateSpec{template}}
		for range n - 1 {
			if template.temporal > 0 {
				template.temporal++
			}
			if template.spatial > 0 {
				template.spatial++
			}
			s.templates = append(s.templates, template)
		}
		return &s
	}
	nine := []int{1, 2, 3, 4, 5, 6, 7, 8, 9}
	tests := map[string]struct {
		dd   []byte
		want error
	}{
		"too many templates":       {frameSpec{structure: sequence(templateSpec{indications: "S"}, 65)}.bytes(), codec.ErrMalformed},
		"too many temporal layers": {frameSpec{structure: sequence(templateSpec{temporal: 1, indications: "S"}, 9)}.bytes(), codec.ErrMalformed},
		"too many spatial layers":  {frameSpec{structure: sequence(templateSpec{spatial: 1, indications: "S"}, 5)}.bytes(), codec.ErrMalformed},
		"too many references in a template": {
			frameSpec{structure: &structureSpec{templates: []templateSpec{{indications: "S", references: nine}}}}.bytes(),
			codec.ErrMalformed,
		},
		"too many references in a frame": {frameSpec{template: 1, number: 1, references: nine}.bytes(), codec.ErrMalformed},
		"a keyframe of no template":      {frameSpec{template: 5, structure: &l1t3}.bytes(), codec.ErrMalformed},
		"a frame of no template":         {frameSpec{template: 5, number: 1}.bytes(), codec.ErrNoStructure},
		"longer than any extension":      {append(frameSpec{structure: &l1t3}.bytes(), make([]byte, 255)...), codec.ErrMalformed},
		"nothing but ones":               {bytes.Repeat([]byte{0xFF}, 255), codec.ErrMalformed},
		"nothing but zeros":              {make([]byte, 255), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var d codec.Descriptor
			if err := reader().Read(tt.dd, &d); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	t.Run("cut off anywhere", func(t *testing.T) {
		for _, f := range []frameSpec{
			{template: 60, structure: &l2t2Key, active: "1111"},
			{template: 1, number: 1, indications: "SSS", references: []int{300}, chains: []int{9}},
		} {
			whole := f.bytes()
			for n := range len(whole) {
				r := reader()
				before := *r
				var d codec.Descriptor
				if err := r.Read(whole[:n], &d); n == 3 {
					continue // a whole descriptor without extended fields
				} else if err == nil {
					t.Errorf("accepted %d of %d bytes", n, len(whole))
				}
				if *r != before {
					t.Errorf("%d of %d bytes changed the reader", n, len(whole))
				}
			}
		}
	})
}

func TestAppendDescriptorTellsTheActiveTargets(t *testing.T) {
	tests := map[string]struct{ before, after frameSpec }{
		"keyframe": {
			frameSpec{start: true, template: 60, number: 1, structure: &l2t2Key},
			frameSpec{start: true, template: 60, number: 5, structure: &l2t2Key, active: "0011"},
		},
		"keyframe that told others": {
			frameSpec{start: true, template: 60, number: 1, structure: &l2t2Key, active: "0111"},
			frameSpec{start: true, template: 60, number: 5, structure: &l2t2Key, active: "0011"},
		},
		"frame without extended fields": {
			frameSpec{end: true, template: 61, number: 1},
			frameSpec{end: true, template: 61, number: 5, active: "0011"},
		},
		"frame with all of them": {
			frameSpec{template: 61, number: 1, indications: "SD-R", references: []int{4096, 1}, chains: []int{200, 3}},
			frameSpec{
				template: 61, number: 5, active: "0011",
				indications: "SD-R", references: []int{4096, 1}, chains: []int{200, 3},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var r codec.DescriptorReader
			var d codec.Descriptor
			if err := r.Read(frameSpec{template: 60, structure: &l2t2Key}.bytes(), &d); err != nil {
				t.Fatal(err)
			}
			dd := tt.before.bytes()
			if err := r.Read(dd, &d); err != nil {
				t.Fatal(err)
			}
			got := codec.AppendDescriptor([]byte{0xAA}, dd, &d, 5, 0b0011)
			if want := append([]byte{0xAA}, tt.after.bytes()...); !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
		})
	}
}

func TestDescriptorReaderFindsWhereToSwitchUp(t *testing.T) {
	type frame struct {
		template int
		number   uint16
		up       bool
	}
	l1t3Round := []frame{{1, 4, true}, {4, 5, true}, {2, 6, true}, {3, 7, true}}
	tests := map[string][]frame{
		"all there":                  append([]frame{{4, 1, true}, {2, 2, true}, {3, 3, true}}, l1t3Round...),
		"another packet of a frame":  {{4, 1, true}, {4, 1, true}},
		"what it depends on missing": {{3, 3, false}},
		"and there again":            append([]frame{{3, 3, false}}, l1t3Round...),
		"late":                       {{3, 3, false}, {2, 2, true}, {3, 3, true}},
	}
	for name, frames := range tests {
		t.Run(name, func(t *testing.T) {
			var r codec.DescriptorReader
			var d codec.Descriptor
			if err := r.Read(frameSpec{structure: &l1t3}.bytes(), &d); err != nil || !d.SwitchUp {
				t.Fatalf("keyframe: %v, %v", d.SwitchUp, err)
			}
			for _, f := range frames {
				if err := r.Read(frameSpec{template: f.template, number: f.number}.bytes(), &d); err != nil {
					t.Fatal(err)
				}
				if d.SwitchUp != f.up {
					t.Errorf("frame %d of T%d: SwitchUp is %v", f.number, d.Temporal, d.SwitchUp)
				}
			}
		})
	}
	t.Run("not at a frame that depends on its own layer", func(t *testing.T) {
		var r codec.DescriptorReader
		var d codec.Descriptor
		for _, f := range []frameSpec{
			{structure: &l1t3},
			{template: 2, number: 2},
			{template: 2, number: 4, indications: "-RR", references: []int{2, 4}},
		} {
			if err := r.Read(f.bytes(), &d); err != nil {
				t.Fatal(err)
			}
		}
		if d.SwitchUp {
			t.Error("SwitchUp is true")
		}
	})
}

func FuzzDescriptor(f *testing.F) {
	key := frameSpec{start: true, template: 60, number: 65535, structure: &l2t2Key}.bytes()
	f.Add(key, frameSpec{template: 62, number: 0}.bytes())
	f.Add(key, frameSpec{template: 61, number: 1, active: "0011"}.bytes())
	f.Add(frameSpec{structure: &l1t3}.bytes(),
		frameSpec{template: 1, number: 1, indications: "SSS", references: []int{300, 4096}, chains: []int{9}}.bytes())
	f.Add(frameSpec{structure: &l1t1, active: "1"}.bytes(), key)
	f.Add(bytes.Repeat([]byte{0xFF}, 255), make([]byte, 255))
	f.Add([]byte{0x80, 0x00, 0x01, 0x80, 0x00, 0x3A, 0x41, 0x01, 0x80, 0x9F, 0x80, 0x77, 0x80}, []byte{0x08, 0x00, 0xD8})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var r codec.DescriptorReader
		for _, dd := range [][]byte{first, second, first} {
			before := r
			var d codec.Descriptor
			if err := r.Read(dd, &d); err != nil {
				if r != before {
					t.Fatalf("%v, but the reader changed", err)
				}
				continue
			}
			if d.Spatial > 3 || d.Temporal > 7 || d.DecodeTargets > 32 || d.Chains > d.DecodeTargets {
				t.Fatalf("out of bounds: %+v", d)
			}
			_ = d.Discardable()
			out := codec.AppendDescriptor(nil, dd, &d, d.FrameNumber, d.ActiveTargets)
			if len(out) > len(dd)+5 {
				t.Fatalf("%d bytes became %d", len(dd), len(out))
			}
			var again codec.Descriptor
			if err := before.Read(out, &again); err != nil && len(out) <= 255 {
				t.Fatalf("what was written cannot be read: %v", err)
			} else if err == nil && !sameMeaning(d, again) {
				t.Fatalf("%+v became %+v", d, again)
			}
		}
	})
}

func sameMeaning(a, b codec.Descriptor) bool {
	if a.ReferenceCount != b.ReferenceCount || a.DecodeTargets != b.DecodeTargets {
		return false
	}
	for target := range int(a.DecodeTargets) {
		if a.Indication(target) != b.Indication(target) {
			return false
		}
	}
	return a.DescriptorHead == b.DescriptorHead && a.ActiveTargets == b.ActiveTargets && a.SwitchUp == b.SwitchUp &&
		a.References == b.References && a.ChainDiffs == b.ChainDiffs
}

package codec_test

import (
	"fmt"
	"strings"
)

// bitString is a dependency descriptor under construction, as zeros and ones: slow, and plain enough to be believed.
type bitString struct{ strings.Builder }

func (b *bitString) put(width, v int) { fmt.Fprintf(b, "%0*b", width, v) }

// putNonSymmetric writes ns(n) (AV1 bitstream specification, section 4.10.7).
func (b *bitString) putNonSymmetric(n, v int) {
	w := len(fmt.Sprintf("%b", n))
	switch m := 1<<w - n; {
	case v >= m:
		b.put(w, v+m)
	case w > 1:
		b.put(w-1, v)
	}
}

func (b *bitString) bytes() []byte {
	s := b.String()
	s += strings.Repeat("0", -len(s)&7)
	var out []byte
	for ; s != ""; s = s[8:] {
		var v byte
		for _, bit := range s[:8] {
			v = v<<1 | byte(bit-'0')
		}
		out = append(out, v)
	}
	return out
}

// templateSpec and structureSpec describe a template structure as the tables of scalability modes do.
type templateSpec struct {
	spatial, temporal int
	indications       string // "-DSR", one for each decode target
	references        []int
	chains            []int
}

type structureSpec struct {
	offset    int
	templates []templateSpec
	// protectedBy is the chain of each decode target, none without chains.
	protectedBy []int
	sizes       [][2]int
}

func (s structureSpec) put(b *bitString) {
	targets := len(s.templates[0].indications)
	b.put(6, s.offset)
	b.put(5, targets-1)
	for i, t := range s.templates {
		if i+1 == len(s.templates) {
			b.put(2, 3)
			break
		}
		switch next := s.templates[i+1]; {
		case next.spatial > t.spatial:
			b.put(2, 2)
		case next.temporal > t.temporal:
			b.put(2, 1)
		default:
			b.put(2, 0)
		}
	}
	for _, t := range s.templates {
		putIndications(b, t.indications)
	}
	for _, t := range s.templates {
		for _, distance := range t.references {
			b.put(1, 1)
			b.put(4, distance-1)
		}
		b.put(1, 0)
	}
	chains := len(s.templates[0].chains)
	b.putNonSymmetric(targets+1, chains)
	for _, chain := range s.protectedBy {
		b.putNonSymmetric(chains, chain)
	}
	for _, t := range s.templates {
		for _, diff := range t.chains {
			b.put(4, diff)
		}
	}
	b.put(1, min(len(s.sizes), 1))
	for _, size := range s.sizes {
		b.put(16, size[0]-1)
		b.put(16, size[1]-1)
	}
}

func putIndications(b *bitString, indications string) {
	for _, i := range indications {
		b.put(2, strings.IndexRune("-DSR", i))
	}
}

// frameSpec describes one descriptor. Custom fields are written if they are not nil or empty.
type frameSpec struct {
	start, end  bool
	template    int
	number      uint16
	structure   *structureSpec
	active      string // as zeros and ones, the first decode target last
	indications string
	references  []int
	chains      []int
}

func (f frameSpec) bytes() []byte {
	var b bitString
	flag := func(set bool) {
		if set {
			b.put(1, 1)
		} else {
			b.put(1, 0)
		}
	}
	flag(f.start)
	flag(f.end)
	b.put(6, f.template)
	b.put(16, int(f.number))
	if f.structure == nil && f.active == "" && f.indications == "" && f.references == nil && f.chains == nil {
		return b.bytes()
	}
	flag(f.structure != nil)
	flag(f.active != "")
	flag(f.indications != "")
	flag(f.references != nil)
	flag(f.chains != nil)
	if f.structure != nil {
		f.structure.put(&b)
	}
	b.WriteString(f.active)
	putIndications(&b, f.indications)
	if f.references != nil {
		for _, distance := range f.references {
			size := (len(fmt.Sprintf("%b", distance-1)) + 3) / 4
			b.put(2, size)
			b.put(4*size, distance-1)
		}
		b.put(2, 0)
	}
	for _, diff := range f.chains {
		b.put(8, diff)
	}
	return b.bytes()
}

// Structures of scalability modes as browsers send them.
var (
	l1t1 = structureSpec{
		templates: []templateSpec{
			{indications: "S", chains: []int{0}},
			{indications: "S", references: []int{1}, chains: []int{1}},
		},
		protectedBy: []int{0},
		sizes:       [][2]int{{320, 180}},
	}
	l1t3 = structureSpec{
		templates: []templateSpec{
			{temporal: 0, indications: "SSS", chains: []int{0}},
			{temporal: 0, indications: "SSS", references: []int{4}, chains: []int{4}},
			{temporal: 1, indications: "-DS", references: []int{2}, chains: []int{2}},
			{temporal: 2, indications: "--D", references: []int{1}, chains: []int{1}},
			{temporal: 2, indications: "--D", references: []int{1}, chains: []int{3}},
		},
		protectedBy: []int{0, 0, 0},
		sizes:       [][2]int{{640, 360}},
	}
	l2t2Key = structureSpec{
		offset: 60,
		templates: []templateSpec{
			{spatial: 0, temporal: 0, indications: "SSSS", chains: []int{0, 0}},
			{spatial: 0, temporal: 0, indications: "SS--", references: []int{4}, chains: []int{4, 3}},
			{spatial: 0, temporal: 1, indications: "-D--", references: []int{2}, chains: []int{2, 1}},
			{spatial: 1, temporal: 0, indications: "--SS", references: []int{1}, chains: []int{1, 1}},
			{spatial: 1, temporal: 0, indications: "--SS", references: []int{4}, chains: []int{1, 4}},
			{spatial: 1, temporal: 1, indications: "---D", references: []int{2}, chains: []int{3, 2}},
		},
		protectedBy: []int{0, 0, 1, 1},
		sizes:       [][2]int{{640, 360}, {1280, 720}},
	}
)

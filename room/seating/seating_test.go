package seating

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hiroba/signaling/protocol"
)

func camera(id string) Occupant { return Occupant{Participant: protocol.ParticipantID(id)} }
func screen(id string) Occupant {
	return Occupant{Participant: protocol.ParticipantID(id), Screen: true}
}

// live is a candidate that sends sound and pictures.
func live(o Occupant) Candidate { return Candidate{Occupant: o, Audio: true, Video: true} }

// lives are candidates with camera and microphone on.
func lives(ids ...string) (all []Candidate) {
	for _, id := range ids {
		all = append(all, live(camera(id)))
	}
	return all
}

func tiles(os ...Occupant) (all []Tile) {
	for _, o := range os {
		all = append(all, Tile{Occupant: o})
	}
	return all
}

func TestPlannerAssigns(t *testing.T) {
	shown := func(o Occupant) Seat { return Seat{Occupant: o, Video: true} }
	heard := func(o Occupant) Seat { return Seat{Occupant: o} }
	for _, tt := range []struct {
		name       string
		candidates []Candidate
		speakers   []protocol.ParticipantID
		viewer     Viewer
		former     []Seat
		want       []Seat
	}{
		{
			name:       "everybody in order of joining without a view",
			candidates: lives("me", "a", "b"),
			former:     make([]Seat, 3),
			want:       []Seat{shown(camera("a")), shown(camera("b")), {}},
		},
		{
			name:       "a screen before cameras without a view",
			candidates: append(lives("a", "b"), live(screen("b"))),
			former:     make([]Seat, 2),
			want:       []Seat{shown(screen("b")), shown(camera("a"))},
		},
		{
			name:       "speakers before others without a view",
			candidates: lives("a", "b", "c"),
			speakers:   []protocol.ParticipantID{"c"},
			former:     make([]Seat, 2),
			want:       []Seat{shown(camera("c")), shown(camera("a"))},
		},
		{
			name:       "pinned tiles, then tiles in view order",
			candidates: lives("a", "b", "c", "d"),
			viewer: Viewer{HasView: true, Tiles: []Tile{
				{Occupant: camera("c")}, {Occupant: camera("b")}, {Occupant: camera("a"), Pinned: true},
			}},
			former: make([]Seat, 2),
			want:   []Seat{shown(camera("a")), shown(camera("c"))},
		},
		{
			name:       "a speaker outside the view is heard only",
			candidates: lives("a", "b", "c"),
			speakers:   []protocol.ParticipantID{"c"},
			viewer:     Viewer{HasView: true, Tiles: tiles(camera("b"))},
			former:     make([]Seat, 2),
			want:       []Seat{shown(camera("b")), heard(camera("c"))},
		},
		{
			name:       "the loudest speaker is heard before the last tile is seen",
			candidates: lives("a", "b", "c", "d", "e"),
			speakers:   []protocol.ParticipantID{"e", "d"},
			viewer:     Viewer{HasView: true, Tiles: tiles(camera("b"), camera("a"), camera("c"), camera("d"))},
			former:     []Seat{shown(camera("a")), shown(camera("b")), shown(camera("c"))},
			want:       []Seat{shown(camera("a")), shown(camera("b")), heard(camera("e"))},
		},
		{
			name:       "tiles that fit are all seen",
			candidates: lives("a", "b", "c", "d", "e"),
			speakers:   []protocol.ParticipantID{"e", "d"},
			viewer:     Viewer{HasView: true, Tiles: tiles(camera("b"), camera("a"), camera("c"))},
			former:     []Seat{shown(camera("a")), shown(camera("b")), heard(camera("e"))},
			want:       []Seat{shown(camera("a")), shown(camera("b")), shown(camera("c"))},
		},
		{
			name:       "pinned tiles are seen whoever speaks",
			candidates: lives("a", "b", "c"),
			speakers:   []protocol.ParticipantID{"c"},
			viewer: Viewer{HasView: true, Tiles: []Tile{
				{Occupant: camera("a"), Pinned: true}, {Occupant: camera("b"), Pinned: true},
			}},
			former: []Seat{shown(camera("a")), shown(camera("b"))},
			want:   []Seat{shown(camera("a")), shown(camera("b"))},
		},
		{
			name:       "others take free seats for their sound",
			candidates: lives("a", "b"),
			viewer:     Viewer{HasView: true, Tiles: []Tile{}},
			former:     make([]Seat, 3),
			want:       []Seat{heard(camera("a")), heard(camera("b")), {}},
		},
		{
			name:       "who speaks takes the seat of who does not, others stay",
			candidates: lives("a", "b", "c"),
			speakers:   []protocol.ParticipantID{"c"},
			former:     []Seat{shown(camera("a")), shown(camera("b"))},
			want:       []Seat{shown(camera("a")), shown(camera("c"))},
		},
		{
			name:       "a former speaker keeps the seat until somebody needs it",
			candidates: lives("a", "b", "c"),
			former:     []Seat{shown(camera("a")), shown(camera("c"))},
			want:       []Seat{shown(camera("a")), shown(camera("c"))},
		},
		{
			name:       "who sends nothing gives way",
			candidates: append([]Candidate{{Occupant: camera("a")}}, lives("b")...),
			former:     []Seat{shown(camera("a"))},
			want:       []Seat{shown(camera("b"))},
		},
		{
			name:       "who sends nothing keeps a free seat",
			candidates: append([]Candidate{{Occupant: camera("a")}}, lives("b")...),
			former:     []Seat{shown(camera("a")), {}},
			want:       []Seat{shown(camera("a")), shown(camera("b"))},
		},
		{
			name:       "pictures outside the view are no reason for a seat",
			candidates: append([]Candidate{{Occupant: camera("a"), Video: true}}, lives("b")...),
			viewer:     Viewer{HasView: true},
			former:     make([]Seat, 1),
			want:       []Seat{heard(camera("b"))},
		},
		{
			name:       "who left leaves the seat empty, others do not move",
			candidates: lives("b"),
			former:     []Seat{shown(camera("a")), shown(camera("b"))},
			want:       []Seat{{}, shown(camera("b"))},
		},
		{
			name:       "leaving the view stops the pictures only",
			candidates: lives("a"),
			viewer:     Viewer{HasView: true},
			former:     []Seat{shown(camera("a"))},
			want:       []Seat{heard(camera("a"))},
		},
		{
			name:       "an occupant in two former seats keeps one",
			candidates: lives("a"),
			former:     []Seat{shown(camera("a")), shown(camera("a"))},
			want:       []Seat{shown(camera("a")), {}},
		},
		{
			name:       "no seats",
			candidates: lives("a"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.viewer.Self = "me"
			var p Planner
			p.SetRoom(tt.candidates, tt.speakers)
			seats := slices.Clone(tt.former)
			changed := p.Assign(seats, tt.viewer)
			if diff := cmp.Diff(tt.want, seats); diff != "" {
				t.Errorf("seats (-want +got):\n%s", diff)
			}
			if want := !slices.Equal(tt.former, seats); changed != want {
				t.Errorf("changed = %v, want %v", changed, want)
			}
			if p.Assign(seats, tt.viewer) {
				t.Error("a second assignment of the same room changed something")
			}
		})
	}
}

func TestPlannerWanted(t *testing.T) {
	everybody := lives("me", "a", "b", "c", "d", "e", "f", "g")
	speakers := []protocol.ParticipantID{"me", "a", "b", "c", "d", "e"}
	for _, tt := range []struct {
		name   string
		viewer Viewer
		want   int
	}{
		{"everybody without a view", Viewer{}, 7},
		{"nobody shown: three speakers", Viewer{HasView: true}, 3},
		{"tiles and speakers besides", Viewer{HasView: true, Tiles: tiles(camera("a"), camera("g"))}, 5},
		{"own and absent tiles do not count", Viewer{HasView: true, Tiles: tiles(camera("me"), camera("x"))}, 3},
		{"a tile that comes twice counts once", Viewer{HasView: true, Tiles: tiles(camera("a"), camera("a"))}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.viewer.Self = "me"
			var p Planner
			p.SetRoom(everybody, speakers)
			if got := p.Wanted(tt.viewer); got != tt.want {
				t.Errorf("wanted %d, want %d", got, tt.want)
			}
		})
	}
}

func TestGrow(t *testing.T) {
	for _, tt := range []struct{ seats, wanted, limit, want int }{
		{8, 0, 64, 8},
		{8, 6, 64, 8},
		{8, 7, 64, 12},
		{8, 8, 64, 12},
		{8, 20, 64, 24},
		{8, 100, 64, 64},
		{64, 100, 64, 64},
		{70, 100, 64, 70}, // never less than there are
	} {
		if got := Grow(tt.seats, tt.wanted, tt.limit); got != tt.want {
			t.Errorf("Grow(%d, %d, %d) = %d, want %d", tt.seats, tt.wanted, tt.limit, got, tt.want)
		}
	}
}

// TestPlannerProperties drives one viewer through random rooms and checks what must hold after each step.
func TestPlannerProperties(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
			seats := make([]Seat, rng.IntN(10))
			var p Planner
			for range 40 {
				if rng.IntN(10) == 0 {
					seats = slices.Concat(seats, make([]Seat, rng.IntN(3)))
				}
				candidates, speakers, viewer := randomRoom(rng)
				former := slices.Clone(seats)
				p.SetRoom(candidates, speakers)
				p.Assign(seats, viewer)
				checkSeats(t, &p, former, seats, viewer)
				if t.Failed() {
					t.Fatalf("candidates %v\nspeakers %v\nviewer %+v\nformer %v\nseats %v",
						candidates, speakers, viewer, former, seats)
				}
			}
		})
	}
}

func randomRoom(rng *rand.Rand) (candidates []Candidate, speakers []protocol.ParticipantID, v Viewer) {
	v.Self, v.HasView = "p0", rng.IntN(3) > 0
	for i := range 12 {
		id := protocol.ParticipantID(fmt.Sprint("p", i))
		for _, isScreen := range []bool{false, true} {
			o := Occupant{id, isScreen}
			if rng.IntN(2) == 0 {
				candidates = append(candidates, Candidate{o, rng.IntN(4) > 0, rng.IntN(4) > 0})
			}
			if v.HasView && rng.IntN(4) == 0 {
				v.Tiles = append(v.Tiles, Tile{o, rng.IntN(4) == 0})
			}
		}
		if rng.IntN(4) == 0 {
			speakers = append(speakers, id)
		}
	}
	rng.Shuffle(len(v.Tiles), func(i, j int) { v.Tiles[i], v.Tiles[j] = v.Tiles[j], v.Tiles[i] })
	rng.Shuffle(len(speakers), func(i, j int) { speakers[i], speakers[j] = speakers[j], speakers[i] })
	return candidates, speakers, v
}

func checkSeats(t *testing.T, p *Planner, former, seats []Seat, v Viewer) {
	t.Helper()
	at := map[Occupant]int{}
	for i, s := range seats {
		if s == (Seat{}) {
			continue
		}
		if _, twice := at[s.Occupant]; twice {
			t.Errorf("%v sits twice", s.Occupant)
		}
		at[s.Occupant] = i
		if s.Participant == v.Self {
			t.Error("the viewer sits in its own seat")
		}
		if _, ok := p.index[s.Occupant]; !ok {
			t.Errorf("%v sits but is not there", s.Occupant)
		}
		shown := !v.HasView || slices.ContainsFunc(v.Tiles, func(t Tile) bool { return t.Occupant == s.Occupant })
		if s.Video != shown {
			t.Errorf("%v: video %v, shown %v", s.Occupant, s.Video, shown)
		}
	}
	for i, s := range former {
		if j, ok := at[s.Occupant]; ok && s != (Seat{}) && j != i {
			t.Errorf("%v moved from seat %d to %d", s.Occupant, i, j)
		}
	}
	// Nobody sits while somebody of a higher class stands, and no seat is free while anybody stands.
	for i, c := range p.candidates {
		if _, sits := at[c.Occupant]; sits || c.Participant == v.Self {
			continue
		}
		if len(at) < len(seats) {
			t.Errorf("%v stands before a free seat", c.Occupant)
		}
		class, within := p.class(i, v)
		for o := range at {
			other, otherWithin := p.class(p.index[o], v)
			if other > class || other == class && class < classOther && otherWithin > within {
				t.Errorf("%v sits and %v stands", o, c.Occupant)
			}
		}
	}
}

func BenchmarkPlannerAssign200(b *testing.B) {
	var candidates []Candidate
	for i := range 200 {
		candidates = append(candidates, live(camera(fmt.Sprint("participant", i))))
	}
	var p Planner
	seats := make([]Seat, 24)
	b.ReportAllocs()
	for b.Loop() {
		p.SetRoom(candidates, []protocol.ParticipantID{"participant7", "participant120"})
		for range 10 {
			p.Assign(seats, Viewer{Self: "participant3"})
		}
	}
}

// Package seating decides who sits where: which remote participants a viewer receives in its seats, and whether their
// pictures are forwarded. It is pure: the same input gives the same seats.
//
// The order of precedence is: pinned tiles of the viewer, the loudest of those who speak, its other tiles in their order,
// the others who speak, everybody else in order of joining, and last those who send nothing now. The loudest go before tiles
// only where there are more tiles than seats, and in no more than half of the seats: tiles that fit are all shown, and who
// wants to hear others besides them keeps a seat free. A viewer that never said what it shows is taken to show everybody,
// screens first. Whoever stays wanted keeps the seat, because each change of an occupant costs a keyframe.
package seating

import (
	"slices"

	"hiroba/signaling/protocol"
)

// SpeakersWanted is how many speakers outside a viewer's tiles count as wanted, so that seats are asked for them.
const SpeakersWanted = 3

// growAhead is how many seats are asked for beyond what is wanted, and minFree the number of free seats below which
// that happens: a new seat takes a renegotiation, which should be over before the seat is needed.
const (
	growAhead = 4
	minFree   = 2
)

// Occupant is who can sit in a seat: a participant with camera and microphone, or its screen with the screen's sound.
// The zero value is nobody.
type Occupant struct {
	Participant protocol.ParticipantID
	Screen      bool
}

// Candidate is an occupant of the room, with what it sends now.
type Candidate struct {
	Occupant
	// Audio and Video are true for a track that is published and not muted.
	Audio, Video bool
}

// idle says that a seat for c would forward nothing.
func (c Candidate) idle(shown bool) bool { return !c.Audio && (!c.Video || !shown) }

// Tile is one picture that a viewer shows.
type Tile struct {
	Occupant
	Pinned bool
}

// Viewer is one participant as a receiver.
type Viewer struct {
	// Self never sits in its own seats.
	Self protocol.ParticipantID
	// HasView is false until the viewer said what it shows. Tiles is in the order in which it shows them.
	HasView bool
	Tiles   []Tile
}

// Seat is what one seat forwards. The zero value is an empty seat.
type Seat struct {
	Occupant
	// Video is false for an occupant that is heard but not shown.
	Video bool
}

// Planner assigns the seats of all viewers of a room. SetRoom describes the room; Assign is then called for each
// viewer. The zero value is a planner for an empty room. It keeps no state between viewers but its scratch memory.
type Planner struct {
	candidates []Candidate
	index      map[Occupant]int
	// speakers holds candidate indices, the loudest first; rank is its inverse, -1 for others.
	speakers []int
	rank     []int
	// voices is how many speakers go before the viewer's tiles. Set by Assign.
	voices int

	// Scratch of Assign, one entry per candidate.
	tile   []int // index of the candidate's tile, or -1
	seated []int // index of its former seat, or -1
	taken  []bool
	order  []uint64
}

// SetRoom sets who can sit, in order of joining, and who speaks, the loudest first. The slices are not kept.
func (p *Planner) SetRoom(candidates []Candidate, speakers []protocol.ParticipantID) {
	p.candidates = append(p.candidates[:0], candidates...)
	if p.index == nil {
		p.index = make(map[Occupant]int, len(candidates))
	}
	clear(p.index)
	for i, c := range p.candidates {
		p.index[c.Occupant] = i
	}
	p.rank = refill(p.rank, len(p.candidates))
	p.speakers = p.speakers[:0]
	for _, id := range speakers {
		if i, ok := p.index[Occupant{Participant: id}]; ok && p.rank[i] < 0 {
			p.rank[i] = len(p.speakers)
			p.speakers = append(p.speakers, i)
		}
	}
}

// Assign rewrites seats for the viewer and reports whether anything changed.
func (p *Planner) Assign(seats []Seat, v Viewer) (changed bool) {
	p.tile = refill(p.tile, len(p.candidates))
	p.seated = refill(p.seated, len(p.candidates))
	p.taken = append(p.taken[:0], make([]bool, len(p.candidates))...)
	p.indexTiles(v)
	p.voices = 0
	if p.tiles(v) > len(seats) {
		p.voices = min(len(seats)/2, SpeakersWanted)
	}
	for i, s := range seats {
		if c, ok := p.index[s.Occupant]; ok && p.seated[c] < 0 {
			p.seated[c] = i
		}
	}

	chosen := p.precedence(v)
	chosen = chosen[:min(len(chosen), len(seats))]
	for _, key := range chosen {
		p.taken[key&indexMask] = true
	}
	for i, s := range seats {
		c, ok := p.index[s.Occupant]
		if !ok || !p.taken[c] || p.seated[c] != i {
			if s != (Seat{}) {
				seats[i], changed = Seat{}, true
			}
			continue
		}
		if video := p.shown(c, v); s.Video != video {
			seats[i].Video, changed = video, true
		}
	}
	next := 0
	for _, key := range chosen {
		c := int(key & indexMask)
		if p.seated[c] >= 0 {
			continue
		}
		for seats[next] != (Seat{}) {
			next++
		}
		seats[next] = Seat{Occupant: p.candidates[c].Occupant, Video: p.shown(c, v)}
		changed = true
	}
	return changed
}

// Wanted is how many seats the viewer can make use of: one for each tile of somebody who is there and for a few
// speakers besides, or for everybody when it never said what it shows.
func (p *Planner) Wanted(v Viewer) int {
	p.tile = refill(p.tile, len(p.candidates))
	p.indexTiles(v)
	n := p.tiles(v)
	if !v.HasView {
		return n
	}
	outside := 0
	for _, c := range p.speakers {
		if p.tile[c] < 0 && p.candidates[c].Participant != v.Self {
			outside++
		}
	}
	return n + min(outside, SpeakersWanted)
}

// Grow is the number of seats that a viewer with so many should have, at most limit. It is more than it has only when
// hardly any of them would be free.
func Grow(seats, wanted, limit int) int {
	if seats-wanted >= minFree {
		return seats
	}
	return max(seats, min(limit, max(seats, wanted)+growAhead))
}

// indexTiles finds the tile of each candidate; a participant's own tiles count for nothing.
func (p *Planner) indexTiles(v Viewer) {
	for i, t := range v.Tiles {
		if c, ok := p.index[t.Occupant]; ok && t.Participant != v.Self && p.tile[c] < 0 {
			p.tile[c] = i
		}
	}
}

// tiles is how many candidates the viewer shows.
func (p *Planner) tiles(v Viewer) (n int) {
	for c := range p.candidates {
		if p.candidates[c].Participant != v.Self && p.shown(c, v) {
			n++
		}
	}
	return n
}

func (p *Planner) shown(c int, v Viewer) bool { return !v.HasView || p.tile[c] >= 0 }

// The classes of precedence, highest first. A key is the class, then the order within it, then the candidate's index.
const (
	classPinned uint64 = iota
	classVoice
	classShown
	classSpeaker
	classOther
	classIdle
)

const (
	indexBits = 24
	indexMask = 1<<indexBits - 1
)

// precedence is all candidates but the viewer itself, the most wanted first.
func (p *Planner) precedence(v Viewer) []uint64 {
	p.order = p.order[:0]
	for i, c := range p.candidates {
		if c.Participant != v.Self {
			class, within := p.class(i, v)
			p.order = append(p.order, class<<(2*indexBits)|within<<indexBits|uint64(i))
		}
	}
	slices.Sort(p.order)
	return p.order
}

// class is how much candidate i is wanted. Within the lower classes those who sit already come first: nobody there is
// worth a switch.
func (p *Planner) class(i int, v Viewer) (class, within uint64) {
	c := p.candidates[i]
	switch {
	case c.idle(p.shown(i, v)):
		class = classIdle
	case p.tile[i] >= 0 && v.Tiles[p.tile[i]].Pinned:
		return classPinned, uint64(p.tile[i])
	case p.rank[i] >= 0 && p.rank[i] < p.voices:
		return classVoice, uint64(p.rank[i])
	case p.tile[i] >= 0:
		return classShown, uint64(p.tile[i])
	case !v.HasView && c.Screen:
		return classShown, 0
	case p.rank[i] >= 0:
		return classSpeaker, uint64(p.rank[i])
	default:
		class = classOther
	}
	if p.seated[i] < 0 {
		within = 1
	}
	return class, within
}

// refill is a slice of n entries, all -1, in the memory of s if it is large enough.
func refill(s []int, n int) []int {
	s = s[:0]
	for range n {
		s = append(s, -1)
	}
	return s
}

// Package speaker decides who is heard in a room: a list, the dominant speaker first, that follows a conversation
// without flickering. It is a machine: loudness goes in with the time, changes of the list come out.
package speaker

import (
	"math"
	"slices"
	"time"

	"hiroba/signaling/protocol"
)

// Loudness is in decibels on the scale of sfu.Heard, 0 (silent) to 127: 127 minus the -dBov of RFC 6464. Speech is
// around 90 to 110, a quiet room around 50 to 65. One report covers 200 ms.
const (
	// maxListed is the length of the list.
	maxListed = 5
	// reportPeriod is how often a loudness comes while there is sound; a source that sent none for staleAfter is silent.
	reportPeriod = 200 * time.Millisecond
	staleAfter   = 3 * reportPeriod
	// onset is how many loud reports in a row make a speaker: with two, a click of the keyboard does not, and a word is
	// heard after at most 600 ms.
	onset = 2
	// hangover keeps a speaker listed across the pauses between sentences.
	hangover = 1500 * time.Millisecond
	// minGap is the shortest time between two changes of the list.
	minGap = 200 * time.Millisecond

	// A report is loud when it is that far above the noise floor of its source, and above audible.
	aboveFloor = 12.0
	audible    = 57.0
	// The floor falls fast and rises slowly, in decibels for each report, so that it rests on the pauses of speech. The
	// ceiling keeps an endless loud sound from becoming noise.
	floorFall    = 0.5 // share of the distance
	floorRise    = 0.3
	floorStart   = 55.0
	floorCeiling = 75.0

	// overtake is how much louder, on average, somebody must be to go before another in the list. The dominant speaker
	// is overtaken only after dwell, or when it has been quiet for yieldAfter, which is more than the pause between words.
	overtake   = 6.0
	dwell      = 2500 * time.Millisecond
	yieldAfter = 900 * time.Millisecond
	// smoothing is the weight of a loud report in a source's average.
	smoothing = 0.15

	// The scale of protocol.Speaker: levelZero is shown as 0, levelOne as 1, with so many steps between.
	levelZero  = audible
	levelOne   = 117.0
	levelSteps = 10
)

// source is one participant's microphone.
type source struct {
	id protocol.ParticipantID
	// last is the latest loudness, average its course while speaking, floor the noise below which nobody speaks.
	last, average, floor float64
	reportedAt, loudAt   time.Time
	loudReports          int
}

// Detector follows the microphones of one room. Make it with New.
type Detector struct {
	sources map[protocol.ParticipantID]*source
	// speaking is everybody who is heard, in the order of the list but longer.
	speaking []*source
	// dominantSince is when the head of the list took its place.
	dominantSince time.Time

	listed   []protocol.Speaker
	listedAt time.Time
}

// New makes a detector for an empty room.
func New() *Detector { return &Detector{sources: make(map[protocol.ParticipantID]*source)} }

// HandleLevel takes one report of a microphone's loudness, 0 to 127. A microphone falls silent with a report of 0.
func (d *Detector) HandleLevel(now time.Time, id protocol.ParticipantID, level uint8) {
	s := d.sources[id]
	if s == nil {
		if level == 0 {
			return
		}
		s = &source{id: id, floor: floorStart}
		d.sources[id] = s
	}
	s.report(now, float64(min(level, 127)))
	head := d.head()
	if s.loudReports >= onset && !slices.Contains(d.speaking, s) {
		d.insert(now, s)
	}
	d.rank(now, head)
}

// Remove forgets a participant, because it left or muted its microphone.
func (d *Detector) Remove(now time.Time, id protocol.ParticipantID) {
	if _, ok := d.sources[id]; ok {
		head := d.head()
		delete(d.sources, id)
		d.speaking = slices.DeleteFunc(d.speaking, func(s *source) bool { return s.id == id })
		d.rank(now, head)
	}
}

// PollSpeakers hands out the list when it changed, the dominant speaker first, at most five times a second. The slice
// is not changed afterwards.
func (d *Detector) PollSpeakers(now time.Time) ([]protocol.Speaker, bool) {
	if now.Before(d.listedAt.Add(minGap)) {
		return nil, false
	}
	list := d.list()
	if slices.Equal(list, d.listed) {
		return nil, false
	}
	d.listed, d.listedAt = list, now
	return list, true
}

// Speakers is the list that PollSpeakers handed out last. The slice must not be changed.
func (d *Detector) Speakers() []protocol.Speaker { return d.listed }

// Deadline is when HandleTimeout should be called, the zero time for never.
func (d *Detector) Deadline() time.Time {
	var first time.Time
	sooner := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for _, s := range d.speaking {
		sooner(s.loudAt.Add(hangover))
		if s.last > 0 {
			sooner(s.reportedAt.Add(staleAfter))
		}
	}
	if !slices.Equal(d.list(), d.listed) {
		sooner(d.listedAt.Add(minGap))
	}
	return first
}

// HandleTimeout ends what time alone ends: pauses that were too long, and sources that stopped reporting.
func (d *Detector) HandleTimeout(now time.Time) {
	for _, s := range d.speaking {
		if s.last > 0 && !now.Before(s.reportedAt.Add(staleAfter)) {
			s.report(now, 0)
		}
	}
	d.rank(now, d.head())
}

// report follows one source.
func (s *source) report(now time.Time, level float64) {
	s.last, s.reportedAt = level, now
	if level >= audible && level >= s.floor+aboveFloor {
		// Pauses do not lower the average: else each would look like the end of the speech.
		if now.Sub(s.loudAt) >= yieldAfter {
			s.average = level
		}
		s.average += smoothing * (level - s.average)
		s.loudAt = now
		s.loudReports++
	} else {
		s.loudReports = 0
	}
	switch {
	case level == 0: // silence of the codec says nothing about the room
	case level < s.floor:
		s.floor += floorFall * (level - s.floor)
	default:
		s.floor = min(s.floor+floorRise, level, floorCeiling)
	}
}

// score is what places are given by: the average loudness, and nothing for those who have been quiet for a while.
func (s *source) score(now time.Time) float64 {
	if now.Sub(s.loudAt) >= yieldAfter {
		return 0
	}
	return s.average
}

// rank brings speaking up to date: who ended, who goes before whom. head was the dominant speaker before.
func (d *Detector) rank(now time.Time, head *source) {
	d.speaking = slices.DeleteFunc(d.speaking, func(s *source) bool { return !now.Before(s.loudAt.Add(hangover)) })
	for i := 1; i < len(d.speaking); i++ {
		if at := d.overtakes(now, i, head); at < i {
			s := d.speaking[i]
			copy(d.speaking[at+1:i+1], d.speaking[at:i])
			d.speaking[at] = s
		}
	}
	if d.head() != head {
		d.dominantSince = now
	}
}

// overtakes is the place to which the speaker at place i moves up: before the first one than whom it is clearly louder, so
// that two equals do not change places. Who is between them does not hold it up: a row of which each is a little louder
// than the one before would stand still. The dominant speaker stays for a while.
func (d *Detector) overtakes(now time.Time, i int, head *source) int {
	score := d.speaking[i].score(now)
	for at, s := range d.speaking[:i] {
		if at == 0 && s == head && s.score(now) > 0 && now.Sub(d.dominantSince) < dwell {
			continue
		}
		if score > s.score(now)+overtake {
			return at
		}
	}
	return i
}

// insert puts a new speaker at its place among those who speak already, but never at their head.
func (d *Detector) insert(now time.Time, s *source) {
	at := len(d.speaking)
	for at > 1 && d.speaking[at-1].score(now) < s.score(now) {
		at--
	}
	d.speaking = slices.Insert(d.speaking, at, s)
}

func (d *Detector) head() *source {
	if len(d.speaking) == 0 {
		return nil
	}
	return d.speaking[0]
}

// list is what clients may see of speaking.
func (d *Detector) list() []protocol.Speaker {
	list := make([]protocol.Speaker, 0, maxListed)
	for _, s := range d.speaking[:min(len(d.speaking), maxListed)] {
		level := (s.last - levelZero) / (levelOne - levelZero)
		level = math.Round(min(1, max(0, level))*levelSteps) / levelSteps
		list = append(list, protocol.Speaker{Participant: s.id, Level: level})
	}
	return list
}

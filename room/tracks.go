package room

import (
	"slices"
	"time"

	"hiroba/sfu/media"
	"hiroba/signaling/protocol"
)

// handleTrackAdded publishes a track as what the offer declared its m-line to be. A source has one track: the newest.
func (s *state) handleTrackAdded(now time.Time, p *participant, e trackAdded) {
	declared, ok := p.sources[e.mid]
	if p.pending != nil {
		declared, ok = p.pending.sources[e.mid]
	}
	t := &track{mid: e.mid, csrc: e.csrc, kind: e.kind, muted: declared.Muted, highest: media.MaxSpatial}
	if ok && kindOf(declared.Source) == e.kind {
		if former := p.track(declared.Source); former != nil {
			former.source = ""
		}
		t.source = declared.Source
	} else if ok {
		err := refuse(ErrBadOffer, "m-line %s carries %s, which is no %s", e.mid, e.kind, declared.Source)
		s.refuse(now, p, err, protocol.TypeOffer, "")
	}
	p.tracks = append(p.tracks, t)
	s.trackChanged(now, p, t)
}

func (s *state) handleTrackRemoved(now time.Time, p *participant, csrc media.CSRC) {
	at := slices.IndexFunc(p.tracks, func(t *track) bool { return t.csrc == csrc })
	if at >= 0 {
		gone := p.tracks[at]
		p.tracks = slices.Delete(p.tracks, at, at+1)
		s.trackChanged(now, p, gone)
	}
}

// handleLayersWanted tells a publisher what nobody wants of a track.
func (s *state) handleLayersWanted(p *participant, e layersWanted) {
	for _, t := range p.tracks {
		if t.csrc == e.csrc {
			t.highest = e.highest
			s.tellLayers(p, t)
		}
	}
}

// tellLayers tells a publisher up to which layer somebody wants a track.
func (s *state) tellLayers(p *participant, t *track) {
	if t.source != "" && t.kind == media.Video {
		s.tell(p, protocol.Layers{Source: t.source, Highest: int(t.highest)})
	}
}

// changeTrack changes one track, if it is still there.
func (s *state) changeTrack(p *participant, csrc media.CSRC, change func(t *track)) {
	for _, t := range p.tracks {
		if t.csrc == csrc {
			change(t)
			p.updated, s.reseat = true, true
			return
		}
	}
}

// trackChanged notes that others must be told of a track and that it may mean other seats.
func (s *state) trackChanged(now time.Time, p *participant, t *track) {
	p.updated, s.reseat = true, true
	if t.kind != media.Audio {
		return
	}
	if microphone := p.track(protocol.Microphone); microphone == nil || microphone.muted {
		s.speakers.Remove(now, p.id)
	}
}

// handleMute takes the state of a track that is published, or declared by the offer in flight.
func (s *state) handleMute(now time.Time, p *participant, m protocol.Mute) {
	known := false
	if p.pending != nil {
		for mid, declared := range p.pending.sources {
			if declared.Source == m.Source {
				declared.Muted = m.Muted
				p.pending.sources[mid] = declared
				known = true
			}
		}
	}
	if t := p.track(m.Source); t != nil {
		known = true
		if t.muted != m.Muted {
			t.muted = m.Muted
			s.trackChanged(now, p, t)
		}
	}
	if !known {
		s.refuse(now, p, refuse(ErrWrongOrder, "no %s is published", m.Source), protocol.TypeMute, "")
	}
}

// handleHeard listens to microphones only: a film that is shown is no speaker.
func (s *state) handleHeard(now time.Time, p *participant, e heard) {
	if t := p.track(protocol.Microphone); t != nil && t.csrc == e.csrc && !t.muted {
		s.speakers.HandleLevel(now, p.id, e.level)
	}
}

// kindOf is the kind of m-line that a source needs; 0 for none.
func kindOf(source protocol.Source) media.Kind {
	switch source {
	case protocol.Microphone, protocol.ScreenAudio:
		return media.Audio
	case protocol.Camera, protocol.Screen:
		return media.Video
	default:
		return 0
	}
}

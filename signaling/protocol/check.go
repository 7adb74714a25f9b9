package protocol

import (
	"errors"
	"fmt"
)

// The bounds of members that are the same on every server; Limits has those that an operator may set.
const (
	// ClientBytes bounds Hello.Client.
	ClientBytes = 64
	// SecretBytes bounds the secrets in Hello.Resume and Join.Replaces.
	SecretBytes = 128
	// MarkBytes bounds the marks that clients give to their chat messages and file offers.
	MarkBytes = 64
	// TraceparentBytes bounds Hello.Traceparent. Version 00 has 55; later ones may have more.
	TraceparentBytes = 128
	// MIDBytes bounds a MID in an offer.
	MIDBytes = 16
	// CandidateBytes bounds each member of a candidate.
	CandidateBytes = 512
	// TilePixels bounds the width and the height of a tile.
	TilePixels = 16384
	// OfferTracks bounds the m-lines that a client sends on: one for each source and as many again, for m-lines that
	// are about to be stopped.
	OfferTracks = 8
)

// Check reports the first member of a client's message whose form is wrong, with the code to refuse it. It sees what
// can be told from the message and the limits alone; names and chat texts are the room's to judge.
func Check(m Message, l Limits) (Code, error) {
	switch m := m.(type) {
	case Hello:
		return withCode(CodeBadMessage, m.check())
	case Join:
		return withCode(CodeBadMessage, atMost("replaces", len(m.Replaces), SecretBytes))
	case Offer:
		if len(m.Seats) > l.Seats {
			return CodeTooManyMedia, fmt.Errorf("%d seats, at most %d", len(m.Seats), l.Seats)
		}
		if len(m.Tracks) > OfferTracks {
			return CodeTooManyMedia, fmt.Errorf("%d tracks, at most %d", len(m.Tracks), OfferTracks)
		}
		return withCode(CodeBadOffer, m.check())
	case Candidate:
		return withCode(CodeBadCandidate, m.check())
	case View:
		if len(m.Tiles) > l.ViewTiles {
			return CodeBadView, fmt.Errorf("%d tiles, at most %d", len(m.Tiles), l.ViewTiles)
		}
		return withCode(CodeBadView, m.check())
	case Mute:
		return withCode(CodeBadMessage, m.Source.check())
	case ChatSend:
		return withCode(CodeBadChat, atMost("id", len(m.ID), MarkBytes))
	case Report:
		return withCode(CodeBadReport, m.check())
	default:
		return "", nil
	}
}

func withCode(c Code, err error) (Code, error) {
	if err == nil {
		return "", nil
	}
	return c, err
}

func atMost(member string, n, limit int) error {
	if n > limit {
		return fmt.Errorf("%s has %d bytes, at most %d", member, n, limit)
	}
	return nil
}

func (s Source) check() error {
	if !s.Valid() {
		return errors.New("source is none of microphone, camera, screen_audio, screen")
	}
	return nil
}

func (h Hello) check() error {
	if err := atMost("client", len(h.Client), ClientBytes); err != nil {
		return err
	}
	if err := atMost("traceparent", len(h.Traceparent), TraceparentBytes); err != nil {
		return err
	}
	return atMost("resume", len(h.Resume), SecretBytes)
}

func (o Offer) check() error {
	if o.ID < 1 {
		return errors.New("id counts from 1")
	}
	if o.SDP == "" {
		return errors.New("sdp is empty")
	}
	seen := make(map[string]bool, 2*len(o.Seats)+len(o.Tracks))
	take := func(mids ...string) error {
		for _, mid := range mids {
			switch {
			case mid == "":
				return errors.New("a mid is empty")
			case len(mid) > MIDBytes:
				return fmt.Errorf("a mid has %d bytes, at most %d", len(mid), MIDBytes)
			case seen[mid]:
				return fmt.Errorf("mid %q is named twice", mid)
			}
			seen[mid] = true
		}
		return nil
	}
	for _, s := range o.Seats {
		if err := take(s.Audio, s.Video); err != nil {
			return fmt.Errorf("seats: %w", err)
		}
	}
	for _, t := range o.Tracks {
		if err := take(t.MID); err != nil {
			return fmt.Errorf("tracks: %w", err)
		}
		if err := t.Source.check(); err != nil {
			return fmt.Errorf("tracks: %w", err)
		}
	}
	return nil
}

func (c Candidate) check() error {
	if err := atMost("candidate", len(c.Candidate), CandidateBytes); err != nil {
		return err
	}
	if c.SDPMid != nil {
		if err := atMost("sdpMid", len(*c.SDPMid), MIDBytes); err != nil {
			return err
		}
	}
	if c.UsernameFragment != nil {
		return atMost("usernameFragment", len(*c.UsernameFragment), CandidateBytes)
	}
	return nil
}

func (v View) check() error {
	for _, t := range v.Tiles {
		if t.Source != Camera && t.Source != Screen {
			return errors.New("the source of a tile is neither camera nor screen")
		}
		if t.Width < 0 || t.Width > TilePixels || t.Height < 0 || t.Height > TilePixels {
			return fmt.Errorf("a tile of %d by %d pixels", t.Width, t.Height)
		}
	}
	return nil
}

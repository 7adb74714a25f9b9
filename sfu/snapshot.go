package sfu

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
)

// Snapshot is what a peer is like at one moment, for people who debug. It is made to be read as JSON.
type Snapshot struct {
	State State `json:"state"`
	// Transport is how the client is reached, Path which way its media takes through the server.
	Transport Transport `json:"transport"`
	Path      Path      `json:"path"`
	// ConnectedAt is when the transport was last connected; absent before.
	ConnectedAt *time.Time `json:"connectedAt,omitempty"`
	// Local and Remote are the candidates of the chosen pair; absent before there is one.
	Local  *CandidateSnapshot `json:"local,omitempty"`
	Remote *CandidateSnapshot `json:"remote,omitempty"`
	Tracks []TrackSnapshot    `json:"tracks"`
	Lines  []LineSnapshot     `json:"lines"`
}

// CandidateSnapshot is one end of the chosen pair of candidates.
type CandidateSnapshot struct {
	// Type is host, srflx, prflx or relay, as this server sees it: a client's own view may be another.
	Type     string `json:"type"`
	Protocol string `json:"protocol"`
	Address  string `json:"address"`
}

// TrackSnapshot is an up track.
type TrackSnapshot struct {
	CSRC  media.CSRC `json:"csrc"`
	MID   media.MID  `json:"mid"`
	Media string     `json:"media"`
	// Encodings are those of which packets have come, by their index.
	Encodings []EncodingSnapshot `json:"encodings,omitempty"`
}

// EncodingSnapshot is an encoding of an up track of pictures.
type EncodingSnapshot struct {
	Encoding int       `json:"encoding"`
	RID      media.RID `json:"rid,omitempty"`
	// Width and Height are in pixels; 0 while they are not known.
	Width  int `json:"width"`
	Height int `json:"height"`
	// SpatialLayers is how many there are in the stream.
	SpatialLayers int `json:"spatialLayers"`
	// IdleMs is how long ago the newest packet came.
	IdleMs int64 `json:"idleMs"`
}

// LineSnapshot is an m-line of a seat in which somebody sits.
type LineSnapshot struct {
	Seat  int    `json:"seat"`
	Media string `json:"media"`
	// Target is the up track that should be sent, Current the one that is, or was last.
	Target  media.CSRC `json:"target"`
	Current media.CSRC `json:"current"`
	// TileHeight is in pixels; 0 is the best quality.
	TileHeight int `json:"tileHeight,omitempty"`
	// Spatial and Temporal are the layer that is sent; Spatial is -1 for none.
	Spatial  int8 `json:"spatial"`
	Temporal int8 `json:"temporal"`
}

// Snapshot describes the peer. It waits for the peer and its shard.
func (p *Peer) Snapshot(ctx context.Context) (Snapshot, error) {
	s := Snapshot{State: p.State(), Transport: p.Transport(), Path: p.Path()}
	if at := p.connectedAt.Load(); at != 0 {
		t := time.Unix(0, at).UTC()
		s.ConnectedAt = &t
	}
	var err error
	s.Lines, err = ask(ctx, p.down, func(s *subscriber, _ time.Time) ([]LineSnapshot, error) { return s.describe(), nil })
	if err != nil {
		return s, fmt.Errorf("describe seats: %w", err)
	}
	type part struct {
		local, remote *CandidateSnapshot
		tracks        []TrackSnapshot
	}
	described := make(chan part, 1)
	p.post(func(now time.Time) {
		local, remote := p.describePair()
		described <- part{local, remote, p.describeTracks(now)}
	})
	select {
	case d := <-described:
		s.Local, s.Remote, s.Tracks = d.local, d.remote, d.tracks
		return s, nil
	case <-p.done:
		return s, fmt.Errorf("describe tracks: %w", ErrPeerClosed)
	case <-ctx.Done():
		return s, fmt.Errorf("describe tracks: %w", ctx.Err())
	}
}

// describePair tells which addresses ICE has chosen.
func (p *Peer) describePair() (local, remote *CandidateSnapshot) {
	pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil || pair.Local == nil || pair.Remote == nil {
		return nil, nil
	}
	describe := func(c *webrtc.ICECandidate) *CandidateSnapshot {
		return &CandidateSnapshot{
			Type: c.Typ.String(), Protocol: c.Protocol.String(),
			Address: net.JoinHostPort(c.Address, strconv.Itoa(int(c.Port))),
		}
	}
	return describe(pair.Local), describe(pair.Remote)
}

// describe lists the lines in which somebody sits.
func (s *subscriber) describe() []LineSnapshot {
	var lines []LineSnapshot
	for _, t := range s.all {
		if t.line.Target() == 0 && t.line.Current() == 0 {
			continue
		}
		layer := t.line.Layer()
		lines = append(lines, LineSnapshot{
			Seat: t.index, Media: t.kind.String(), Target: t.line.Target(), Current: t.line.Current(), TileHeight: t.height,
			Spatial: layer.Spatial, Temporal: layer.Temporal,
		})
	}
	return lines
}

// describeTracks lists the up tracks in the order of their m-lines' MIDs.
func (p *Peer) describeTracks(now time.Time) []TrackSnapshot {
	var tracks []TrackSnapshot
	for _, t := range p.tracks {
		tracks = append(tracks, TrackSnapshot{CSRC: t.csrc, MID: t.mid, Media: t.kind.String(), Encodings: t.describe(now)})
	}
	slices.SortFunc(tracks, func(a, b TrackSnapshot) int { return strings.Compare(string(a.MID), string(b.MID)) })
	return tracks
}

func (t *UpTrack) describe(now time.Time) []EncodingSnapshot {
	if t.kind != media.Video {
		return nil
	}
	var encodings []EncodingSnapshot
	for i := range media.MaxSpatial + 1 {
		e := t.supply.Encoding(i)
		if e.Newest.IsZero() {
			continue
		}
		s := EncodingSnapshot{
			Encoding: i, Width: e.Width, Height: e.Height, SpatialLayers: e.Spatial, IdleMs: now.Sub(e.Newest).Milliseconds(),
		}
		if t.simulcast() {
			s.RID = t.rids[i]
		}
		encodings = append(encodings, s)
	}
	return encodings
}

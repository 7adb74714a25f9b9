package protocol

import (
	"strings"
	"testing"
)

func TestCheckRefusesBadForms(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	offer := func(change func(*Offer)) Offer {
		o := Offer{
			ID: 1, SDP: "v=0",
			Seats:  []SeatMIDs{{Audio: "0", Video: "1"}, {Audio: "2", Video: "3"}},
			Tracks: []TrackMID{{MID: "4", Source: Microphone}},
		}
		change(&o)
		return o
	}
	tests := []struct {
		name string
		m    Message
		want Code
	}{
		{"hello", Hello{Version: 1, Client: "x"}, ""},
		{"client too long", Hello{Client: long}, CodeBadMessage},
		{"secret too long", Hello{Resume: long}, CodeBadMessage},
		{"old secret too long", Join{Replaces: long}, CodeBadMessage},
		{"names are the room's", Join{Room: long, Name: long}, ""},
		{"offer", offer(func(*Offer) {}), ""},
		{"offer without seats", offer(func(o *Offer) { o.Seats, o.Tracks = nil, nil }), ""},
		{"offer 0", offer(func(o *Offer) { o.ID = 0 }), CodeBadOffer},
		{"no SDP", offer(func(o *Offer) { o.SDP = "" }), CodeBadOffer},
		{"seat without audio", offer(func(o *Offer) { o.Seats[0].Audio = "" }), CodeBadOffer},
		{"one m-line for both", offer(func(o *Offer) { o.Seats[0].Audio = "1" }), CodeBadOffer},
		{"m-line of two seats", offer(func(o *Offer) { o.Seats[1].Video = "1" }), CodeBadOffer},
		{"seat and track", offer(func(o *Offer) { o.Tracks[0].MID = "1" }), CodeBadOffer},
		{"long MID", offer(func(o *Offer) { o.Tracks[0].MID = long }), CodeBadOffer},
		{"unknown source", offer(func(o *Offer) { o.Tracks[0].Source = "smell" }), CodeBadOffer},
		{"too many seats", offer(func(o *Offer) { o.Seats = make([]SeatMIDs, 33) }), CodeTooManyMedia},
		{"too many tracks", offer(func(o *Offer) { o.Tracks = make([]TrackMID, OfferTracks+1) }), CodeTooManyMedia},
		{"candidate", Candidate{Candidate: "candidate:1", SDPMid: new("0")}, ""},
		{"long candidate", Candidate{Candidate: long}, CodeBadCandidate},
		{"long candidate MID", Candidate{SDPMid: &long}, CodeBadCandidate},
		{"long fragment", Candidate{UsernameFragment: &long}, CodeBadCandidate},
		{"empty view", View{}, ""},
		{"tile of a microphone", View{Tiles: []Tile{{Source: Microphone}}}, CodeBadView},
		{"negative tile", View{Tiles: []Tile{{Source: Camera, Width: -1}}}, CodeBadView},
		{"huge tile", View{Tiles: []Tile{{Source: Camera, Height: TilePixels + 1}}}, CodeBadView},
		{"too many tiles", View{Tiles: make([]Tile, 65)}, CodeBadView},
		{"mute", Mute{Source: Screen}, ""},
		{"mute of nothing", Mute{}, CodeBadMessage},
		{"chat mark too long", ChatSend{ID: long}, CodeBadChat},
		{"leave", Leave{}, ""},
		{"long traceparent", Hello{Traceparent: long}, CodeBadMessage},
		{"traceparent of the wrong form", Hello{Traceparent: "none"}, ""},
		{"report of nothing", Report{}, ""},
		{"report", Report{FirstFrame: &FirstFrame{TookMs: 700}, Freezes: 1, FreezeMs: 300, Path: pathOf("relay", "tls", 20)}, ""},
		{"negative freezes", Report{Freezes: -1}, CodeBadReport},
		{"too many freezes", Report{Freezes: ReportCount + 1}, CodeBadReport},
		{"negative length of freezes", Report{FreezeMs: -1}, CodeBadReport},
		{"endless freeze", Report{FreezeMs: ReportFreezeMs + 1}, CodeBadReport},
		{"too many dropped frames", Report{FramesDropped: ReportCount + 1}, CodeBadReport},
		{"first frame before the join", Report{FirstFrame: &FirstFrame{TookMs: -1}}, CodeBadReport},
		{"first frame in the future", Report{FirstFrame: &FirstFrame{AgoMs: -1}}, CodeBadReport},
		{"first frame long ago", Report{FirstFrame: &FirstFrame{AgoMs: ReportAgoMs + 1}}, CodeBadReport},
		{"first frame after a day", Report{FirstFrame: &FirstFrame{TookMs: 86_400_000}}, CodeBadReport},
		{"path without a type", Report{Path: pathOf("", "udp", 1)}, CodeBadReport},
		{"made-up type", Report{Path: pathOf(CandidateType(long), "udp", 1)}, CodeBadReport},
		{"made-up protocol", Report{Path: pathOf("host", PathProtocol(long), 1)}, CodeBadReport},
		{"TLS to nowhere", Report{Path: pathOf("host", "tls", 1)}, CodeBadReport},
		{"negative round trip", Report{Path: pathOf("host", "udp", -1)}, CodeBadReport},
		{"long round trip", Report{Path: pathOf("host", "udp", ReportRTTMs+1)}, CodeBadReport},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, err := Check(tt.m, testLimits)
			if code != tt.want || (err != nil) != (tt.want != "") {
				t.Errorf("code %q, error %v; want %q", code, err, tt.want)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("the error repeats the input: %d bytes", len(err.Error()))
			}
		})
	}
}

func pathOf(c CandidateType, p PathProtocol, rttMs int) *MediaPath {
	return &MediaPath{Candidate: c, Protocol: p, RTTMs: &rttMs}
}

func TestSourcesPairUp(t *testing.T) {
	for _, s := range []Source{Microphone, Camera, ScreenAudio, Screen} {
		if !s.Valid() || s.Video().Kind() != "video" || (s.Kind() == "video") != (s.Video() == s) {
			t.Errorf("%s: video %s, kind %s", s, s.Video(), s.Kind())
		}
	}
	if Source("").Valid() {
		t.Error("the empty source is valid")
	}
}

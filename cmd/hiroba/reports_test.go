package main

import (
	"strings"
	"testing"

	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

func TestSystemReportsOfClientsAreCounted(t *testing.T) {
	s := startServer(t, testConfig())
	a := enter(t, s, "square", 0)
	rtt := 40
	for _, r := range []protocol.Report{
		{FirstFrame: &protocol.FirstFrame{TookMs: 450}, Freezes: 2, FreezeMs: 1, FramesDropped: 7},
		{FirstFrame: &protocol.FirstFrame{TookMs: 450}, Path: &protocol.MediaPath{Candidate: "relay", Protocol: "tls", RTTMs: &rtt}},
	} {
		if err := a.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	metrics := func() string { _, text := get(t, s.AdminURL()+"/metrics"); return text }
	await(t, a.Client, "the second report", func() bool {
		return strings.Contains(metrics(), `hiroba_client_reports_total{candidate="relay",protocol="tls"} 1`)
	})
	text := metrics()
	for _, want := range []string{
		`hiroba_client_reports_total{candidate="none",protocol="none"} 1`,
		"hiroba_client_freezes_total 2", "hiroba_client_frames_dropped_total 7",
		"hiroba_client_first_frame_seconds_count 1", // not twice
		`hiroba_client_rtt_seconds_bucket{le="0.05"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

func TestSystemHostileReportsAreRefused(t *testing.T) {
	s := startServer(t, testConfig())
	a := enter(t, s, "square", 0, func(c *client.Config) { c.NoMedia, c.Publish = true, nil })
	bad := []protocol.Report{
		{Freezes: -1}, {FreezeMs: protocol.ReportFreezeMs + 1}, {Path: &protocol.MediaPath{Candidate: "moon", Protocol: "udp"}},
	}
	for _, r := range bad {
		if err := a.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		if err := a.Send(protocol.Report{FreezeMs: protocol.ReportFreezeMs}); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(code protocol.Code) (n int) {
		for _, r := range a.Refusals() {
			if r.Code == code && r.Re == protocol.TypeReport {
				n++
			}
		}
		return n
	}
	await(t, a.Client, "refusals", func() bool {
		return refused(protocol.CodeBadReport) == len(bad) && refused(protocol.CodeRateLimited) == 8
	})
	_, text := get(t, s.AdminURL()+"/metrics")
	if !strings.Contains(text, "hiroba_client_freezes_total 0\n") || !strings.Contains(text, "hiroba_client_freeze_seconds_total 0\n") {
		t.Error("somebody without seats had pictures that stood still")
	}
}

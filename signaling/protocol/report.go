package protocol

import (
	"errors"
	"fmt"
)

// TypeReport is the type of Report.
const TypeReport Type = "report"

// The bounds of a Report, which is what a page that slept for an hour may have to say.
const (
	// ReportCount bounds how many freezes, or dropped frames, one report tells of.
	ReportCount = 1_000_000
	// ReportFreezeMs bounds how long pictures stood still, all of them added up.
	ReportFreezeMs = 64 * 3_600_000
	// ReportFirstFrameMs bounds how long the first picture took.
	ReportFirstFrameMs = 600_000
	// ReportAgoMs bounds how long ago it came.
	ReportAgoMs = 60_000
	// ReportRTTMs bounds a round-trip time.
	ReportRTTMs = 60_000
)

// Report tells what only the client can know of its call. Counts are since the last report.
type Report struct {
	// FirstFrame comes once, with the first report after the first picture of somebody else.
	FirstFrame *FirstFrame `json:"firstFrame,omitempty"`
	// Freezes is how often received pictures stood still, FreezeMs for how long, in milliseconds.
	Freezes  int `json:"freezes"`
	FreezeMs int `json:"freezeMs"`
	// FramesDropped is how many received pictures were not shown.
	FramesDropped int `json:"framesDropped"`
	// Path is how media goes; absent while it does not.
	Path *MediaPath `json:"path,omitempty"`
}

// FirstFrame is when the first picture was shown.
type FirstFrame struct {
	// TookMs is from the wish to join to the picture, AgoMs from the picture to the report, in milliseconds.
	TookMs int `json:"tookMs"`
	AgoMs  int `json:"agoMs"`
}

// MediaPath is the pair of candidates that a client's ICE has chosen.
type MediaPath struct {
	// Candidate is the type of the client's candidate, and Protocol what it uses, "tls" only to a relay.
	Candidate CandidateType `json:"candidate"`
	Protocol  PathProtocol  `json:"protocol"`
	// RTTMs is the newest round-trip time in milliseconds; absent before there is one.
	RTTMs *int `json:"rttMs,omitempty"`
}

// CandidateType is the type of an ICE candidate (RFC 8839, section 5.1).
type CandidateType string

// CandidateTypes lists the types that there are.
func CandidateTypes() []CandidateType { return []CandidateType{"host", "srflx", "prflx", "relay"} }

// PathProtocol is what carries media.
type PathProtocol string

// PathProtocols lists what may carry media.
func PathProtocols() []PathProtocol { return []PathProtocol{"udp", "tcp", "tls"} }

func (Report) Type() Type { return TypeReport } //nolint:revive // one line says it all

func (r Report) check() error {
	for _, m := range []struct {
		member       string
		value, limit int
	}{
		{"freezes", r.Freezes, ReportCount},
		{"freezeMs", r.FreezeMs, ReportFreezeMs},
		{"framesDropped", r.FramesDropped, ReportCount},
	} {
		if err := within(m.member, m.value, m.limit); err != nil {
			return err
		}
	}
	if f := r.FirstFrame; f != nil {
		if err := within("tookMs", f.TookMs, ReportFirstFrameMs); err != nil {
			return err
		}
		if err := within("agoMs", f.AgoMs, ReportAgoMs); err != nil {
			return err
		}
	}
	if r.Path != nil {
		return r.Path.check()
	}
	return nil
}

func (p MediaPath) check() error {
	switch p.Candidate {
	case "host", "srflx", "prflx", "relay":
	default:
		return fmt.Errorf("candidate is none of %v", CandidateTypes())
	}
	switch p.Protocol {
	case "udp", "tcp":
	case "tls":
		if p.Candidate != "relay" {
			return errors.New("protocol is tls without a relay")
		}
	default:
		return fmt.Errorf("protocol is none of %v", PathProtocols())
	}
	if p.RTTMs != nil {
		return within("rttMs", *p.RTTMs, ReportRTTMs)
	}
	return nil
}

func within(member string, n, limit int) error {
	if n < 0 || n > limit {
		return fmt.Errorf("%s is %d, must be 0 to %d", member, n, limit)
	}
	return nil
}

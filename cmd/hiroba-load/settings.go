package main

import (
	"fmt"
	"net/url"
	"time"

	"hiroba/sfu/media"
)

// Settings are everything that can be said on the command line. The tags are the documentation that --help prints.
type Settings struct {
	Server string `arg:"" optional:"" default:"http://localhost:8080" help:"Address of the server's page."`
	Admin  string `group:"server" placeholder:"URL" help:"Address of the server's admin port, for its CPU time and memory; 'none' to leave them out. Usually port 8081 of the same host."`

	Preset preset `placeholder:"NAME" help:"A known load: ${presets}. Other flags change it."`

	Rooms       int  `group:"people" default:"1" placeholder:"N" help:"Rooms."`
	Publishers  int  `group:"people" default:"2" placeholder:"N" help:"Participants of each room that send."`
	Subscribers int  `group:"people" default:"20" placeholder:"N" help:"Participants of each room that only receive."`
	Probes      int  `group:"people" default:"1" placeholder:"N" help:"Subscribers of each room, besides the others, that decrypt and check what they receive."`
	Meeting     bool `group:"people" help:"Let the publishers of a room receive each other, too."`
	Seats       int  `group:"people" default:"16" placeholder:"N" help:"Publishers that one participant receives at once, at most."`

	Video          string  `group:"media" default:"vp8" enum:"vp8,vp9,h264,av1,none" placeholder:"CODEC" help:"Codec of cameras: vp8, vp9, h264, av1 or none."`
	Bitrate        bitrate `group:"media" default:"1.5Mbps" placeholder:"RATE" help:"Bitrate of a camera; with several encodings that of the largest."`
	Size           pixels  `group:"media" default:"1280x720" placeholder:"WxH" help:"Size of a camera's picture; for VP8 only, other codecs have 320x180."`
	FPS            int     `group:"media" name:"fps" default:"30" placeholder:"N" help:"Pictures of a camera in a second; for VP8 only, other codecs have 30."`
	Encodings      int     `group:"media" default:"1" placeholder:"N" help:"Encodings of a camera (simulcast), up to 3; for VP8 only."`
	TemporalLayers int     `group:"media" default:"1" placeholder:"N" help:"Temporal layers of a camera, up to 3; for VP8 only."`
	Tile           pixels  `group:"media" default:"1280x720" placeholder:"WxH" help:"Size at which subscribers show a camera, which decides what encoding they get."`
	Audio          bitrate `group:"media" default:"32kbps" placeholder:"RATE" help:"Bitrate of a microphone, 0 for none."`
	Pace           float64 `group:"media" default:"2.5" placeholder:"X" help:"Packets of a picture leave at so many times the rate of the media, as browsers do; 0 for all at once."`

	JoinRate float64       `group:"course" default:"50" placeholder:"N" help:"Joins in a second until everybody is there (the ramp)."`
	WarmUp   time.Duration `group:"course" default:"3s" placeholder:"TIME" help:"Time between the last join and the measurement."`
	Duration time.Duration `group:"course" default:"10s" placeholder:"TIME" help:"Time that is measured."`
	Churn    float64       `group:"course" placeholder:"N" help:"Subscribers that leave and are replaced in a second of the measurement."`
	Page     float64       `group:"course" placeholder:"N" help:"Changes of a subscriber's view in a second, when there are more publishers than seats."`
	Toggle   float64       `group:"course" placeholder:"N" help:"Cameras that are turned off for a second, in a second."`
	Loss     ratio         `group:"course" placeholder:"PART" help:"Received packets that subscribers and probes throw away and ask for again, such as 1%."`
	UpLoss   ratio         `group:"course" name:"uplink-loss" placeholder:"PART" help:"Packets of publishers that are lost on the way to the server."`

	FindMax string        `group:"search" enum:",rate,subscribers" default:"" placeholder:"WHAT" help:"Search the highest load that the server bears by raising the bitrate of cameras (rate), or by adding subscribers in more rooms of the same kind (subscribers)."`
	MaxLoss ratio         `group:"search" default:"0.1%" placeholder:"PART" help:"Loss that a load must stay below to be borne."`
	MaxP99  time.Duration `group:"search" name:"max-p99" default:"20ms" placeholder:"TIME" help:"Forward latency that 99 of 100 packets must stay below."`
	Steps   int           `group:"search" default:"5" placeholder:"N" help:"Steps of bisection, after the load that is too much was found."`

	Format string `group:"report" default:"table" enum:"table,json,markdown" placeholder:"FORMAT" help:"Form of the report: table, json or markdown."`
	Output string `group:"report" short:"o" type:"path" placeholder:"FILE" help:"Write the report to a file."`
	Quiet  bool   `group:"report" short:"q" help:"Show no progress."`

	Version bool `help:"Print the version."`
}

// settingError is a setting that cannot be used. It names the setting and says what would be right.
type settingError struct{ flag, why string }

func (e *settingError) Error() string { return "--" + e.flag + ": " + e.why }

func badSetting(flag, format string, args ...any) error {
	return &settingError{flag: flag, why: fmt.Sprintf(format, args...)}
}

// Bounds of settings.
const (
	maxPeople   = 100_000
	maxRooms    = 10_000
	maxSeats    = 64
	maxRate     = 10_000
	maxFPS      = 120
	maxLayers   = 3
	maxPace     = 100
	maxDuration = 24 * time.Hour
	maxSteps    = 20
	// maxAudio is what one packet of 20 ms can hold.
	maxAudio bitrate = 400_000
	maxVideo bitrate = 500_000_000
)

// check reports the first setting that cannot be used.
func (s *Settings) check() error {
	if u, err := url.Parse(s.Server); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("server address %q is not an address such as http://localhost:8080", s.Server)
	}
	if u, err := url.Parse(s.Admin); s.Admin != "" && s.Admin != "none" && (err != nil || u.Host == "") {
		return badSetting("admin", "%q is not an address; use one such as http://localhost:8081", s.Admin)
	}
	if err := s.checkNumbers(); err != nil {
		return err
	}
	return s.checkTogether()
}

func (s *Settings) checkNumbers() error {
	for _, c := range []struct {
		flag             string
		value, low, high int
	}{
		{"rooms", s.Rooms, 1, maxRooms},
		{"publishers", s.Publishers, 1, maxPeople},
		{"subscribers", s.Subscribers, 0, maxPeople},
		{"probes", s.Probes, 0, maxPeople},
		{"seats", s.Seats, 1, maxSeats},
		{"fps", s.FPS, 1, maxFPS},
		{"encodings", s.Encodings, 1, maxLayers},
		{"temporal-layers", s.TemporalLayers, 1, maxLayers},
		{"steps", s.Steps, 0, maxSteps},
	} {
		if c.value < c.low || c.value > c.high {
			return badSetting(c.flag, "%d is out of range; use a number from %d to %d", c.value, c.low, c.high)
		}
	}
	for _, c := range []struct {
		flag             string
		value, low, high float64
	}{
		{"join-rate", s.JoinRate, 0.1, maxRate},
		{"churn", s.Churn, 0, maxRate},
		{"page", s.Page, 0, maxRate},
		{"toggle", s.Toggle, 0, maxRate},
		{"pace", s.Pace, 0, maxPace},
	} {
		if !(c.value >= c.low && c.value <= c.high) {
			return badSetting(c.flag, "%g is out of range; use a number from %g to %g", c.value, c.low, c.high)
		}
	}
	if s.Duration < time.Second || s.Duration > maxDuration {
		return badSetting("duration", "%v is out of range; use a time from 1s to %v", s.Duration, maxDuration)
	}
	if s.WarmUp < 0 || s.WarmUp > maxDuration {
		return badSetting("warm-up", "%v is out of range; use a time from 0s to %v", s.WarmUp, maxDuration)
	}
	if s.Audio > maxAudio {
		return badSetting("audio", "%v is too much; use up to %v", s.Audio, maxAudio)
	}
	if s.Bitrate > maxVideo {
		return badSetting("bitrate", "%v is too much; use up to %v", s.Bitrate, maxVideo)
	}
	return nil
}

// checkTogether looks at settings that must fit one another.
func (s *Settings) checkTogether() error {
	if err := s.checkSearch(); err != nil {
		return err
	}
	synthetic := s.Video == "vp8"
	switch {
	case s.Video == "none" && s.Audio == 0:
		return badSetting("audio", "with neither cameras nor microphones there is nothing to send")
	case !synthetic && s.Encodings > 1:
		return badSetting("encodings", "only vp8 cameras have several encodings")
	case !synthetic && s.TemporalLayers > 1:
		return badSetting("temporal-layers", "only vp8 cameras have temporal layers")
	case s.Subscribers+s.Probes == 0 && !s.Meeting:
		return badSetting("subscribers", "nobody would receive anything")
	case s.Page > 0 && s.Publishers <= s.Seats:
		return badSetting("page", "there is only one view; use more --publishers than --seats (%d)", s.Seats)
	case s.Churn > 0 && s.Subscribers == 0:
		return badSetting("churn", "there are no --subscribers to replace")
	case s.Toggle > 0 && !s.video():
		return badSetting("toggle", "there are no cameras")
	}
	return nil
}

// checkSearch looks at what a search needs.
func (s *Settings) checkSearch() error {
	switch {
	case s.FindMax == "":
		return nil
	case s.FindMax == "rate" && !s.video():
		return badSetting("find-max", "sound has one rate only; use --find-max subscribers")
	case s.Subscribers == 0:
		return badSetting("find-max", "there are no --subscribers")
	case s.Encodings > 1 || s.TemporalLayers > 1:
		return badSetting("find-max", "latency of all packets is known for cameras with one layer only")
	}
	return nil
}

func (s *Settings) video() bool { return s.Video != "none" }

func (s *Settings) codec() media.Codec {
	switch s.Video {
	case "vp8":
		return media.VP8
	case "vp9":
		return media.VP9
	case "h264":
		return media.H264
	case "av1":
		return media.AV1
	default:
		return media.CodecUnknown
	}
}

// adminURL is where the server's metrics are; empty for nowhere.
func (s *Settings) adminURL() string {
	switch s.Admin {
	case "none":
		return ""
	case "":
		u, err := url.Parse(s.Server)
		if err != nil {
			return ""
		}
		return "http://" + hostPort(u.Hostname(), "8081")
	default:
		return s.Admin
	}
}

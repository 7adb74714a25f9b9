package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// parse reads a command line.
func parse(t *testing.T, args ...string) (Settings, error) {
	t.Helper()
	var out bytes.Buffer
	s, _, err := parseArguments(args, &out, &out)
	return s, err
}

func TestSettingsAreChecked(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"localhost:8080", `"localhost:8080" is not an address`},
		{"--rooms 0", "--rooms: 0 is out of range; use a number from 1 to 10000"},
		{"--publishers 0", "--publishers: 0 is out of range"},
		{"--seats 65", "--seats: 65 is out of range; use a number from 1 to 64"},
		{"--bitrate fast", `"fast" is not a bitrate; use one such as 500kbps or 1.5Mbps`},
		{"--bitrate=-1k", `"-1k" is not a bitrate`},
		{"--bitrate 2Gbps", "--bitrate: 2.00 Gbit/s is too much"},
		{"--size 1280", `"1280" is not a size; use one such as 1280x720`},
		{"--loss 200%", `"200%" is not a part of the whole; use one such as 0.1% or 0.001`},
		{"--duration 0s", "--duration: 0s is out of range"},
		{"--video mpeg", "--video must be one of"},
		{"--video none --audio 0", "--audio: with neither cameras nor microphones there is nothing to send"},
		{"--video av1 --encodings 3", "--encodings: only vp8 cameras have several encodings"},
		{"--subscribers 0 --probes 0", "--subscribers: nobody would receive anything"},
		{"--page 1", "--page: there is only one view; use more --publishers than --seats (16)"},
		{"--find-max audio", "--find-max must be one of"},
		{"--find-max rate --video none", "--find-max: sound has one rate only; use --find-max subscribers"},
		{"--find-max rate --encodings 3", "--find-max: latency of all packets is known for cameras with one layer only"},
		{"--preset huge", `--preset: there is no "huge"; use one of audio-10x200, join-storm`},
		{"--admin 8081", `--admin: "8081" is not an address`},
		{"--pace NaN", "--pace: NaN is out of range"},
		{"--publisher 3", "unknown flag --publisher"},
	} {
		if _, err := parse(t, strings.Fields(c.args)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.args, err, c.want)
		}
	}
}

func TestPresetsFillInWhatIsLeftOpen(t *testing.T) {
	for name := range presets {
		if _, err := parse(t, "--preset", name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := parse(t, "--subscribers", "7", "--preset", "video-1x100")
	if err != nil || s.Publishers != 1 || s.Subscribers != 7 || s.Bitrate != 1_540_000 || s.Audio != 0 || s.FPS != 25 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAdminPortIsThatOfTheSameHost(t *testing.T) {
	for server, want := range map[string]string{
		"http://localhost:8080": "http://localhost:8081", "https://[2001:db8::1]": "http://[2001:db8::1]:8081",
	} {
		if s, err := parse(t, server); err != nil || s.adminURL() != want {
			t.Errorf("%s: %s, %v; want %s", server, s.adminURL(), err, want)
		}
	}
	if s, err := parse(t, "--admin", "none"); err != nil || s.adminURL() != "" {
		t.Errorf("none: %q, %v", s.adminURL(), err)
	}
}

func TestExecuteTellsOfMistakes(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := execute([]string{"--rooms", "0"}, &stdout, &stderr); code != exitSetting || !strings.HasPrefix(stderr.String(), "hiroba-load: --rooms") {
		t.Errorf("%d, %s", code, &stderr)
	}
	stderr.Reset()
	began := time.Now()
	if code := execute([]string{"http://127.0.0.1:1", "-q", "--admin", "none"}, &stdout, &stderr); code != exitFault ||
		!strings.Contains(stderr.String(), "nobody could join: dial WebSocket") {
		t.Errorf("%d, %s", code, &stderr)
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("took %v to find that there is no server", d)
	}
	stdout.Reset()
	if code := execute([]string{"--help"}, &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), "--find-max=WHAT") {
		t.Errorf("%d, %s", code, &stdout)
	}
	stdout.Reset()
	if code := execute([]string{"--version"}, &stdout, &stderr); code != 0 || stdout.String() != "hiroba-load dev\n" {
		t.Errorf("%d, %s", code, &stdout)
	}
}

func TestUnitsAreRead(t *testing.T) {
	for text, want := range map[string]bitrate{"1.5Mbps": 1_500_000, "500k": 500_000, "32 kbps": 32_000, "0": 0, "900": 900} {
		var b bitrate
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%s: %d, %v", text, b, err)
		}
	}
	for text, want := range map[string]ratio{"1%": 0.01, "0.001": 0.001, "0": 0, "100%": 1} {
		var r ratio
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%s: %v, %v", text, r, err)
		}
	}
	for value, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := thousands(value); got != want {
			t.Errorf("%v: %s", value, got)
		}
	}
}

func TestMetricsAreRead(t *testing.T) {
	m, err := parseMetrics(strings.NewReader(`# HELP hiroba_x Things.
hiroba_x{direction="down",kind="a b"} 3
hiroba_x{direction="down",kind="}"} 4 1700000000
hiroba_x{direction="up",kind="a"} 5
hiroba_xy 7
process_cpu_seconds_total 1.25e+01
junk
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.sum("hiroba_x", `direction="down"`); got != 7 {
		t.Errorf("down %v", got)
	}
	if got := m.sum("hiroba_x"); got != 12 {
		t.Errorf("all %v", got)
	}
	if got := m.sum("process_cpu_seconds_total"); got != 12.5 {
		t.Errorf("cpu %v", got)
	}
}

func TestStampSurvives(t *testing.T) {
	payload := make([]byte, 40)
	now := time.Unix(1_800_000_000, 123_456_789)
	putStamp(payload, now)
	if at, ok := stampOf(payload); !ok || !at.Equal(now) {
		t.Errorf("%v %v", at, ok)
	}
	for _, b := range [][]byte{nil, payload[:11], make([]byte, 40)} {
		if _, ok := stampOf(b); ok {
			t.Errorf("%v has a stamp", b)
		}
	}
}

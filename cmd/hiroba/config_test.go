package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"hiroba/room"
)

// parse reads settings as the program does, with its own environment.
func parse(t *testing.T, env map[string]string, args ...string) (Config, error) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	cli, _, err := parseArguments(args, io.Discard, io.Discard)
	return cli.Serve.Config, err
}

// settingsFile writes a YAML file and returns its path.
func settingsFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "hiroba.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSettingsComeFromFlagThenEnvironmentThenFileThenDefault(t *testing.T) {
	file := settingsFile(t, "max-rooms: 3\nseats: 4\nmax-seats: 32\n")
	got, err := parse(t,
		map[string]string{"HIROBA_CONFIG": file, "HIROBA_MAX_ROOMS": "2", "HIROBA_SEATS": "5"},
		"serve", "--max-rooms=1")
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.MaxRooms, want.Seats, want.MaxSeats = 1, 5, 32
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestServeIsTheDefaultCommand(t *testing.T) {
	got, err := parse(t, nil, "--listen", "127.0.0.1:9000")
	if err != nil {
		t.Fatal(err)
	}
	if got.Listen != "127.0.0.1:9000" {
		t.Errorf("listen is %q", got.Listen)
	}
}

func TestFileTakesListsTimesAndSizes(t *testing.T) {
	file := settingsFile(t, `
# comments are fine
listen: "127.0.0.1:9000"
public-ip: [203.0.113.7, "2001:db8::7"]
allowed-origins:
  - https://example.com
  - http://localhost:5173
session-grace: 10s
max-file-size: 20MB
log-format: json
`)
	got, err := parse(t, nil, "--config", file)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.Listen = "127.0.0.1:9000"
	want.PublicIP = []string{"203.0.113.7", "2001:db8::7"}
	want.AllowedOrigins = []string{"https://example.com", "http://localhost:5173"}
	want.SessionGrace = 10 * time.Second
	want.MaxFileSize = 20 << 20
	want.LogFormat = logJSON
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestBadSettingsAreRefusedWithTheirName(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		env  map[string]string
		file string
		want []string // parts of the one line that is printed
	}{
		{name: "no port", args: []string{"--listen=8080"}, want: []string{"--listen", `"8080"`, "HOST:PORT", ":8080"}},
		{name: "port too high", args: []string{"--listen=:80800"}, want: []string{"--listen", "65535"}},
		{name: "admin", args: []string{"--admin-listen=x"}, want: []string{"--admin-listen", "127.0.0.1:8081"}},
		{name: "public IP", args: []string{"--public-ip=example.com"}, want: []string{"--public-ip", "203.0.113.7"}},
		{name: "unspecified public IP", args: []string{"--public-ip=0.0.0.0"}, want: []string{"--public-ip"}},
		{name: "origin", args: []string{"--allowed-origins=example.com"}, want: []string{"--allowed-origins", "https://"}},
		{name: "format", args: []string{"--log-format=xml"}, want: []string{"--log-format", `"text"`, `"json"`, `"xml"`}},
		{name: "level", args: []string{"--log-level=loud"}, want: []string{"--log-level", `"debug"`}},
		{name: "zero rooms", args: []string{"--max-rooms=0"}, want: []string{"--max-rooms", "from 1 to"}},
		{name: "no number", args: []string{"--max-rooms=many"}, want: []string{"--max-rooms", "many", "whole number"}},
		{name: "more seats than seats", args: []string{"--seats=9", "--max-seats=8"}, want: []string{"--seats", "1 to 8"}},
		{name: "time", args: []string{"--session-grace=30"}, want: []string{"--session-grace", "30s"}},
		{name: "negative time", args: []string{"--room-grace=-1s"}, want: []string{"--room-grace", "30s"}},
		{name: "size", args: []string{"--max-file-size=big"}, want: []string{"--max-file-size", "500MB"}},
		{name: "unknown flag", args: []string{"--lisen=:1"}, want: []string{"--lisen", "--listen"}},
		{name: "unknown command", args: []string{"server"}, want: []string{"server"}},
		{name: "variable", env: map[string]string{"HIROBA_MAX_ROOMS": "x"}, want: []string{"--max-rooms", "HIROBA_MAX_ROOMS"}},
		{name: "variable out of range", env: map[string]string{"HIROBA_MAX_ROOMS": "0"}, want: []string{"--max-rooms"}},
		{name: "variable of a choice", env: map[string]string{"HIROBA_LOG_FORMAT": "xml"}, want: []string{"--log-format", "xml"}},
		{name: "unknown key", file: "\nlisten: :1\nlisten-on: :2\n", want: []string{"hiroba.yaml:3", `"listen-on"`}},
		{name: "bad value in the file", file: "\nmax-rooms: x\n", want: []string{"--max-rooms", "hiroba.yaml:2"}},
		{name: "out of range in the file", file: "max-rooms: 0", want: []string{"--max-rooms", "hiroba.yaml:1"}},
		{name: "choice in the file", file: "log-format: xml", want: []string{"--log-format", "hiroba.yaml:1"}},
		{name: "twice in the file", file: "seats: 4\nseats: 5", want: []string{"hiroba.yaml:2", `"seats"`}},
		{name: "nested", file: "listen:\n  port: 1", want: []string{"hiroba.yaml:1", `"listen"`}},
		{name: "a list of settings", file: "- listen", want: []string{"hiroba.yaml:1", "name: value"}},
		{name: "not YAML", file: "listen: [", want: []string{"hiroba.yaml"}},
		{name: "config in a file", file: "config: x", want: []string{"hiroba.yaml:1", `"config"`}},
		{name: "no such file", args: []string{"--config=/nowhere/hiroba.yaml"}, want: []string{"--config", "/nowhere/hiroba.yaml"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			args := test.args
			if test.file != "" {
				args = append(args, "--config", settingsFile(t, test.file))
			}
			var out, errors bytes.Buffer
			if code := execute(args, &out, &errors); code != exitSetting {
				t.Errorf("exit code is %d, want %d", code, exitSetting)
			}
			if out.Len() > 0 || strings.Count(errors.String(), "\n") != 1 {
				t.Errorf("want one line and no more, got\n%s%s", &out, &errors)
			}
			for _, part := range test.want {
				if !strings.Contains(errors.String(), part) {
					t.Errorf("%q is missing in: %s", part, &errors)
				}
			}
			t.Log(errors.String())
		})
	}
}

func TestHelpDocumentsEverySettingWithItsDefaultAndVariable(t *testing.T) {
	var out, errors bytes.Buffer
	if code := execute([]string{"serve", "--help"}, &out, &errors); code != 0 || errors.Len() > 0 {
		t.Fatalf("exit code %d, %s", code, &errors)
	}
	help := strings.Join(strings.Fields(out.String()), " ") // as if no line were broken
	fields := reflect.VisibleFields(reflect.TypeFor[Config]())
	for _, field := range fields {
		if field.Tag.Get("kong") == "-" {
			continue
		}
		for _, part := range []string{field.Tag.Get("help"), field.Tag.Get("default")} {
			if !strings.Contains(help, part) {
				t.Errorf("the help of %s lacks %q", field.Name, part)
			}
		}
	}
	if got := strings.Count(help, "$"+envPrefix+"_"); got != len(fields)-1 { // Log and Level have none, --config one
		t.Errorf("%d environment variables in the help, want %d", got, len(fields)-1)
	}
}

func TestDefaultsAreThoseOfTheRooms(t *testing.T) {
	c := defaultConfig()
	if diff := cmp.Diff(room.DefaultLimits(), c.limits()); diff != "" {
		t.Errorf("limits (-room +settings):\n%s", diff)
	}
	if err := c.check(); err != nil {
		t.Error(err)
	}
}

func TestVersionSaysWhatWasBuilt(t *testing.T) {
	var out, errors bytes.Buffer
	if code := execute([]string{"version"}, &out, &errors); code != 0 || errors.Len() > 0 {
		t.Fatalf("exit code %d, %s", code, &errors)
	}
	if !strings.HasPrefix(out.String(), "hiroba dev (commit ") {
		t.Errorf("version is %q", &out)
	}
}

func TestByteSize(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0": 0, "1500": 1500, "12B": 12, "64KB": 64 << 10, "64 kib": 64 << 10, "20mb": 20 << 20, "2GB": 2 << 30, " 1GiB ": 1 << 30,
	} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "B", "-1", "1.5GB", "1TB", "9999999999GB", "99999999999999999999"} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
}

var _ kong.Resolver = (*fileSettings)(nil)

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// preset is the flag that names a known load.
type preset string

// video is one camera of 1.1 kB packets, about 170 of them in a second.
var video = map[string]string{"video": "vp8", "bitrate": "1.54Mbps", "fps": "25", "audio": "0"}

// presets are what each known load sets.
var presets = map[string]map[string]string{
	"video-1x100":  with(video, map[string]string{"publishers": "1", "subscribers": "99", "probes": "1"}),
	"video-10x10":  with(video, map[string]string{"publishers": "10", "subscribers": "9", "probes": "1"}),
	"audio-10x200": {"video": "none", "audio": "40kbps", "publishers": "10", "subscribers": "199", "probes": "1"},
	"meeting-10": {
		"publishers": "10", "subscribers": "0", "probes": "1", "meeting": "true", "encodings": "3", "tile": "320x180",
	},
	"join-storm": {"publishers": "2", "subscribers": "150", "join-rate": "500", "churn": "50", "bitrate": "300kbps"},
}

func with(base, more map[string]string) map[string]string {
	out := make(map[string]string, len(base)+len(more))
	for _, m := range []map[string]string{base, more} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// presetNames are the names in order.
func presetNames() string {
	names := make([]string, 0, len(presets))
	for name := range presets {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// BeforeResolve is called by kong when the flags have been read: it lets the preset fill in what they left open.
func (p preset) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	name := fmt.Sprint(ctx.FlagValue(trace.Flag))
	values, found := presets[name]
	if !found {
		return fmt.Errorf("--preset: there is no %q; use one of %s", name, presetNames())
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if value, set := values[flag.Name]; set {
			return value, nil
		}
		return nil, nil //nolint:nilnil // kong's way to say: not from here
	}))
	return nil
}

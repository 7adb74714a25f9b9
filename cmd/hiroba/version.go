package main

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// version is set by the linker (see the Makefile); a build without it is a development build.
var version = "dev"

// revision is set by the linker where the build has no git history to read the commit from, as in a container.
var revision = ""

// build says which program this is.
type build struct {
	// Version is a release or "dev"; Revision the commit, with "-dirty" when the tree had changes; both may be
	// unknown. Go is the version of the compiler.
	Version, Revision, Go string
}

// currentBuild reads what the compiler left in the program.
func currentBuild() build {
	b := build{Version: version, Revision: revision[:min(12, len(revision))], Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	vcs, dirty := "", ""
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			vcs = setting.Value[:min(12, len(setting.Value))]
		case "vcs.modified":
			if setting.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if vcs != "" {
		b.Revision = vcs + dirty
	}
	return b
}

// String is what the version command prints.
func (b build) String() string {
	return "hiroba " + b.Version + " (commit " + cmp.Or(b.Revision, "unknown") + ", " + b.Go + ", " +
		runtime.GOOS + "/" + runtime.GOARCH + ")"
}

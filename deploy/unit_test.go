package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const unitFile = "hiroba.service"

func TestUnitGivesNoMoreRightsThanNeeded(t *testing.T) {
	unit := strings.Split(read(t, unitFile), "\n")
	for _, want := range []string{
		"DynamicUser=yes", "StateDirectory=hiroba", "AmbientCapabilities=CAP_NET_BIND_SERVICE",
		"CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes",
		"ExecStart=/usr/local/bin/hiroba serve --config /etc/hiroba.yml", "ExecReload=/bin/kill -HUP $MAINPID",
		// As exit codes of cmd/hiroba say, and longer than its closing may take.
		"RestartPreventExitStatus=2", "TimeoutStopSec=30",
	} {
		if !slices.Contains(unit, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestSystemdUnderstandsTheUnit(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), unitFile)
	text := strings.ReplaceAll(read(t, unitFile), "/usr/local/bin/hiroba", path)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), unitFile) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// fence is a block of code in a Markdown file, here is a text that a shell is given.
var (
	fence = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```")
	here  = regexp.MustCompile(`(?ms)<<EOF\n(.*?)^EOF$`)
	named = regexp.MustCompile(`-f (\S+\.yml)`)
)

// TestReadmeNamesWhatIsThere reads the commands of README.md: files, settings and variables exist.
func TestReadmeNamesWhatIsThere(t *testing.T) {
	settings := read(t, "../README.md")
	flags := func(name string) {
		if name != "config" && !strings.Contains(settings, "`--"+name+"`") {
			t.Errorf("the server has no setting --%s", name)
		}
	}
	listed := map[string]bool{}
	for _, m := range setting.FindAllStringSubmatch(read(t, ".env.example"), -1) {
		listed[m[1]] = true
	}
	blocks := fence.FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(blocks) < 8 {
		t.Fatalf("README.md has %d blocks of commands", len(blocks))
	}
	files, keys := 0, 0
	for _, block := range blocks {
		for _, m := range named.FindAllStringSubmatch(block[1], -1) {
			files++
			if _, err := os.Stat(m[1]); err != nil {
				t.Error(err)
			}
		}
		for _, m := range here.FindAllStringSubmatch(block[1], -1) {
			var given map[string]string
			if err := yaml.Unmarshal([]byte(m[1]), &given); err != nil {
				t.Errorf("%s: %v", m[1], err)
			}
			for key := range given {
				keys++
				flags(key)
			}
		}
		for line := range strings.Lines(block[1]) {
			if name, _, found := strings.Cut(strings.TrimSpace(line), "="); found && strings.HasPrefix(name, "HIROBA_") && !listed[name] {
				t.Errorf(".env.example lacks %s", name)
			}
			if command := strings.TrimSpace(line); strings.HasPrefix(command, "hiroba serve ") {
				for _, word := range strings.Fields(command) {
					if name, isFlag := strings.CutPrefix(word, "--"); isFlag {
						flags(name)
					}
				}
			}
		}
	}
	if files < 4 || keys < 4 {
		t.Errorf("found %d files and %d settings only", files, keys)
	}
}

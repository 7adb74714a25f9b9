package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// read is the text of a file of this folder.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// parse reads a YAML file of this folder.
func parse(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// source is what a dashboard reads from.
type source struct{ Type, UID string }

// panel is a part of a dashboard.
type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	Datasource  source
	Targets     []struct {
		RefID, Expr string
		Datasource  source
	}
}

// dashboard is one of Grafana.
type dashboard struct {
	UID, Title string
	Panels     []panel
	Templating struct{ List []struct{ Name, Type string } }
}

func dashboards(t *testing.T) []dashboard {
	t.Helper()
	files, err := filepath.Glob("grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	boards := make([]dashboard, len(files))
	for i, file := range files {
		if err := json.Unmarshal([]byte(read(t, file)), &boards[i]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return boards
}

// alert is a rule of Prometheus.
type alert struct {
	Alert, Expr, For string
	Labels           map[string]string
	Annotations      map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	files, err := filepath.Glob("prometheus/rules/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules: %v", err)
	}
	var all []alert
	for _, file := range files {
		var rules struct{ Groups []struct{ Rules []alert } }
		parse(t, file, &rules)
		for _, group := range rules.Groups {
			all = append(all, group.Rules...)
		}
	}
	return all
}

func TestDashboardsAreWellFormed(t *testing.T) {
	boards := map[string]bool{}
	for _, board := range dashboards(t) {
		if board.UID == "" || board.Title == "" || boards[board.UID] {
			t.Errorf("dashboard %q (%s) has no identity of its own", board.Title, board.UID)
		}
		boards[board.UID] = true
		ids, taken := map[int]bool{}, map[[2]int]string{}
		for _, p := range board.Panels {
			if ids[p.ID] || p.Title == "" {
				t.Errorf("%s: panel %d %q has no identity of its own", board.UID, p.ID, p.Title)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x > 23 {
						t.Fatalf("%s: %q lies over %q, or beyond the edge", board.UID, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			// The variable, so that the dashboards can be imported elsewhere.
			if want := (source{"prometheus", "${datasource}"}); p.Datasource != want || len(p.Targets) == 0 {
				t.Errorf("%s: %q reads %d queries from %+v", board.UID, p.Title, len(p.Targets), p.Datasource)
			}
			for _, target := range p.Targets {
				if !strings.Contains(target.Expr, `instance=~"$instance"`) || target.Datasource != p.Datasource {
					t.Errorf("%s: %q does not heed the choice of server or data source: %s", board.UID, p.Title, target.Expr)
				}
			}
		}
	}
	var provider struct {
		Providers []struct{ Options struct{ Path string } }
	}
	parse(t, "grafana/provisioning/dashboards/hiroba.yml", &provider)
	for _, file := range composeFiles {
		if mount := "./grafana/dashboards:" + provider.Providers[0].Options.Path + ":ro"; !strings.Contains(read(t, file), mount) {
			t.Errorf("%s does not mount %s", file, mount)
		}
	}
}

// heading finds the sections of a Markdown file.
var heading = regexp.MustCompile(`(?m)^#+ (.+)$`)

func TestAlertsSayWhatToDo(t *testing.T) {
	runbook, tests := read(t, "RUNBOOK.md"), read(t, "prometheus/tests/hiroba_test.yml")
	sections := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(runbook, -1) {
		sections[strings.ToLower(h[1])] = true
	}
	for _, a := range alerts(t) {
		for _, name := range []string{"summary", "description", "runbook"} {
			if a.Annotations[name] == "" {
				t.Errorf("%s has no %s", a.Alert, name)
			}
		}
		if severity := a.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s has the severity %q", a.Alert, severity)
		}
		anchor := strings.ToLower(a.Alert)
		if !strings.HasSuffix(a.Annotations["runbook"], " deploy/RUNBOOK.md#"+anchor) || !sections[anchor] {
			t.Errorf("%s has no section in RUNBOOK.md, or does not name it", a.Alert)
		}
		if !strings.Contains(tests, "alertname: "+a.Alert+"\n") {
			t.Errorf("%s has no test for promtool", a.Alert)
		}
	}
}

package deploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

// rateInterval stands in for Grafana's $__rate_interval, at a scrape each second.
const rateInterval = "15s"

// prometheus is one that runs with the configuration of this folder, only faster.
type prometheus struct{ url, admin string }

// startPrometheus starts one that watches the server at admin.
func startPrometheus(t *testing.T, admin string) prometheus {
	t.Helper()
	path := tool(t, "prometheus", "prometheus")
	config, err := os.ReadFile("prometheus/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Abs("prometheus/rules")
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	text := string(config)
	for from, to := range map[string]string{
		`: 15s`:            `: 1s`,
		`"hiroba:8081"`:    strconv.Quote(admin),
		`"localhost:9090"`: strconv.Quote(address),
		`- rules/`:         `- ` + rules + `/`,
	} {
		if !strings.Contains(text, from) {
			t.Fatalf("prometheus.yml lacks %q", from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "prometheus.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	begin(t, path, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address)
	p := prometheus{url: "http://" + address, admin: admin}
	until(t, "first scrape", func(ctx context.Context) error { return p.needs(ctx, `up{job="hiroba"} == 1`) })
	return p
}

// series is one result of a query.
type series struct {
	Metric map[string]string
	Value  [2]any // the time, and the value as text
}

// query asks for the value of an expression now.
func (p prometheus) query(ctx context.Context, expr string) ([]series, error) {
	text, err := get(ctx, p.url+"/api/v1/query?query="+url.QueryEscape(expr))
	if err != nil {
		return nil, err
	}
	var answer struct{ Data struct{ Result []series } }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return nil, fmt.Errorf("%w in %s", err, text)
	}
	return answer.Data.Result, nil
}

// needs reports an error unless the expression has a value that is a number.
func (p prometheus) needs(ctx context.Context, expr string) error {
	result, err := p.query(ctx, expr)
	if err != nil {
		return err
	}
	for _, s := range result {
		text, _ := s.Value[1].(string)
		if value, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(value) {
			return nil
		}
	}
	return fmt.Errorf("no data for %s: %v", expr, result)
}

// awaitScrapes waits until Prometheus has asked the server so many times more.
func (p prometheus) awaitScrapes(t *testing.T, more int) {
	t.Helper()
	const count = `count_over_time(up{job="hiroba"}[5m])`
	before, err := p.query(t.Context(), count)
	if err != nil || len(before) != 1 {
		t.Fatalf("%v %v", before, err)
	}
	until(t, "scrapes", func(ctx context.Context) error {
		return p.needs(ctx, fmt.Sprintf("%s >= %v + %d", count, before[0].Value[1], more))
	})
}

// selectors are what an expression reads: metrics of the server, each with its matchers.
var selectors = regexp.MustCompile(`\b(?:hiroba|process|go)_[a-z_]+(?:\{[^}]*\})?|\bup\{[^}]*\}`)

// TestPrometheusHasDataForEveryPanelAndAlert runs a small call, lets a real Prometheus watch it, and asks it what the
// dashboards and alerts will ask.
func TestPrometheusHasDataForEveryPanelAndAlert(t *testing.T) {
	tool(t, "prometheus", "prometheus")
	public, admin := startServer(t)
	p := startPrometheus(t, admin)
	first := join(t, "http://"+public, "load", 1)
	join(t, "http://"+public, "load", 2)
	seesPictures(t, first, 1)
	report(t, first)
	p.awaitScrapes(t, 5)
	last := join(t, "http://"+public, "load", 3) // into a call that goes on: such joins are timed
	seesPictures(t, last, 2)
	report(t, last)
	p.awaitScrapes(t, 3)

	variables := strings.NewReplacer("$instance", ".+", "$__rate_interval", rateInterval, "$__range", "30s")
	for _, board := range dashboards(t) {
		for _, panel := range board.Panels {
			for _, target := range panel.Targets {
				t.Run(board.UID+"/"+panel.Title+"/"+target.RefID, func(t *testing.T) {
					expr := variables.Replace(target.Expr)
					if err := p.needs(t.Context(), expr); err != nil && !p.lacks(t, expr) {
						t.Error(err)
					}
					p.checkSelectors(t, expr)
				})
			}
		}
	}
	for _, rule := range alerts(t) {
		t.Run(rule.Alert, func(t *testing.T) { p.checkSelectors(t, rule.Expr) })
	}
	p.checkRules(t)
}

// headroom is shown before every server has it: it comes with the admission of joins.
const headroom = "hiroba_headroom_ratio"

// lacks reports whether an expression is about a metric that this server does not have yet.
func (p prometheus) lacks(t *testing.T, expr string) bool {
	t.Helper()
	if !strings.Contains(expr, headroom) {
		return false
	}
	text, err := get(t.Context(), "http://"+p.admin+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return !strings.Contains(text, "\n"+headroom+"{")
}

// report says what a browser would say of a call that goes well.
func report(t *testing.T, c *client.Client) {
	t.Helper()
	rtt := 12
	err := c.Send(protocol.Report{
		FirstFrame: &protocol.FirstFrame{TookMs: 400},
		Path:       &protocol.MediaPath{Candidate: "host", Protocol: "udp", RTTMs: &rtt},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkSelectors fails for each part of an expression that nothing matches.
func (p prometheus) checkSelectors(t *testing.T, expr string) {
	t.Helper()
	found := selectors.FindAllString(expr, -1)
	if len(found) == 0 {
		t.Errorf("no metric in %s", expr)
	}
	for _, selector := range found {
		if p.lacks(t, selector) {
			continue
		}
		if err := p.needs(t.Context(), selector); err != nil {
			t.Error(err)
		}
	}
}

// checkRules fails when Prometheus cannot evaluate a rule, or is alarmed by a server that works.
func (p prometheus) checkRules(t *testing.T) {
	t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError, State string }
			}
		}
	}
	until(t, "rules are evaluated", func(ctx context.Context) error {
		text, err := get(ctx, p.url+"/api/v1/rules")
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			return err
		}
		if strings.Contains(text, `"health":"unknown"`) || len(answer.Data.Groups) == 0 {
			return errors.New(text)
		}
		return nil
	})
	for _, group := range answer.Data.Groups {
		for _, rule := range group.Rules {
			if rule.Health != "ok" || rule.State == "firing" {
				t.Errorf("%s is %s, its health %s %s", rule.Name, rule.State, rule.Health, rule.LastError)
			}
		}
	}
}

func TestPromtoolAcceptsConfigurationAndRules(t *testing.T) {
	promtool := tool(t, "promtool", "prometheus")
	for _, args := range [][]string{
		{"check", "config", "prometheus/prometheus.yml"},
		{"check", "rules", "prometheus/rules/hiroba.yml"},
		{"test", "rules", "prometheus/tests/hiroba_test.yml"},
	} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

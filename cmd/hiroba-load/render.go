package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// style is a way to write tables.
type style interface {
	heading(text string) string
	row(cells []string, widths []int) string
	rule(widths []int) string
	item(text string) string
}

// text is for terminals.
type text struct{}

func (text) heading(s string) string { return s + "\n" }

func (text) row(cells []string, widths []int) string {
	if strings.Join(cells, "") == "" {
		return ""
	}
	var b strings.Builder
	for i, c := range cells {
		if i == 0 {
			fmt.Fprintf(&b, "  %-*s", widths[i], c)
			continue
		}
		fmt.Fprintf(&b, "  %*s", widths[i], c)
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

func (text) rule([]int) string { return "" }

func (text) item(s string) string { return "! " + s + "\n" }

// markdown is for documents.
type markdown struct{}

func (markdown) heading(s string) string { return "**" + s + "**\n\n" }

func (markdown) row(cells []string, _ []int) string {
	return "| " + strings.Join(cells, " | ") + " |\n"
}

func (markdown) rule(widths []int) string {
	return "| --- |" + strings.Repeat(" ---: |", len(widths)-1) + "\n"
}

func (markdown) item(s string) string { return "- " + s + "\n" }

// table is a heading and rows; the first row names the columns.
type table struct {
	title string
	rows  [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// render writes the tables of the report.
func (r *report) render(w io.Writer, s style) error {
	var out strings.Builder
	for _, t := range r.tables() {
		if len(t.rows) < 2 {
			continue
		}
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		widths := make([]int, 0, 8)
		for _, row := range t.rows {
			for i, c := range row {
				if i == len(widths) {
					widths = append(widths, 0)
				}
				widths[i] = max(widths[i], len([]rune(c)))
			}
		}
		out.WriteString(s.heading(t.title))
		for i, row := range t.rows {
			for len(row) < len(widths) {
				row = append(row, "")
			}
			out.WriteString(s.row(row, widths))
			if i == 0 {
				out.WriteString(s.rule(widths))
			}
		}
	}
	if len(r.Notes) > 0 {
		out.WriteString("\n")
	}
	for _, n := range r.Notes {
		out.WriteString(s.item(n))
	}
	_, err := io.WriteString(w, out.String())
	return errors.Join(err)
}

// tables are all that the report has.
func (r *report) tables() []table {
	tables := []table{{title: r.title()}, {title: "Joining"}}
	joining := &tables[1]
	joining.add("", "p50", "p95", "p99", "max", "people")
	if t := r.Join.Time; t != nil {
		joining.add("to the first media", ms(t.P50), ms(t.P95), ms(t.P99), ms(t.Max), thousands(float64(t.Samples)))
	}
	for _, why := range slices.Sorted(maps.Keys(r.Join.Failed)) {
		joining.add("failed: "+why, "", "", "", "", thousands(float64(r.Join.Failed[why])))
	}
	if m := r.Measurement; m != nil {
		tables = append(tables, m.tables()...)
	}
	if r.Churn != (churnReport{}) {
		churn := table{title: "Besides media"}
		churn.add("", "times")
		churn.add("subscribers replaced", thousands(float64(r.Churn.Left)))
		churn.add("pages turned", thousands(float64(r.Churn.Paged)))
		churn.add("cameras off and on", thousands(float64(r.Churn.Toggled)))
		tables = append(tables, churn)
	}
	if r.Search != nil {
		tables = append(tables, r.Search.tables()...)
	}
	tables[0].add("", "")
	tables[0].rows = append(tables[0].rows, r.Load.rows()...)
	return tables
}

// title says against what and when.
func (r *report) title() string {
	return fmt.Sprintf("Load on %s, %s", r.Server, r.StartedAt.Format("2006-01-02 15:04 UTC"))
}

// rows say what was asked for.
func (l *loadReport) rows() [][]string {
	people := fmt.Sprintf("%d publishers, %d subscribers, %d probes", l.Publishers, l.Subscribers, l.Probes)
	if l.Meeting {
		people += ", a meeting"
	}
	rows := [][]string{{"rooms", fmt.Sprint(l.Rooms)}, {"in each", people}}
	if l.Video != "none" {
		camera := fmt.Sprintf("%s, %s", l.Video, bitrate(l.Bitrate))
		if l.Encodings > 1 {
			camera += fmt.Sprintf(", %d encodings", l.Encodings)
		}
		rows = append(rows, []string{"camera", camera})
	}
	if l.Audio > 0 {
		rows = append(rows, []string{"microphone", fmt.Sprintf("opus, %s", bitrate(l.Audio))})
	}
	return rows
}

// tables are those of what was measured.
func (m *Measurement) tables() []table {
	latency := table{title: fmt.Sprintf("Forward latency, %.1f s", m.Seconds)}
	latency.add("", "p50", "p95", "p99", "max", "packets")
	for _, q := range []struct {
		name string
		*Quantiles
	}{
		{"video", m.VideoLatency},
		{"audio", m.AudioLatency},
		{"video, at the probes", m.Probes.VideoLatency},
		{"audio, at the probes", m.Probes.AudioLatency},
	} {
		if q.Quantiles != nil {
			latency.add(q.name, ms(q.P50), ms(q.P95), ms(q.P99), ms(q.Max), thousands(float64(q.Samples)))
		}
	}
	return []table{m.received(), latency, m.probes(), m.server()}
}

func (m *Measurement) received() table {
	t := table{title: "Received"}
	t.add("", "packets/s", "bitrate")
	for _, r := range []struct {
		name string
		Rate
	}{{"video", m.Video}, {"audio", m.Audio}} {
		if r.PacketsPerSecond > 0 {
			t.add(r.name, thousands(r.PacketsPerSecond), bitrate(r.BitsPerSecond).String())
		}
	}
	t.add("loss", fmt.Sprintf("%.4f%%", m.Loss*100), fmt.Sprintf("%d packets", m.Lost))
	if m.Injected > 0 {
		t.add("thrown away on purpose", thousands(float64(m.Injected)), "packets")
		t.add("retransmitted", thousands(float64(m.Retransmitted)), "packets")
	}
	if m.Duplicates+m.Reordered > 0 {
		t.add("duplicates, reordered", thousands(float64(m.Duplicates)), thousands(float64(m.Reordered)))
	}
	t.add("freezes", thousands(float64(m.ReceiverFreezes)), ms(m.ReceiverFrozenMs))
	return t
}

func (m *Measurement) probes() table {
	t := table{title: "At the probes"}
	t.add("", "")
	p := &m.Probes
	if p.Frames == 0 {
		return t
	}
	t.add("pictures shown", thousands(float64(p.Frames)))
	t.add("freezes", fmt.Sprintf("%d, %s", p.Freezes, ms(p.FrozenMs)))
	t.add("waits for a keyframe", fmt.Sprint(p.Skipped))
	t.add("packets recovered, missing", fmt.Sprintf("%d, %d", p.Recovered, p.Missing))
	t.add("faults", fmt.Sprint(p.Faults))
	return t
}

func (m *Measurement) server() table {
	t := table{title: "Server"}
	t.add("", "")
	s := m.Server
	if s != nil {
		t.add("CPU per forwarded packet", fmt.Sprintf("%.2f µs", s.MicrosPerPacket))
		t.add("CPU", fmt.Sprintf("%.2f cores", s.CPUCores))
		t.add("packets in, out", fmt.Sprintf("%s/s, %s/s", thousands(s.PacketsIn), thousands(s.PacketsOut)))
		t.add("memory before, after", fmt.Sprintf("%.1f MB, %.1f MB", s.RSSBefore/1e6, s.RSSAfter/1e6))
		t.add("dropped, retransmitted", fmt.Sprintf("%s, %s", thousands(s.Dropped), thousands(s.RTX)))
		t.add("keyframes asked for", thousands(s.KeyframeAsked))
	}
	t.add("CPU of the tester", fmt.Sprintf("%.2f cores", m.TesterCores))
	return t
}

// ms is a number of milliseconds as people read it.
func ms(v float64) string { return short(time.Duration(v * float64(time.Millisecond))) }

// short is a duration with three digits.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	default:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	}
}

// thousands is a whole number with commas.
func thousands(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

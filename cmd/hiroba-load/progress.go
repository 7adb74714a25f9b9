package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"hiroba/sfu/media"
)

// progress tells what goes on while it goes on: on a terminal in one line that changes, elsewhere in a line now and then.
type progress struct {
	out      io.Writer // nil to be quiet
	terminal bool

	mu      sync.Mutex
	name    string
	began   time.Time
	width   int
	lastRow time.Time
}

// rowEvery is how often a line is written where it stays.
const rowEvery = 5 * time.Second

func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{out: w, began: time.Now()}
	if quiet {
		p.out = nil
	}
	if file, ok := w.(*os.File); ok {
		info, err := file.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// phase begins something new, with so many people.
func (p *progress) phase(name string, people int) {
	p.mu.Lock()
	p.name, p.lastRow = name, time.Time{}
	p.mu.Unlock()
	if people > 0 {
		p.show(fmt.Sprintf("%d people", people))
		return
	}
	p.show("")
}

// show writes the state.
func (p *progress) show(text string) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	line := strings.TrimRight(fmt.Sprintf("%5.1fs  %-10s  %s", time.Since(p.began).Seconds(), p.name, text), " ")
	if !p.terminal {
		if time.Since(p.lastRow) >= rowEvery {
			p.lastRow = time.Now()
			fmt.Fprintln(p.out, line)
		}
		return
	}
	fmt.Fprintf(p.out, "\r%-*s", p.width, line)
	p.width = len(line)
}

// end leaves the line.
func (p *progress) end() {
	if p.out != nil && p.terminal {
		fmt.Fprintf(p.out, "\r%-*s\r", p.width, "")
	}
}

// watch shows every second what happens, for so long.
func (p *progress) watch(ctx context.Context, l *load, d time.Duration) {
	end := time.NewTimer(d)
	defer end.Stop()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := l.count()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-ticker.C:
			if p.out == nil {
				continue
			}
			now := l.count()
			p.show(now.since(last))
			last = now
		}
	}
}

// count is what the progress shows, without what costs the server something.
func (l *load) count() *moment {
	m := &moment{at: time.Now(), cpu: cpuTime()}
	publishers, subscribers := l.everybody()
	for _, p := range append(publishers, subscribers...) {
		m.totals.Add(p.socket.Totals())
		m.people++
	}
	m.audio, m.video = l.hub.Latency(media.Audio), l.hub.Latency(media.Video)
	return m
}

// since says what happened since an earlier moment.
func (m *moment) since(earlier *moment) string {
	seconds := m.at.Sub(earlier.at).Seconds()
	now, before := m.totals.Media(), earlier.totals.Media()
	if now.Packets < before.Packets || now.Expected < before.Expected { // somebody has left
		return fmt.Sprintf("%d people", m.people)
	}
	now.Sub(before)
	loss := 0.0
	if now.Expected > 0 {
		loss = float64(now.Lost()) / float64(now.Expected)
	}
	latency := m.video
	latency.Add(&m.audio)
	latency.Sub(&earlier.video)
	latency.Sub(&earlier.audio)
	return fmt.Sprintf("%d people  %s packets/s  %s  loss %.3f%%  p99 %s  tester %.0f%%",
		m.people, thousands(float64(now.Packets)/seconds), bitrate(float64(now.Bytes)*8/seconds), loss*100,
		short(latency.Quantile(0.99)), (m.cpu-earlier.cpu).Seconds()/seconds*100)
}

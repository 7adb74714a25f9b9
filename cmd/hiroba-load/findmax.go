package main

import (
	"context"
	"fmt"
	"math"
	"time"
)

// search is the search for the highest load that the server bears.
type search struct {
	What    string  `json:"what"`
	MaxLoss float64 `json:"maxLoss"`
	MaxP99  float64 `json:"maxP99Ms"`
	Steps   []step  `json:"steps"`
	// Best is the index of the highest load that was borne; -1 when none was.
	Best int `json:"best"`
}

// step is one load that was tried.
type step struct {
	// Factor is the load as a multiple of what the settings say.
	Factor      float64      `json:"factor"`
	Bitrate     int64        `json:"bitrate"`
	Subscribers int          `json:"subscribers"`
	Borne       bool         `json:"borne"`
	Why         string       `json:"why,omitempty"` // it was not
	Result      *Measurement `json:"result"`
}

const (
	// maxFactor bounds the search.
	maxFactor = 1 << 10
	// closeEnough ends the bisection: no need to know more exactly than to two percent.
	closeEnough = 1.02
	// chances is how often a load is tried before it is too much: something else may have kept the machine busy.
	chances = 2
)

// findMax doubles the load until it is too much, and then bisects.
func (l *load) findMax(ctx context.Context, rep *report) error {
	s := &search{
		What: l.settings.FindMax, MaxLoss: float64(l.settings.MaxLoss), MaxP99: milliseconds(l.settings.MaxP99), Best: -1,
	}
	rep.Search = s
	borne, tooMuch := 0.0, math.Inf(1)
	for factor := 1.0; factor <= maxFactor && ctx.Err() == nil; factor *= 2 {
		ok, err := l.try(ctx, s, factor)
		if err != nil {
			return err
		}
		if !ok {
			tooMuch = factor
			break
		}
		borne = factor
	}
	for n := 0; n < l.settings.Steps && ctx.Err() == nil; n++ {
		if math.IsInf(tooMuch, 1) || tooMuch/max(borne, tooMuch/1e3) < closeEnough {
			break
		}
		factor := (borne + tooMuch) / 2
		ok, err := l.try(ctx, s, factor)
		if err != nil {
			return err
		}
		if ok {
			borne = factor
		} else {
			tooMuch = factor
		}
	}
	if s.Best >= 0 {
		rep.Measurement = s.Steps[s.Best].Result
	}
	for _, step := range s.Steps {
		if !step.Borne {
			step.Result.warn(func(format string, args ...any) {
				rep.note("At %.2f times the load: "+format, append([]any{step.Factor}, args...)...)
			})
		}
	}
	return nil
}

// try puts a load on and says whether the server bears it.
func (l *load) try(ctx context.Context, s *search, factor float64) (bool, error) {
	next := step{Factor: factor, Bitrate: int64(l.settings.Bitrate), Subscribers: l.settings.Rooms * l.settings.Subscribers}
	if l.settings.FindMax == "rate" {
		next.Bitrate = int64(float64(next.Bitrate) * factor)
		l.setBitrate(bitrate(next.Bitrate))
	} else {
		next.Subscribers = max(1, int(math.Round(float64(next.Subscribers)*factor)))
		if err := l.setSubscribers(ctx, next.Subscribers); err != nil {
			return false, err
		}
	}
	l.progress.phase(fmt.Sprintf("x%.2f", factor), 0)
	l.progress.watch(ctx, l, l.settings.WarmUp)
	if ctx.Err() != nil {
		return false, nil //nolint:nilerr // who ends a search wants what it found
	}
	for range chances {
		next.Result = l.measure(ctx, l.settings.Duration)
		next.Why = next.Result.tooMuch(float64(l.settings.MaxLoss), l.settings.MaxP99)
		if next.Borne = next.Why == ""; next.Borne || ctx.Err() != nil {
			break
		}
	}
	s.Steps = append(s.Steps, next)
	if next.Borne && (s.Best < 0 || s.Steps[s.Best].Factor < factor) {
		s.Best = len(s.Steps) - 1
	}
	return next.Borne, nil
}

// tooMuch says why a load was not borne; empty when it was.
func (m *Measurement) tooMuch(maxLoss float64, maxP99 time.Duration) string {
	if m.Loss >= maxLoss {
		return fmt.Sprintf("loss %.3f%%", m.Loss*100)
	}
	for _, q := range []*Quantiles{m.VideoLatency, m.AudioLatency} {
		if q != nil && q.P99 >= milliseconds(maxP99) {
			return "p99 " + ms(q.P99)
		}
	}
	if m.SilentReceivers > 0 {
		return fmt.Sprintf("%d received nothing", m.SilentReceivers)
	}
	return ""
}

// setBitrate changes the rate of all cameras.
func (l *load) setBitrate(rate bitrate) {
	publishers, _ := l.everybody()
	for _, p := range publishers {
		if p.camera != nil {
			p.Do(func() { p.camera.setBitrate(rate) })
		}
	}
}

// setSubscribers lets subscribers join or leave until there are so many, in as many rooms as they need.
func (l *load) setSubscribers(ctx context.Context, n int) error {
	rooms := l.openRooms(max(1, (n+l.settings.Subscribers-1)/l.settings.Subscribers))
	_, there := l.everybody()
	var leaving []*participant
	surplus := -n
	for _, p := range there {
		if p.probe == nil {
			surplus++
		}
	}
	for i := len(there) - 1; i >= 0 && surplus > 0; i-- {
		if p := there[i]; p.probe == nil && p.room.remove(p) {
			leaving = append(leaving, p)
			surplus--
		}
	}
	l.progress.phase("joining", 0)
	l.leaveAll(leaving)
	return l.fill(ctx, rooms, n)
}

// tables are those of the search.
func (s *search) tables() []table {
	t := table{title: fmt.Sprintf("Search by %s: loss below %g%%, p99 below %s", s.What, s.MaxLoss*100, ms(s.MaxP99))}
	t.add("load", "subscribers", "packets/s", "loss", "p50", "p99", "server", "µs/packet", "tester", "")
	for i, step := range s.Steps {
		m := step.Result
		latency := m.VideoLatency
		if latency == nil {
			latency = m.AudioLatency
		}
		if latency == nil {
			latency = &Quantiles{}
		}
		server, micros := "", ""
		if m.Server != nil {
			server, micros = fmt.Sprintf("%.2f cores", m.Server.CPUCores), fmt.Sprintf("%.2f", m.Server.MicrosPerPacket)
		}
		verdict := step.Why
		if i == s.Best {
			verdict = "highest"
		}
		t.add(fmt.Sprintf("x%.2f", step.Factor), fmt.Sprint(step.Subscribers), thousands(m.Received.PacketsPerSecond),
			fmt.Sprintf("%.4f%%", m.Loss*100), ms(latency.P50), ms(latency.P99), server, micros,
			fmt.Sprintf("%.2f cores", m.TesterCores), verdict)
	}
	return []table{t}
}

package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
)

// Replayed says what a replay went through.
type Replayed struct{ Lines, Steps, Sent, Dropped, Switched int }

// DivergenceError is a step at which the machines decided something else than in the trace.
type DivergenceError struct {
	// Step counts from 0.
	Step int
	// Was is the step in the trace, Got what was decided now.
	Was Step
	Got Got
}

// Error implements error.
func (d *DivergenceError) Error() string {
	was, _ := json.Marshal(d.Was) //nolint:errchkjson // numbers and strings
	got, _ := json.Marshal(d.Got) //nolint:errchkjson // numbers and strings
	return fmt.Sprintf("step %d decided otherwise\n was %s\n now %s", d.Step, was, got)
}

// Replay plays a trace to new lines in the state that it begins with. The error is a *DivergenceError when they decide
// otherwise at a step.
func Replay(trace io.Reader) (Replayed, error) {
	p := player{in: json.NewDecoder(trace)}
	for {
		var item json.RawMessage
		if err := p.in.Decode(&item); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return p.done, fmt.Errorf("read trace: %w", err)
		}
		if err := p.handle(item); err != nil {
			return p.done, err
		}
	}
	if p.start.IsZero() {
		return p.done, errors.New("read trace: it is empty")
	}
	return p.done, nil
}

type player struct {
	in    *json.Decoder
	start time.Time
	lines []*Line
	// recorder takes what is decided in the replay.
	recorder *Recorder
	done     Replayed
}

func (p *player) handle(item json.RawMessage) error {
	var kind struct{ Do string }
	if err := json.Unmarshal(item, &kind); err != nil {
		return fmt.Errorf("read trace: %w", err)
	}
	switch {
	case kind.Do == doStart:
		var h head
		if err := json.Unmarshal(item, &h); err != nil {
			return fmt.Errorf("read head of trace: %w", err)
		}
		if h.Version != version {
			return fmt.Errorf("read head of trace: version %d, want %d", h.Version, version)
		}
		p.start, p.recorder = h.Started, NewRecorder(h.Started)
		return nil
	case p.recorder == nil:
		return errors.New("read trace: it does not begin with its head")
	case kind.Do == doLine:
		return p.begin(item)
	default:
		return p.step(item)
	}
}

// begin makes a line in the state that it had.
func (p *player) begin(item json.RawMessage) error {
	var state json.RawMessage
	l := line{State: &state}
	if err := json.Unmarshal(item, &l); err != nil {
		return fmt.Errorf("read line of trace: %w", err)
	}
	made := new(egress.Line)
	if err := decode(reflect.ValueOf(made).Elem(), state, p.start); err != nil {
		return fmt.Errorf("restore line %d of trace: %w", l.Line, err)
	}
	listened := NewLine(made)
	listened.Listen(p.recorder, l.Seat, 0)
	p.lines = append(p.lines, listened)
	p.done.Lines++
	return nil
}

// step does what a step did, and compares.
func (p *player) step(item json.RawMessage) error {
	var s Step
	if err := json.Unmarshal(item, &s); err != nil {
		return fmt.Errorf("read step %d of trace: %w", p.done.Steps, err)
	}
	if s.Line < 0 || s.Line >= len(p.lines) {
		return fmt.Errorf("read step %d of trace: no line %d", p.done.Steps, s.Line)
	}
	p.recorder.steps = p.recorder.steps[:0]
	if err := p.do(p.lines[s.Line], &s); err != nil {
		return fmt.Errorf("do step %d of trace: %w", p.done.Steps, err)
	}
	got := p.recorder.steps[0].Got
	if !reflect.DeepEqual(got, s.Got) {
		return &DivergenceError{Step: p.done.Steps, Was: s, Got: got}
	}
	p.count(&got)
	return nil
}

func (p *player) do(l *Line, s *Step) error {
	pkt, err := s.Packet.packet(p.start)
	if err != nil {
		return err
	}
	now := p.start.Add(s.At)
	switch s.Do {
	case doTarget:
		l.SetTarget(s.Track, s.Simulcast)
	case doWanted:
		l.SetWanted(media.Layer(s.Wanted))
	case doRTT:
		l.SetRTT(s.RTT)
	case doVacate:
		l.Vacate(s.Track)
	case doRestart:
		l.Restart()
	case doRTP:
		l.HandleRTP(s.Track, pkt)
	case doReplay:
		l.HandleReplay(now, s.Track, pkt)
	case doNACK:
		l.HandleNACK(now, s.Asked, pkt)
	case doKeyframe:
		l.NeedsKeyframe(s.Best)
	default:
		return fmt.Errorf("unknown step %q", s.Do)
	}
	return nil
}

func (p *player) count(got *Got) {
	p.done.Steps++
	switch {
	case got.Dropped != "":
		p.done.Dropped++
	case got.Sent != nil:
		p.done.Sent++
		if got.Sent.Switched {
			p.done.Switched++
		}
	}
}

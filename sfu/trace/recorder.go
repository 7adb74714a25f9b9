package trace

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"time"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
)

// MaxSteps bounds a trace: ten seconds of a subscriber with 25 seats. It takes some 20 MB.
const MaxSteps = 1 << 16

// Recorder keeps the steps of the lines of one subscriber. It belongs to the shard while lines are listened to, then to
// whoever asked.
type Recorder struct {
	started time.Time
	now     time.Time // of the newest step, as far as it is known
	lines   []begun
	steps   []Step
	missed  int
}

// begun is a line and a copy of its state at the start.
type begun struct {
	seat  int
	kind  media.Kind
	state egress.Line
}

// NewRecorder makes a recorder that starts now.
func NewRecorder(now time.Time) *Recorder { return &Recorder{started: now, now: now} }

// Missed is how many steps were not recorded because there were MaxSteps already.
func (r *Recorder) Missed() int { return r.missed }

func (r *Recorder) add(s Step) {
	if len(r.steps) == MaxSteps {
		r.missed++
		return
	}
	s.At = r.now.Sub(r.started)
	r.steps = append(r.steps, s)
}

// head is the first line of a trace.
type head struct {
	Do          string    `json:"do"`
	Version     int       `json:"version"`
	Participant string    `json:"participant"`
	Started     time.Time `json:"started"`
	Steps       int       `json:"steps"`
	Missed      int       `json:"missed,omitzero"`
}

// version is that of the format. Traces of another one are not replayed.
const version = 1

// line is how a line's state is written.
type line struct {
	Do    string `json:"do"`
	Line  int    `json:"line"`
	Seat  int    `json:"seat"`
	Media string `json:"media"`
	State any    `json:"state"`
}

// WriteJSON writes the trace as JSON lines.
func (r *Recorder) WriteJSON(w io.Writer, participant string) error {
	out := json.NewEncoder(w)
	write := func(v any) error {
		if err := out.Encode(v); err != nil {
			return fmt.Errorf("write trace: %w", err)
		}
		return nil
	}
	if err := write(head{
		Do: doStart, Version: version, Participant: participant, Started: r.started.UTC(), Steps: len(r.steps), Missed: r.missed,
	}); err != nil {
		return err
	}
	for i := range r.lines {
		begun := &r.lines[i]
		state, err := encode(reflect.ValueOf(&begun.state).Elem(), r.started)
		if err != nil {
			return fmt.Errorf("write trace: %w", err)
		}
		if err := write(line{Do: doLine, Line: i, Seat: begun.seat, Media: begun.kind.String(), State: state}); err != nil {
			return err
		}
	}
	for i := range r.steps {
		if err := write(&r.steps[i]); err != nil {
			return err
		}
	}
	return nil
}

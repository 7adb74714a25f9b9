package flight_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"hiroba/sfu/flight"
	"hiroba/sfu/media"
	"hiroba/sfu/stats"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

const alice, ben media.CSRC = 1, 2

// kinds lists what was recorded.
func kinds(d flight.Dump) string {
	names := make([]string, len(d.Records))
	for i, r := range d.Records {
		names[i] = r.Kind.String()
	}
	return strings.Join(names, " ")
}

// switchOccupant plays how a seat changes from nobody to alice in the lower of two encodings, and on to the upper one.
func switchOccupant(r *flight.Recorder) {
	l := r.Line(3, media.Video)
	low, high := media.Layer{Temporal: 2}, media.Layer{Spatial: 1, Temporal: 2}
	r.HandleConnected(at(50))
	r.HandleTick(at(90))
	l.Asked(at(100), alice)
	l.Wanted(at(100), alice, high)
	for ms := 100; ms < 500; ms += 100 { // the wish stands
		l.Wanted(at(ms), alice, high)
		l.KeyframeWanted(at(ms), alice, 0)
		l.Dropped(stats.AwaitingKeyframe)
	}
	l.Switched(at(500), alice)
	l.Layer(at(500), alice, low)
	l.Sent(at(500), 1000, alice, 0, true)
	l.KeyframeWanted(at(600), alice, 1)
	l.Layer(at(700), alice, high)
	l.Sent(at(700), 2000, alice, 1, true)
	l.Layer(at(710), alice, high)
	l.Sent(at(710), 500, alice, 1, false)
	l.Sent(at(720), 500, alice, 1, true) // nobody waited for it
	l.NACK()
	l.RTX()
	l.PLI()
	r.SetRTT(20 * time.Millisecond)
	r.SetEstimate(3e6)
	r.HandleTick(at(1100))
	r.HandleTick(at(2200)) // nothing happened
}

func TestRecorderKeepsDecisionsWithoutRepetitions(t *testing.T) {
	var r flight.Recorder
	switchOccupant(&r)
	d := r.Dump()
	want := "connected asked wanted keyframe_wanted switched layer keyframe_sent keyframe_wanted layer keyframe_sent"
	if got := kinds(d); got != want {
		t.Errorf("recorded %s\nwant %s", got, want)
	}
	if len(d.Seconds) != 1 {
		t.Fatalf("%d seconds, want the one in which something happened", len(d.Seconds))
	}
	s := d.Seconds[0]
	if s.Packets != 4 || s.Bytes != 4000 || s.NACKs != 1 || s.RTX != 1 || s.PLIs != 1 || s.RTT != 20*time.Millisecond ||
		s.Estimate != 3e6 || s.Drops[stats.AwaitingKeyframe] != 4 || s.Waiting != 1<<3 {
		t.Errorf("second is %+v", s)
	}
}

func TestDumpIsJSONLinesInTheOrderOfTime(t *testing.T) {
	var r flight.Recorder
	switchOccupant(&r)
	var out bytes.Buffer
	if err := r.Dump().WriteJSON(&out, "p1"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{
		`{"at":"2026-01-01T00:00:00.050000Z","participant":"p1","kind":"connected"}`,
		`{"at":"2026-01-01T00:00:00.050000Z","participant":"p1","kind":"second","packets":4,"bytes":4000,"nacks":1,"rtx":1,` +
			`"plis":1,"rttMs":20,"estimateBps":3000000,"drops":{"awaiting_keyframe":4},"waitingSeats":[3]}`,
		`{"at":"2026-01-01T00:00:00.100000Z","participant":"p1","kind":"asked","seat":3,"media":"video","track":1}`,
		`{"at":"2026-01-01T00:00:00.100000Z","participant":"p1","kind":"wanted","seat":3,"media":"video","track":1,` +
			`"from":{"spatial":-1,"temporal":0},"to":{"spatial":1,"temporal":2}}`,
		`{"at":"2026-01-01T00:00:00.100000Z","participant":"p1","kind":"keyframe_wanted","seat":3,"media":"video","track":1,` +
			`"encoding":0}`,
	} {
		if i >= len(lines) || lines[i] != want {
			t.Errorf("line %d is %s\nwant %s", i, lines[min(i, len(lines)-1)], want)
		}
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

func TestRecorderForgetsTheOldest(t *testing.T) {
	var r flight.Recorder
	l := r.Line(0, media.Video)
	for n := range 2*flight.Decisions + 7 {
		l.Asked(at(1000*n), media.CSRC(n+1))
		l.Sent(at(1000*n), 100, alice, 0, false)
		r.HandleTick(at(1000 * n))
	}
	d := r.Dump()
	if len(d.Records) != flight.Decisions || d.Decided != 2*flight.Decisions+7 {
		t.Errorf("%d records of %d", len(d.Records), d.Decided)
	}
	if first, last := d.Records[0].Track, d.Records[len(d.Records)-1].Track; first != flight.Decisions+8 || last != 2*flight.Decisions+7 {
		t.Errorf("tracks %d to %d", first, last)
	}
	if len(d.Seconds) != flight.Seconds {
		t.Errorf("%d seconds", len(d.Seconds))
	}
	for i := 1; i < len(d.Seconds); i++ {
		if d.Seconds[i].At <= d.Seconds[i-1].At {
			t.Fatalf("second %d is not after the one before", i)
		}
	}
}

func TestRecorderOfAPublisherOnlyKeepsNothing(t *testing.T) {
	var r flight.Recorder
	allocations := testing.AllocsPerRun(100, func() {
		r.HandleConnected(at(0))
		r.HandleTick(at(1000))
	})
	if d := r.Dump(); len(d.Records)+len(d.Seconds) != 0 || allocations != 0 {
		t.Errorf("%d records, %d seconds, %v allocations", len(d.Records), len(d.Seconds), allocations)
	}
}

func TestRecordingDoesNotAllocate(t *testing.T) {
	var r flight.Recorder
	l := r.Line(0, media.Video)
	l.Asked(at(0), alice)
	n := 0
	if allocations := testing.AllocsPerRun(1000, func() {
		n++
		l.Asked(at(n), alice+media.CSRC(n%2))
		l.Wanted(at(n), alice, media.Layer{Spatial: int8(n % 3)})
		l.Layer(at(n), alice, media.Layer{Spatial: int8(n % 3)})
		l.KeyframeWanted(at(n), ben, int8(n%3))
		l.Sent(at(n), 1200, ben, int8(n%3), true)
		l.Dropped(stats.OtherLayer)
		r.HandleTick(at(1000 * n))
	}); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestDumpHasTheCurrentSecond(t *testing.T) {
	var r flight.Recorder
	l := r.Line(0, media.Audio)
	l.Asked(at(0), alice)
	r.HandleTick(at(0))
	l.Sent(at(10), 100, alice, 0, true)
	if d := r.Dump(); len(d.Seconds) != 1 || d.Seconds[0].Packets != 1 || kinds(d) != "asked" {
		t.Errorf("seconds %+v, records %s", d.Seconds, kinds(d))
	}
}

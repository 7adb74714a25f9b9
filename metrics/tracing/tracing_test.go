package tracing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"hiroba/room"
	"hiroba/signaling/protocol"
)

// recording is a tracer that keeps its spans.
func recording(t *testing.T, patience time.Duration) (*Tracer, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	p := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	return &Tracer{provider: p, spans: p.Tracer("test"), patience: patience}, spans
}

// pass has a trail pass milestones, one each millisecond.
func pass(trail room.Trail, milestones ...room.Milestone) {
	for i, m := range milestones {
		trail.Passed(m, time.Unix(1_800_000_000, int64(i)*1e6))
	}
}

var entry = []room.Milestone{room.Requested, room.Upgraded, room.Greeted, room.Asked}

func outcomeOf(spans []sdk.ReadOnlySpan) string {
	for _, s := range spans {
		for _, a := range s.Attributes() {
			if a.Key == "hiroba.outcome" {
				return a.Value.AsString()
			}
		}
	}
	return ""
}

func TestTrailTellsWhatHasBecomeOfTheJoin(t *testing.T) {
	all := append(entry[:len(entry):len(entry)], room.Admitted, room.Offered, room.Answered, room.Reachable, room.Secured)
	for name, tt := range map[string]struct {
		do      func(room.Trail)
		outcome string
		spans   int // with the root
	}{
		"not joined":     {func(r room.Trail) { pass(r, entry[:3]...); r.Ended("closed") }, "", 0},
		"resumed":        {func(r room.Trail) { pass(r, entry...); r.Ended(reasonResumed) }, "", 0},
		"refused":        {func(r room.Trail) { pass(r, entry...); r.Refused(protocol.CodeRoomFull); r.Ended("closed") }, outcomeRefused, 4},
		"left before":    {func(r room.Trail) { pass(r, all[:7]...); r.Ended("left") }, "left", 7},
		"shown":          {func(r room.Trail) { pass(r, append(all, room.FirstIn, room.FirstOut, room.FirstShown)...) }, outcomeShown, 11},
		"only looked on": {func(r room.Trail) { pass(r, append(all, room.FirstShown)...); r.Ended("left") }, outcomeShown, 9},
		"not reported":   {func(r room.Trail) { pass(r, append(all, room.FirstIn, room.FirstOut)...); r.Ended("left") }, outcomeConnected, 10},
		"alone": {func(r room.Trail) {
			r.Belongs("room", "p", true)
			pass(r, append(all, room.FirstIn)...)
		}, outcomeAlone, 9},
		"hostile parent": {func(r room.Trail) {
			r.Follows("00-" + strings.Repeat("0", 32) + "-\x00-01")
			pass(r, append(all, room.FirstIn, room.FirstShown)...)
		}, outcomeShown, 10},
	} {
		t.Run(name, func(t *testing.T) {
			tracer, spans := recording(t, time.Hour)
			trail := tracer.Follow()
			tt.do(trail)
			pass(trail, room.FirstShown) // too late for all of them
			trail.Ended("left")
			ended := spans.Ended()
			if len(ended) == 0 && tt.spans > 0 || outcomeOf(ended) != tt.outcome || len(ended) != tt.spans {
				t.Errorf("%d spans, outcome %q; want %d, %q", len(ended), outcomeOf(ended), tt.spans, tt.outcome)
			}
			for _, s := range ended {
				if s.EndTime().Before(s.StartTime()) || s.Name() == joinSpan && s.Parent().IsValid() {
					t.Errorf("%s from %v to %v, parent %v", s.Name(), s.StartTime(), s.EndTime(), s.Parent())
				}
			}
		})
	}
}

func TestTrailEndsWhenPatienceDoes(t *testing.T) {
	tracer, spans := recording(t, time.Millisecond)
	trail := tracer.Follow()
	pass(trail, append(entry[:len(entry):len(entry)], room.Admitted, room.Offered, room.Answered)...)
	for range 1000 {
		if len(spans.Ended()) > 0 && outcomeOf(spans.Ended()) != "" {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	ended := spans.Ended()
	if outcomeOf(ended) != outcomeStuck {
		t.Fatalf("outcome %q of %d spans", outcomeOf(ended), len(ended))
	}
}

func TestFailuresAreSaidOnce(t *testing.T) {
	var log bytes.Buffer
	exporter := &failing{}
	quiet := &quietExporter{SpanExporter: exporter, log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, fails := range []bool{true, true, true, false, false} {
		exporter.fails = fails
		if err := quiet.ExportSpans(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	if text := log.String(); strings.Count(text, "traces not delivered") != 1 || strings.Count(text, "traces delivered again") != 1 {
		t.Errorf("log is %s", text)
	}
}

type failing struct{ fails bool }

func (f *failing) ExportSpans(context.Context, []sdk.ReadOnlySpan) error {
	if f.fails {
		return errors.New("connection refused")
	}
	return nil
}
func (*failing) Shutdown(context.Context) error { return nil }

func TestNothingIsSentBeforeThereIsATrace(t *testing.T) {
	asked := make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	defer s.Close()
	tracer, err := Start(t.Context(), Config{Endpoint: s.URL + "/", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	tracer.Follow().Ended("closed")
	if err := tracer.Close(t.Context()); err != nil || len(asked) > 0 {
		t.Errorf("%v; %d requests", err, len(asked))
	}
}

func TestCheckEndpointWantsAURL(t *testing.T) {
	for endpoint, ok := range map[string]bool{
		"": true, "http://127.0.0.1:4318": true, "https://collector.example.com/otlp/": true, "127.0.0.1:4318": false,
		"grpc://127.0.0.1:4317": false, "http://": false, "http://a/?x=1": false, "http://a b": false,
	} {
		if err := CheckEndpoint(endpoint); (err == nil) != ok {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func FuzzFollows(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Add("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more")
	f.Add("")
	f.Fuzz(func(t *testing.T, traceparent string) {
		tracer, spans := recording(t, time.Hour)
		trail := tracer.Follow()
		trail.Follows(traceparent)
		pass(trail, entry...)
		trail.Ended("left")
		for _, s := range spans.Ended() {
			if !s.SpanContext().IsValid() {
				t.Fatalf("span of %q is %v", traceparent, s.SpanContext())
			}
		}
	})
}

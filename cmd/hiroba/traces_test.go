package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

// fakeCollector takes traces as an OpenTelemetry collector does.
type fakeCollector struct {
	url string

	mu       sync.Mutex
	resource map[string]string
	spans    []*trace.Span
}

func startCollector(t *testing.T) *fakeCollector {
	t.Helper()
	c := &fakeCollector{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s %v", r.URL, r.Header, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.take(&request)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(s.Close)
	c.url = s.URL
	return c
}

func (c *fakeCollector) take(request *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range request.ResourceSpans {
		c.resource = textOf(r.Resource.Attributes)
		for _, s := range r.ScopeSpans {
			c.spans = append(c.spans, s.Spans...)
		}
	}
}

// textOf is the attributes that are text.
func textOf(attributes []*common.KeyValue) map[string]string {
	texts := map[string]string{}
	for _, a := range attributes {
		texts[a.Key] = a.Value.GetStringValue()
	}
	return texts
}

// joinOf waits for the trace of somebody's join: its root, and the spans of its steps by name.
func (c *fakeCollector) joinOf(t *testing.T, who protocol.ParticipantID) (root *trace.Span, steps map[string]*trace.Span) {
	t.Helper()
	until := time.Now().Add(systemTimeout)
	for root == nil {
		if time.Now().After(until) {
			t.Fatalf("no trace of %s came", who)
		}
		time.Sleep(20 * time.Millisecond)
		c.mu.Lock()
		for _, s := range c.spans {
			if s.Name == "join" && textOf(s.Attributes)["hiroba.participant"] == string(who) {
				root = s
			}
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	steps = map[string]*trace.Span{}
	for _, s := range c.spans {
		if s != root && string(s.TraceId) == string(root.TraceId) {
			if string(s.ParentSpanId) != string(root.SpanId) || steps[s.Name] != nil {
				t.Errorf("%s has the parent %x, or came twice", s.Name, s.ParentSpanId)
			}
			steps[s.Name] = s
		}
	}
	return root, steps
}

// The steps of a join that everybody takes, one after the other, and those that follow in any order.
var (
	stepsInOrder = []string{"websocket upgrade", "hello", "admission", "sdp offer", "sdp answer", "ice", "dtls"}
	lastSteps    = []string{"first packet in", "first packet out", "first frame"}
)

func TestSystemTracesShowEachStepOfAJoin(t *testing.T) {
	c := startCollector(t)
	cfg := testConfig()
	cfg.OTLPEndpoint = c.url
	s := startServer(t, cfg)
	a := enter(t, s, "square", 0)
	if err := a.Connected(bounded(t)); err != nil { // from here on there is somebody to be seen
		t.Fatal(err)
	}
	begun := time.Now()
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	b := enter(t, s, "square", 1, func(c *client.Config) { c.Traceparent = parent })
	b.sees(t, a)
	a.sees(t, b)
	took := int(time.Since(begun).Milliseconds())
	if err := b.Send(protocol.Report{FirstFrame: &protocol.FirstFrame{TookMs: took}}); err != nil {
		t.Fatal(err)
	}

	root, steps := c.joinOf(t, b.ID())
	if got := fmt.Sprintf("00-%x-%x-01", root.TraceId, root.ParentSpanId); got != parent {
		t.Errorf("the trace is a part of %s, want %s", got, parent)
	}
	about := textOf(root.Attributes)
	if about["hiroba.outcome"] != "shown" || about["hiroba.room"] != "square" || about["hiroba.transport"] != "udp" ||
		root.Kind != trace.Span_SPAN_KIND_SERVER || root.Status.GetCode() == trace.Status_STATUS_CODE_ERROR {
		t.Errorf("the join is %v", root)
	}
	for i, name := range slices.Concat(stepsInOrder, lastSteps) {
		step := steps[name]
		if step == nil {
			t.Fatalf("no step %q in %v", name, steps)
		}
		if step.StartTimeUnixNano < root.StartTimeUnixNano || step.EndTimeUnixNano > root.EndTimeUnixNano ||
			step.EndTimeUnixNano < step.StartTimeUnixNano {
			t.Errorf("%q is not within the join: %v", name, step)
		}
		if before := min(i, len(stepsInOrder)) - 1; before >= 0 {
			if former := steps[stepsInOrder[before]]; step.StartTimeUnixNano < former.EndTimeUnixNano {
				t.Errorf("%q begins before %q has ended", name, former.Name)
			}
		}
	}
	if length := time.Duration(root.EndTimeUnixNano - root.StartTimeUnixNano); length <= 0 || length > time.Since(begun) {
		t.Errorf("the join took %v", length)
	}
	c.mu.Lock()
	resource := c.resource
	c.mu.Unlock()
	if resource["service.name"] != "hiroba" || resource["service.version"] != version || resource["service.instance.id"] == "" ||
		resource["host.name"] == "" {
		t.Errorf("resource is %v", resource)
	}

	root, steps = c.joinOf(t, a.ID()) // who came first, into an empty room
	if about := textOf(root.Attributes); about["hiroba.outcome"] != "alone" || len(root.ParentSpanId) != 0 ||
		steps["dtls"] == nil || steps["first frame"] != nil {
		t.Errorf("the join of the first is %v with %v", root, steps)
	}
	_, text := get(t, s.AdminURL()+"/metrics")
	if !strings.Contains(text, "hiroba_client_first_frame_seconds_count 1\n") {
		t.Error("the first picture is not counted")
	}
}

func TestSystemTracesTellWhyAJoinWasRefused(t *testing.T) {
	c := startCollector(t)
	cfg := testConfig()
	cfg.OTLPEndpoint = c.url
	s := startServer(t, cfg)
	enter(t, s, "square", 0)
	_, err := client.Dial(bounded(t), client.Config{URL: s.URL(), Room: "square", Name: "person 0", NoMedia: true})
	if err == nil {
		t.Fatal("the name was given twice")
	}
	root, steps := c.joinOf(t, "")
	if about := textOf(root.Attributes); about["hiroba.outcome"] != "refused" || about["hiroba.refused"] != "name_taken" ||
		root.Status.GetCode() != trace.Status_STATUS_CODE_ERROR || steps["admission"].GetStatus().GetCode() != trace.Status_STATUS_CODE_ERROR {
		t.Errorf("the join is %v with %v", root, steps)
	}
}

func TestSystemWithoutCollectorNobodyFollows(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	if s := startServer(t, testConfig()); s.traces != nil {
		t.Error("traces are made for nobody")
	}
	c := startCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	s := startServer(t, testConfig())
	a := enter(t, s, "square", 0)
	c.joinOf(t, a.ID())
}

package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"hiroba/room"
)

// joinSpan is the name of the root of a trace.
const joinSpan = "join"

// steps are the spans below the root: each from one milestone to another.
var steps = [...]struct {
	name     string
	from, to room.Milestone
}{
	{"websocket upgrade", room.Requested, room.Upgraded},
	{"hello", room.Upgraded, room.Greeted},
	{"admission", room.Asked, room.Admitted},
	{"sdp offer", room.Admitted, room.Offered},
	{"sdp answer", room.Offered, room.Answered},
	{"ice", room.Answered, room.Reachable},
	{"dtls", room.Reachable, room.Secured},
	{"first packet in", room.Secured, room.FirstIn},
	{"first packet out", room.Secured, room.FirstOut},
	{"first frame", room.Secured, room.FirstShown},
}

// record makes the spans of a join and queues them for delivery. Now is when it ended, zero for with its last milestone.
func (t *trail) record(now time.Time, outcome string) {
	begin, end := t.passed[room.Requested], t.last()
	unfinished := outcome != outcomeShown && outcome != outcomeAlone && outcome != outcomeConnected
	if unfinished && now.After(end) {
		end = now
	}
	parent := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": t.traceparent})
	attributes := []attribute.KeyValue{attribute.String("hiroba.outcome", outcome), attribute.Int("hiroba.attempts", t.attempts)}
	for key, value := range map[string]string{
		"hiroba.room": t.room, "hiroba.participant": string(t.participant), "hiroba.transport": t.transport,
		"hiroba.refused": string(t.refused),
	} {
		if value != "" {
			attributes = append(attributes, attribute.String(key, value))
		}
	}
	ctx, root := t.tracer.spans.Start(parent, joinSpan,
		trace.WithTimestamp(begin), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
	for _, s := range steps {
		from, to := t.passed[s.from], t.passed[s.to]
		reached := !to.IsZero()
		if from.IsZero() || !reached && !unfinished {
			continue
		}
		if !reached {
			to = end
		}
		if to.Before(from) { // what different goroutines tell may cross by microseconds
			to = from
		}
		_, span := t.tracer.spans.Start(ctx, s.name, trace.WithTimestamp(from))
		if !reached {
			span.SetStatus(codes.Error, "not reached")
		}
		span.End(trace.WithTimestamp(to))
	}
	if unfinished {
		root.SetStatus(codes.Error, outcome)
	}
	root.End(trace.WithTimestamp(end))
}

// last is when the latest milestone was passed.
func (t *trail) last() time.Time {
	var last time.Time
	for _, at := range t.passed {
		if at.After(last) {
			last = at
		}
	}
	return last
}

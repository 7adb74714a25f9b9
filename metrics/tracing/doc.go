// Package tracing tells an OpenTelemetry collector how people join: one trace for each join, with a span for each step from
// the request for a WebSocket to the first picture on the client's screen.
//
// Nothing of it is on the path of media. What is passed is noted down (trail.go), and becomes spans when the join is through
// (spans.go), which wait in a bounded queue until they are delivered (export.go). What does not fit is dropped.
package tracing

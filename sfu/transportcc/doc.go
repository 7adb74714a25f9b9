// Package transportcc tells a sender when each of its packets came: transport-wide congestion control feedback
// (draft-holmer-rmcat-transport-wide-cc-extensions-01), by which the bandwidth estimators of browsers go.
//
// A [Recorder] has a ring of arrival times, one for each transport-wide number, and writes reports straight into the memory of
// a datagram. It allocates its ring once, and nothing for a packet or a report.
package transportcc

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"time"

	"hiroba/cmd/hiroba-load/tap"
)

// report is what the program finds out. Its JSON is the report of --format json; times are in milliseconds.
type report struct {
	Version     string       `json:"version"`
	Server      string       `json:"server"`
	StartedAt   time.Time    `json:"startedAt"`
	Load        loadReport   `json:"load"`
	Join        joinReport   `json:"join"`
	Measurement *Measurement `json:"measurement,omitempty"`
	Churn       churnReport  `json:"churn"`
	Search      *search      `json:"search,omitempty"`
	Notes       []string     `json:"notes,omitempty"`
}

// loadReport says what was asked for.
type loadReport struct {
	Rooms       int     `json:"rooms"`
	Publishers  int     `json:"publishers"`
	Subscribers int     `json:"subscribers"`
	Probes      int     `json:"probes"`
	Meeting     bool    `json:"meeting"`
	Seats       int     `json:"seats"`
	Video       string  `json:"video"`
	Bitrate     int64   `json:"bitrate"`
	Encodings   int     `json:"encodings"`
	Audio       int64   `json:"audioBitrate"`
	Pace        float64 `json:"pace"`
	Loss        float64 `json:"injectedLoss"`
	UplinkLoss  float64 `json:"uplinkLoss"`
	TesterProcs int     `json:"testerProcs"`
}

// joinReport says how long subscribers took from dialling to their first packet of media.
type joinReport struct {
	Joined int            `json:"joined"`
	Failed map[string]int `json:"failed,omitempty"` // by reason
	Time   *Quantiles     `json:"timeMs,omitempty"`
}

// Quantiles of a histogram, in milliseconds.
type Quantiles struct {
	P50     float64 `json:"p50"`
	P95     float64 `json:"p95"`
	P99     float64 `json:"p99"`
	Max     float64 `json:"max"`
	Mean    float64 `json:"mean"`
	Samples uint64  `json:"samples"`
}

// quantilesOf is nil for an empty histogram.
func quantilesOf(h *tap.Histogram) *Quantiles {
	if h.Count() == 0 {
		return nil
	}
	return &Quantiles{
		P50: milliseconds(h.Quantile(0.5)), P95: milliseconds(h.Quantile(0.95)), P99: milliseconds(h.Quantile(0.99)),
		Max: milliseconds(h.Quantile(1)), Mean: milliseconds(h.Mean()), Samples: h.Count(),
	}
}

// Rate is what all receivers got together.
type Rate struct {
	PacketsPerSecond float64 `json:"packetsPerSecond"`
	BitsPerSecond    float64 `json:"bitsPerSecond"`
}

// Measurement is what happened in the time that was measured.
type Measurement struct {
	Seconds       float64 `json:"seconds"`
	Received      Rate    `json:"received"`
	Audio         Rate    `json:"audio"`
	Video         Rate    `json:"video"`
	SentPerSecond float64 `json:"publishedPacketsPerSecond"`

	// Loss is the part of the packets that did not come, without those that were thrown away on purpose (Injected).
	Loss            float64 `json:"loss"`
	Lost            uint64  `json:"lost"`
	DroppedByTester uint64  `json:"droppedByTester"` // at the tester's own sockets; Lost has them, too
	Injected        uint64  `json:"injected"`
	Retransmitted   uint64  `json:"retransmitted"`
	Duplicates      uint64  `json:"duplicates"`
	Reordered       uint64  `json:"reordered"`
	SilentReceivers int     `json:"silentReceivers"`

	// VideoLatency and AudioLatency are from the publisher's hands to the arrival in the tester's kernel, of all packets
	// whose time is known.
	VideoLatency *Quantiles `json:"videoLatencyMs,omitempty"`
	AudioLatency *Quantiles `json:"audioLatencyMs,omitempty"`

	ReceiverFreezes  uint64  `json:"receiverFreezes"`
	ReceiverFrozenMs float64 `json:"receiverFrozenMs"`

	Probes      probeReport   `json:"probes"`
	Server      *ServerReport `json:"server,omitempty"`
	TesterCores float64       `json:"testerCores"`
	// OtherCores is what everything else on this machine used, the server as well when its own part is not known or it
	// runs elsewhere.
	OtherCores float64 `json:"otherCores"`
	// ServerIsHere is true when the server was reached over loopback.
	ServerIsHere bool `json:"serverIsHere"`
}

// probeReport is what those who decrypt saw.
type probeReport struct {
	Frames       uint64     `json:"frames"`
	Freezes      uint64     `json:"freezes"`
	FrozenMs     float64    `json:"frozenMs"`
	Skipped      uint64     `json:"skipped"`
	Faults       uint64     `json:"faults"`
	Recovered    uint64     `json:"recovered"`
	Missing      uint64     `json:"missing"`
	VideoLatency *Quantiles `json:"videoLatencyMs,omitempty"`
	AudioLatency *Quantiles `json:"audioLatencyMs,omitempty"`
}

// ServerReport is what the server says of itself.
type ServerReport struct {
	CPUCores        float64 `json:"cpuCores"`
	MicrosPerPacket float64 `json:"cpuMicrosPerForwardedPacket"`
	RSSBefore       float64 `json:"rssBytesBefore"`
	RSSAfter        float64 `json:"rssBytesAfter"`
	Goroutines      float64 `json:"goroutines"`
	PacketsIn       float64 `json:"packetsInPerSecond"`
	PacketsOut      float64 `json:"packetsOutPerSecond"`
	Dropped         float64 `json:"dropped"`
	RTX             float64 `json:"retransmissions"`
	KeyframeAsked   float64 `json:"keyframeRequests"`
	ContainedPanic  float64 `json:"containedPanics"`
}

// churnReport counts what happened besides media.
type churnReport struct {
	Left    uint64 `json:"left"`
	Paged   uint64 `json:"paged"`
	Toggled uint64 `json:"toggled"`
}

func newReport(l *load) *report {
	s := &l.settings
	return &report{
		Version: version, Server: s.Server, StartedAt: time.Now().UTC().Truncate(time.Second),
		Load: loadReport{
			Rooms: s.Rooms, Publishers: s.Publishers, Subscribers: s.Subscribers, Probes: s.Probes, Meeting: s.Meeting,
			Seats: s.Seats, Video: s.Video, Bitrate: int64(s.Bitrate), Encodings: s.Encodings, Audio: int64(s.Audio),
			Pace: s.Pace, Loss: float64(s.Loss), UplinkLoss: float64(s.UpLoss), TesterProcs: runtime.GOMAXPROCS(0),
		},
	}
}

// note adds something that the reader should know.
func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// finish fills in what the whole run counted.
func (r *report) finish(l *load) *report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Join = joinReport{Joined: l.joined, Time: quantilesOf(&l.joins)}
	if len(l.failures) > 0 {
		r.Join.Failed = l.failures
	}
	r.Churn = churnReport{Left: l.churn.left.Load(), Paged: l.churn.paged.Load(), Toggled: l.churn.toggled.Load()}
	if m := r.Measurement; m != nil {
		m.warn(r.note)
	}
	return r
}

// busyTester is the part of its processors beyond which a tester may measure itself.
const busyTester = 0.85

// busyMachine is how many cores others may use on the machine of both before they are in the way.
const busyMachine = 0.2

// warn says what makes a measurement doubtful.
func (m *Measurement) warn(note func(string, ...any)) {
	if m.TesterCores > busyTester*float64(runtime.GOMAXPROCS(0)) {
		note("The tester used %.2f of its %d cores: it may be what limits.", m.TesterCores, runtime.GOMAXPROCS(0))
	}
	if m.Server != nil && m.ServerIsHere && m.OtherCores > busyMachine {
		note("Other processes used %.2f cores of this machine: latency and CPU time are worse than they would be.", m.OtherCores)
	}
	if m.DroppedByTester > 0 {
		note("%d packets found a full socket at the tester: it was too slow, or net.core.rmem_max too small.", m.DroppedByTester)
	}
	if m.SilentReceivers > 0 {
		note("%d subscribers received nothing.", m.SilentReceivers)
	}
	if m.Server != nil && m.Server.ContainedPanic > 0 {
		note("The server contained %.0f panics.", m.Server.ContainedPanic)
	}
}

// write renders the report.
func (r *report) write(w io.Writer, format string) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	case "markdown":
		return r.render(w, markdown{})
	default:
		return r.render(w, text{})
	}
}

package sfu_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"

	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/sfu/stats"
)

const (
	// subscribers is how many a picture goes to, publishers how many send in the benchmark of ingress: 12,000 packets a
	// second, both ways.
	subscribers, publishers = 50, 50
	// warmUp is how long traffic runs before it is measured.
	warmUp = 2 * time.Second
)

var (
	rounds  = flag.Int("rounds", 3, "how often benchmarks against pion measure each `variant` in turn")
	span    = flag.Duration("span", 4*time.Second, "how long they measure it each time")
	profile = flag.String("profile", "", "write what the processor did while they measured to this `file`")
)

// variant is a way to do the work of a benchmark. It starts idle, with all clients connected.
type variant struct {
	name  string
	start func(b testing.TB) *traffic
}

// traffic is a variant at work.
type traffic struct {
	begin   func()
	packets func() uint64 // forwarded or received so far
	// probed is how many packets came out at the other end; nil where there is none.
	probed func() uint64
}

// cost is what a packet costs.
type cost struct {
	cpu, net    float64 // microseconds; net is without what the same connections cost without packets
	allocations float64
	bytes       float64
}

// usage is what the process has used.
type usage struct {
	cpu     time.Duration
	mallocs uint64
	bytes   uint64
}

func used(b *testing.B) usage {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{time.Duration(r.Utime.Nano() + r.Stime.Nano()), m.Mallocs, m.TotalAlloc}
}

// measure lets a variant work and reports what its packets cost.
func measure(b *testing.B, v variant) cost {
	b.Helper()
	t := v.start(b)
	time.Sleep(warmUp / 2) // ICE and DTLS have settled
	runtime.GC()
	idleSpan := *span / 2
	idle := used(b)
	time.Sleep(idleSpan)
	idlePerSecond := (used(b).cpu - idle.cpu).Seconds() / idleSpan.Seconds()

	t.begin()
	time.Sleep(warmUp)
	stopProfile := startProfile(b)
	before, packetsBefore := used(b), t.packets()
	var probedBefore uint64
	if t.probed != nil {
		probedBefore = t.probed()
	}
	time.Sleep(*span)
	after, packets := used(b), t.packets()-packetsBefore
	stopProfile()
	if packets == 0 {
		b.Fatal("no packets")
	}
	if t.probed != nil {
		want := float64(packets) / subscribers
		if got := float64(t.probed() - probedBefore); math.Abs(got-want) > want/20 {
			b.Errorf("the probe read %.0f packets of %.0f", got, want)
		}
	}
	cpu := (after.cpu - before.cpu).Seconds()
	n := float64(packets)
	c := cost{
		cpu:         cpu / n * 1e6,
		net:         (cpu - idlePerSecond*span.Seconds()) / n * 1e6,
		allocations: float64(after.mallocs-before.mallocs) / n,
		bytes:       float64(after.bytes-before.bytes) / n,
	}
	b.ReportMetric(0, "ns/op") // means nothing here
	b.ReportMetric(c.cpu, "us/packet")
	b.ReportMetric(c.net, "net-us/packet")
	b.ReportMetric(c.allocations, "allocs/packet")
	b.ReportMetric(n/span.Seconds(), "packets/s")
	return c
}

// startProfile writes a profile, where one is asked for, until the function that it returns is called. That of the benchmark
// that is measured last stays.
func startProfile(b *testing.B) (stop func()) {
	b.Helper()
	if *profile == "" {
		return func() {}
	}
	file, err := os.Create(*profile)
	if err != nil {
		b.Fatal(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		b.Fatal(err)
	}
	return func() {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			b.Error(err)
		}
	}
}

// compare measures all variants in turn, and prints how they compare to the last one, which is ours.
func compare(b *testing.B, variants []variant) {
	b.Helper()
	costs := make([][]cost, len(variants))
	for round := range *rounds {
		for i, v := range variants {
			b.Run(fmt.Sprintf("%d/%s", round+1, v.name), func(b *testing.B) {
				for b.Loop() { // once: it takes far longer than -benchtime
					costs[i] = append(costs[i], measure(b, v))
				}
			})
		}
	}
	ours := costs[len(costs)-1]
	var table strings.Builder
	fmt.Fprintf(&table, "\n| %s | CPU µs/packet | without idle | cost in ours | without idle | allocations/packet |\n", b.Name())
	table.WriteString("| --- | --- | --- | --- | --- | --- |\n")
	for i, v := range variants {
		if len(costs[i]) == 0 || len(costs[i]) != len(ours) {
			continue // -bench chose others
		}
		column := func(value func(cost) float64) (values []float64) {
			for _, c := range costs[i] {
				values = append(values, value(c))
			}
			return values
		}
		ratio := func(value func(cost) float64) (values []float64) {
			for j, c := range costs[i] {
				values = append(values, value(c)/value(ours[j]))
			}
			return values
		}
		cpu, net := func(c cost) float64 { return c.cpu }, func(c cost) float64 { return c.net }
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s | %.2f (%.0f B) |\n", v.name,
			spread(column(cpu)), spread(column(net)), spread(ratio(cpu)), spread(ratio(net)),
			median(column(func(c cost) float64 { return c.allocations })), median(column(func(c cost) float64 { return c.bytes })))
	}
	fmt.Fprintln(os.Stdout, table.String())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// spread is the median and, in brackets, from where to where the values go.
func spread(values []float64) string {
	return fmt.Sprintf("%.2f [%.2f..%.2f]", median(values), slices.Min(values), slices.Max(values))
}

// BenchmarkEgress forwards one picture to 50 subscribers, in bursts of 8 packets, 30 times a second. All subscribers but one
// drop them in the kernel. Like pion, we are handed the picture; "ours-whole" receives it from a client.
func BenchmarkEgress(b *testing.B) {
	compare(b, []variant{
		{"pion", pionEgress(false)},
		{"pion-default", pionEgress(true)},
		{"ours-pion-path", ownEgress(sfu.Config{PionPath: true}, true)},
		{"ours-no-gso", ownEgress(sfu.Config{NoGSO: true}, true)},
		{"ours-whole", ownEgress(sfu.Config{}, false)},
		{"ours", ownEgress(sfu.Config{}, true)},
	})
}

// BenchmarkIngress receives pictures of 50 publishers, whom nobody watches.
func BenchmarkIngress(b *testing.B) {
	compare(b, []variant{
		{"pion", pionIngress(false)},
		{"pion-default", pionIngress(true)},
		{"ours-pion-path", ownIngress(sfu.Config{PionPath: true})},
		{"ours", ownIngress(sfu.Config{})},
	})
}

func pionEgress(defaults bool) func(testing.TB) *traffic {
	return func(b testing.TB) *traffic {
		b.Helper()
		s, f := newPionServer(b, defaults), startFarm(b)
		connect := func(role farmRole) int {
			return f.connect(role, func(sdp string, _ []string) string { return s.answer(b, role, sdp) })
		}
		probe := connect(farmProbe)
		for range subscribers - 1 {
			connect(farmSink)
		}
		f.connected()
		return &traffic{
			begin:   func() { b.Cleanup(s.sendFrames()) },
			packets: s.packets.Load,
			probed:  func() uint64 { return f.received(probe) },
		}
	}
}

func pionIngress(defaults bool) func(testing.TB) *traffic {
	return func(b testing.TB) *traffic {
		b.Helper()
		s, f := newPionServer(b, defaults), startFarm(b)
		for range publishers {
			f.connect(farmPublisher, func(sdp string, _ []string) string { return s.answer(b, farmPublisher, sdp) })
		}
		f.connected()
		return &traffic{begin: f.send, packets: s.packets.Load}
	}
}

// benchSink gives the events of one peer to the benchmark.
type benchSink chan sfu.Event

// PeerEvent implements sfu.Sink.
func (s benchSink) PeerEvent(_ *sfu.Peer, e sfu.Event) {
	select {
	case s <- e:
	default: // only the first are of interest
	}
}

// ownClient connects a client of the farm to the engine. It returns the peer, the number of the client in the farm, and
// the track that it publishes, if it does.
func ownClient(b testing.TB, e *sfu.Engine, f *farm, role farmRole) (peer *sfu.Peer, client int, track *sfu.UpTrack) {
	b.Helper()
	events := make(benchSink, 100)
	peer, err := e.NewPeer(sfu.PeerConfig{ID: string(role), Sink: events})
	if err != nil {
		b.Fatal(err)
	}
	client = f.connect(role, func(sdp string, mids []string) string {
		o := sfu.Offer{ID: 1, SDP: sdp}
		switch role {
		case farmPublisher:
			o.SendMIDs = []media.MID{media.MID(mids[0])}
		case farmMember:
			o.SendMIDs = []media.MID{media.MID(mids[0]), media.MID(mids[1])}
			for mids = mids[2:]; len(mids) >= 2; mids = mids[2:] {
				o.Seats = append(o.Seats, sfu.SeatMIDs{Video: media.MID(mids[0]), Audio: media.MID(mids[1])})
			}
		default:
			o.Seats = []sfu.SeatMIDs{{Audio: media.MID(mids[0]), Video: media.MID(mids[1])}}
		}
		peer.HandleOffer(o)
		for timeout := time.After(wait); ; {
			select {
			case event := <-events:
				switch event := event.(type) {
				case sfu.TrackAdded:
					track = event.Track
				case sfu.Answered:
					return event.SDP
				case sfu.OfferFailed:
					b.Fatal(event.Err)
				}
			case <-timeout:
				b.Fatal("no answer")
			}
		}
	})
	return peer, client, track
}

func newBenchEngine(b testing.TB, cfg sfu.Config) *sfu.Engine {
	b.Helper()
	cfg.Listen = "127.0.0.1:0"
	e, err := sfu.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	})
	return e
}

// checkPath makes sure that the benchmark measures what it says.
func checkPath(b testing.TB, e *sfu.Engine, cfg sfu.Config) {
	b.Helper()
	want := sfu.PathOwn
	if cfg.PionPath {
		want = sfu.PathPion
	}
	for end := time.Now().Add(wait); e.PeersByPath()[want] < publishers; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("paths are %v", e.PeersByPath())
		}
	}
}

// ownEgress is a server of ours with its clients. It is handed the picture, or receives it.
func ownEgress(cfg sfu.Config, handed bool) func(testing.TB) *traffic {
	return func(b testing.TB) *traffic {
		b.Helper()
		e, f := newBenchEngine(b, cfg), startFarm(b)
		_, _, track := ownClient(b, e, f, farmPublisher)
		first, probe, _ := ownClient(b, e, f, farmProbe)
		peers := []*sfu.Peer{first}
		for range subscribers - 1 {
			peer, _, _ := ownClient(b, e, f, farmSink)
			peers = append(peers, peer)
		}
		f.connected()
		checkPath(b, e, cfg)
		return &traffic{
			begin: func() {
				for _, peer := range peers {
					peer.Seat(0, sfu.Occupant{Video: track})
				}
				if handed {
					b.Cleanup(handFrames(track))
				} else {
					f.send()
				}
			},
			packets: func() uint64 { return e.Counters().Packets(stats.Down, media.Video) },
			probed:  func() uint64 { return f.received(probe) },
		}
	}
}

// handFrames hands pictures to a track until the function that it returns is called.
func handFrames(track *sfu.UpTrack) (stop func()) {
	const pt = 96
	source := sfu.NewBenchSource(track, pt, media.VP8)
	return eachFrame(func(packets []*rtp.Packet) {
		source.Send(func(i int, b []byte) int {
			packets[i].PayloadType = pt
			n, err := packets[i].MarshalTo(b)
			if err != nil {
				panic(err)
			}
			return n
		}, len(packets))
	})
}

func ownIngress(cfg sfu.Config) func(testing.TB) *traffic {
	return func(b testing.TB) *traffic {
		b.Helper()
		e, f := newBenchEngine(b, cfg), startFarm(b)
		for range publishers {
			ownClient(b, e, f, farmPublisher)
		}
		f.connected()
		checkPath(b, e, cfg)
		return &traffic{begin: f.send, packets: func() uint64 { return e.Counters().Packets(stats.Up, media.Video) }}
	}
}

package transportcc_test

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"hiroba/sfu/transportcc"
)

const (
	sender, stream = 0x11223344, 0x55667788
	start          = int64(1 << 16)
	unit           = 250 * time.Microsecond
)

var epoch = time.Unix(1_700_000_000, 0)

// rig asks a Recorder, and pion's beside it, about the same packets.
type rig struct {
	t    testing.TB
	ours *transportcc.Recorder
	// pions is without its own loss of old numbers only while less than half a second passes.
	pions   *twcc.Recorder
	now     time.Time
	reports []*rtcp.TransportLayerCC
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, ours: transportcc.NewRecorder(epoch), pions: twcc.NewRecorder(sender), now: epoch}
	r.ours.Restart(start)
	return r
}

func (r *rig) record(number int64) {
	r.ours.Record(r.now, number)
	r.pions.Record(stream, uint16(number), r.now.Sub(epoch).Microseconds())
}

// reported is what all reports that are due say, read with pion's parser: when each number came.
func (r *rig) reported() map[uint16]time.Duration {
	r.t.Helper()
	told := map[uint16]time.Duration{}
	for rounds := 0; r.ours.Span() > 0; rounds++ {
		if rounds > 600 {
			r.t.Fatal("the reports do not end")
		}
		b := r.ours.Report(nil, sender, stream)
		if len(b) == 0 {
			continue
		}
		if len(b) > transportcc.MaxReportBytes || len(b)%4 != 0 {
			r.t.Fatalf("a report of %d bytes", len(b))
		}
		var report rtcp.TransportLayerCC
		if err := report.Unmarshal(b); err != nil {
			r.t.Fatalf("%v: %x", err, b)
		}
		if int(binary.BigEndian.Uint16(b[2:])+1)*4 != len(b) || report.SenderSSRC != sender || report.MediaSSRC != stream {
			r.t.Fatalf("header %x", b[:20])
		}
		r.reports = append(r.reports, &report)
		maps.Copy(told, read(r.t, &report))
	}
	return told
}

// read is when each number in a report came. It fails on one that names more or fewer packets than it has times for.
func read(t testing.TB, report *rtcp.TransportLayerCC) map[uint16]time.Duration {
	t.Helper()
	var symbols []uint16
	for _, chunk := range report.PacketChunks {
		switch chunk := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range chunk.RunLength {
				symbols = append(symbols, chunk.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			symbols = append(symbols, chunk.SymbolList...)
		}
	}
	if len(symbols) < int(report.PacketStatusCount) {
		t.Fatalf("%d symbols for %d packets", len(symbols), report.PacketStatusCount)
	}
	came := map[uint16]time.Duration{}
	at := time.Duration(report.ReferenceTime) * 64 * time.Millisecond
	deltas := report.RecvDeltas
	for i, s := range symbols[:report.PacketStatusCount] {
		if s == rtcp.TypeTCCPacketNotReceived {
			continue
		}
		if len(deltas) == 0 || deltas[0].Type != s {
			t.Fatalf("no time, or one of another size, for number %d", i)
		}
		at += time.Duration(deltas[0].Delta) * time.Microsecond
		deltas = deltas[1:]
		came[report.BaseSequenceNumber+uint16(i)] = at //nolint:gosec // wraps
	}
	if len(deltas) > 0 {
		t.Fatalf("%d times are of no packet", len(deltas))
	}
	return came
}

// compare asks for what is due, and compares it with what pion says.
func (r *rig) compare() {
	r.t.Helper()
	ours, pions := r.reported(), map[uint16]time.Duration{}
	for _, report := range r.pions.BuildFeedbackPacket() {
		cc, _ := report.(*rtcp.TransportLayerCC)
		maps.Copy(pions, read(r.t, cc))
	}
	if len(ours) != len(pions) {
		r.t.Fatalf("%d packets are reported, by pion %d", len(ours), len(pions))
	}
	for number, at := range ours {
		theirs, ok := pions[number]
		if off := at - theirs; !ok || off > unit || off < -unit {
			r.t.Fatalf("number %d came at %v, pion says %v (%v)", number, at, theirs, ok)
		}
	}
}

func TestReportsSayWhatPionSays(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test must repeat
		r := newRig(t)
		loss, jitter := random.Float64()*0.6, time.Duration(1+random.IntN(200_000))*time.Microsecond
		number := start + random.Int64N(1<<16)
		r.ours.Restart(number)
		r.record(number)
		var late []int64
		// Within the half second for which pion remembers.
		for r.now.Before(epoch.Add(480 * time.Millisecond)) {
			for range 1 + random.IntN(40) {
				number++
				switch x := random.Float64(); {
				case x < loss/2:
				case x < loss:
					late = append(late, number)
				default:
					r.record(number)
				}
				r.now = r.now.Add(time.Duration(random.Int64N(int64(jitter) / 20)))
			}
			for len(late) > 0 && random.IntN(3) > 0 {
				if number-late[0] < 100 {
					r.record(late[0])
					r.record(late[0]) // a duplicate
				}
				late = late[1:]
			}
			r.now = r.now.Add(jitter)
			r.compare()
		}
	}
}

func TestLongSilencesGetReportsOfTheirOwn(t *testing.T) {
	r := newRig(t)
	for n := range int64(5) {
		r.record(start + n)
		r.now = r.now.Add(9 * time.Second)
	}
	r.compare()
	if len(r.reports) != 5 {
		t.Errorf("%d reports", len(r.reports))
	}
	for i, report := range r.reports {
		if int(report.FbPktCount) != i {
			t.Errorf("report %d has number %d", i, report.FbPktCount)
		}
	}
}

func TestChunksAreShort(t *testing.T) {
	r := newRig(t)
	for n := range int64(300) {
		if n < 100 || n >= 150 {
			r.record(start + n)
		}
		r.now = r.now.Add(time.Millisecond)
	}
	r.compare()
	if got := len(r.reports[0].PacketChunks); len(r.reports) != 1 || got != 3 {
		t.Errorf("%d reports, the first of %d chunks; want 1, and 3 runs", len(r.reports), got)
	}
	if r.ours.Holes() != 50 {
		t.Errorf("%d holes, want 50", r.ours.Holes())
	}
}

func TestOldAndFarNumbers(t *testing.T) {
	r := newRig(t)
	told := func(want ...uint16) {
		t.Helper()
		got := r.reported()
		if len(got) != len(want) {
			t.Errorf("reported %v, want %v", got, want)
		}
		for _, number := range want {
			if _, ok := got[number]; !ok {
				t.Errorf("reported %v, want %v", got, want)
			}
		}
	}
	record := func(numbers ...int64) {
		for _, n := range numbers {
			r.ours.Record(r.now, start+n)
		}
	}
	record(0, 1)
	told(0, 1)
	record(600) // farther than is remembered
	told(600)
	record(10) // too old
	told()
	record(601, 1100) // the number between is not forgotten
	told(601, 1100)
	record(1099, 1101, 1099) // late: all from there on once more
	told(1099, 1100, 1101)
	record(1300, 3000, 2500)
	told(2500, 3000)
	record(3501)
	told(3501)
	r.ours.Restart(start + 9000)
	record(9000)
	told(9000)
}

// TestClockWraps: the reference time has 24 bits, which are used up after 12 days.
func TestClockWraps(t *testing.T) {
	r := newRig(t)
	round := unit << 32
	r.now = epoch.Add(round - 10*time.Millisecond)
	for n := range int64(20) {
		r.ours.Record(r.now, start+n)
		r.now = r.now.Add(time.Millisecond)
	}
	told := r.reported()
	for n := range uint16(20) {
		want := round - 10*time.Millisecond + time.Duration(n)*time.Millisecond
		if off := told[n] - want; off > unit || off < -unit {
			t.Errorf("number %d came at %v, want %v", n, told[n], want)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	r := transportcc.NewRecorder(epoch)
	b := make([]byte, 0, transportcc.MaxReportBytes)
	now, number := epoch, start
	r.Restart(number)
	if n := testing.AllocsPerRun(100, func() {
		for range 100 {
			number += 1 + number%7/6
			now = now.Add(time.Millisecond)
			r.Record(now, number)
		}
		for r.Span() > 0 {
			if b = r.Report(b[:0], sender, stream); len(b) == 0 {
				t.Fatal("no report")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRecorder(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0, 2, 9, 0xFF, 0, 1, 0})
	f.Add([]byte{0x81, 200, 3, 0, 0x82, 255, 0xFF, 0, 0x90, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newRig(t)
		number := start
		for ; len(b) >= 2; b = b[2:] {
			switch {
			case b[0] == 0xFF:
				r.reported()
			case b[0] >= 0x80: // back, or far ahead
				number += int64(int8(b[0])) * int64(int8(b[1])>>4) //nolint:gosec // any number does
			default:
				number += int64(b[0])
			}
			number = max(number, 1)
			r.now = r.now.Add(time.Duration(b[1]) * time.Duration(b[1]) * time.Millisecond / 4)
			r.ours.Record(r.now, number)
		}
		r.reported()
	})
}

func BenchmarkReport(b *testing.B) {
	r := transportcc.NewRecorder(epoch)
	memory := make([]byte, 0, transportcc.MaxReportBytes)
	now, number := epoch, start
	r.Restart(number)
	for b.Loop() {
		for range 24 {
			number++
			now = now.Add(4 * time.Millisecond)
			r.Record(now, number)
		}
		memory = r.Report(memory[:0], sender, stream)
	}
}

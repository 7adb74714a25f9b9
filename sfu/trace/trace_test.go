package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hiroba/sfu/egress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

var file = flag.String("trace", "", "a trace to replay, from /debug/flight?participant=ID&packets=5s")

// TestReplayFile replays a trace that somebody brought: go test ./sfu/trace -run ReplayFile -v -trace FILE.
func TestReplayFile(t *testing.T) {
	if *file == "" {
		t.Skip("no -trace")
	}
	f, err := os.Open(*file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	done, err := Replay(f)
	t.Logf("%+v", done)
	if err != nil {
		t.Error(err)
	}
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newLine(kind media.Kind) *Line {
	cfg := egress.Config{Kind: kind, FirstSequence: 100, FirstTimestamp: 9000}
	for c := media.Opus; c <= media.AV1; c++ {
		cfg.PayloadTypes[c] = media.PayloadType(100 + c)
		cfg.RTXPayloadTypes[c] = media.PayloadType(110 + c)
	}
	l := egress.NewLine(cfg)
	return NewLine(&l)
}

// call is a subscriber with two lines whose occupants change, and all that can happen to them, at random.
type call struct {
	rand  *rand.Rand
	now   time.Time
	lines []*Line
	sent  []*packet.Packet // the newest of each line
	seqs  map[uint32]int64
	asked []uint16 // the newest outgoing sequence number of each line
}

func newCall(seed uint64) *call {
	return &call{
		rand: rand.New(rand.NewPCG(seed, 0)), now: epoch,
		lines: []*Line{newLine(media.Video), newLine(media.Audio)}, sent: make([]*packet.Packet, 2),
		seqs: map[uint32]int64{}, asked: make([]uint16, 2),
	}
}

// step makes one thing happen.
func (c *call) step() {
	c.now = c.now.Add(time.Duration(c.rand.IntN(int(12 * time.Millisecond))))
	i := c.rand.IntN(2)
	l := c.lines[i]
	track := media.CSRC(1 + c.rand.IntN(3))
	switch n := c.rand.IntN(200); {
	case n < 4:
		l.SetTarget(track, i == 0 && track == 1)
	case n < 5:
		l.SetTarget(0, false)
	case n < 8:
		l.SetWanted(media.Layer{Spatial: int8(c.rand.IntN(3)), Temporal: int8(c.rand.IntN(3))})
	case n < 10:
		l.SetRTT(time.Duration(c.rand.IntN(int(80 * time.Millisecond))))
	case n < 11:
		l.Vacate(track)
	case n < 16:
		padding := c.packet(i, track)
		padding.Header.Payload = packet.Span{}
		l.HandleRTP(track, padding)
	case n < 21:
		l.NeedsKeyframe(2)
	case n < 30 && c.sent[i] != nil:
		l.HandleNACK(c.now, c.asked[i], c.sent[i])
	case n < 40:
		l.HandleReplay(c.now, track, c.packet(i, track))
	default:
		p := c.packet(i, track)
		if out, _, _, ok := l.HandleRTP(track, p); ok {
			c.sent[i], c.asked[i] = p, out.Out.Sequence
		}
	}
}

// packet is one of a track: 1 is VP8 with simulcast, 2 VP9 and 3 AV1 with layers.
func (c *call) packet(line int, track media.CSRC) *packet.Packet {
	p := packet.New()
	p.SetLen(100 + c.rand.IntN(1000))
	p.Header.Payload = packet.Span{From: 30, To: uint16(len(p.Bytes()))}
	p.Arrived, p.Captured = c.now, c.now.Add(-time.Duration(c.rand.IntN(int(time.Millisecond))))
	p.Header.Marker = c.rand.IntN(2) == 0
	c.scramble(reflect.ValueOf(&p.Info).Elem())
	c.scramble(reflect.ValueOf(&p.VP8).Elem())
	c.scramble(reflect.ValueOf(&p.VP9).Elem())
	c.scramble(reflect.ValueOf(&p.Descriptor).Elem())
	p.Info.Keyframe, p.Info.HasDescriptor = c.rand.IntN(12) == 0, false
	p.Info.Spatial, p.Info.Temporal = 0, uint8(c.rand.IntN(3))
	p.Codec = media.VP8
	switch {
	case line == 1:
		p.Codec = media.Opus
		p.Info.Keyframe = true
	case track == 2:
		p.Codec = media.VP9
		p.Info.Spatial = uint8(c.rand.IntN(3))
	case track == 3:
		p.Codec = media.AV1
		p.Info.Spatial, p.Info.HasDescriptor, p.Info.FrameNumber = uint8(c.rand.IntN(3)), true, uint16(c.rand.Uint32())
		p.Descriptor.HasStructure, p.Descriptor.ActiveTargets = p.Info.Keyframe, c.rand.Uint32()
		for i := range p.Targets {
			p.Targets[i][i] = c.rand.Uint32()
		}
	default:
		p.Encoding = int8(c.rand.IntN(3))
	}
	p.Source = uint32(100*line) + uint32(10*track) + uint32(p.Encoding)
	c.seqs[p.Source] += int64(c.rand.IntN(8)/4 + c.rand.IntN(2)*c.rand.IntN(2)) // repetitions and gaps
	p.Sequence = c.seqs[p.Source]
	p.Header.Timestamp = uint32(p.Sequence * 3000)
	return p
}

// scramble fills a struct with random numbers: should a line look at one that is not in a trace, replays diverge.
func (c *call) scramble(v reflect.Value) {
	for i := range v.NumField() {
		switch f := inside(v.Field(i)); f.Kind() {
		case reflect.Bool:
			f.SetBool(c.rand.IntN(2) == 0)
		case reflect.Uint8, reflect.Uint16, reflect.Uint32:
			f.SetUint(c.rand.Uint64() & (1<<f.Type().Bits() - 1))
		case reflect.Struct:
			c.scramble(f)
		default: // lists, which lines have no use for
		}
	}
}

// record plays a call for a while, and then records it.
func record(t *testing.T, c *call, steps int) []byte {
	t.Helper()
	for range steps {
		c.step()
	}
	r := NewRecorder(c.now)
	for i, l := range c.lines {
		l.Listen(r, 0, []media.Kind{media.Video, media.Audio}[i])
	}
	for range steps {
		c.step()
	}
	for _, l := range c.lines {
		l.Unlisten()
	}
	n := len(r.steps)
	for range 100 {
		c.step()
	}
	if len(r.steps) != n {
		t.Error("steps were recorded that nobody listened to")
	}
	var out bytes.Buffer
	if err := r.WriteJSON(&out, "p1"); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestTraceReplaysToTheSameDecisions: traces begin in the midst of a call.
func TestTraceReplaysToTheSameDecisions(t *testing.T) {
	var all Replayed
	for seed := range uint64(8) {
		done, err := Replay(bytes.NewReader(record(t, newCall(seed), 1000)))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if done.Lines != 2 || done.Steps < 750 {
			t.Errorf("seed %d: replayed %+v", seed, done)
		}
		all.Sent, all.Dropped, all.Switched = all.Sent+done.Sent, all.Dropped+done.Dropped, all.Switched+done.Switched
	}
	if all.Sent < 500 || all.Dropped < 500 || all.Switched < 50 {
		t.Errorf("a dull call: %+v", all)
	}
}

// TestReplayEndsInTheSameState: not only what was decided is the same, but also what would be decided next.
func TestReplayEndsInTheSameState(t *testing.T) {
	c := newCall(1)
	for range 500 {
		c.step()
	}
	r := NewRecorder(c.now)
	c.lines[0].Listen(r, 0, media.Video)
	for range 500 {
		c.step()
	}
	var trace bytes.Buffer
	if err := r.WriteJSON(&trace, "p1"); err != nil {
		t.Fatal(err)
	}
	p := player{}
	for line := range strings.Lines(trace.String()) {
		if err := p.handle(json.RawMessage(line)); err != nil {
			t.Fatal(err)
		}
	}
	if was, now := *c.lines[0].Line, *p.lines[0].Line; !reflect.DeepEqual(was, now) {
		t.Errorf("was %+v\nnow %+v", was, now)
	}
}

func TestReplayFindsADivergence(t *testing.T) {
	lines := bytes.SplitAfter(record(t, newCall(2), 1000), []byte("\n"))
	at := slices.IndexFunc(lines, func(line []byte) bool { return bytes.Contains(line, []byte(`"sent":{`)) })
	lines[at] = bytes.Replace(lines[at], []byte(`"sent":{"seq":`), []byte(`"sent":{"seq":1`), 1)
	_, err := Replay(bytes.NewReader(bytes.Join(lines, nil)))
	var d *DivergenceError
	if !errors.As(err, &d) || d.Step != at-3 || d.Got.Sent == nil || !strings.Contains(err.Error(), "decided otherwise") {
		t.Errorf("got %v, want a divergence at step %d", err, at-3)
	}
}

func TestReplayRefusesWhatIsNoTrace(t *testing.T) {
	const start = `{"do":"start","version":1,"participant":"p","started":"2026-01-01T00:00:00Z","steps":1}` + "\n"
	const one = start + `{"do":"line","line":0,"state":{"rtt":50000000}}` + "\n"
	for name, trace := range map[string]string{
		"nothing":         "",
		"no JSON":         "hello",
		"another version": `{"do":"start","version":7}`,
		"no head":         `{"do":"line","line":0,"state":{}}`,
		"no such line":    start + `{"do":"wanted","line":0}`,
		"unknown step":    one + `{"do":"dance","line":0}`,
		"unknown state":   start + `{"do":"line","line":0,"state":{"mood":1}}`,
		"element beyond":  start + `{"do":"line","line":0,"state":{"targets":{"9":{}}}}`,
		"no number":       start + `{"do":"line","line":0,"state":{"rtt":"long"}}`,
		"long packet":     one + `{"do":"rtp","line":0,"packet":{"bytes":100000}}`,
		"negative packet": one + `{"do":"rtp","line":0,"packet":{"bytes":10,"payload":-1}}`,
		"unknown flag":    one + `{"do":"rtp","line":0,"packet":{"flags":"z"}}`,
	} {
		if _, err := Replay(strings.NewReader(trace)); err == nil || errors.As(err, new(*DivergenceError)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRecorderIsBounded(t *testing.T) {
	l := newLine(media.Video)
	r := NewRecorder(epoch)
	l.Listen(r, 0, media.Video)
	for range MaxSteps + 5 {
		l.SetWanted(media.TopLayer)
	}
	if len(r.steps) != MaxSteps || r.Missed() != 5 {
		t.Errorf("%d steps, %d missed", len(r.steps), r.Missed())
	}
}

// TestLineHearsEverything: a new method of egress.Line is either recorded by Line or listed here as one that changes no
// decision about packets.
func TestLineHearsEverything(t *testing.T) {
	silent := []string{"Target", "Current", "Layer", "Sends", "Allow", "Demand", "Recall", "PollReport", "HandleSwitch"}
	outer, inner := reflect.TypeFor[*Line](), reflect.TypeFor[*egress.Line]()
	l := newLine(media.Video)
	for method := range inner.Methods() {
		if slices.Contains(silent, method.Name) {
			continue
		}
		r := NewRecorder(epoch)
		l.Listen(r, 0, media.Video)
		heard, _ := outer.MethodByName(method.Name)
		arguments := []reflect.Value{reflect.ValueOf(l)}
		for i := 1; i < heard.Type.NumIn(); i++ {
			if heard.Type.In(i) == reflect.TypeFor[*packet.Packet]() {
				arguments = append(arguments, reflect.ValueOf(packet.New()))
				continue
			}
			arguments = append(arguments, reflect.Zero(heard.Type.In(i)))
		}
		heard.Func.Call(arguments)
		if len(r.steps) != 1 {
			t.Errorf("%s is not recorded", method.Name)
		}
	}
}

func TestListeningToNobodyDoesNotAllocate(t *testing.T) {
	c := newCall(3)
	l := c.lines[1]
	l.SetTarget(1, false)
	p := c.packet(1, 1)
	if allocations := testing.AllocsPerRun(1000, func() {
		p.Sequence++
		l.HandleRTP(1, p)
	}); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

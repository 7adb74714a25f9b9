package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hiroba/room/headroom"
	"hiroba/sfu/media"
	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

// refusalOf is why somebody cannot join.
func refusalOf(t *testing.T, cfg client.Config) *client.RefusedError {
	t.Helper()
	c, err := client.Dial(bounded(t), cfg)
	if err == nil {
		c.Close()
		t.Fatal("let in")
	}
	refused := (*client.RefusedError)(nil)
	if !errors.As(err, &refused) {
		t.Fatalf("not refused, but %v", err)
	}
	return refused
}

func TestSystemDrainRefusesNewcomersAndKeepsCalls(t *testing.T) {
	s := startServer(t, testConfig())
	var told atomic.Pointer[protocol.Draining]
	a := enter(t, s, "tea", 1, func(c *client.Config) {
		c.OnMessage = func(m protocol.Message) {
			if d, ok := m.(protocol.Draining); ok {
				told.Store(&d)
			}
		}
	})
	b := enter(t, s, "tea", 2)
	a.sees(t, b)

	code, text := post(t, s.AdminURL()+"/drain?timeout=1m&to=https://b.example.com", "", "")
	if code != http.StatusAccepted || !strings.Contains(text, `"people":2`) || !strings.Contains(text, `"to":"wss://b.example.com/ws"`) {
		t.Fatalf("%d %s", code, text)
	}
	await(t, a.Client, "draining", func() bool { return told.Load() != nil })
	if d := told.Load(); d.To != "wss://b.example.com/ws" || d.EndsInMs < 50_000 || d.EndsInMs > 60_000 {
		t.Errorf("told %+v", d)
	}
	if code, text := get(t, s.AdminURL()+"/readyz"); code != http.StatusServiceUnavailable || text != "draining\n" {
		t.Errorf("readyz %d %q", code, text)
	}
	if code, _ := get(t, s.AdminURL()+"/healthz"); code != http.StatusOK {
		t.Errorf("healthz %d", code)
	}
	if _, text := get(t, s.AdminURL()+"/metrics"); !strings.Contains(text, "\nhiroba_draining 1\n") {
		t.Error("the metric says nothing")
	}

	// By HTTP, at the door.
	r, err := http.Get(s.URL() + "/ws")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var refused protocol.Error
	if err := json.NewDecoder(r.Body).Decode(&refused); err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != "2" ||
		refused.Code != protocol.CodeDraining || refused.To != "wss://b.example.com/ws" {
		t.Errorf("%d %v %+v", r.StatusCode, r.Header, refused)
	}
	for name, cfg := range map[string]client.Config{
		"into a call":       {URL: s.URL(), Room: "tea", Name: "c", NoMedia: true},
		"a new room":        {URL: s.URL(), Room: "other", Name: "c", NoMedia: true},
		"a forged comeback": {URL: s.URL(), Room: "tea", Name: "c", NoMedia: true, Replaces: "no such secret"},
	} {
		if e := refusalOf(t, cfg); e.Code != protocol.CodeDraining || e.RetryAfterMs != 2000 || e.To == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}

	// Who is there stays, comes back, and is told again.
	told.Store(nil)
	if err := a.DropSocket(10 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	await(t, a.Client, "draining, told again", func() bool { return a.Counters().Resumes == 1 && told.Load() != nil })
	again := enter(t, s, "tea", 2, func(c *client.Config) { c.Replaces = b.Session() })
	again.sees(t, a)
	a.sees(t, again)

	select {
	case <-s.draining.over:
		t.Error("over, although people are there")
	default:
	}
	for _, p := range []*person{a, again} {
		if err := p.Leave(bounded(t)); err != nil {
			t.Error(err)
		}
	}
	select {
	case <-s.draining.over:
	case <-time.After(systemTimeout):
		t.Error("not over, although nobody is left")
	}
}

func TestDrainByHandChecksWhatItIsAsked(t *testing.T) {
	s := startServer(t, testConfig())
	for _, query := range []string{"timeout=soon", "timeout=-1s", "timeout=1000h", "to=elsewhere", "to=ftp://b.example.com", "to=https://u:p@b"} {
		if code, text := post(t, s.AdminURL()+"/drain?"+query, "", ""); code != http.StatusBadRequest || !strings.Contains(text, "use ") {
			t.Errorf("%s: %d %s", query, code, text)
		}
	}
	if code, _ := get(t, s.AdminURL()+"/drain"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", code)
	}
	if !s.draining.deadline().IsZero() {
		t.Error("it drains")
	}
}

// process is a server in a process of its own.
type process struct {
	url, admin string
	cmd        *exec.Cmd
	exited     chan error
	log        *strings.Builder
	logMu      *sync.Mutex
}

func startProcess(t *testing.T, flags ...string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"}, flags...)
	p := &process{cmd: exec.Command(program, args...), exited: make(chan error, 1), log: &strings.Builder{}, logMu: &sync.Mutex{}}
	p.cmd.Env = append(os.Environ(), partVariable+"="+serverPart)
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var entry struct{ Msg, Listen, Admin string }
			_ = json.Unmarshal(lines.Bytes(), &entry)
			p.logMu.Lock()
			p.log.WriteString(lines.Text() + "\n")
			p.logMu.Unlock()
			if entry.Msg == "server started" {
				p.url, p.admin = "http://"+entry.Listen, "http://"+entry.Admin
				close(started)
			}
		}
		p.exited <- p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	select {
	case <-started:
	case <-time.After(systemTimeout):
		t.Fatal("it does not start")
	}
	return p
}

func (p *process) logs() string {
	p.logMu.Lock()
	defer p.logMu.Unlock()
	return p.log.String()
}

func (p *process) awaitLog(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(systemTimeout); !strings.Contains(p.logs(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in\n%s", text, p.logs())
		}
	}
}

// exits waits for the end of the process.
func (p *process) exits(t *testing.T, within time.Duration) error {
	t.Helper()
	select {
	case err := <-p.exited:
		return err
	case <-time.After(within):
		t.Fatalf("still there after %v\n%s", within, p.logs())
		return nil
	}
}

func TestSecondSignalEndsADrainAtOnce(t *testing.T) {
	p := startProcess(t, "--drain-timeout", "5m")
	c, err := client.Dial(bounded(t), client.Config{URL: p.url, Room: "tea", Name: "a", NoMedia: true, NoResume: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.awaitLog(t, "drain began")
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.exits(t, 5*time.Second); err == nil {
		t.Error("it ended as if nothing had been")
	}
}

func TestDrainEndsAtItsDeadline(t *testing.T) {
	p := startProcess(t, "--drain-timeout", "1s")
	c, err := client.Dial(bounded(t), client.Config{URL: p.url, Room: "tea", Name: "a", NoMedia: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.exits(t, systemTimeout); err != nil {
		t.Errorf("%v\n%s", err, p.logs())
	}
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("it ended after %v", took)
	}
	<-c.Done()
	bye := (*client.ByeError)(nil)
	if !errors.As(c.Err(), &bye) || bye.Reason != protocol.ByeShutdown || !bye.Reconnect {
		t.Errorf("the client was told %v", c.Err())
	}
}

// gaps measures the longest pause between the packets of pictures that one participant got, whichever server they came from.
type gaps struct {
	mu      sync.Mutex
	last    time.Time
	longest time.Duration
}

func (g *gaps) saw(p client.Packet) {
	if p.Kind != media.Video || len(p.Payload) == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if !g.last.IsZero() {
		g.longest = max(g.longest, now.Sub(g.last))
	}
	g.last = now
}

// TestSystemRollingRestart has three people in a call move from one process to another as clients do: each joins there while
// it stays here, and leaves here when it sees the others there.
func TestSystemRollingRestart(t *testing.T) {
	const people, deadline = 3, 30 * time.Second
	successor := startProcess(t)
	former := startProcess(t, "--drain-timeout", deadline.String(), "--drain-to", successor.url)

	seen := make([]*gaps, people)
	began := make([]chan protocol.Draining, people)
	old := make([]*person, people)
	for i := range people {
		seen[i], began[i] = &gaps{}, make(chan protocol.Draining, 1)
		old[i] = enterAt(t, former.url, "tea", i, func(c *client.Config) {
			c.OnPacket = seen[i].saw
			c.OnMessage = func(m protocol.Message) {
				if d, ok := m.(protocol.Draining); ok {
					select {
					case began[i] <- d:
					default:
					}
				}
			}
		})
	}
	everybodySees := func(all []*person) {
		for i, p := range all {
			for j, other := range all {
				if i != j {
					p.sees(t, other)
				}
			}
		}
	}
	everybodySees(old)
	for _, g := range seen { // joining is not what is measured
		g.mu.Lock()
		g.longest = 0
		g.mu.Unlock()
	}

	start := time.Now()
	_ = former.cmd.Process.Signal(syscall.SIGTERM)
	moved := make([]*person, people)
	for i := range people {
		select {
		case d := <-began[i]:
			if !strings.HasPrefix(d.To, "ws://127.0.0.1:") {
				t.Fatalf("told %+v", d)
			}
			moved[i] = enterAt(t, d.To, "tea", i, func(c *client.Config) { c.OnPacket = seen[i].saw })
		case <-time.After(systemTimeout):
			t.Fatal("not told")
		}
	}
	everybodySees(moved)
	for _, p := range old {
		if err := p.Leave(bounded(t)); err != nil {
			t.Error(err)
		}
	}
	if err := former.exits(t, deadline/2); err != nil {
		t.Errorf("%v\n%s", err, former.logs())
	}
	took := time.Since(start)
	if !strings.Contains(former.logs(), "nobody is left") {
		t.Errorf("log\n%s", former.logs())
	}
	time.Sleep(500 * time.Millisecond) // what the end of the other server may have broken shows as a gap
	everybodySees(moved)
	for i, g := range seen {
		g.mu.Lock()
		longest := max(g.longest, time.Since(g.last))
		g.mu.Unlock()
		t.Logf("person %d: longest gap between pictures %v", i, longest.Round(time.Millisecond))
		if longest > 1500*time.Millisecond {
			t.Errorf("person %d saw nothing for %v", i, longest)
		}
	}
	t.Logf("the former process ended after %v of %v", took.Round(time.Millisecond), deadline)
}

func TestReloadChangesWhatItCanAndKeepsCalls(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hiroba.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("max-participants: 2\n")
	p := startProcess(t, "--config", file)
	a, b := enterAt(t, p.url, "tea", 1), enterAt(t, p.url, "tea", 2)
	a.sees(t, b)
	third := client.Config{URL: p.url, Room: "tea", Name: "c", NoMedia: true}
	if e := refusalOf(t, third); e.Code != protocol.CodeRoomFull {
		t.Fatalf("refused with %s", e.Code)
	}

	write("max-participants: many\n")
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	p.awaitLog(t, "settings not reloaded")
	if !strings.Contains(p.logs(), file+":1") {
		t.Errorf("it does not say where:\n%s", p.logs())
	}
	if e := refusalOf(t, third); e.Code != protocol.CodeRoomFull {
		t.Errorf("after a bad file refused with %s", e.Code)
	}

	write("max-participants: 3\nlog-level: debug\nseats: 12\nmax-rooms: 1\n")
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	p.awaitLog(t, "settings reloaded")
	for _, want := range []string{
		`"settings":"--seats"`, `"changed":"--log-level --max-rooms --max-participants"`,
	} {
		if !strings.Contains(p.logs(), want) {
			t.Errorf("no %s in\n%s", want, p.logs())
		}
	}
	c, err := client.Dial(bounded(t), third)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if e := refusalOf(t, client.Config{URL: p.url, Room: "other", Name: "d", NoMedia: true}); e.Code != protocol.CodeServerFull {
		t.Errorf("another room: %s", e.Code)
	}
	p.awaitLog(t, `"level":"DEBUG"`)
	if a.Counters().Resumes+b.Counters().Resumes > 0 || a.Err() != nil || b.Err() != nil {
		t.Error("the call was disturbed")
	}
	b.sees(t, a)
}

func TestSystemServerAtItsLimitTakesOnlyWhoComesBack(t *testing.T) {
	cfg := testConfig()
	cfg.MaxCPU = 1
	s := startServer(t, cfg)
	a := enter(t, s, "tea", 1)
	burn, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { // the rest of the process counts as the server
		for burn.Err() == nil { //nolint:revive // it is the work
		}
	}()
	await(t, a.Client, "no headroom", func() bool { return s.admission.refusal() != nil })
	if e := refusalOf(t, client.Config{URL: s.URL(), Room: "tea", Name: "b", NoMedia: true}); e.Code != protocol.CodeOverloaded ||
		e.RetryAfterMs != overloadedFor.Milliseconds() {
		t.Errorf("%+v", e)
	}
	r, err := http.Get(s.URL() + "/ws")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != "5" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	if err := a.DropSocket(0); err != nil {
		t.Fatal(err)
	}
	await(t, a.Client, "back", func() bool { return a.Counters().Resumes == 1 })
	again := enter(t, s, "tea", 1, func(c *client.Config) { c.Replaces = a.Session() })
	_, text := get(t, s.AdminURL()+"/metrics")
	for _, want := range []string{
		`hiroba_headroom_ratio{part="cpu"} 0` + "\n", `hiroba_signaling_connections_refused_total{reason="overloaded"} 2`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if again.Err() != nil {
		t.Error(again.Err())
	}

	stop()
	s.admission.setLimits(headroom.Limits{})
	await(t, again.Client, "headroom again", func() bool { return s.admission.refusal() == nil })
	enter(t, s, "tea", 2).sees(t, again)
}

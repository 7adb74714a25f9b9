package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"hiroba/cmd/hiroba-load/tap"
	"hiroba/sfu/media"
	"hiroba/signaling/client"
)

// load is everything that is put on the server.
type load struct {
	settings Settings
	progress *progress
	hub      *tap.Hub
	stack    *client.Stack // whose certificate all others have
	local    netip.Addr    // from which the server is reached
	token    string        // in the names of rooms, so that two testers do not meet

	churn churnCounts

	mu       sync.Mutex // guards what follows
	rooms    []*room
	joins    tap.Histogram
	joined   int
	failures map[string]int
	ended    tap.Totals // of those who have left
	dropped  uint64     // likewise
}

func newLoad(ctx context.Context, s Settings, p *progress) (*load, error) {
	local, err := localAddress(ctx, s.Server)
	if err != nil {
		return nil, err
	}
	stack, err := client.NewStack(client.StackConfig{Loopback: local.IsLoopback()})
	if err != nil {
		return nil, err
	}
	hub, err := tap.NewHub(tap.Config{})
	if err != nil {
		return nil, err
	}
	token := make([]byte, 3)
	_, _ = rand.Read(token) // it never fails
	return &load{
		settings: s, progress: p, hub: hub, stack: stack, local: local, token: hex.EncodeToString(token),
		failures: make(map[string]int),
	}, nil
}

// localAddress is the address of this machine from which the server is reached. Nothing is sent to find it out.
func localAddress(ctx context.Context, server string) (netip.Addr, error) {
	u, err := url.Parse(server)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("parse server address: %w", err)
	}
	var causes []error
	for _, network := range []string{"udp4", "udp6"} {
		conn, err := new(net.Dialer).DialContext(ctx, network, hostPort(u.Hostname(), "9"))
		if err != nil {
			causes = append(causes, err)
			continue
		}
		address, _ := conn.LocalAddr().(*net.UDPAddr)
		_ = conn.Close()
		return address.AddrPort().Addr().Unmap(), nil
	}
	return netip.Addr{}, fmt.Errorf("find a way to %s: %w", u.Hostname(), errors.Join(causes...))
}

// codecs are what subscribers offer to receive.
func (l *load) codecs() []media.Codec {
	if l.settings.video() {
		return []media.Codec{l.settings.codec()}
	}
	return []media.Codec{media.VP8}
}

// uplinkLoss loses what publishers send, if it is to.
func (l *load) uplinkLoss() func(media.SSRC, uint16) bool {
	if l.settings.UpLoss == 0 {
		return nil
	}
	return func(media.SSRC, uint16) bool {
		return mathrand.Float64() < float64(l.settings.UpLoss) //nolint:gosec // not for secrets
	}
}

// openRooms adds rooms until there are n.
func (l *load) openRooms(n int) []*room {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.rooms) < n {
		l.rooms = append(l.rooms, newRoom(l, fmt.Sprintf("load-%s-%d", l.token, len(l.rooms)+1)))
	}
	return append([]*room(nil), l.rooms...)
}

// everybody is who is there now.
func (l *load) everybody() (publishers, subscribers []*participant) {
	l.mu.Lock()
	rooms := append([]*room(nil), l.rooms...)
	l.mu.Unlock()
	for _, r := range rooms {
		p, s := r.people()
		publishers, subscribers = append(publishers, p...), append(subscribers, s...)
	}
	return publishers, subscribers
}

// joiner makes one participant join.
type joiner struct {
	room *room
	join func(context.Context) (*participant, error)
}

// joinAll joins many at the rate of the settings, and waits for all of them.
func (l *load) joinAll(ctx context.Context, all []joiner) {
	ticker := time.NewTicker(max(time.Microsecond, time.Duration(float64(time.Second)/l.settings.JoinRate)))
	defer ticker.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, j := range all {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		wg.Go(func() { l.joinOne(ctx, j) })
	}
}

func (l *load) joinOne(ctx context.Context, j joiner) {
	p, err := j.join(ctx)
	if err == nil {
		j.room.add(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.joined++
		if p.camera == nil && p.soundSent == nil {
			l.joins.Record(p.joined)
		}
	case ctx.Err() == nil:
		l.failures[err.Error()]++
	}
}

// errNobody is the end of a load that nobody could join.
var errNobody = errors.New("nobody could join")

// fill lets everybody join who is missing from rooms: their publishers first, then so many subscribers in all of them
// together.
func (l *load) fill(ctx context.Context, rooms []*room, subscribers int) error {
	var publishers, others []joiner
	s := &l.settings
	for i, r := range rooms {
		there, receiving := r.people()
		for n := len(there); n < s.Publishers; n++ {
			publishers = append(publishers, joiner{r, func(ctx context.Context) (*participant, error) {
				return r.publisher(ctx, n)
			}})
		}
		probes := 0
		for _, p := range receiving {
			if p.probe != nil {
				probes++
			}
		}
		for n := probes; n < s.Probes; n++ {
			others = append(others, joiner{r, func(ctx context.Context) (*participant, error) {
				return r.prober(ctx, fmt.Sprintf("Probe %d", n+1))
			}})
		}
		here := subscribers / len(rooms)
		if i < subscribers%len(rooms) {
			here++
		}
		for n := len(receiving) - probes; n < here; n++ {
			others = append(others, joiner{r, func(ctx context.Context) (*participant, error) {
				return r.subscriber(ctx, l.newName())
			}})
		}
	}
	l.progress.phase("joining", len(publishers)+len(others))
	l.joinAll(ctx, publishers)
	if s.Meeting { // all are there now
		sending, _ := l.everybody()
		for _, p := range sending {
			_ = p.SetView(p.tiles()...) // a client that has ended is not missed
		}
	}
	l.joinAll(ctx, others)
	if ctx.Err() != nil {
		return fmt.Errorf("join: %w", context.Cause(ctx))
	}
	there, receiving := l.everybody()
	if len(there) == 0 || len(receiving) == 0 && !s.Meeting {
		return l.whyNobody()
	}
	return nil
}

// newName is a name that nobody had before.
func (l *load) newName() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("Subscriber %d", l.joined+len(l.failures)+mathrand.N(1<<30)) //nolint:gosec // any will do
}

// whyNobody says why nobody is there.
func (l *load) whyNobody() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for why := range l.failures {
		return fmt.Errorf("%w: %s", errNobody, why)
	}
	return errNobody
}

// leaveAll lets all of these take leave, some at a time.
func (l *load) leaveAll(people []*participant) {
	const atOnce = 64
	turn := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for _, p := range people {
		turn <- struct{}{}
		wg.Go(func() {
			l.retire(p)
			<-turn
		})
	}
	wg.Wait()
}

// retire lets somebody leave and keeps their counts.
func (l *load) retire(p *participant) {
	p.leave()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended.Add(p.socket.Totals())
	l.dropped += p.socket.Dropped()
}

// close ends everything.
func (l *load) close() {
	publishers, subscribers := l.everybody()
	l.progress.phase("leaving", len(publishers)+len(subscribers))
	l.leaveAll(append(subscribers, publishers...))
	_ = l.hub.Close()
	l.progress.end()
}

// run puts the load on, measures, and reports.
func (l *load) run(ctx context.Context) (*report, error) {
	rep := newReport(l)
	if l.settings.adminURL() != "" {
		if _, err := scrape(ctx, l.settings.adminURL()); err != nil {
			rep.note("The server's CPU time and memory are not known: %v. See --admin.", err)
			l.settings.Admin = "none"
		}
	}
	rooms := l.openRooms(l.settings.Rooms)
	if err := l.fill(ctx, rooms, l.settings.Rooms*l.settings.Subscribers); err != nil {
		return nil, err
	}
	feedback := l.startFeedback(ctx)
	defer feedback()
	if l.settings.FindMax != "" {
		err := l.findMax(ctx, rep)
		return rep.finish(l), err
	}
	l.progress.phase("warming up", 0)
	l.progress.watch(ctx, l, l.settings.WarmUp)
	stop := l.startChurn(ctx)
	l.progress.phase("measuring", 0)
	m := l.measure(ctx, l.settings.Duration)
	stop()
	rep.Measurement = m
	return rep.finish(l), nil
}

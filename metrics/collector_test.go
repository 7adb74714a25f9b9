package metrics

import (
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"hiroba/room"
	"hiroba/room/headroom"
	"hiroba/sfu"
	"hiroba/sfu/media"
	"hiroba/sfu/stats"
	"hiroba/sfu/tcp"
	"hiroba/sfu/turn"
	"hiroba/sfu/udp"
	"hiroba/signaling"
	"hiroba/signaling/protocol"
	"hiroba/signaling/ws"
)

// fakeEngine is a media plane that only has numbers.
type fakeEngine struct {
	counters stats.Counters
	peers    map[sfu.State]int
}

func (e *fakeEngine) Counters() *stats.Counters     { return &e.counters }
func (e *fakeEngine) Peers() map[sfu.State]int      { return e.peers }
func (e *fakeEngine) UpTracks() int                 { return 3 }
func (e *fakeEngine) PeersByPath() map[sfu.Path]int { return map[sfu.Path]int{sfu.PathOwn: 2} }
func (e *fakeEngine) Network() udp.Counters {
	return udp.Counters{DatagramsOut: 12, Drops: [udp.DropCount]uint64{udp.UnknownUser: 4}}
}
func (e *fakeEngine) MailboxDepth() map[string]int { return map[string]int{"shard": 5, "peer": 1} }

func (e *fakeEngine) PeersByTransport() map[sfu.Transport]int {
	return map[sfu.Transport]int{sfu.TransportUDP: 1, sfu.TransportTURN: 1}
}

func (e *fakeEngine) Streams() sfu.StreamCounters {
	return sfu.StreamCounters{Open: 2, Refused: [sfu.StreamRefusalCount]uint64{sfu.StreamUnclaimed: 3}}
}

func (e *fakeEngine) Flows() udp.Counters {
	return udp.Counters{BytesOut: 100, SendErrors: [udp.SendErrorCount]uint64{udp.BufferFull: 5}}
}

func (e *fakeEngine) Relays() turn.Counters {
	return turn.Counters{
		Relays: [turn.TransportCount]uint64{turn.TLS: 1}, Refused: [turn.RefusalCount]uint64{turn.ForbiddenPeer: 30},
	}
}

// port is what came to the TCP port.
func port() tcp.Counters {
	return tcp.Counters{
		Encrypted: [tcp.ServiceCount]uint64{tcp.TURN: 1}, Refused: [tcp.RefusalCount]uint64{tcp.NotUnderstood: 8}, Waiting: 2,
		Browsing: 3,
	}
}

// idleSources are those of a server that has just started.
func idleSources() Sources {
	registry := room.NewRegistry(room.Config{})
	return Sources{
		Engine:    &fakeEngine{},
		Port:      port,
		Rooms:     registry.Stats,
		Signaling: ws.NewHandler(ws.Config{Rooms: signaling.FromRegistry(registry)}).Stats,
		Limits:    func() Limits { return Limits{Rooms: 1000, Connections: 10_000} },
		Headroom:  func() [headroom.PartCount]float64 { return [headroom.PartCount]float64{0.25, 1, 0.9} },
		Draining:  func() bool { return true },
		Build:     Build{Version: "1.2.3", Revision: "abc", Go: "go1.26"},

		CertificateExpiry: func() time.Time { return time.Time{} },
	}
}

// busySources have something to show in every kind of metric.
func busySources() Sources {
	e := &fakeEngine{peers: map[sfu.State]int{sfu.StateConnected: 2, sfu.StateNew: 1}}
	c := &e.counters
	c.Forwarded(stats.Up, media.Video, 1200)
	c.Forwarded(stats.Down, media.Video, 1200)
	c.Forwarded(stats.Down, media.Audio, 80)
	c.Dropped(stats.Down, stats.AwaitingKeyframe)
	c.Lost(stats.Down, 5)
	c.LayersRaised.Add(3)
	c.NACKsReceived.Add(7)
	c.PLIsSent.Add(2)
	c.RTXSent.Add(6)
	c.Keyframes.Add(1)
	c.SeatSwitches.Add(4)
	c.ForwardDelay.Observe(300 * time.Microsecond)

	s := idleSources()
	idleRooms, idleSignaling := s.Rooms(), s.Signaling()
	s.Engine = e
	s.CertificateExpiry = func() time.Time { return time.Unix(1_800_000_000, 0) }
	s.Rooms = func() room.Stats {
		r := idleRooms
		r.Rooms, r.Participants, r.Joins, r.MailboxDepth, r.Panics = 1, 3, 9, 2, 1
		r.Refused = map[protocol.Code]uint64{protocol.CodeNameTaken: 2, "made_up": 1}
		r.Reports.Freezes, r.Reports.FreezeTime = 3, 1500*time.Millisecond
		r.Left = map[protocol.ByeReason]uint64{protocol.ByeLeft: 6}
		r.Restarts = map[protocol.RestartReason]uint64{protocol.RestartSilent: 6}
		r.FileTransfers = map[string]uint64{"done": 1, "because a client says so": 1}
		return r
	}
	s.Signaling = func() ws.Stats {
		w := idleSignaling
		w.Sockets, w.Waiting = 4, 1
		w.Received = maps.Clone(w.Received)
		w.Received[protocol.TypeJoin] = 11
		return w
	}
	return s
}

// scrape is what Prometheus would get.
func scrape(t *testing.T, s Sources) string {
	t.Helper()
	answer := httptest.NewRecorder()
	NewHandler(s, slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// series are the lines of our own metrics without their values.
func series(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		if name, _, found := strings.Cut(line, " "); found && strings.HasPrefix(line, namespace+"_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestScrapeShowsWhatTheSourcesSay(t *testing.T) {
	text := scrape(t, busySources())
	for _, want := range []string{
		`hiroba_rooms 1`,
		`hiroba_participants 3`,
		`hiroba_peers{state="connected"} 2`,
		`hiroba_peers_by_path{path="own"} 2`,
		`hiroba_peers_by_path{path="pion"} 0`,
		`hiroba_udp_datagrams_total{direction="down"} 12`,
		`hiroba_udp_datagrams_refused_total{reason="unknown_user"} 4`,
		`hiroba_udp_datagrams_unsent_total{reason="buffer_full"} 0`,
		`hiroba_up_tracks 3`,
		`hiroba_peers_by_transport{transport="turn"} 1`,
		`hiroba_peers_by_transport{transport="tcp"} 0`,
		`hiroba_port_connections_total{service="turn",tls="yes"} 1`,
		`hiroba_port_connections_refused_total{reason="not_understood"} 8`,
		`hiroba_port_connections_waiting 2`,
		`hiroba_port_connections_http 3`,
		`hiroba_ice_tcp_connections 2`,
		`hiroba_ice_tcp_connections_refused_total{reason="unclaimed"} 3`,
		`hiroba_flow_bytes_total{direction="down"} 100`,
		`hiroba_flow_datagrams_unsent_total 5`,
		`hiroba_turn_allocations{transport="tls"} 1`,
		`hiroba_turn_refused_total{reason="forbidden_peer"} 30`,
		`hiroba_joins_total 9`,
		`hiroba_ice_restarts_total{reason="silent"} 6`,
		`hiroba_ice_restarts_total{reason="hinted"} 0`,
		`hiroba_ice_restart_duration_seconds_count 0`,
		`hiroba_joins_refused_total{reason="name_taken"} 2`,
		`hiroba_joins_refused_total{reason="other"} 1`,
		`hiroba_sessions_ended_total{reason="left"} 6`,
		`hiroba_file_transfers_total{outcome="other"} 1`,
		`hiroba_join_duration_seconds_count 0`,
		`hiroba_rtp_packets_total{direction="down",kind="video"} 1`,
		`hiroba_rtp_bytes_total{direction="down",kind="audio"} 80`,
		`hiroba_rtp_packets_dropped_total{direction="down",reason="awaiting_keyframe"} 1`,
		`hiroba_nacked_packets_total{direction="down"} 7`,
		`hiroba_rtp_packets_lost_total{direction="down"} 5`,
		`hiroba_layer_switches_total{to="higher"} 3`,
		`hiroba_limit{of="connections"} 10000`,
		`hiroba_headroom_ratio{part="cpu"} 0.25`,
		`hiroba_draining 1`,
		`hiroba_keyframe_requests_total{direction="up"} 2`,
		`hiroba_rtx_packets_total{direction="down"} 6`,
		`hiroba_keyframes_total 1`,
		`hiroba_seat_switches_total 4`,
		`hiroba_forward_delay_seconds_bucket{le="0.0005"} 1`,
		`hiroba_forward_delay_seconds_count 1`,
		`hiroba_signaling_connections{state="joined"} 3`,
		`hiroba_signaling_connections{state="waiting"} 1`,
		`hiroba_signaling_messages_total{direction="up",type="join"} 11`,
		`hiroba_signaling_messages_total{direction="down",type="welcome"} 0`,
		`hiroba_signaling_errors_total{code="name_taken"} 0`,
		`hiroba_mailbox_depth{owner="shard"} 5`,
		`hiroba_mailbox_depth{owner="room"} 2`,
		`hiroba_contained_panics_total{plane="rooms"} 1`,
		`hiroba_certificate_expiry_timestamp_seconds 1.8e+09`,
		`hiroba_build_info{goversion="go1.26",revision="abc",version="1.2.3"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %q", want)
		}
	}
	for _, want := range []string{"go_goroutines ", "process_resident_memory_bytes "} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no metric %q", want)
		}
	}
}

func TestCertificateWithoutEnd(t *testing.T) {
	s := idleSources()
	for want, expiry := range map[string]func() time.Time{
		"+Inf": nil,
		"0":    func() time.Time { return time.Time{} },
	} {
		s.CertificateExpiry = expiry
		if text := scrape(t, s); !strings.Contains(text, "\nhiroba_certificate_expiry_timestamp_seconds "+want+"\n") {
			t.Errorf("the expiry is not %s", want)
		}
	}
}

func TestSeriesAreKnownFromTheStart(t *testing.T) {
	idle, busy := series(scrape(t, idleSources())), series(scrape(t, busySources()))
	if diff := cmp.Diff(idle, busy); diff != "" {
		t.Errorf("series came or went with use (-idle +busy):\n%s", diff)
	}
	if len(idle) > 350 {
		t.Errorf("%d series; want a number that does not hurt anybody", len(idle))
	}
}

func TestMetricsFollowTheRulesOfPrometheus(t *testing.T) {
	problems, err := testutil.GatherAndLint(newRegistry(busySources()))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestPromtoolAcceptsTheMetrics(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian: package prometheus)")
	}
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(scrape(t, busySources()))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

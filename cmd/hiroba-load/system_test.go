package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startServer builds the server and runs it on free ports of loopback until the test ends. HIROBA_TEST_MEDIA_PATH and
// HIROBA_TEST_UDP_GSO are its settings of these names, unless the flags say otherwise.
func startServer(t *testing.T, flags ...string) (page, admin string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "hiroba")
	if out, err := exec.Command("go", "build", "-o", program, "../hiroba").CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	page, admin = freeAddress(t), freeAddress(t)
	args := []string{"--listen", page, "--admin-listen", admin, "--log-level", "warn"}
	for name, flag := range map[string]string{"HIROBA_TEST_MEDIA_PATH": "--media-path", "HIROBA_TEST_UDP_GSO": "--udp-gso"} {
		if value := os.Getenv(name); value != "" {
			args = append(args, flag, value)
		}
	}
	server := exec.Command(program, append(args, flags...)...) //nolint:gosec // it was built above
	server.Stdout, server.Stderr = os.Stderr, os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(10*time.Second, func() {
			t.Error("the server does not end")
			_ = server.Process.Kill()
		})
		_ = server.Wait()
		kill.Stop()
	})
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(20 * time.Second)
	for {
		if _, err := scrape(t.Context(), "http://"+admin); err == nil {
			return "http://" + page, "http://" + admin
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("the server does not start")
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// putLoad runs the program and reads its report.
func putLoad(t *testing.T, args ...string) *report {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := execute(append(args, "--format", "json", "--warm-up", "2s"), &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &stderr)
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	if len(r.Join.Failed) > 0 || r.Measurement == nil && r.Search == nil {
		t.Fatalf("%s\n%s", &stdout, &stderr)
	}
	return &r
}

// TestSystemSmallLoads puts small loads on a real server. The bounds are far from what is usual: test machines are busy.
func TestSystemSmallLoads(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	page, admin := startServer(t)
	server := []string{page, "--admin", admin, "--duration", "2s", "--bitrate", "400k"}

	t.Run("rooms", func(t *testing.T) {
		r := putLoad(t, append(server, "--rooms", "2", "--publishers", "2", "--subscribers", "3")...)
		m := r.Measurement
		if r.Join.Joined != 12 || r.Join.Time == nil || r.Join.Time.Samples != 8 {
			t.Errorf("joined %+v", r.Join)
		}
		// 2 publishers x 4 receivers x 2 rooms: 50 packets of sound and 60 of pictures a second from each.
		if m.Audio.PacketsPerSecond < 600 || m.Audio.PacketsPerSecond > 900 || m.Video.PacketsPerSecond < 700 || m.Video.PacketsPerSecond > 1300 {
			t.Errorf("audio %+v, video %+v", m.Audio, m.Video)
		}
		if m.SilentReceivers > 0 || m.VideoLatency == nil || m.AudioLatency == nil || m.Probes.VideoLatency == nil {
			t.Fatalf("%+v", m)
		}
		if counted, read := m.VideoLatency.P50, m.Probes.VideoLatency.P50; counted <= 0 || counted > 3*read+5 || read > 3*counted+5 {
			t.Errorf("latency by numbers %v ms, by stamps %v ms", counted, read)
		}
		if m.Probes.Faults > 0 || m.Probes.Frames < 100 {
			t.Errorf("probes %+v", m.Probes)
		}
		if s := m.Server; s == nil || s.PacketsOut < 1000 || s.CPUCores <= 0 || s.RSSAfter < 1e6 || s.MicrosPerPacket <= 0 {
			t.Errorf("server %+v", s)
		}
	})
	t.Run("everything happens", func(t *testing.T) {
		r := putLoad(t, append(server, "--publishers", "4", "--subscribers", "6", "--seats", "2", "--churn", "4", "--page", "4",
			"--toggle", "2", "--loss", "2%", "--uplink-loss", "1%")...)
		m := r.Measurement
		if r.Churn.Left == 0 || r.Churn.Paged == 0 || r.Churn.Toggled == 0 || m.Injected == 0 || m.Retransmitted == 0 {
			t.Errorf("%+v, %+v", r.Churn, m)
		}
		if m.Probes.Faults > 0 || m.SilentReceivers > 0 {
			t.Errorf("%+v", m)
		}
	})
	t.Run("a meeting with simulcast", func(t *testing.T) {
		r := putLoad(t, append(server, "--publishers", "3", "--subscribers", "0", "--meeting", "--encodings", "3", "--tile", "640x360")...)
		if m := r.Measurement; m.Probes.Faults > 0 || m.Probes.Frames < 60 || m.Video.PacketsPerSecond < 200 {
			t.Errorf("%+v", m)
		}
	})
	t.Run("a search", func(t *testing.T) {
		r := putLoad(t, append(server, "--publishers", "1", "--subscribers", "2", "--duration", "1s", "--find-max", "subscribers",
			"--steps", "1", "--max-p99", "10us")...) // which nobody bears
		if s := r.Search; s == nil || len(s.Steps) != 2 || s.Best != -1 || !strings.HasPrefix(s.Steps[0].Why, "p99") {
			t.Errorf("%+v", r.Search)
		}
	})
}

// TestSystemSimulcastWithLossOnTheWayUp: clients made with pion name retransmissions like what they repeat, and each is still told
// from its encoding, on both paths.
func TestSystemSimulcastWithLossOnTheWayUp(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, path := range []string{"auto", "pion"} {
		t.Run(path, func(t *testing.T) {
			page, admin := startServer(t, "--media-path", path)
			m := putLoad(t, page, "--admin", admin, "--duration", "3s", "--publishers", "4", "--subscribers", "2", "--encodings", "2",
				"--bitrate", "600k", "--uplink-loss", "2%").Measurement
			// 4 cameras x 3 receivers x 30 pictures a second, of two or more packets each.
			if m.Probes.Recovered == 0 || m.Video.PacketsPerSecond < 500 || m.Probes.Frames < 200 || m.Probes.Faults > 0 {
				t.Errorf("%+v", m)
			}
		})
	}
}

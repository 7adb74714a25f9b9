package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"hiroba/sfu/trace"
)

// lines parses JSON lines.
func lines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var parsed map[string]any
		if err := json.Unmarshal([]byte(line), &parsed); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, parsed)
	}
	return all
}

func TestSystemDebugTellsWhatWasDecided(t *testing.T) {
	s := startServer(t, testConfig())
	a, b := enter(t, s, "square", 0), enter(t, s, "square", 1)
	a.sees(t, b)
	b.sees(t, a)

	code, text := get(t, s.AdminURL()+"/debug/rooms/square")
	var described struct {
		Room         string
		Participants []struct {
			ID, Name  string
			Connected bool
			Tracks    []struct{ Source, Codec string }
			Seats     []struct{ Occupant string }
			Media     []struct {
				State, Transport, Path string
				ConnectedAt            time.Time
				Local, Remote          struct{ Type, Protocol, Address string }
				Tracks                 []struct {
					Encodings []struct{ Width, SpatialLayers int }
				}
				Lines []struct {
					Media           string
					Target, Current uint32
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &described); code != 200 || err != nil || len(described.Participants) != 2 {
		t.Fatalf("%d %v: %s", code, err, text)
	}
	first := described.Participants[0]
	if first.Name != a.name || !first.Connected || len(first.Tracks) != 2 || len(first.Seats) != 1 ||
		first.Seats[0].Occupant != described.Participants[1].ID || len(first.Media) != 1 || first.Media[0].State != "connected" ||
		len(first.Media[0].Tracks) != 2 || len(first.Media[0].Lines) != 2 {
		t.Errorf("the room is %s", text)
	}
	if m := first.Media[0]; m.Transport != "udp" || m.Path == "" || m.ConnectedAt.IsZero() || m.Local.Type != "host" ||
		m.Local.Protocol != "udp" || m.Local.Address != s.engine.Addr().String() || !strings.HasPrefix(m.Remote.Address, "127.0.0.1:") {
		t.Errorf("the transport is %+v", m)
	}
	for _, l := range first.Media[0].Lines {
		if l.Target == 0 || l.Current != l.Target {
			t.Errorf("line is %+v", l)
		}
	}

	code, text = get(t, s.AdminURL()+"/debug/flight?participant="+first.ID)
	kinds := map[any]int{}
	for _, l := range lines(t, text) {
		kinds[l["kind"]]++
		if l["participant"] != first.ID {
			t.Errorf("record of %v", l["participant"])
		}
	}
	if code != 200 || kinds["connected"] != 1 || kinds["asked"] != 2 || kinds["switched"] != 2 || kinds["layer"] == 0 || kinds["second"] == 0 {
		t.Errorf("%d: records are %v", code, kinds)
	}
	code, text = get(t, s.AdminURL()+"/debug/flight?room=square")
	if code != 200 || len(lines(t, text)) <= len(kinds) || !strings.Contains(text, described.Participants[1].ID) {
		t.Errorf("%d: records of the room are %s", code, text)
	}
}

func TestSystemTraceReplays(t *testing.T) {
	s := startServer(t, testConfig())
	a, b := enter(t, s, "square", 0), enter(t, s, "square", 1)
	a.sees(t, b)
	code, text := get(t, s.AdminURL()+"/debug/flight?packets=500ms&participant="+string(a.ID()))
	if code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	done, err := trace.Replay(strings.NewReader(text))
	if err != nil || done.Lines == 0 || done.Sent < 10 {
		t.Errorf("replayed %+v: %v", done, err)
	}
}

func TestDebugRefuses(t *testing.T) {
	s := startServer(t, testConfig())
	for path, want := range map[string]int{
		"/debug/flight":                              http.StatusBadRequest,
		"/debug/flight?participant=p&room=r":         http.StatusBadRequest,
		"/debug/flight?participant=p":                http.StatusNotFound,
		"/debug/flight?room=r":                       http.StatusNotFound,
		"/debug/flight?room=r&packets=1s":            http.StatusBadRequest,
		"/debug/flight?participant=p&packets=1s":     http.StatusNotFound,
		"/debug/flight?participant=p&packets=1h":     http.StatusBadRequest,
		"/debug/flight?participant=p&packets=-1s":    http.StatusBadRequest,
		"/debug/flight?participant=p&packets=please": http.StatusBadRequest,
		"/debug/rooms/r":                             http.StatusNotFound,
	} {
		begun := time.Now()
		if code, text := get(t, s.AdminURL()+path); code != want || time.Since(begun) > debugTimeout {
			t.Errorf("%s: %d %q, want %d", path, code, text, want)
		}
	}
	for _, path := range []string{"/debug/flight?room=r", "/debug/rooms/r"} {
		if code, text := get(t, s.URL()+path); code != http.StatusNotFound || strings.Contains(text, "room") {
			t.Errorf("%s on the public listener: %d %q", path, code, text)
		}
	}
}

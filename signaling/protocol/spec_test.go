package protocol

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func specification(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExamplesInTheSpecificationAreMessages(t *testing.T) {
	seen := map[Type]bool{}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(specification(t), -1) {
		b := []byte(block[1])
		typ, err := TypeOf(b)
		if err != nil {
			t.Errorf("%s: %v", b, err)
			continue
		}
		seen[typ] = true
		for direction, types := range map[string]map[Type]decoder{
			"client": clientTypes, "server": serverTypes, "file": fileTypes,
		} {
			if types[typ] == nil {
				continue
			}
			m, _, err := decoderOf(t, direction)(b)
			if err != nil {
				t.Errorf("%s: %v", b, err)
				continue
			}
			if code, err := Check(m, testLimits); err != nil && direction == "client" {
				t.Errorf("%s is refused with %s: %v", b, code, err)
			}
			var members map[string]any
			if err := json.Unmarshal(b, &members); err != nil {
				t.Fatal(err)
			}
			delete(members, "type")
			note(t, string(typ), reflect.TypeOf(m), members, map[reflect.Type]map[string]bool{})
		}
	}
	for _, types := range [][]Type{ClientTypes(), ServerTypes(), FileTypes()} {
		for _, typ := range types {
			if !seen[typ] {
				t.Errorf("no example of %q", typ)
			}
		}
	}
}

func TestSpecificationNamesEverything(t *testing.T) {
	spec := specification(t)
	var names []string
	names = append(names, strs(Codes())...)
	names = append(names, strs(ByeReasons())...)
	for _, m := range []Message{
		Hello{},
		Join{},
		Offer{},
		Candidate{},
		View{},
		Mute{},
		ChatSend{},
		Ping{},
		Report{},
		Welcome{},
		Answer{},
		Seats{},
		NeedSeats{},
		Speakers{},
		Chat{},
		Error{},
		Bye{},
		FileOffer{},
		FileAccept{},
		FileStart{},
		FileAck{},
		FileCancel{},
		FileDone{},
	} {
		names = append(names, memberNames(reflect.TypeOf(m))...)
	}
	for _, v := range []any{Limits{}, Track{}, Participant{}, ICEServer{}, Tile{}, SeatState{}, Speaker{}, TrackMID{}, FirstFrame{}, MediaPath{}} {
		names = append(names, memberNames(reflect.TypeOf(v))...)
	}
	for _, name := range names {
		if !strings.Contains(spec, "`"+name+"`") && !strings.Contains(spec, "`"+name+":") {
			t.Errorf("nothing is said of `%s`", name)
		}
	}
}

func memberNames(typ reflect.Type) []string {
	members := map[string]reflect.Type{}
	membersOf(typ, members)
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	return names
}

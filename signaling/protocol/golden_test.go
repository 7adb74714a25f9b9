package protocol

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type goldenMessage struct {
	Direction string          `json:"direction"`
	Message   json.RawMessage `json:"message"`
}

func golden(t testing.TB) map[string]goldenMessage {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var messages map[string]goldenMessage
	if err := json.Unmarshal(b, &messages); err != nil {
		t.Fatal(err)
	}
	return messages
}

func decoderOf(t testing.TB, direction string) func([]byte) (Message, Type, error) {
	t.Helper()
	switch direction {
	case "client":
		return DecodeClient
	case "server":
		return DecodeServer
	case "file":
		return DecodeFile
	default:
		t.Fatalf("direction %q", direction)
		return nil
	}
}

func anyOf(t testing.TB, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("unmarshal %s: %v", b, err)
	}
	return v
}

func TestGoldenMessagesSurviveARoundTrip(t *testing.T) {
	for name, g := range golden(t) {
		t.Run(name, func(t *testing.T) {
			m, typ, err := decoderOf(t, g.Direction)(g.Message)
			if err != nil {
				t.Fatal(err)
			}
			if m.Type() != typ {
				t.Errorf("Type() is %q, the message says %q", m.Type(), typ)
			}
			b, err := Encode(m)
			if err != nil {
				t.Fatal(err)
			}
			if prefix := `{"type":"` + string(typ) + `"`; !bytes.HasPrefix(b, []byte(prefix)) {
				t.Errorf("encoded message starts with %.40s, want %s", b, prefix)
			}
			if diff := cmp.Diff(anyOf(t, g.Message), anyOf(t, b)); diff != "" {
				t.Errorf("-golden +encoded\n%s", diff)
			}
		})
	}
}

func TestGoldenClientMessagesPassTheCheck(t *testing.T) {
	for name, g := range golden(t) {
		if g.Direction != "client" {
			continue
		}
		m, _, err := DecodeClient(g.Message)
		if err != nil {
			t.Fatal(err)
		}
		if code, err := Check(m, testLimits); err != nil {
			t.Errorf("%s is refused with %s: %v", name, code, err)
		}
	}
}

func TestGoldenShowsEveryMemberAndNoOther(t *testing.T) {
	shown := map[reflect.Type]map[string]bool{}
	for name, g := range golden(t) {
		m, _, err := decoderOf(t, g.Direction)(g.Message)
		if err != nil {
			t.Fatal(err)
		}
		message, ok := anyOf(t, g.Message).(map[string]any)
		if !ok {
			t.Fatalf("%s is no object", name)
		}
		delete(message, "type")
		note(t, name, reflect.TypeOf(m), message, shown)
	}
	for typ, members := range shown {
		for member, seen := range members {
			if !seen {
				t.Errorf("no example has the member %q of %s", member, typ.Name())
			}
		}
	}
}

// note marks the members of value as shown for typ and for the types of its members.
func note(t *testing.T, where string, typ reflect.Type, value any, shown map[reflect.Type]map[string]bool) {
	t.Helper()
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			note(t, where, typ.Elem(), v, shown)
		}
	case map[string]any:
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		members := map[string]reflect.Type{}
		membersOf(typ, members)
		if shown[typ] == nil {
			shown[typ] = map[string]bool{}
			for member := range members {
				shown[typ][member] = false
			}
		}
		for member, v := range value {
			memberType, ok := members[member]
			if !ok {
				t.Errorf("%s: %s has no member %q", where, typ.Name(), member)
				continue
			}
			shown[typ][member] = true
			note(t, where, memberType, v, shown)
		}
	}
}

// membersOf fills in the JSON members of a struct, those of embedded structs included.
func membersOf(typ reflect.Type, members map[string]reflect.Type) {
	for i := range typ.NumField() {
		field := typ.Field(i)
		if field.Anonymous {
			membersOf(field.Type, members)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		members[name] = field.Type
	}
}

func TestGoldenHasEachType(t *testing.T) {
	got := map[string][]Type{}
	for _, g := range golden(t) {
		typ, err := TypeOf(g.Message)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(got[g.Direction], typ) {
			got[g.Direction] = append(got[g.Direction], typ)
		}
	}
	for _, types := range got {
		slices.Sort(types)
	}
	want := map[string][]Type{"client": ClientTypes(), "server": ServerTypes(), "file": FileTypes()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-types +golden\n%s", diff)
	}
}

func TestChunksMatchTheGoldenBytes(t *testing.T) {
	b, err := os.ReadFile("testdata/chunks.json")
	if err != nil {
		t.Fatal(err)
	}
	var chunks []struct {
		Name          string
		Transfer      uint32
		Offset        uint64
		Payload, Wire string
	}
	if err := json.Unmarshal(b, &chunks); err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		payload, err1 := hex.DecodeString(c.Payload)
		wire, err2 := hex.DecodeString(c.Wire)
		if err1 != nil || err2 != nil {
			t.Fatal(c.Name, err1, err2)
		}
		want := Chunk{Transfer: c.Transfer, Offset: c.Offset, Payload: payload}
		got, err := ParseChunk(wire)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.Name, diff)
		}
		if got := AppendChunk([]byte("x"), want); !bytes.Equal(got[1:], wire) {
			t.Errorf("%s: encoded as %x, want %x", c.Name, got[1:], wire)
		}
	}
}

func TestGoldenIsIndentedByTwo(t *testing.T) {
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(b), "{\n  \"") || !strings.HasSuffix(string(b), "}\n") {
		t.Error("golden.json is not in the form that prettier writes")
	}
}

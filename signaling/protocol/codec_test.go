package protocol

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var testLimits = Limits{
	NameChars: 64, RoomChars: 64, ChatChars: 4000, Seats: 32, ViewTiles: 64, MessageBytes: 64 << 10,
	OfferBytes: 256 << 10,
}

func TestEncodePutsTheTypeFirst(t *testing.T) {
	for want, m := range map[string]Message{
		`{"type":"leave"}`:                                              Leave{},
		`{"type":"ping","time":2.5}`:                                    Ping{Time: 2.5},
		`{"type":"mute","source":"","muted":false}`:                     Mute{},
		`{"type":"bye","reason":"left","message":"","reconnect":false}`: Bye{Reason: ByeLeft},
	} {
		b, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if string(b) != want {
			t.Errorf("got %s, want %s", b, want)
		}
	}
}

func TestEncodeWritesEmptyListsForNilOnes(t *testing.T) {
	for _, m := range []Message{
		Offer{}, View{}, Welcome{Participants: []Participant{{}}}, Joined{}, Updated{}, Seats{}, Speakers{},
	} {
		b, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "null") {
			t.Errorf("a list is null in %s", b)
		}
	}
}

func TestEncodeDoesNotChangeTheMessage(t *testing.T) {
	w := Welcome{Participants: []Participant{{ID: "a"}}}
	if _, err := Encode(w); err != nil {
		t.Fatal(err)
	}
	if w.Participants[0].Tracks != nil {
		t.Error("Encode wrote into the caller's slice")
	}
}

func TestDecodeRefusesBadInput(t *testing.T) {
	tests := []struct {
		name, in string
		wantType Type
		unknown  bool
	}{
		{name: "nothing", in: ""},
		{name: "no JSON", in: "hello"},
		{name: "cut off", in: `{"type":"leave"`},
		{name: "two values", in: `{"type":"leave"}{}`},
		{name: "list", in: `["type","leave"]`},
		{name: "number", in: `42`},
		{name: "type is a number", in: `{"type":1}`},
		{name: "null", in: `null`, unknown: true},
		{name: "no type", in: `{"version":1}`, unknown: true},
		{name: "unknown type", in: `{"type":"dance"}`, wantType: "dance", unknown: true},
		{name: "another direction", in: `{"type":"welcome"}`, wantType: TypeWelcome, unknown: true},
		{name: "wrong member", in: `{"type":"hello","version":"1"}`, wantType: TypeHello},
		{name: "object for a list", in: `{"type":"view","tiles":{}}`, wantType: TypeView},
		{name: "fraction for an integer", in: `{"type":"offer","id":1.5}`, wantType: TypeOffer},
		{name: "integer too large", in: `{"type":"offer","id":99999999999999999999}`, wantType: TypeOffer},
		{name: "negative index", in: `{"type":"candidate","sdpMLineIndex":-1}`, wantType: TypeCandidate},
		{name: "deep nesting", in: strings.Repeat("[", 20000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, typ, err := DecodeClient([]byte(tt.in))
			if err == nil {
				t.Fatalf("decoded to %#v", m)
			}
			if m != nil {
				t.Errorf("a message %#v beside the error %v", m, err)
			}
			if typ != tt.wantType {
				t.Errorf("type %q, want %q", typ, tt.wantType)
			}
			if errors.Is(err, ErrUnknownType) != tt.unknown {
				t.Errorf("error %v, unknown type: want %t", err, tt.unknown)
			}
		})
	}
}

func TestDecodeIgnoresUnknownMembers(t *testing.T) {
	m, _, err := DecodeClient([]byte(`{"future":[{}],"type":"ping","time":7}`))
	if err != nil {
		t.Fatal(err)
	}
	if m != (Ping{Time: 7}) {
		t.Errorf("decoded to %#v", m)
	}
}

func TestParseChunkRefusesWhatHasNoPayload(t *testing.T) {
	for n := range ChunkHeaderBytes + 1 {
		if _, err := ParseChunk(make([]byte, n)); !errors.Is(err, ErrShortChunk) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if c, err := ParseChunk(make([]byte, ChunkHeaderBytes+1)); err != nil || len(c.Payload) != 1 {
		t.Errorf("one byte of payload: %v, %v", c, err)
	}
}

// TestListsAreComplete reads the source, so that a new constant cannot be left out of the list that metrics and
// PROTOCOL.md rely on.
func TestListsAreComplete(t *testing.T) {
	declared := map[string][]string{}
	for _, file := range []string{"code.go", "client.go", "server.go", "file.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typ, ok1 := spec.Type.(*ast.Ident)
			value, ok2 := spec.Values[0].(*ast.BasicLit)
			if ok1 && ok2 && value.Kind == token.STRING {
				s, _ := strconv.Unquote(value.Value)
				declared[typ.Name] = append(declared[typ.Name], s)
			}
			return true
		})
	}
	if got := strs(Codes()); !slices.Equal(got, declared["Code"]) {
		t.Errorf("Codes() is %v, declared are %v", got, declared["Code"])
	}
	if got := strs(ByeReasons()); !slices.Equal(got, declared["ByeReason"]) {
		t.Errorf("ByeReasons() is %v, declared are %v", got, declared["ByeReason"])
	}
	types := strs(slices.Concat(ClientTypes(), ServerTypes(), FileTypes()))
	for _, typ := range declared["Type"] {
		if !slices.Contains(types, typ) {
			t.Errorf("no decoder knows %q", typ)
		}
	}
}

func strs[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

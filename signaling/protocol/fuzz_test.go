package protocol

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzDecodeClient(f *testing.F) {
	seed(f, "client")
	f.Fuzz(func(t *testing.T, b []byte) {
		m := decodeTwice(t, b, DecodeClient)
		if m == nil {
			return
		}
		code, err := Check(m, testLimits)
		if (code == "") != (err == nil) {
			t.Fatalf("code %q with error %v", code, err)
		}
	})
}

func FuzzDecodeServer(f *testing.F) {
	seed(f, "server")
	f.Fuzz(func(t *testing.T, b []byte) { decodeTwice(t, b, DecodeServer) })
}

func FuzzDecodeFile(f *testing.F) {
	seed(f, "file")
	f.Fuzz(func(t *testing.T, b []byte) { decodeTwice(t, b, DecodeFile) })
}

func FuzzParseChunk(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, ChunkHeaderBytes))
	f.Add([]byte("\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00\x00\x00Hello"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseChunk(b)
		if err != nil {
			return
		}
		if len(c.Payload) == 0 {
			t.Fatal("a chunk without payload")
		}
		if got := AppendChunk(nil, c); !bytes.Equal(got, b) {
			t.Fatalf("%x became %x", b, got)
		}
	})
}

func seed(f *testing.F, direction string) {
	f.Helper()
	for _, g := range golden(f) {
		if g.Direction == direction {
			f.Add([]byte(g.Message))
		}
	}
	f.Add([]byte(`{"type":null}`))
	f.Add([]byte(`{"type":"candidate","candidate":"","sdpMid":null}`))
}

// decodeTwice checks that what decodes can be encoded, and decodes to the same again. It returns the message or nil.
func decodeTwice(t *testing.T, b []byte, decode func([]byte) (Message, Type, error)) Message {
	t.Helper()
	m, typ, err := decode(b)
	if err != nil {
		return nil
	}
	if m.Type() != typ {
		t.Fatalf("%q became a %q", typ, m.Type())
	}
	encoded, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := decode(encoded)
	if err != nil {
		t.Fatalf("%s: %v", encoded, err)
	}
	if diff := cmp.Diff(withLists(m), again); diff != "" {
		t.Fatalf("-first +second\n%s", diff)
	}
	return m
}

package udp

import (
	"bytes"
	"testing"

	"github.com/pion/stun/v4"
)

func TestReceiverFragment(t *testing.T) {
	for _, test := range []struct{ username, want string }{
		{"ours:theirs", "ours"}, {":theirs", ""}, {"ours:", "ours"}, {"a:b:c", "a"}, {"none", ""}, {"", ""},
	} {
		if got := receiverFragment(stunMessage(bindingRequest, test.username)); string(got) != test.want {
			t.Errorf("%q: %q, want %q", test.username, got, test.want)
		}
	}
	m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewSoftware("before it"), stun.NewUsername("ours:theirs"),
		stun.NewShortTermIntegrity("password"), stun.Fingerprint)
	if !isSTUN(m.Raw) || !isRequest(m.Raw) || isBindingReply(m.Raw) {
		t.Error("a request is not known as one")
	}
	if got := receiverFragment(m.Raw); string(got) != "ours" {
		t.Errorf("fragment %q", got)
	}
	reply := stun.MustBuild(stun.TransactionID, stun.BindingSuccess, stun.Fingerprint)
	if isRequest(reply.Raw) || !isBindingReply(reply.Raw) {
		t.Error("a reply is not known as one")
	}
	for _, kind := range []stun.MessageType{stun.BindingError, stun.NewType(stun.MethodBinding, stun.ClassIndication)} {
		other := stun.MustBuild(stun.TransactionID, kind, stun.Fingerprint)
		if isRequest(other.Raw) || isBindingReply(other.Raw) {
			t.Errorf("%v is taken for something else", kind)
		}
	}
}

// FuzzReceiverFragment compares with pion's parser: what that accepts must be read alike.
func FuzzReceiverFragment(f *testing.F) {
	for _, b := range junk() {
		f.Add(b)
	}
	f.Add(stunMessage(bindingRequest, "ours:theirs"))
	f.Add(stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewSoftware("x"), stun.NewUsername("ours:theirs"),
		stun.NewShortTermIntegrity("password"), stun.Fingerprint).Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		if !isSTUN(b) {
			return
		}
		got := receiverFragment(b)
		m := &stun.Message{Raw: bytes.Clone(b)}
		if m.Decode() != nil {
			return
		}
		if want := m.Type.Class == stun.ClassRequest; isRequest(b) != want {
			t.Fatalf("request: %t, pion %t", !want, want)
		}
		if want := m.Type == stun.BindingSuccess; isBindingReply(b) != want {
			t.Fatalf("reply: %t, pion %t", !want, want)
		}
		username, err := m.Get(stun.AttrUsername)
		if err != nil {
			if got != nil {
				t.Fatalf("fragment %q, pion finds none", got)
			}
			return
		}
		want, _, found := bytes.Cut(username, []byte{':'})
		if !found {
			want = nil
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("fragment %q, pion %q", got, want)
		}
	})
}

package room

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheckName(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		ok       bool
	}{
		{"Ann", "Ann", true},
		{"  Ann Lee \t", "Ann Lee", true},
		{"\nAnn\n", "Ann", true}, // around the name only
		{"広場 花子", "広場 花子", true},
		{"שלום", "שלום", true},
		{"👩‍👩‍👧", "👩‍👩‍👧", true}, // joined by U+200D
		{strings.Repeat("é", 64), strings.Repeat("é", 64), true},
		{strings.Repeat("é", 65), "", false},
		{"", "", false},
		{" \t\u00a0\u3000", "", false},
		{"\u200b\u200d\ufeff", "", false},
		{"\u3164", "", false}, // Hangul filler
		{"Ann\nLee", "", false},
		{"Ann\x00", "", false},
		{"Ann\u0085Lee", "", false},
		{"Ann\u2028Lee", "", false},
		{"Ann\u202eeeL", "", false},
		{"Ann\u2066Lee", "", false},
		{"Ann\xff", "", false},
		{"Ann\ufffd", "Ann\ufffd", true}, // the character itself
		{"Ann\ue000", "", false},         // private use
	} {
		got, err := checkName(tt.in, 64)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("checkName(%q) = %q, %v", tt.in, got, err)
		}
		if err != nil && !errors.Is(err, ErrBadName) {
			t.Errorf("checkName(%q): %v is no ErrBadName", tt.in, err)
		}
	}
}

func TestCheckRoom(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		ok       bool
	}{
		{"standup", "standup", true},
		{" Team-7_b.2 ", "Team-7_b.2", true},
		{"広場", "広場", true},
		{"हिन्दी", "हिन्दी", true}, // with vowel signs
		{"", "", false},
		{".", "", false},
		{"..", "", false},
		{"...", "", false},
		{".a", ".a", true},
		{"a/b", "", false},
		{"a b", "", false},
		{"a%2fb", "", false},
		{"a?b", "", false},
		{"a\x00b", "", false},
		{"a\xff", "", false},
		{"\u0301a", "", false}, // a mark without a letter
		{"a\u200bb", "", false},
		{"\u3164", "", false},
		{strings.Repeat("a", 64), strings.Repeat("a", 64), true},
		{strings.Repeat("a", 65), "", false},
	} {
		got, err := checkRoom(tt.in, 64)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("checkRoom(%q) = %q, %v", tt.in, got, err)
		}
		if err != nil && !errors.Is(err, ErrBadRoom) {
			t.Errorf("checkRoom(%q): %v is no ErrBadRoom", tt.in, err)
		}
	}
}

func TestFoldMakesLookAlikesEqual(t *testing.T) {
	for _, same := range [][]string{
		{"Ann", "ANN", "aNN", "A\u200bnn", "Ann\ufe0f"},
		{"ann lee", "Ann  Lee", "Ann\u00a0LEE"},
		{"straße", "STRAßE"},
	} {
		for _, other := range same[1:] {
			if fold(same[0]) != fold(other) {
				t.Errorf("%q and %q differ", same[0], other)
			}
		}
	}
	if fold("Ann") == fold("Anna") {
		t.Error("Ann and Anna are the same")
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"Ann", " \u202e", "a/b", "..", "\xff", "हिन्दी", "\u3164", "A\u200bnn"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if name, err := checkName(in, 64); err == nil {
			if !utf8.ValidString(name) || name == "" || utf8.RuneCountInString(name) > 64 || strings.ContainsAny(name, "\r\n\x00") {
				t.Fatalf("checkName(%q) = %q", in, name)
			}
			if again, err := checkName(name, 64); err != nil || again != name {
				t.Fatalf("checkName(%q) = %q, %v the second time", name, again, err)
			}
			if key := fold(name); key == "" || fold(key) != key {
				t.Fatalf("fold(%q) = %q, then %q", name, key, fold(key))
			}
		}
		if name, err := checkRoom(in, 64); err == nil {
			u := url.URL{Path: "/r/" + name}
			if back, err := url.Parse(u.String()); err != nil || back.JoinPath().Path != u.Path {
				t.Fatalf("checkRoom(%q) = %q, which does not survive a URL: %v", in, name, err)
			}
			if fold(name) == "" {
				t.Fatalf("fold(%q) is empty", name)
			}
		}
	})
}

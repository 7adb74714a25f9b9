package ws

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"hiroba/room"
)

func TestReachedBy(t *testing.T) {
	for _, c := range []struct {
		host      string
		encrypted bool
		forwarded bool
		want      room.Reached
	}{
		{"example.com", false, false, room.Reached{Host: "example.com", Port: 80, Direct: true}},
		{"example.com", true, false, room.Reached{Host: "example.com", Port: 443, Direct: true}},
		{"Example.com:8443", true, false, room.Reached{Host: "Example.com", Port: 8443, Direct: true}},
		{"example.com", false, true, room.Reached{Host: "example.com", Port: 80}},
		{"203.0.113.7:8080", false, false, room.Reached{Host: "203.0.113.7", Port: 8080, Direct: true}},
		{"[2001:db8::7]:8080", false, false, room.Reached{Host: "2001:db8::7", Port: 8080, Direct: true}},
		{"[2001:db8::7]", true, false, room.Reached{Host: "2001:db8::7", Port: 443, Direct: true}},
		{"", false, false, room.Reached{}},
		{":8080", false, false, room.Reached{}},
		{"example.com:", false, false, room.Reached{Host: "example.com", Port: 80, Direct: true}},
		{"example.com:0", false, false, room.Reached{}},
		{"example.com:99999", false, false, room.Reached{}},
		{"example.com:x", false, false, room.Reached{}},
		{"2001:db8::7", false, false, room.Reached{}},
		{"[fe80::1%eth0]:80", false, false, room.Reached{}},
		{"[::1", false, false, room.Reached{}},
		{"a b", false, false, room.Reached{}},
		{"evil.example?transport=udp", false, false, room.Reached{}},
		{"user@example.com", false, false, room.Reached{}},
		{"-x", false, false, room.Reached{}},
		{strings.Repeat("x", 300), false, false, room.Reached{}},
	} {
		r := &http.Request{Host: c.host}
		if c.encrypted {
			r.TLS = &tls.ConnectionState{}
		}
		if got := ReachedBy(r, c.forwarded); got != c.want {
			t.Errorf("%q: %+v, want %+v", c.host, got, c.want)
		}
	}
}

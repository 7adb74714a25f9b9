package sfu

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnnounceNamesPublicAddressesOnce(t *testing.T) {
	const own = `v=0
a=ice-lite
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=candidate:1 1 udp 2130706431 172.17.0.2 8080 typ host ufrag abc
a=candidate:2 1 udp 2130706431 10.0.0.5 8080 typ host ufrag abc
a=candidate:3 1 udp 2130706431 127.0.0.1 8080 typ host ufrag abc
a=candidate:4 1 udp 2130706431 2001:db8::5 8080 typ host ufrag abc
a=end-of-candidates
m=video 9 UDP/TLS/RTP/SAVPF 96
a=candidate:1 1 udp 2130706431 172.17.0.2 8080 typ host ufrag abc
`
	for name, test := range map[string]struct {
		public []string
		want   string
	}{
		"none": {nil, own},
		"IPv4": {[]string{"203.0.113.7"}, `v=0
a=ice-lite
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=candidate:1 1 udp 2130706431 203.0.113.7 8080 typ host ufrag abc
a=candidate:3 1 udp 2130706431 127.0.0.1 8080 typ host ufrag abc
a=candidate:4 1 udp 2130706431 2001:db8::5 8080 typ host ufrag abc
a=end-of-candidates
m=video 9 UDP/TLS/RTP/SAVPF 96
a=candidate:1 1 udp 2130706431 203.0.113.7 8080 typ host ufrag abc
`},
		"both, and two of one family": {[]string{"203.0.113.7", "203.0.113.8", "2001:db8::7"}, `v=0
a=ice-lite
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=candidate:1 1 udp 2130706431 203.0.113.7 8080 typ host ufrag abc
a=candidate:1 1 udp 2130706431 203.0.113.8 8080 typ host ufrag abc
a=candidate:3 1 udp 2130706431 127.0.0.1 8080 typ host ufrag abc
a=candidate:4 1 udp 2130706431 2001:db8::7 8080 typ host ufrag abc
a=end-of-candidates
m=video 9 UDP/TLS/RTP/SAVPF 96
a=candidate:1 1 udp 2130706431 203.0.113.7 8080 typ host ufrag abc
a=candidate:1 1 udp 2130706431 203.0.113.8 8080 typ host ufrag abc
`},
	} {
		t.Run(name, func(t *testing.T) {
			public := make([]netip.Addr, len(test.public))
			for i, ip := range test.public {
				public[i] = netip.MustParseAddr(ip)
			}
			lines := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
			if diff := cmp.Diff(lines(test.want), announce(lines(own), public)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnnounceLeavesAloneWhatIsNoCandidate(t *testing.T) {
	public := []netip.Addr{netip.MustParseAddr("203.0.113.7")}
	for _, candidate := range []string{"", "1", "1 1 udp 1", "1 1 udp 1 name.local 9 typ host", "1 1 udp 1 10.0.0.1"} {
		if got := announceCandidate(candidate, public); len(got) != 1 || got[0] != candidate {
			t.Errorf("%q became %q", candidate, got)
		}
	}
}

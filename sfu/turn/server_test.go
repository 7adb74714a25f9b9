package turn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"hiroba/sfu/udp"
)

// check is a binding request of a browser for the rig's agent.
func check(fragment string) []byte {
	username := fragment + ":theirs"
	b := binary.BigEndian.AppendUint16(nil, 0x0001)
	b = binary.BigEndian.AppendUint16(b, uint16(4+(len(username)+3)&^3)) //nolint:gosec // short
	b = binary.BigEndian.AppendUint32(b, magicCookie)
	b = append(b, "transaction1"...)
	b = binary.BigEndian.AppendUint16(b, 0x0006)
	b = binary.BigEndian.AppendUint16(b, uint16(len(username))) //nolint:gosec // short
	b = append(b, username...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// reply is the answer to a binding request.
func reply() []byte {
	b := binary.BigEndian.AppendUint16(nil, 0x0101)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint32(b, magicCookie)
	return append(b, "transaction1"...)
}

func TestRelayLeadsToTheMediaPort(t *testing.T) {
	r := start(t, Config{Public: []netip.Addr{netip.MustParseAddr("203.0.113.7")}})
	public := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.7"), r.mux.Addr().Port())
	for _, transport := range []Transport{UDP, TCP, TLS} {
		for _, peer := range []netip.AddrPort{r.mux.Addr(), public} {
			t.Run(transport.String()+" to "+peer.Addr().String(), func(t *testing.T) {
				relayed := r.allocate(r.join(transport, "ada"))
				to := net.UDPAddrFromAddrPort(peer)
				if _, err := relayed.WriteTo(check("ours"), to); err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 2000)
				n, from, err := r.agent.ReadFrom(b)
				if err != nil || !bytes.Equal(b[:n], check("ours")) {
					t.Fatalf("the agent read %d bytes, %v", n, err)
				}
				at := addrPortOf(from)
				if !IsRelayed(at.Addr()) || at != addrPortOf(relayed.LocalAddr()) {
					t.Errorf("from %v, want the relayed address %v", from, relayed.LocalAddr())
				}
				if _, err := r.agent.WriteTo(reply(), from); err != nil {
					t.Fatal(err)
				}
				if n, from, err = relayed.ReadFrom(b); err != nil || !bytes.Equal(b[:n], reply()) || addrPortOf(from) != peer {
					t.Fatalf("the client read %d bytes from %v, %v; want from %v", n, from, err, peer)
				}

				d, ok := r.peer.Destination(at)
				if !ok {
					t.Fatal("no way to the client")
				}
				sender := r.mux.NewSender()
				for i := range 100 { // pictures both ways
					up := append([]byte{0x80, byte(i)}, bytes.Repeat([]byte{byte(i)}, 1000+i)...)
					if _, err := relayed.WriteTo(up, to); err != nil {
						t.Fatal(err)
					}
					select {
					case got := <-r.media:
						if got != string(up) {
							t.Fatalf("media %d is not what was sent", i)
						}
					case <-time.After(patience):
						t.Fatalf("media %d did not come", i)
					}
					copy(sender.Next(len(up)), up)
					sender.Commit(d, len(up))
					sender.Flush()
					if n, _, err := relayed.ReadFrom(b); err != nil || !bytes.Equal(b[:n], up) {
						t.Fatalf("media %d to the client: %d bytes, %v", i, n, err)
					}
				}
				if c := r.server.Counters(); c.Relays[transport] == 0 {
					t.Errorf("counters are %+v", c)
				}
				if err := relayed.Close(); err != nil { // a Refresh with a lifetime of 0
					t.Error(err)
				}
				r.eventually("no relay", func(c Counters) bool { return total(c.Relays) == 0 })
			})
		}
	}
	c := r.server.Counters()
	if c.Allocations != [TransportCount]uint64{2, 2, 2} || c.Refused != [RefusalCount]uint64{} {
		t.Errorf("counters are %+v", c)
	}
}

// forbidden are addresses that are not the server's, special ones above all.
var forbidden = []string{
	"0.0.0.0", "0.0.0.1", "127.0.0.2", "127.255.255.255", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.17.0.1",
	"172.31.255.255", "192.168.0.1", "192.168.1.254", "169.254.0.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
	"192.0.0.1", "192.0.0.8", "192.0.0.170", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1",
	"203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "8.8.8.8", "1.1.1.1", "168.63.129.16",
	"::ffff:10.0.0.1", "::ffff:127.0.0.2", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
	"::", "::1", "::2", "fe80::1", "fec0::1", "fc00::1", "fd00::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "64:ff9b::7f00:1",
	"64:ff9b:1::1", "100::1", "100::8", "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:a9fe:a9fe::", "::127.0.0.1",
	"::ffff:0:127.0.0.1", "3fff::1", "2606:4700::1111",
}

func TestForbiddenPeersAreRefused(t *testing.T) {
	r := start(t, Config{})
	if len(forbidden) < 30 {
		t.Fatalf("only %d are tried", len(forbidden))
	}
	for _, transport := range []Transport{UDP, TCP, TLS} {
		c := r.join(transport, "ada")
		relayed := r.allocate(c)
		allowed := net.UDPAddrFromAddrPort(r.mux.Addr())
		if err := c.CreatePermission(allowed); err != nil {
			t.Fatalf("permission for the server itself: %v", err)
		}
		for _, text := range forbidden {
			peer := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(text), r.mux.Addr().Port()))
			if err := c.CreatePermission(peer); err == nil {
				t.Errorf("%v: a permission for %s was given", transport, text)
			}
			if _, err := relayed.WriteTo(check("ours"), peer); err == nil {
				t.Errorf("%v: a datagram for %s was taken", transport, text)
			}
		}
		// Of the server itself all ports but one.
		before := r.server.Counters().Refused[ForbiddenPort]
		other := &net.UDPAddr{IP: allowed.IP, Port: allowed.Port - 1}
		victim, err := net.ListenUDP("udp4", other)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // by Send indications, and when a channel is bound, through it
			for range 3 {
				_, _ = relayed.WriteTo([]byte("hello"), other)
			}
			_ = victim.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if n, _, err := victim.ReadFrom(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v: %d bytes came to another port", transport, n)
			}
		}
		_ = victim.Close()
		r.eventually("refused ports", func(c Counters) bool { return c.Refused[ForbiddenPort] >= before+6 })
	}
	if c := r.server.Counters(); c.Refused[ForbiddenPeer] == 0 {
		t.Errorf("counters are %+v", c)
	}
}

func TestPeersAreTheServersOwn(t *testing.T) {
	addr, at := netip.MustParseAddr, netip.MustParseAddrPort
	p := newPeers(
		[]netip.AddrPort{at("192.168.1.2:443"), at("127.0.0.1:443"), at("[2001:db8::2]:443"), at("[::1]:443")},
		[]netip.Addr{addr("203.0.113.2")},
	)
	stranger, neighbour := addr("198.51.100.1"), addr("127.0.0.1")
	for _, own := range []string{"192.168.1.2", "::ffff:192.168.1.2", "2001:db8::2", "203.0.113.2", "::ffff:203.0.113.2"} {
		if !p.allow(stranger, addr(own)) {
			t.Errorf("%s is refused", own)
		}
	}
	for _, loopback := range []string{"127.0.0.1", "::ffff:127.0.0.1", "::1"} {
		if p.allow(stranger, addr(loopback)) {
			t.Errorf("%s is open to strangers", loopback)
		}
		if !p.allow(neighbour, addr(loopback)) || !p.allow(addr("::ffff:127.0.0.1"), addr(loopback)) {
			t.Errorf("%s is closed to this machine", loopback)
		}
	}
	for _, text := range forbidden {
		if p.allow(stranger, addr(text)) || p.allow(netip.Addr{}, addr(text)) {
			t.Errorf("%s is allowed", text)
		}
	}
	for _, port := range []string{"192.168.1.2:80", "203.0.113.2:444", "203.0.113.2:0"} {
		if p.isLocal(at(port)) || p.isPublic(at(port)) {
			t.Errorf("%s is the media port", port)
		}
	}
}

func TestCredentials(t *testing.T) {
	r := start(t, Config{TTL: time.Hour})
	now := time.Now()
	good, password := r.server.Issue(now, "ada")
	old, oldPassword := r.server.Issue(now.Add(-2*time.Hour), "ada")
	for name, c := range map[string]struct {
		username, password string
		why                Refusal
	}{
		"wrong password":      {good, "wrong", BadCredentials},
		"no password":         {good, "", BadCredentials},
		"another's password":  {good, oldPassword, BadCredentials},
		"made up":             {"99999999999:eve", password, BadCredentials},
		"no user":             {"99999999999:", password, BadCredentials},
		"no time":             {"ada", password, BadCredentials},
		"no number":           {"x:ada", password, BadCredentials},
		"a long name":         {"99999999999:" + strings.Repeat("x", 400), password, BadCredentials},
		"expired":             {old, oldPassword, Expired},
		"expired, and forged": {"1:ada", "x", Expired},
	} {
		before := r.server.Counters()
		if _, err := r.call(UDP, c.username, c.password).Allocate(); err == nil {
			t.Errorf("%s: allocated", name)
		}
		if after := r.server.Counters(); after.Refused[c.why] == before.Refused[c.why] {
			t.Errorf("%s: not counted as %v", name, c.why)
		}
	}
	if c := r.server.Counters(); total(c.Allocations) != 0 {
		t.Errorf("counters are %+v", c)
	}
	r.allocate(r.call(TCP, good, password))
}

func TestQuotas(t *testing.T) {
	r := start(t, Config{MaxRelaysPerUser: 2, MaxRelays: 3})
	first := r.allocate(r.join(UDP, "ada"))
	r.allocate(r.join(TCP, "ada"))
	if _, err := r.join(TCP, "ada").Allocate(); err == nil {
		t.Error("ada has three")
	}
	r.allocate(r.join(TLS, "bob"))
	if _, err := r.join(UDP, "bob").Allocate(); err == nil {
		t.Error("there are four")
	}
	c := r.server.Counters()
	if c.Refused[UserQuota] != 1 || c.Refused[ServerQuota] != 1 || total(c.Relays) != 3 {
		t.Errorf("counters are %+v", c)
	}
	_ = first.Close()
	r.eventually("one gone", func(c Counters) bool { return total(c.Relays) == 2 })
	r.allocate(r.join(TCP, "cleo"))

	r.server.Forget("ada")
	r.server.Forget("nobody")
	r.eventually("ada gone", func(c Counters) bool { return total(c.Relays) == 2 })
	r.allocate(r.join(UDP, "bob"))
}

func TestLostConnectionEndsItsRelay(t *testing.T) {
	r := start(t, Config{})
	for _, transport := range []Transport{TCP, TLS} {
		c := r.join(transport, "ada")
		r.allocate(c)
		_ = c.conn.Close()
		r.eventually("no relay", func(c Counters) bool { return total(c.Relays) == 0 && c.Connections == 0 })
	}
}

// TestSlowClientWaitsAlone has a client that reads nothing: what waits for it is bounded, and the others notice nothing.
func TestSlowClientWaitsAlone(t *testing.T) {
	r := start(t, Config{})
	slow := r.join(TCP, "ada")
	fast := r.allocate(r.join(TCP, "bob"))
	stuck := r.allocate(slow)
	to := net.UDPAddrFromAddrPort(r.mux.Addr())
	connect := func(relayed net.PacketConn) *udp.Destination {
		if _, err := relayed.WriteTo(check("ours"), to); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2000)
		_, from, err := r.agent.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.agent.WriteTo(reply(), from); err != nil {
			t.Fatal(err)
		}
		if _, _, err := relayed.ReadFrom(b); err != nil {
			t.Fatal(err)
		}
		d, ok := r.peer.Destination(addrPortOf(relayed.LocalAddr()))
		if !ok {
			t.Fatal("no way to the client")
		}
		return d
	}
	toSlow, toFast := connect(stuck), connect(fast)
	slow.deaf.now.Store(true)
	sender, b := r.mux.NewSender(), make([]byte, 2000)
	for i := range 1000 {
		for range 20 {
			copy(sender.Next(1200), make([]byte, 1200))
			sender.Commit(toSlow, 1200)
		}
		copy(sender.Next(12), []byte{0x80, byte(i >> 8), byte(i), 11: 0})
		sender.Commit(toFast, 12)
		sender.Flush()
		if n, _, err := fast.ReadFrom(b); err != nil || n != 12 || b[1] != byte(i>>8) || b[2] != byte(i) {
			t.Fatalf("round %d: the fast one read %d bytes, %v; counters %+v", i, n, err, r.server.Counters())
		}
	}
	bytes, age := toSlow.Flow().Waiting(time.Now())
	if bytes > maxRelayBytes || bytes < maxRelayBytes/2 || age == 0 {
		t.Errorf("%d bytes wait for the slow one, for %v", bytes, age)
	}
	if n := r.mux.FlowCounters().SendErrors[udp.BufferFull]; n < 10_000 {
		t.Errorf("only %d datagrams found no room", n)
	}
	if bytes, age = toFast.Flow().Waiting(time.Now()); bytes != 0 || age != 0 {
		t.Errorf("%d bytes wait for the fast one, for %v", bytes, age)
	}
}

func TestConnectionsWithoutRelayEnd(t *testing.T) {
	r := start(t, Config{})
	allocate := func() []byte { // without credentials
		b := binary.BigEndian.AppendUint16(nil, 0x0003)
		b = append(b, 0, 0)
		b = binary.BigEndian.AppendUint32(b, magicCookie)
		return append(b, "transaction1"...)
	}
	// Junk after a good beginning, a byte at a time.
	for _, junk := range [][]byte{
		[]byte("GET / HTTP/1.1"), bytes.Repeat([]byte{0x80}, 20), {0x40, 0, 0xFF, 0xFC, 0, 0, 0, 0}, {0, 3, 0xFF, 0xFC, 0x21, 0x12, 0xA4, 0x42},
	} {
		before := r.server.Counters().Refused[Malformed]
		c := r.dial(TCP)
		for _, b := range append(allocate(), junk...) {
			_, _ = c.Write([]byte{b})
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		for {
			if _, err := c.Read(make([]byte, 1000)); err != nil {
				break
			}
		}
		r.eventually("junk", func(c Counters) bool { return c.Refused[Malformed] == before+1 && c.Connections == 0 })
	}
	// Too many that never get a relay.
	for range maxHopefulPerAddress + 10 {
		_, _ = r.dial(TCP).Write(allocate())
	}
	r.eventually("a crowd", func(c Counters) bool {
		return c.Refused[Crowded] == 10 && c.Connections == maxHopefulPerAddress
	})
	r.allocate(r.join(TCP, "ada"))
}

func FuzzFrameBytes(f *testing.F) {
	f.Add(check("ours"))
	f.Add([]byte{0x40, 0, 0, 4, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8 {
			return
		}
		if n, err := frameBytes(b); err == nil && (n < channelHeader || n > maxDatagram) {
			t.Fatalf("%d bytes", n)
		}
	})
}

package udp

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestListenRefuses(t *testing.T) {
	taken := listen(t).Addr().Port()
	for name, test := range map[string]struct {
		cfg  Config
		want string
	}{
		"no address":      {Config{Port: 1}, "no local address"},
		"unspecified":     {Config{Addresses: []netip.Addr{netip.IPv6Unspecified()}}, "not the address of an interface"},
		"zero address":    {Config{Addresses: make([]netip.Addr, 1)}, "not the address of an interface"},
		"multicast":       {Config{Addresses: []netip.Addr{netip.MustParseAddr("224.0.0.1")}}, "not the address of an interface"},
		"any port of two": {Config{Addresses: []netip.Addr{loopback, netip.IPv6Loopback()}}, "port 0 needs a single address"},
		"foreign address": {Config{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}, "open 192.0.2.1:0: "},
		"port of another": {Config{Addresses: []netip.Addr{loopback}, Port: taken}, "another process has this port"},
	} {
		m, err := Listen(test.cfg)
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := Listen(Config{Addresses: []netip.Addr{loopback}, Port: taken}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v, want EADDRINUSE", err)
	}
}

// An answer must leave from the address that was asked, or clients and firewalls do not take it for one.
func TestAnswerLeavesFromTheAddressThatWasAsked(t *testing.T) {
	second := netip.MustParseAddr("127.0.0.2")
	probe, err := net.ListenUDP("udp4", &net.UDPAddr{IP: second.AsSlice()})
	if err != nil {
		t.Skip("only one loopback address here")
	}
	port := probe.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	probe.Close()
	m := listen(t, func(c *Config) { c.Addresses, c.Port = []netip.Addr{loopback, second}, port })
	if got := m.addresses(); !slices.Equal(got, []netip.Addr{loopback, second}) {
		t.Fatalf("listens on %v", got)
	}
	a := newAgent(t, m, nil, "one")
	if n := len(a.peer.GetListenAddresses()); n != 2 {
		t.Fatalf("%d listen addresses", n)
	}
	at := netip.AddrPortFrom(second, port)
	other := a.connect("one", at)
	c := newClient(t, m)

	a.answer(c.addr())
	c.receive()
	other.WriteToAddrPort(stunMessage(stunBindingReply, ""), c.addr())
	if _, from := c.receive(); from != at {
		t.Errorf("answer from %v, want %v", from, at)
	}
	// ICE may check several pairs. Only through the one that it selects, DTLS follows.
	s := m.NewSender()
	for _, way := range []struct {
		conn *conn
		at   netip.AddrPort
	}{{a.conn, m.Addr()}, {other, at}, {a.conn, m.Addr()}} {
		way.conn.WriteToAddrPort([]byte{22, 1, 2, 3}, c.addr())
		c.receive()
		d, ok := a.peer.Destination(c.addr())
		if !ok {
			t.Fatal("no destination")
		}
		add(s, d, 1, 100)
		s.Flush()
		if _, from := c.receive(); from != way.at {
			t.Errorf("media from %v, want %v", from, way.at)
		}
	}
	if _, err := a.peer.GetConn("one", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3), Port: int(port)}); !errors.Is(err, ErrNotLocal) {
		t.Errorf("conn at a foreign address: %v", err)
	}
	if _, err := a.peer.GetConn("one", &net.TCPAddr{}); !errors.Is(err, ErrNotLocal) {
		t.Errorf("conn at a TCP address: %v", err)
	}
}

func TestIPv6(t *testing.T) {
	m, err := Listen(Config{Addresses: []netip.Addr{netip.IPv6Loopback()}, GSO: true})
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	defer m.Close()
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &client{t, conn, m.Addr()}
	r := newRecorder()
	a := newAgent(t, m, r, "one")
	d, s := destination(t, a, c), m.NewSender()
	for i := range 4 {
		add(s, d, i, 1200)
	}
	s.Flush()
	for i := range 4 {
		expect(t, c, i, 1200)
	}
	c.send(media("6"))
	await(t, r.media, "media")
}

func TestListenTellsOfSmallBuffers(t *testing.T) {
	var told bytes.Buffer
	m := listen(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&told, nil)) })
	sizes := m.locals[0].sockets[0].buffers()
	if small := sizes.receive < socketBuffer || sizes.send < socketBuffer; small != strings.Contains(told.String(), "net.core.rmem_max") {
		t.Errorf("buffers %+v, told: %s", sizes, &told)
	}
}

func TestLocalAddresses(t *testing.T) {
	all, err := LocalAddresses(true, nil)
	if err != nil || !slices.Contains(all, loopback) {
		t.Fatalf("%v: %v", all, err)
	}
	four, err := LocalAddresses(false, nil)
	if err != nil || slices.ContainsFunc(four, netip.Addr.Is6) || !slices.Contains(four, loopback) {
		t.Errorf("%v: %v", four, err)
	}
	for _, a := range all {
		if a.IsLinkLocalUnicast() || a.Is4In6() || a.Zone() != "" {
			t.Errorf("%v is listed", a)
		}
	}
}

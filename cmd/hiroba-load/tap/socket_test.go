package tap

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"hiroba/sfu/media"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// rig is a hub with one socket, and a sender.
func rig(t *testing.T, options Options) (*Hub, *Socket, *net.UDPConn) {
	t.Helper()
	h, err := NewHub(Config{Interval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.Open(loopback, options)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.LocalAddr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sender.Close()
		s.Close()
		h.Close()
	})
	return h, s, sender
}

// rtp is a packet of VP8 with a CSRC.
func rtp(ssrc uint32, seq uint16, size int) []byte {
	b := make([]byte, size)
	b[0], b[1] = 0x81, 96
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	binary.BigEndian.PutUint32(b[12:], 77)
	return b
}

// eventually waits for a condition that needs a goroutine to have run.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(5 * time.Second)
	for !cond() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited for %s", what)
		}
	}
}

func TestSocketCountsMediaAndPassesTheRest(t *testing.T) {
	_, s, sender := rig(t, Options{})
	conn, err := s.GetConn("ufrag", nil)
	if err != nil {
		t.Fatal(err)
	}
	for seq := range uint16(100) {
		if seq == 50 {
			continue
		}
		if _, err := sender.Write(rtp(5, seq, 1100)); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range [][]byte{{0x80, 200, 0, 0}, {0x80}, {1, 2, 3}} { // RTCP, junk, and STUN for all that the socket knows
		if _, err := sender.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 100)
	n, from, err := conn.ReadFrom(buf)
	if err != nil || n != 3 || from.String() != sender.LocalAddr().String() {
		t.Errorf("%d bytes from %v: %v", n, from, err)
	}
	streams := s.Streams()
	if len(streams) != 1 {
		t.Fatalf("%d streams", len(streams))
	}
	want := Stream{SSRC: 5, CSRC: 77, Kind: media.Video, Highest: 99, Counts: Counts{Packets: 99, Expected: 100, Bytes: 99 * 1100}}
	if streams[0] != want {
		t.Errorf("%+v, want %+v", streams[0], want)
	}
	if s.First().IsZero() || time.Since(s.First()) > time.Minute {
		t.Errorf("first packet at %v", s.First())
	}
}

func TestSocketAnswersAndEnds(t *testing.T) {
	_, s, sender := rig(t, Options{})
	first, err := s.GetConn("one", nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.GetConn("two", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.WriteTo([]byte("hello"), sender.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	if n, err := sender.Read(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	s.RemoveConnByUfrag("one")
	if _, _, err := first.ReadFrom(buf); err == nil {
		t.Error("a connection that was taken back can be read")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := second.ReadFrom(buf); err == nil {
		t.Error("a closed socket can be read")
	}
	if _, err := second.WriteTo([]byte("hello"), sender.LocalAddr()); err == nil {
		t.Error("a closed socket can be written to")
	}
	if _, err := s.GetConn("three", nil); err == nil {
		t.Error("a closed socket gives connections")
	}
}

func TestSocketThatPassesMediaKnowsWhenItCame(t *testing.T) {
	_, s, sender := rig(t, Options{PassMedia: true})
	conn, err := s.GetConn("ufrag", nil)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if _, err := sender.Write(rtp(9, 400, 200)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 500)
	if n, _, err := conn.ReadFrom(buf); err != nil || n != 200 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	at, ok := s.ArrivedAt(9, 400)
	if !ok || at.Before(before.Add(-time.Millisecond)) || at.After(time.Now()) {
		t.Errorf("arrived at %v, %v, sent at %v", at, ok, before)
	}
	if _, ok := s.ArrivedAt(9, 401); ok {
		t.Error("a packet that never came has arrived")
	}
}

func TestSocketLosesOnPurposeAndKnowsWhat(t *testing.T) {
	_, s, sender := rig(t, Options{Loss: 0.5})
	const sent = 400
	for seq := range uint16(sent) {
		if seq == 100 {
			continue
		}
		if _, err := sender.Write(rtp(5, seq, 100)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all packets", func() bool {
		c := s.Totals().Media()
		return c.Packets+c.Injected == sent-1
	})
	c := s.Totals().Media()
	if c.Injected < 130 || c.Injected > 270 || c.Lost() != 1 {
		t.Errorf("%+v, %d lost", c, c.Lost())
	}
	if gaps := s.Gaps(); uint64(len(gaps)) != c.Injected+1 {
		t.Errorf("%d gaps", len(gaps))
	}
}

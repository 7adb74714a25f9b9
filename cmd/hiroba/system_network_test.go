package main

import (
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"hiroba/sfu/stats"
	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

// wildSocket is the socket of a client on a network that does as it likes.
type wildSocket struct {
	net.PacketConn
	mu   sync.Mutex
	sent [][]byte // the first datagrams of media
	// reading is held by who stops it.
	reading sync.Mutex
}

// tapped is how many datagrams a wildSocket keeps.
const tapped = 64

func newWildSocket(t *testing.T) *wildSocket {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &wildSocket{PacketConn: conn}
}

func (w *wildSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	w.reading.Lock()
	w.reading.Unlock() //nolint:staticcheck // it only waits
	return w.PacketConn.ReadFrom(b)
}

func (w *wildSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	if b[0]>>6 == 2 { // SRTP and SRTCP (RFC 7983)
		w.mu.Lock()
		if len(w.sent) < tapped {
			w.sent = append(w.sent, slices.Clone(b))
		}
		w.mu.Unlock()
	}
	return w.PacketConn.WriteTo(b, to)
}

// tap waits until the client has sent some media and returns it, as it was on the wire.
func (w *wildSocket) tap(t *testing.T) [][]byte {
	t.Helper()
	for deadline := time.Now().Add(systemTimeout); ; time.Sleep(10 * time.Millisecond) {
		w.mu.Lock()
		sent := slices.Clone(w.sent)
		w.mu.Unlock()
		if len(sent) == tapped {
			return sent
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d datagrams of media were sent", len(sent))
		}
	}
}

// enterWild lets the n-th person join through a socket of its own.
func enterWild(t *testing.T, s *server, room string, n int) (*person, *wildSocket) {
	t.Helper()
	socket := newWildSocket(t)
	stack, err := client.NewStack(client.StackConfig{Loopback: true, Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	return enter(t, s, room, n, func(c *client.Config) { c.Stack = stack }), socket
}

// attackWithOldAndChangedMedia sends the client's own SRTP again, as it was, with a bit changed, and cut short.
func attackWithOldAndChangedMedia(t *testing.T, s *server, room string) {
	bad, socket := enterWild(t, s, room, 5)
	watcher := enter(t, s, room, 6)
	watcher.sees(t, bad)
	to := net.UDPAddrFromAddrPort(s.engine.Addr())
	drops := func() (n uint64) {
		for _, reason := range []stats.Reason{stats.NotAuthentic, stats.Duplicate, stats.Malformed, stats.TooOld} {
			n += s.engine.Counters().Drops(stats.Up, reason)
		}
		return n
	}
	before := drops()
	for i, b := range socket.tap(t) {
		changed := slices.Clone(b)
		changed[rand.IntN(len(b))] ^= 1 << rand.IntN(8)                                                    //nolint:gosec // any
		for _, datagram := range [][]byte{b, changed, b[:rand.IntN(len(b))], append(slices.Clone(b), 0)} { //nolint:gosec // any
			if _, err := socket.PacketConn.WriteTo(datagram, to); err != nil {
				t.Fatal(err)
			}
		}
		if i%16 == 0 {
			time.Sleep(time.Millisecond) // not to fill the server's socket
		}
	}
	stillThere(t, bad, watcher)
	if drops() == before && s.engine.PeersByPath()["own"] > 0 { // pion counts nothing
		t.Error("nothing of it was counted")
	}
	watcher.checkFaultless(t)
}

// attackByNotReading stops the client's reading for a while: what it is sent fills its socket and is lost.
func attackByNotReading(t *testing.T, s *server, room string) {
	bad, socket := enterWild(t, s, room, 5)
	watcher := enter(t, s, room, 6)
	watcher.sees(t, bad)
	bad.sees(t, watcher)
	before := watcher.Received(bad.ID(), protocol.Camera).Frames
	socket.reading.Lock()
	await(t, watcher.Client, "the deaf client's picture goes on", func() bool {
		return watcher.Received(bad.ID(), protocol.Camera).Frames > before+30
	})
	socket.reading.Unlock()
	bad.sees(t, watcher)
	stillThere(t, bad, watcher)
	watcher.checkFaultless(t)
}

// attackByVanishing closes the client's socket without a word, so that its machine refuses what comes.
func attackByVanishing(t *testing.T, s *server, room string) {
	bad, socket := enterWild(t, s, room, 5)
	watcher := enter(t, s, room, 6)
	watcher.sees(t, bad)
	bad.sees(t, watcher)
	_ = socket.Close()
	_ = bad.DropSocket(time.Minute) // the WebSocket as well
	third := enter(t, s, room, 7)
	third.sees(t, watcher)
	watcher.sees(t, third)
	watcher.checkFaultless(t)
}

// attackWithFeedback floods the server with RTCP that asks for much, and with STUN.
func attackWithFeedback(t *testing.T, s *server, room string) {
	bad, socket := enterWild(t, s, room, 5)
	watcher := enter(t, s, room, 6)
	watcher.sees(t, bad)
	bad.sees(t, watcher)
	to := net.UDPAddrFromAddrPort(s.engine.Addr())
	stun := []byte("\x00\x01\x00\x0c\x21\x12\xa4\x42transaction1\x00\x06\x00\x08some:one")
	asked := watcher.Counters().PLIs
	for i := range uint32(3000) {
		ssrc := rand.Uint32() //nolint:gosec // any
		if err := bad.WriteRTCP(
			&rtcp.PictureLossIndication{MediaSSRC: ssrc},
			&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: []rtcp.NackPair{{PacketID: uint16(i), LostPackets: 0xffff}}}, //nolint:gosec // any
			&rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc, SequenceNumber: uint8(i)}}},         //nolint:gosec // any
		); err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			_, _ = socket.PacketConn.WriteTo(stun, to)
		}
		if i%64 == 0 {
			time.Sleep(time.Millisecond) // not to fill the server's socket
		}
		if i%500 == 0 {
			_ = bad.RequestKeyframe(0)
		}
	}
	stillThere(t, bad, watcher)
	if n := watcher.Counters().PLIs - asked; n > 10 {
		t.Errorf("the other client was asked for %d keyframes", n)
	}
	watcher.checkFaultless(t)
}

// attackWithJunk floods the media port with what is no media of anybody. Nothing of it is kept.
func attackWithJunk(t *testing.T, s *server, room string) {
	a, b := enter(t, s, room, 5), enter(t, s, room, 6)
	a.sees(t, b)
	conn, err := net.Dial("udp", s.engine.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // UDP
	kinds := garbage()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	network := s.engine.Network()
	junk, before := network.Junk(), heap()
	const datagrams, batch = 20_000, 200 // in about a second
	for n := 0; n < datagrams; n += batch {
		for i := range batch {
			_, _ = conn.Write(kinds[(n+i)%len(kinds)])
		}
		time.Sleep(10 * time.Millisecond)
	}
	stillThere(t, a, b)
	network = s.engine.Network()
	if n := network.Junk() - junk; n < datagrams/2 && socketDrops() == a.dropsBefore {
		t.Errorf("%d of %d junk datagrams were counted", n, datagrams)
	}
	if after := heap(); after > before+8<<20 {
		t.Errorf("heap of %d kB, %d kB before", after>>10, before>>10)
	}
	b.checkFaultless(t)
}

// TestSystemNobodyElseSuffersFromABadNetwork is TestSystemNobodyElseSuffersFromABadClient for what happens below media.
func TestSystemNobodyElseSuffersFromABadNetwork(t *testing.T) {
	attackBesideACall(t, []attack{
		{"old and changed media", attackWithOldAndChangedMedia},
		{"a client that does not read", attackByNotReading},
		{"a client that vanishes", attackByVanishing},
		{"feedback and STUN without end", attackWithFeedback},
		{"junk", attackWithJunk},
	})
}

package sfu

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/egress"
	"hiroba/sfu/ingress"
	"hiroba/sfu/mailbox"
	"hiroba/sfu/media"
	"hiroba/sfu/pacer"
	"hiroba/sfu/packet"
	"hiroba/sfu/srtp"
	"hiroba/sfu/stats"
	"hiroba/sfu/udp"
)

// rig is a shard that nobody runs, with subscribers on its own path, and one publisher that all of them watch. What they are
// sent goes to sockets that nobody reads.
type rig struct {
	shard  *shard
	track  *UpTrack
	source *ingress.Stream
	seats  []*seatTrack
	raw    []byte
	number uint16
	items  []shardItem
}

type noSink struct{}

func (noSink) PeerEvent(*Peer, Event) {}

func newRig(tb testing.TB, kind media.Kind, subscribers int) *rig {
	tb.Helper()
	mux, err := udp.Listen(udp.Config{Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, GSO: true})
	if err != nil {
		tb.Fatal(err)
	}
	engine := &Engine{log: slog.New(slog.DiscardHandler), mux: mux}
	engine.shards = []*shard{newShard(&engine.counters, mux.NewSender(), engine.log)}
	s := engine.shards[0]
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{}) // never connected: it only refuses sender reports
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _, _ = pc.Close(), mux.Close() })
	newPeer := func() *Peer {
		p := &Peer{
			engine: engine, log: engine.log, shard: s, pc: pc, inbox: mailbox.New[func(time.Time)](), cfg: PeerConfig{Sink: noSink{}},
		}
		p.down = newSubscriber(p)
		return p
	}
	r := &rig{shard: s, track: newUpTrack(newPeer(), "v", kind, nil)}
	codec, payload := media.VP8, append([]byte{0x90, 0x80, 1, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0}, make([]byte, 1087)...)
	if kind == media.Audio {
		codec, payload = media.Opus, make([]byte, 80)
	}
	r.raw = append([]byte{0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, payload...)
	cfg := ingress.Config{Kind: kind}
	cfg.Codecs[96] = codec
	r.source = ingress.New(cfg)
	for i := range subscribers {
		sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			tb.Fatal(err)
		}
		_ = sink.SetReadBuffer(1)
		tb.Cleanup(func() { _ = sink.Close() })
		p := newPeer()
		p.mux = mux.Peer(nil)
		sealer, err := srtp.NewSealer(srtp.AEADAES128GCM, srtp.Secret{Key: fmt.Appendf(nil, "%16d", i), Salt: make([]byte, 12)})
		if err != nil {
			tb.Fatal(err)
		}
		to := sink.LocalAddr().(*net.UDPAddr).AddrPort()
		writeAsPion(tb, p, to)
		destination, ok := p.mux.Destination(to)
		if !ok {
			tb.Fatal("no destination")
		}
		p.down.setOutlet(outlet{path: PathOwn, sealer: sealer, destination: destination})
		p.down.handleConnected(time.Now())
		seat := newSeat(p, 0, SeatMIDs{Audio: "a", Video: "v"})
		t := seat.video
		if kind == media.Audio {
			t = seat.audio
		}
		lc := egress.Config{Kind: kind}
		lc.PayloadTypes[codec], lc.RTXPayloadTypes[codec] = 96, 97
		line := egress.NewLine(lc)
		out := writer{ssrc: 5, ssrcRTX: 6, idTransportCC: 3, idAudioLevel: 1}
		if kind == media.Audio {
			out.ssrcRTX = 0
		}
		p.down.bind(t, &line, out)
		t.setTarget(r.track)
		r.seats = append(r.seats, t)
	}
	now := time.Now().Add(-time.Minute)
	r.turn(now, 1, true)
	for i := range 20 { // the sender reports that follow a switch
		r.turn(now.Add(time.Duration(i+1)*time.Second), 1, false)
	}
	if got := r.left(); got != 21*subscribers {
		tb.Fatalf("%d packets left for %d subscribers", got, subscribers)
	}
	return r
}

// writeAsPion writes to an address, as pion does when a client has proved that it is there.
func writeAsPion(tb testing.TB, p *Peer, to netip.AddrPort) {
	tb.Helper()
	conn, err := p.mux.GetConn(fmt.Sprintf("%p", p), net.UDPAddrFromAddrPort(p.engine.mux.Addr()))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := conn.WriteTo([]byte{20}, net.UDPAddrFromAddrPort(to)); err != nil {
		tb.Fatal(err)
	}
}

// packets are the next n of the publisher.
func (r *rig) packets(now time.Time, n int, keyframe bool) []shardItem {
	r.items = r.items[:0]
	for i := range n {
		p := packet.New()
		p.SetLen(copy(p.Buffer(), r.raw))
		b := p.Bytes()
		r.number++
		binary.BigEndian.PutUint16(b[2:], r.number)
		binary.BigEndian.PutUint32(b[4:], uint32(r.number)/5*3000)
		if r.track.kind == media.Video && !keyframe {
			b[12+3] |= 1 // the inverse of the keyframe bit
		}
		if i == n-1 {
			b[1] |= 0x80
		}
		if _, reason, ok := r.source.HandleRTP(now, p); !ok {
			panic(reason.String())
		}
		p.Source, p.Captured = 1, now
		r.items = append(r.items, shardItem{track: r.track, pkt: p})
	}
	return r.items
}

// turn is one turn of an idle shard's loop, with n packets that came at once.
func (r *rig) turn(now time.Time, n int, keyframe bool) {
	r.shard.slots = pacer.Slots{}
	r.handle(now, r.packets(now, n, keyframe))
}

// handle is one turn of the shard's loop.
func (r *rig) handle(now time.Time, items []shardItem) {
	r.shard.now = now
	r.shard.handle(now, items)
}

// left is how many packets have been written to all subscribers.
func (r *rig) left() int {
	return int(r.shard.counters.Packets(stats.Down, r.track.kind)) //nolint:gosec // few
}

// BenchmarkShard measures what forwarding costs in a shard with 100 subscribers, by how many packets come at once. Time is per
// packet that is sent.
func BenchmarkShard(b *testing.B) {
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		for _, n := range []int{1, 2, 5} {
			b.Run(fmt.Sprintf("%v/%d", kind, n), func(b *testing.B) {
				r := newRig(b, kind, 100)
				now := time.Now()
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					now = now.Add(5 * time.Millisecond)
					r.turn(now, n, false)
				}
				b.StopTimer()
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*len(r.seats)), "ns/packet")
			})
		}
	}
}

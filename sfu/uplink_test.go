package sfu

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"hiroba/sfu/mailbox"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	own "hiroba/sfu/srtp"
	"hiroba/sfu/stats"
)

// What the rig's publisher negotiated. The ids of header extensions differ from what browsers use, so that none is guessed.
const (
	rigVP8, rigRTX, rigOpus = 96, 97, 111

	rigMID, rigRID, rigRRID, rigTWCC, rigLevel = 9, 2, 3, 7, 5
)

// uplinkRig is a publisher without a network: what it seals goes straight to the uplink, and what would go to a shard stays in
// a mailbox.
type uplinkRig struct {
	*uplink
	t      testing.TB
	clock  time.Time
	sealer *own.Sealer
	rtcp   *srtp.Context // seals RTCP
	shard  *shard
	batch  []shardItem
	events eventLog
	// mic, cam and screen are the tracks of the m-lines 0, 1, which is simulcast of q, h and f, and 2.
	mic, cam, screen *UpTrack
	wrote            []rtcp.Packet
}

type eventLog struct{ events []Event }

// PeerEvent implements Sink.
func (l *eventLog) PeerEvent(_ *Peer, e Event) { l.events = append(l.events, e) }

func newUplinkRig(t testing.TB) *uplinkRig {
	t.Helper()
	r := &uplinkRig{t: t, clock: time.Unix(1_700_000_000, 0)}
	e := &Engine{}
	p := &Peer{
		engine: e, log: slog.New(slog.DiscardHandler), inbox: mailbox.New[func(time.Time)](), cfg: PeerConfig{ID: "rig", Sink: &r.events},
		tracks: make(map[media.MID]*UpTrack),
	}
	var err error
	if r.uplink, err = newUplink(p); err != nil {
		t.Fatal(err)
	}
	p.uplink = r.uplink
	r.uplink.write = func(packets []rtcp.Packet) error {
		r.wrote = append(r.wrote, packets...)
		return nil
	}
	r.uplink.wake = func(time.Time) {}
	r.shard = newShard(&e.counters, nil, slog.New(slog.DiscardHandler))
	r.mic = newUpTrack(p, "0", media.Audio, nil)
	r.cam = newUpTrack(p, "1", media.Video, []media.RID{"q", "h", "f"})
	r.screen = newUpTrack(p, "2", media.Video, nil)
	for _, track := range []*UpTrack{r.mic, r.cam, r.screen} {
		track.attach(r.shard)
	}
	r.negotiate(r.mic, r.cam, r.screen)
	return r
}

// negotiate is an offer with these tracks. It declares the SSRCs 10 for sound, 20 and 21 for the shared screen and its
// retransmissions.
func (r *uplinkRig) negotiate(tracks ...*UpTrack) {
	ids := packet.ExtensionIDs{
		MID: rigMID, RID: rigRID, RepairedRID: rigRRID, TransportSequence: rigTWCC, AudioLevel: rigLevel,
	}
	l := &lineup{declared: map[media.SSRC]declaredSSRC{}}
	for _, track := range tracks {
		line := &sendLine{track: track, mid: track.mid, ids: ids}
		line.types.codecs[rigVP8], line.types.codecs[rigOpus], line.types.repaired[rigRTX] = media.VP8, media.Opus, rigVP8
		l.lines = append(l.lines, line)
		switch track.kind {
		case media.Audio:
			l.declare(line, mLine{ssrcs: []media.SSRC{10}})
		case media.Video:
			if !track.simulcast() {
				l.declare(line, mLine{ssrcs: []media.SSRC{20, 21}, repairs: map[media.SSRC]media.SSRC{20: 21}})
			}
		}
	}
	r.uplink.lineup.Store(l)
}

// connect makes the keys.
func (r *uplinkRig) connect() *uplinkRig {
	r.t.Helper()
	profile := own.AEADAES128GCM
	material := make([]byte, profile.MaterialLen())
	for i := range material {
		material[i] = byte(i + 1)
	}
	server, err := own.Extract(profile, material, false)
	if err != nil {
		r.t.Fatal(err)
	}
	client, err := own.Extract(profile, material, true)
	if err != nil {
		r.t.Fatal(err)
	}
	r.rtcp, err = srtp.CreateContext(client.Local.Clone().Key, client.Local.Clone().Salt, srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		r.t.Fatal(err)
	}
	if r.sealer, err = own.NewSealer(profile, client.Local); err != nil {
		r.t.Fatal(err)
	}
	opener, err := own.NewOpener(profile, server.Remote, maxNamed)
	if err != nil {
		r.t.Fatal(err)
	}
	r.start(opener)
	return r
}

// extension is a header extension to be.
type extension struct {
	id    uint8
	value string
}

// rtpOf makes a packet of the publisher.
func rtpOf(t testing.TB, ssrc uint32, pt uint8, sequence uint16, payload []byte, extensions ...extension) []byte {
	t.Helper()
	p := rtp.Packet{
		Header: rtp.Header{
			Version: 2, SSRC: ssrc, PayloadType: pt, SequenceNumber: sequence, Timestamp: uint32(sequence) * 3000, Marker: true,
		},
		Payload: payload,
	}
	for _, e := range extensions {
		if err := p.SetExtension(e.id, []byte(e.value)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// aVP8Keyframe is the payload of the first packet of one.
var aVP8Keyframe = append([]byte{0x10, 0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01}, make([]byte, 40)...)

// seal encrypts a packet as the publisher does.
func (r *uplinkRig) seal(b []byte) []byte {
	r.t.Helper()
	header, err := packet.HeaderSize(b)
	if err != nil {
		r.t.Fatal(err)
	}
	b = append(make([]byte, 0, len(b)+r.sealer.Overhead()), b...)
	sealed, err := r.sealer.Stream(binary.BigEndian.Uint32(b[8:])).Seal(b, header)
	if err != nil {
		r.t.Fatal(err)
	}
	return sealed
}

// receive gives the uplink a datagram, alone in its batch.
func (r *uplinkRig) receive(b []byte) (due time.Time) {
	p := packet.New()
	p.SetLen(copy(p.Buffer(), b))
	if !r.HandleMedia(r.clock, p) {
		r.t.Error("the uplink left a datagram to pion")
	}
	return r.HandleBatch(r.clock)
}

// send seals a packet and gives it to the uplink.
func (r *uplinkRig) send(b []byte) { r.t.Helper(); r.receive(r.seal(b)) }

// forwarded takes what the uplink handed to the shard.
func (r *uplinkRig) forwarded() (packets []string) {
	r.batch = r.shard.inbox.Take(r.batch)
	for _, item := range r.batch {
		if item.pkt == nil {
			continue
		}
		h := item.pkt.Header
		packets = append(packets, fmt.Sprintf("%s/%d:%d", item.track.mid, item.pkt.Encoding, h.SequenceNumber))
		item.pkt.Release()
	}
	return packets
}

// expect checks what was handed to the shard, as "MID/encoding:sequence number".
func (r *uplinkRig) expect(want ...string) {
	r.t.Helper()
	if got := r.forwarded(); !slices.Equal(got, want) {
		r.t.Errorf("forwarded %v, want %v", got, want)
	}
}

func (r *uplinkRig) drops(reason stats.Reason) uint64 {
	return r.peer.engine.counters.Drops(stats.Up, reason)
}

func TestUplinkNamesStreams(t *testing.T) {
	const mid, rid, rrid = rigMID, rigRID, rigRRID
	type sent struct {
		ssrc uint32
		pt   uint8
		ext  []extension
	}
	for _, test := range []struct {
		name string
		sent []sent
		want []string // of the sequence number 1, 2 ...
	}{
		{"by MID", []sent{{99, rigOpus, []extension{{mid, "0"}}}}, []string{"0/0:1"}},
		{"by what the offer declares", []sent{{10, rigOpus, nil}, {20, rigVP8, nil}}, []string{"0/0:1", "2/0:2"}},
		{"MID before what the offer declares", []sent{{10, rigVP8, []extension{{mid, "2"}}}}, []string{"2/0:1"}},
		{"by MID and RID", []sent{
			{1, rigVP8, []extension{{mid, "1"}, {rid, "q"}}},
			{2, rigVP8, []extension{{mid, "1"}, {rid, "h"}}},
			{3, rigVP8, []extension{{mid, "1"}, {rid, "f"}}},
		}, []string{"1/0:1", "1/1:2", "1/2:3"}},
		{
			"names come at the beginning only",
			[]sent{{1, rigVP8, []extension{{mid, "1"}, {rid, "h"}}}, {1, rigVP8, nil}},
			[]string{"1/1:1", "1/1:2"},
		},
		{
			"names come later",
			[]sent{{1, rigVP8, nil}, {1, rigVP8, []extension{{mid, "1"}}}, {1, rigVP8, []extension{{mid, "1"}, {rid, "h"}}}},
			[]string{"1/1:3"},
		},
		{"no name", []sent{{99, rigOpus, nil}, {99, rigOpus, nil}}, nil},
		{"MID of nothing", []sent{{99, rigOpus, []extension{{mid, "7"}}}, {10, rigOpus, []extension{{mid, "7"}}}}, nil},
		{"RID of nothing", []sent{{1, rigVP8, []extension{{mid, "1"}, {rid, "z"}}}}, nil},
		{"RID where the payload is RTX", []sent{{1, rigRTX, []extension{{mid, "1"}, {rid, "q"}}}}, nil},
		{"repaired RID where the payload is not RTX", []sent{{1, rigVP8, []extension{{mid, "1"}, {rrid, "q"}}}}, nil},
		{"RID without MID", []sent{{1, rigVP8, []extension{{rid, "q"}}}}, nil},
		{"sound on a line of pictures", []sent{{20, rigOpus, nil}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newUplinkRig(t).connect()
			for i, s := range test.sent {
				r.send(rtpOf(t, s.ssrc, s.pt, uint16(i+1), aVP8Keyframe, s.ext...)) //nolint:gosec // small
			}
			r.expect(test.want...)
		})
	}
}

// TestUplinkUnwrapsRTX: what was lost comes on the SSRC for it, declared or named, before or after the media.
func TestUplinkUnwrapsRTX(t *testing.T) {
	r := newUplinkRig(t).connect()
	again := func(sequence uint16) []byte {
		return append(binary.BigEndian.AppendUint16(nil, sequence), aVP8Keyframe...)
	}
	r.send(rtpOf(t, 21, rigRTX, 500, nil)) // a probe, before there is a picture
	r.send(rtpOf(t, 21, rigRTX, 501, again(3)))
	r.expect()
	r.send(rtpOf(t, 20, rigVP8, 4, aVP8Keyframe))
	r.send(rtpOf(t, 20, rigVP8, 6, aVP8Keyframe))
	r.send(rtpOf(t, 21, rigRTX, 502, again(5)))
	r.send(rtpOf(t, 21, rigRTX, 503, again(5))) // a probe with media in it
	r.send(rtpOf(t, 21, rigRTX, 504, []byte{0}))
	r.send(rtpOf(t, 21, rigVP8, 505, aVP8Keyframe))
	r.expect("2/0:4", "2/0:6", "2/0:5")
	r.send(rtpOf(t, 30, rigVP8, 1000, aVP8Keyframe, extension{rigMID, "1"}, extension{rigRID, "f"}))
	r.send(rtpOf(t, 31, rigRTX, 1, again(999), extension{rigMID, "1"}, extension{rigRRID, "f"}))
	r.send(rtpOf(t, 32, rigRTX, 1, again(999), extension{rigMID, "1"}, extension{rigRRID, "q"})) // of an encoding that sleeps
	r.expect("1/2:1000", "1/2:999")
	if got := r.peer.engine.counters.RTXReceived.Load(); got != 3 {
		t.Errorf("%d retransmissions are counted, want 3", got)
	}
	for _, b := range r.batch {
		if b.pkt != nil && b.pkt.Header.SSRC != 20 && b.pkt.Header.SSRC != 30 {
			t.Errorf("a retransmission keeps its SSRC %d", b.pkt.Header.SSRC)
		}
	}
}

// TestUplinkKeepsWhatComesBeforeTheKeys, and not more than fits.
func TestUplinkKeepsWhatComesBeforeTheKeys(t *testing.T) {
	r := newUplinkRig(t)
	keys := newUplinkRig(t).connect() // with the same keys
	for n := range uint16(maxEarly + 10) {
		r.receive(keys.seal(rtpOf(t, 10, rigOpus, n+1, []byte{1})))
	}
	r.expect()
	r.connect()
	r.HandleBatch(r.clock)
	got := r.forwarded()
	if len(got) != maxEarly || got[0] != "0/0:1" || got[maxEarly-1] != fmt.Sprintf("0/0:%d", maxEarly) {
		t.Errorf("forwarded %d: %v", len(got), got)
	}
	if got := r.drops(stats.NotConnected); got != 10 {
		t.Errorf("%d are counted as dropped, want 10", got)
	}
	r.receive(keys.seal(rtpOf(t, 10, rigOpus, 500, []byte{1})))
	r.expect("0/0:500")
}

// TestUplinkLeavesMediaToPion where it was told to.
func TestUplinkLeavesMediaToPion(t *testing.T) {
	r := newUplinkRig(t)
	early := packet.New()
	early.SetLen(copy(early.Buffer(), rtpOf(t, 10, rigOpus, 1, nil)))
	if !r.HandleMedia(r.clock, early) {
		t.Error("what came early was not kept")
	}
	r.yield()
	r.HandleBatch(r.clock)
	p := packet.New()
	p.SetLen(copy(p.Buffer(), rtpOf(t, 10, rigOpus, 2, nil)))
	if r.HandleMedia(r.clock, p) {
		t.Error("the uplink took what is pion's")
	}
	if len(r.early) != 0 {
		t.Error("what came early is still kept")
	}
}

// TestUplinkRemembersNames: a track that is stopped and started again goes on with the SSRC that was named long ago.
func TestUplinkRemembersNames(t *testing.T) {
	r := newUplinkRig(t).connect()
	r.send(rtpOf(t, 1, rigVP8, 1, aVP8Keyframe, extension{rigMID, "1"}, extension{rigRID, "h"}))
	r.send(rtpOf(t, 2, rigRTX, 1, nil, extension{rigMID, "1"}, extension{rigRRID, "h"}))
	r.expect("1/1:1")
	r.negotiate(r.mic)
	r.send(rtpOf(t, 1, rigVP8, 2, aVP8Keyframe))
	r.expect()
	if r.open != 0 {
		t.Errorf("%d streams of stopped tracks are open", r.open)
	}
	second := newUpTrack(r.peer, "1", media.Video, r.cam.rids)
	second.attach(r.shard)
	r.negotiate(r.mic, second)
	r.send(rtpOf(t, 1, rigVP8, 4, aVP8Keyframe))
	r.send(rtpOf(t, 2, rigRTX, 2, append([]byte{0, 3}, aVP8Keyframe...)))
	r.expect("1/1:4", "1/1:3")
	if r.open != 2 {
		t.Errorf("%d streams are open, want 2", r.open)
	}
	third := newUpTrack(r.peer, "1", media.Video, nil) // not simulcast any more
	third.attach(r.shard)
	r.negotiate(third)
	r.send(rtpOf(t, 1, rigVP8, 5, aVP8Keyframe))
	r.expect()
}

// TestUplinkFollowsAnotherSSRC: the newest stream of an encoding is the one that counts, until it stops.
func TestUplinkFollowsAnotherSSRC(t *testing.T) {
	r := newUplinkRig(t).connect()
	r.send(rtpOf(t, 20, rigVP8, 1, aVP8Keyframe))
	r.send(rtpOf(t, 25, rigVP8, 700, aVP8Keyframe, extension{rigMID, "2"}))
	r.send(rtpOf(t, 20, rigVP8, 2, aVP8Keyframe))
	r.expect("2/0:1", "2/0:700")
	r.clock = r.clock.Add(quietAfter + time.Second)
	r.send(rtpOf(t, 20, rigVP8, 3, aVP8Keyframe))
	r.send(rtpOf(t, 25, rigVP8, 701, aVP8Keyframe))
	r.expect("2/0:3")
}

// TestUplinkSpendsOnePostForEachBatch, however many packets there are in it.
func TestUplinkSpendsOnePostForEachBatch(t *testing.T) {
	r := newUplinkRig(t).connect()
	for n := range uint16(20) {
		p := packet.New()
		p.SetLen(copy(p.Buffer(), r.seal(rtpOf(t, 20, rigVP8, n+1, aVP8Keyframe))))
		r.HandleMedia(r.clock, p)
		if n := r.shard.inbox.Len(); n != 0 {
			t.Fatalf("%d packets were posted within a batch", n)
		}
	}
	r.HandleBatch(r.clock)
	if got := r.forwarded(); len(got) != 20 {
		t.Errorf("forwarded %v", got)
	}
}

// TestUplinkAllocatesNothing, from the datagram to the mailbox of the shard.
func TestUplinkAllocatesNothing(t *testing.T) {
	r := newUplinkRig(t).connect()
	var sequence uint16
	video, twcc := aVP8Keyframe, [2]byte{}
	video = slices.Clone(video)
	video[1] |= 1 // no keyframe: those are announced to the peer
	datagrams := make([][]byte, 3)
	prepare := func() {
		sequence++
		binary.BigEndian.PutUint16(twcc[:], 3*sequence)
		datagrams[0] = r.seal(rtpOf(t, 10, rigOpus, sequence, []byte{1, 2, 3}, extension{rigTWCC, string(twcc[:])}))
		binary.BigEndian.PutUint16(twcc[:], 3*sequence+1)
		datagrams[1] = r.seal(rtpOf(t, 20, rigVP8, 2*sequence, video, extension{rigTWCC, string(twcc[:])}))
		binary.BigEndian.PutUint16(twcc[:], 3*sequence+2)
		payload := append(binary.BigEndian.AppendUint16(nil, 2*sequence-1), video...)
		datagrams[2] = r.seal(rtpOf(t, 21, rigRTX, sequence, payload, extension{rigTWCC, string(twcc[:])}))
	}
	run := func() {
		for _, b := range datagrams {
			p := packet.New()
			p.SetLen(copy(p.Buffer(), b))
			r.HandleMedia(r.clock, p)
		}
		r.HandleBatch(r.clock)
		r.batch = r.shard.inbox.Take(r.batch)
		for _, item := range r.batch {
			if item.pkt != nil {
				item.pkt.Release()
			}
		}
	}
	for range 200 {
		prepare()
		run()
	}
	const rounds = 100
	ready := make([][][]byte, rounds+1)
	for i := range ready {
		prepare()
		ready[i] = slices.Clone(datagrams)
	}
	r.feedback.recorder.BuildFeedbackPacket() // reports allocate, twenty times a second: none becomes due here
	i := 0
	if n := testing.AllocsPerRun(rounds, func() { datagrams = ready[i]; i++; run() }); n != 0 {
		t.Errorf("%v allocations for three packets", n)
	}
	if got := r.peer.engine.counters.RTXReceived.Load(); got == 0 {
		t.Error("no retransmission was among them")
	}
	for _, reason := range stats.Reasons() {
		if n := r.drops(reason); n != 0 {
			t.Errorf("%d packets were dropped: %v", n, reason)
		}
	}
}

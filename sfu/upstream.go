package sfu

import (
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"hiroba/sfu/ingress"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
	"hiroba/sfu/rtptime"
	"hiroba/sfu/stats"
)

// upStream is one incoming RTP stream of an up track: what is done with its packets, wherever they come from. It is owned by
// the uplink of its peer, or, on pion's path, by a loop of its own.
type upStream struct {
	track    *UpTrack
	ssrc     media.SSRC
	encoding int8
	machine  *ingress.Stream
	clock    rtptime.Clock
	source   uint32
	nacks    []uint16
	lost     uint64 // as the machine said when it was asked last
	out      *handover

	report atomic.Pointer[rtcp.SenderReport] // the newest, until the next packet takes it
}

func newUpStream(
	t *UpTrack, encoding int8, ssrc media.SSRC, types *payloadTypes, extensions packet.ExtensionIDs, out *handover,
) *upStream {
	return &upStream{
		track:    t,
		ssrc:     ssrc,
		encoding: encoding,
		machine:  ingress.New(ingress.Config{Kind: t.kind, Encoding: encoding, Codecs: types.codecs, Extensions: extensions}),
		source:   t.peer.engine.nextID.Add(1),
		clock:    rtptime.NewClock(&t.peer.clock, t.kind.ClockRate()),
		out:      out,
	}
}

// handleRTP passes one packet through the machine and on to the shards. Its header may have been parsed.
func (s *upStream) handleRTP(now time.Time, p *packet.Packet, parsed bool) {
	if s.report.Load() != nil {
		s.handleReport(now, s.report.Swap(nil))
	}
	var (
		result ingress.Result
		reason stats.Reason
		ok     bool
	)
	if parsed {
		result, reason, ok = s.machine.HandleParsed(now, p)
	} else {
		result, reason, ok = s.machine.HandleRTP(now, p)
	}
	if !ok {
		s.out.tally.Dropped(reason)
		return
	}
	s.out.tally.Forwarded(s.track.kind, len(p.Bytes()))
	if result.Restarted {
		s.source = s.track.peer.engine.nextID.Add(1)
		s.clock = rtptime.NewClock(&s.track.peer.clock, s.track.kind.ClockRate())
	}
	p.Source = s.source
	p.Captured = s.clock.CaptureTime(now, p.Header.Timestamp)
	if result.Started {
		s.track.peer.emit(TrackStarted{Track: s.track, Codec: s.machine.Codec()})
	}
	if result.Keyframe {
		s.track.peer.engine.counters.Keyframes.Add(1)
		s.track.peer.post(func(now time.Time) { s.track.handleKeyframe(now, s.encoding) })
	}
	s.track.supply.HandleRTP(now, p)
	s.track.meters[s.encoding].HandleRTP(p)
	for lost := s.machine.PollRecovered(p); lost != nil; lost = s.machine.PollRecovered(p) {
		s.track.peer.engine.counters.Recovered.Add(1)
		s.out.put(s.track, lost)
		lost.Release()
	}
	s.out.put(s.track, p)
}

// poll asks for what is missing and tells how loud it is.
func (s *upStream) poll(now time.Time) {
	peer := s.track.peer
	s.nacks = s.machine.PollNACK(now, s.nacks[:0])
	if len(s.nacks) > 0 {
		peer.engine.counters.NACKsSent.Add(uint64(len(s.nacks)))
		lost := s.machine.Lost()
		peer.engine.counters.Lost(stats.Up, lost-s.lost)
		s.lost = lost
		_ = peer.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{
			MediaSSRC: uint32(s.ssrc),
			Nacks:     rtcp.NackPairsFromSequenceNumbers(s.nacks),
		}})
	}
	if level, news := s.machine.PollLevel(now); news {
		peer.emit(Heard{Track: s.track, Level: level})
	}
}

// handleReport ties the stream's timestamps to the clock that all streams of this publisher share.
func (s *upStream) handleReport(now time.Time, r *rtcp.SenderReport) {
	peer := s.track.peer
	peer.clockMu.Lock()
	defer peer.clockMu.Unlock()
	s.clock.HandleSenderReport(now, rtptime.NTP(r.NTPTime), r.RTPTime)
}

// handover collects what goes to the shards, so that each is woken once for many packets. It belongs to who reads them.
type handover struct {
	parcels []parcel // of which the first used are filled
	used    int
	tally   stats.Tally
}

// parcel is what goes to one shard.
type parcel struct {
	shard *shard
	items []shardItem
}

// put adds a packet for each shard that needs the track.
func (h *handover) put(t *UpTrack, p *packet.Packet) {
	list := t.shards.Load()
	if list == nil {
		return
	}
	for _, s := range *list {
		p.Retain()
		h.parcelOf(s).add(shardItem{track: t, pkt: p})
	}
}

func (h *handover) parcelOf(s *shard) *parcel {
	for i := range h.parcels[:h.used] {
		if h.parcels[i].shard == s {
			return &h.parcels[i]
		}
	}
	if h.used == len(h.parcels) {
		h.parcels = append(h.parcels, parcel{})
	}
	h.used++
	h.parcels[h.used-1].shard = s
	return &h.parcels[h.used-1]
}

func (p *parcel) add(item shardItem) { p.items = append(p.items, item) }

// flush hands everything on, and counts it.
func (h *handover) flush(counters *stats.Counters) {
	for i := range h.parcels[:h.used] {
		p := &h.parcels[i]
		p.shard.forward(p.items)
		clear(p.items)
		p.shard, p.items = nil, p.items[:0]
	}
	h.used = 0
	counters.Take(stats.Up, &h.tally)
}

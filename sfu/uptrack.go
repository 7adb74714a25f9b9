package sfu

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"hiroba/sfu/keyframe"
	"hiroba/sfu/layer"
	"hiroba/sfu/media"
)

// UpTrack is what a peer publishes on one m-line. It exists from the offer on; media may come later, pause and come back.
type UpTrack struct {
	peer *Peer
	mid  media.MID
	kind media.Kind
	csrc media.CSRC
	rids []media.RID // of a simulcast track, smallest picture first; else empty

	ended atomic.Bool
	// supply is what comes of it. The ingress loops write, shards read.
	supply *layer.Supply
	meters [media.MaxSpatial + 1]keyframe.Meter // by encoding
	// free is from when on a keyframe of an encoding may be asked for, in Unix nanoseconds. The peer writes, shards read.
	free [media.MaxSpatial + 1]atomic.Int64
	// shards are those with a seat that wants this track. The ingress loop reads a snapshot; mu is held by writers, for a
	// copy of a slice as long as there are CPUs.
	shards atomic.Pointer[[]*shard]
	mu     sync.Mutex

	// What follows is owned by the peer.
	streams    [media.MaxSpatial + 1]*upStream // by encoding; nil before its first packet
	requesters [media.MaxSpatial + 1]keyframe.Requester
	demand     layer.Demand[*seatTrack]
}

func newUpTrack(p *Peer, mid media.MID, kind media.Kind, rids []media.RID) *UpTrack {
	p.engine.upTracks.Add(1)
	return &UpTrack{
		peer: p, mid: mid, kind: kind, rids: rids, csrc: media.CSRC(p.engine.nextID.Add(1)),
		supply: layer.NewSupply(len(rids)), demand: layer.NewDemand[*seatTrack](time.Now(), media.MaxSpatial),
	}
}

// simulcast reports whether the track has several encodings.
func (t *UpTrack) simulcast() bool { return t.supply.Simulcast() }

// CSRC names the track within the process; it is never 0.
func (t *UpTrack) CSRC() media.CSRC { return t.csrc }

// MID is the m-line in the publisher's offer.
func (t *UpTrack) MID() media.MID { return t.mid }

// Kind says whether it is sound or pictures.
func (t *UpTrack) Kind() media.Kind { return t.kind }

// attach makes the ingress loop hand packets to a shard.
func (t *UpTrack) attach(s *shard) { t.change(func(l []*shard) []*shard { return append(l, s) }) }

// detach undoes attach.
func (t *UpTrack) detach(s *shard) {
	t.change(func(l []*shard) []*shard {
		return slices.DeleteFunc(l, func(other *shard) bool { return other == s })
	})
}

func (t *UpTrack) change(f func([]*shard) []*shard) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []*shard
	if l := t.shards.Load(); l != nil {
		list = slices.Clone(*l)
	}
	list = f(list)
	t.shards.Store(&list)
}

// wantKeyframe tells the publisher's peer that a subscriber cannot go on without a keyframe of an encoding.
func (t *UpTrack) wantKeyframe(encoding int8) {
	t.peer.post(func(now time.Time) {
		t.requesters[encoding].HandleBytes(now, t.meters[encoding].Counts())
		t.requesters[encoding].Want(now)
	})
}

// handleKeyframe notes that a keyframe of an encoding comes. Called by the peer.
func (t *UpTrack) handleKeyframe(now time.Time, encoding int8) {
	t.requesters[encoding].HandleBytes(now, t.meters[encoding].Counts())
	t.requesters[encoding].HandleKeyframe()
}

// scarce reports whether a keyframe of an encoding is not to be had soon, because many were asked for lately.
func (t *UpTrack) scarce(now time.Time, encoding int8) bool {
	return keyframe.Scarce(now, time.Unix(0, t.free[encoding].Load()))
}

// want tells the publisher's peer which spatial layer a seat should get; -1 is nothing.
func (t *UpTrack) want(seat *seatTrack, spatial int8) {
	t.peer.post(func(now time.Time) { t.demand.HandleWant(now, seat, spatial) })
}

// handleTimeout asks the encoders for the keyframes that are due and tells what is wanted of the track. It says when
// something may be due next; zero is never. Called by the peer.
func (t *UpTrack) handleTimeout(now time.Time) (next time.Time) {
	if t.kind == media.Video {
		t.demand.HandleTimeout(now)
		if highest, news := t.demand.PollHighest(); news {
			t.peer.emit(LayersWanted{Track: t, Spatial: highest})
		}
		next = t.demand.Deadline()
	}
	for i := range t.requesters {
		s := t.streams[i]
		if s == nil {
			continue
		}
		t.requesters[i].HandleBytes(now, t.meters[i].Counts())
		if t.requesters[i].HandleTimeout(now) && !t.supply.Asleep(now, i) {
			t.peer.engine.counters.PLIsSent.Add(1)
			_ = t.peer.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(s.ssrc)}})
		}
		if free := t.requesters[i].Free(); !free.IsZero() {
			t.free[i].Store(free.UnixNano())
		}
		if due := t.requesters[i].Deadline(); !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return next
}

// end takes the track away from everybody. Called by the peer.
func (t *UpTrack) end() {
	if t.ended.Swap(true) {
		return
	}
	t.peer.engine.upTracks.Add(-1)
	for _, s := range t.peer.engine.shards {
		s.post(func(time.Time) { s.end(t) })
	}
}

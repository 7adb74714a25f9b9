package sfu

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/keyframe"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// UpTrack is what a peer publishes on one m-line. It exists from the offer on; media may come later, pause and come back.
type UpTrack struct {
	peer *Peer
	mid  media.MID
	kind media.Kind
	csrc media.CSRC

	ended atomic.Bool
	// shards are those with a seat that wants this track. The ingress loop reads a snapshot; mu is held by writers, for a
	// copy of a slice as long as there are CPUs.
	shards atomic.Pointer[[]*shard]
	mu     sync.Mutex

	// What follows is owned by the peer.
	stream    *upStream // nil before the first packet
	requester keyframe.Requester
}

func newUpTrack(p *Peer, mid media.MID, kind media.Kind) *UpTrack {
	p.engine.upTracks.Add(1)
	return &UpTrack{peer: p, mid: mid, kind: kind, csrc: media.CSRC(p.engine.nextID.Add(1))}
}

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

// fanOut hands a packet once to each shard that needs it.
func (t *UpTrack) fanOut(p *packet.Packet) {
	if list := t.shards.Load(); list != nil {
		for _, s := range *list {
			s.forward(t, p)
		}
	}
}

// wantKeyframe tells the publisher's peer that a subscriber cannot go on without a keyframe.
func (t *UpTrack) wantKeyframe() {
	t.peer.post(func(now time.Time) { t.requester.Want(now) })
}

// start reads a new incoming stream of this track in a goroutine of its own. A former one ends by itself, since pion
// closes it. Called by the peer.
func (t *UpTrack) start(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	s := newUpStream(t, remote, receiver)
	t.stream = s
	t.peer.loop(s.readLoop)
	t.peer.loop(func() { drainRTCP(receiver.Read) })
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

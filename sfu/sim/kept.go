package sim

import (
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/packet"
)

// These are as in the rim.
const (
	keptPackets   = 1024
	replayAge     = 2 * time.Second
	replayPackets = 100
	replayBytes   = 96 << 10
)

// kept is what was forwarded of one stream, as the rim's sentStream.
type kept struct {
	packets           *history.Ring[*packet.Packet] // nil before the first
	keyframe, highest int64
	keyframeAt        time.Time
	bytes             int
}

// put keeps a packet, whose reference it takes over.
func (k *kept) put(p *packet.Packet) {
	if k.packets == nil {
		k.packets = history.NewRing[*packet.Packet](keptPackets)
	}
	if p.Info.Keyframe && p.Sequence > k.keyframe {
		k.keyframe, k.keyframeAt, k.bytes = p.Sequence, p.Arrived, 0
	}
	k.highest = max(k.highest, p.Sequence)
	k.bytes += len(p.Bytes())
	if gone, full := k.packets.Put(p.Sequence, p); full {
		gone.Release()
	}
}

func (k *kept) at(sequence int64) (*packet.Packet, bool) {
	if k.packets == nil {
		return nil, false
	}
	return k.packets.At(sequence)
}

// replay is the range of packets from the newest keyframe on; false when it is not whole, too old, or too much.
func (k *kept) replay(now time.Time) (from, to int64, ok bool) {
	if k.packets == nil || k.keyframe == 0 || now.Sub(k.keyframeAt) > replayAge ||
		k.highest-k.keyframe >= replayPackets || k.bytes > replayBytes {
		return 0, 0, false
	}
	for n := k.keyframe; n <= k.highest; n++ {
		if _, ok := k.packets.At(n); !ok {
			return 0, 0, false
		}
	}
	return k.keyframe, k.highest, true
}

func (k *kept) drain() {
	if k.packets != nil {
		k.packets.Drain((*packet.Packet).Release)
	}
	*k = kept{}
}

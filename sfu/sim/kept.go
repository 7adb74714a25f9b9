package sim

import (
	"time"

	"hiroba/sfu/history"
	"hiroba/sfu/packet"
)

// These are as in the rim.
const (
	keptPackets  = 1024
	replayAge    = 3 * time.Second
	replayFrames = 100
	replayBytes  = 256 << 10
)

// kept is what was forwarded of one stream, as the rim's sentStream.
type kept struct {
	packets           *history.Ring[*packet.Packet] // nil before the first
	keyframe, highest int64
	keyframeAt        time.Time
	timestamp         uint32 // of the keyframe

	keyframeBytes, bytes, frames int
}

// put keeps a packet, whose reference it takes over.
func (k *kept) put(p *packet.Packet) {
	if k.packets == nil {
		k.packets = history.NewRing[*packet.Packet](keptPackets)
	}
	if p.Info.Keyframe && p.Sequence > k.keyframe {
		k.keyframe, k.keyframeAt, k.timestamp = p.Sequence, p.Arrived, p.Header.Timestamp
		k.bytes, k.keyframeBytes, k.frames = 0, 0, 1
	}
	if p.Sequence > k.highest && p.Info.StartOfFrame {
		k.frames++
	}
	k.highest = max(k.highest, p.Sequence)
	k.bytes += len(p.Bytes())
	if p.Header.Timestamp == k.timestamp {
		k.keyframeBytes += len(p.Bytes())
	}
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
func (k *kept) replay(now time.Time, viewers int) (from, to int64, ok bool) {
	if k.packets == nil || k.keyframe == 0 || now.Sub(k.keyframeAt) > replayAge || k.highest-k.keyframe >= keptPackets ||
		k.frames > replayFrames || k.bytes > min(k.keyframeBytes*(1+viewers), replayBytes) {
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

package egress

import (
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// setActive tells the subscriber's decoder which decode targets it will get, whenever that changes or the publisher tells of
// its own.
func (l *Line) setActive(out *Packet) {
	p := out.Source
	if !p.Info.HasDescriptor {
		return
	}
	if p.Descriptor.HasStructure {
		l.targets = p.Targets
	}
	mask := l.activeTargets(p)
	if mask == 0 || (mask == l.active && !p.Descriptor.HasActiveTargets) {
		return
	}
	l.active = mask
	out.Active, out.HasActive = mask, true
	l.record.tells.set(out.Out.Sequence, true)
	l.record.told.add(out.Out.Sequence, mask)
}

// activeTargets is the mask of the decode targets that the subscriber gets; 0 when there is none to be told.
func (l *Line) activeTargets(p *packet.Packet) uint32 {
	now := l.layers.Current()
	if l.layers.Simulcast() {
		now.Spatial = media.MaxSpatial
	} else if p.Info.Intra || p.Info.Keyframe { // the layers above follow in the same picture
		now.Spatial = l.layers.Wanted().Spatial
	}
	now.Spatial, now.Temporal = min(max(now.Spatial, 0), media.MaxSpatial), min(now.Temporal, media.MaxTemporal)
	return l.targets[now.Spatial][now.Temporal] & p.Descriptor.ActiveTargets
}

// toldKept is how many of the newest packets that told active decode targets are known. They are rare: those that begin
// a keyframe, and those at which the layer changes.
const toldKept = 16

// told remembers which masks of active decode targets were sent. What a retransmission says must be what its packet
// said, although the layer may have changed since.
type told struct {
	packets [toldKept]struct {
		sequence uint16
		mask     uint32 // 0 is none
	}
	next int
}

func (t *told) add(sequence uint16, mask uint32) {
	t.packets[t.next].sequence, t.packets[t.next].mask = sequence, mask
	t.next = (t.next + 1) % toldKept
}

func (t *told) at(sequence uint16) (mask uint32, ok bool) {
	for i := range t.packets {
		newest := (t.next - 1 - i + 2*toldKept) % toldKept
		if t.packets[newest].sequence == sequence && t.packets[newest].mask != 0 {
			return t.packets[newest].mask, true
		}
	}
	return 0, false
}

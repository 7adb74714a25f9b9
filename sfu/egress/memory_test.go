package egress_test

import (
	"runtime"
	"testing"
	"unsafe"

	"hiroba/sfu/codec"
	"hiroba/sfu/egress"
	"hiroba/sfu/history"
	"hiroba/sfu/media"
	"hiroba/sfu/packet"
)

// TestMemoryGrowsWithPublishers: what is kept of the three encodings of a publisher is kept once. A subscriber costs what its
// line remembers, however much was sent to it. A line in which nobody ever sat costs next to nothing: most are of this kind.
func TestMemoryGrowsWithPublishers(t *testing.T) {
	const packets = 2000 // of each encoding, more than are kept
	heap := func(subscribers int) int {
		before := heapBytes()
		var kept [3]history.Stream
		lines := make([]*egress.Line, subscribers)
		for i := range lines {
			lines[i] = newLine(media.Video)
			lines[i].SetTarget(alice, true)
			lines[i].SetWanted(media.Layer{Spatial: int8(i % 3), Temporal: media.MaxTemporal}) //nolint:gosec // small
		}
		sent := 0
		for n := range int64(packets) {
			for encoding := range kept {
				p := packet.New()
				p.SetLen(1100)
				p.Codec, p.Encoding, p.Source, p.Sequence = media.VP8, int8(encoding), uint32(encoding+1), n+1 //nolint:gosec // small
				p.Arrived, p.Captured = at(int(n)*5), at(int(n)*5)
				p.Header.Timestamp, p.Header.Payload = uint32(n)*450, packet.Span{From: 12, To: 1100} //nolint:gosec // small
				p.Info = codec.Info{Keyframe: n == 0, Intra: n == 0, SwitchUp: true, StartOfFrame: true}
				for _, l := range lines {
					if _, _, _, ok := l.HandleRTP(alice, p); ok {
						sent++
					}
				}
				kept[encoding].Put(p)
			}
		}
		if sent < subscribers*(packets-1) {
			t.Fatalf("sent %d packets to %d subscribers", sent, subscribers)
		}
		grown := heapBytes() - before
		runtime.KeepAlive(lines)
		for i := range kept {
			kept[i].Drain()
		}
		return grown
	}
	heap(1) // what is made once
	one, ten, hundred := heap(1), heap(10), heap(100)
	// What lines remember of what they sent, besides what was asked for again.
	const used, idle = 10 << 10, 1 << 10
	line := int(unsafe.Sizeof(egress.Line{}))
	t.Logf("3 encodings, %d packets of each kept: %d kB with 1 subscriber, %d kB with 10, %d kB with 100: "+
		"%d bytes for each more of them, %d while nobody sits there", 1024, one>>10, ten>>10, hundred>>10, (hundred-one)/99, line)
	if one < 3*1024*1100 {
		t.Errorf("%d bytes kept, want three histories of 1024 packets", one)
	}
	if each := (hundred - one) / 99; each > used {
		t.Errorf("each subscriber costs %d bytes, want %d", each, used)
	}
	if line > idle {
		t.Errorf("a line in which nobody sits has %d bytes, want %d", line, idle)
	}
}

func heapBytes() int {
	runtime.GC()
	runtime.GC() // pools keep what is free through one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc) //nolint:gosec // not that large
}

package srtp

import (
	"encoding/binary"
	"errors"
	"testing"
)

// nullSuite encrypts nothing and counts what it was asked to.
type nullSuite struct{ sealed map[uint64]int }

func (n *nullSuite) sealRTP(b []byte, _ int, _ uint32, index uint64) []byte {
	n.sealed[index]++
	return b
}
func (n *nullSuite) openRTP(b []byte, _ int, _ uint32, _ uint64) ([]byte, bool) { return b, true }
func (n *nullSuite) openRTCP(b []byte, _, _ uint32) ([]byte, bool)              { return b, true }
func (n *nullSuite) sealRTCP(b []byte, _, index uint32) []byte                  { n.sealed[uint64(index)]++; return b }
func (n *nullSuite) takeRTCP() suite                                            { return n }

// reference says what RFC 3711 says, in its words and without care for memory.
type reference struct {
	started bool
	newest  int64
	used    map[int64]bool
}

// index is the pseudo code of section 3.3.1 and appendix A.
func (r *reference) index(seq int64) int64 {
	if !r.started {
		return seq
	}
	roc, sl := r.newest/65536, r.newest%65536
	var v int64
	if sl < 32768 {
		if seq-sl > 32768 {
			v = roc - 1
		} else {
			v = roc
		}
	} else {
		if sl-32768 > seq {
			v = roc + 1
		} else {
			v = roc
		}
	}
	return v*65536 + seq
}

// take is what should come of sealing or opening a packet with this sequence number. What would be before the first index was
// sent ahead; we open it, but do not send so ourselves.
func (r *reference) take(seq int64, sealing bool) (index int64, taken bool) {
	index = r.index(seq)
	if index < 0 && !sealing {
		index = seq
	}
	if index < 0 || index > maxIndex || r.used[index] || r.started && index <= r.newest-WindowSize {
		return index, false
	}
	r.used[index] = true
	r.newest = max(r.newest, index)
	r.started = true
	return index, true
}

// checkIndices seals and opens packets with sequence numbers that the bytes choose, and compares with the reference. The
// first three bytes say where to start; of each further pair, one says how, one by how much to go on.
func checkIndices(t *testing.T, start uint64, steps []byte) {
	t.Helper()
	null := &nullSuite{sealed: map[uint64]int{}}
	stream := &Stream{suite: null}
	opener := &Opener{suite: null, maxStreams: 1, rtp: map[uint32]*window{}}
	sealed, opened := &reference{used: map[int64]bool{}}, &reference{used: map[int64]bool{}}
	if start > 1<<16 { // in the middle of a stream's life
		for _, model := range []*reference{sealed, opened} {
			model.started, model.newest, model.used[int64(start)] = true, int64(start), true
		}
		stream.indices.mark(start)
		opener.rtp[0] = &window{}
		opener.rtp[0].mark(start)
		null.sealed[start]++
	}
	seq := uint16(start)
	packet := make([]byte, rtpHeaderSize, rtpHeaderSize+20)
	for i := 0; i+1 < len(steps); i += 2 {
		by := uint16(steps[i+1])
		switch steps[i] % 8 {
		case 0, 1: // the next
			seq++
		case 2: // a few ahead
			seq += by
		case 3: // a few back
			seq -= by
		case 4: // far ahead
			seq += by << 7
		case 5: // far back
			seq -= by << 7
		case 6: // around half of the numbers, where ahead becomes back
			seq += 1<<15 - 128 + by
		case 7: // around the window's end
			seq -= WindowSize - 128 + by
		}
		index, want := sealed.take(int64(seq), true)
		binary.BigEndian.PutUint16(packet[2:], seq)
		if _, err := stream.Seal(packet, rtpHeaderSize); (err == nil) != want {
			t.Fatalf("step %d: sequence number %d (index %d, newest %d): %v, want taken %t",
				i/2, seq, index, sealed.newest, err, want)
		}
		if want && null.sealed[uint64(index)] != 1 {
			t.Fatalf("step %d: index %d was sealed %d times", i/2, index, null.sealed[uint64(index)])
		}
		index, want = opened.take(int64(seq), false)
		if _, err := opener.Open(packet, rtpHeaderSize); (err == nil) != want {
			t.Fatalf("step %d: sequence number %d (index %d, newest %d): open: %v, want taken %t",
				i/2, seq, index, opened.newest, err, want)
		}
	}
	for index, times := range null.sealed {
		if times != 1 {
			t.Fatalf("index %d was sealed %d times", index, times)
		}
	}
}

func FuzzIndices(f *testing.F) {
	walk := make([]byte, 400)
	for i := range walk {
		walk[i] = byte(i * 37)
	}
	for _, start := range []uint64{0, 1, 0x7fff, 0x8000, 0xffff, 0x10001, 0x1ffff, 0x18000, maxIndex - 10, maxIndex - 0x8000} {
		f.Add(start, walk)
		f.Add(start, []byte{0, 0, 0, 0, 3, 1, 0, 0, 3, 2, 7, 127, 7, 128, 4, 255, 5, 255, 6, 128, 6, 127, 6, 129})
	}
	f.Fuzz(func(t *testing.T, start uint64, steps []byte) { checkIndices(t, start%(maxIndex+1), steps) })
}

func TestIndicesEnd(t *testing.T) {
	null := &nullSuite{sealed: map[uint64]int{}}
	stream := &Stream{suite: null}
	stream.indices.mark(maxIndex - 1)
	packet := make([]byte, rtpHeaderSize, rtpHeaderSize+20)
	for _, test := range []struct {
		seq  uint16
		want error
	}{
		{0xffff, nil}, {0, ErrExhausted}, {1, ErrExhausted}, {0xffff, ErrIndexUsed}, {0xfffe, ErrIndexUsed}, {0xfffd, nil},
	} {
		binary.BigEndian.PutUint16(packet[2:], test.seq)
		if _, err := stream.Seal(packet, rtpHeaderSize); !errors.Is(err, test.want) {
			t.Errorf("sequence number %#x: %v, want %v", test.seq, err, test.want)
		}
	}
}

func TestControlEndsWithItsIndices(t *testing.T) {
	null := &nullSuite{sealed: map[uint64]int{}}
	control := &Control{suite: null, used: maxRTCPIndex - 2}
	packet := make([]byte, rtcpHeaderSize, rtcpHeaderSize+20)
	for range 2 {
		if _, err := control.Seal(packet); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := control.Seal(packet); !errors.Is(err, ErrExhausted) {
			t.Errorf("after the last index: %v, want %v", err, ErrExhausted)
		}
	}
	if len(null.sealed) != 2 || null.sealed[maxRTCPIndex] != 1 {
		t.Errorf("sealed %v", null.sealed)
	}
}

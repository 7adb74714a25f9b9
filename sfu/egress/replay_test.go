package egress_test

import (
	"testing"
	"time"

	"hiroba/sfu/codec"
	"hiroba/sfu/egress"
	"hiroba/sfu/history"
	"hiroba/sfu/packet"
)

// keptStream is a stream of packets of 1000 bytes, one in 5 ms: 1.6 Mbit/s. Each hundredth begins a keyframe.
type keptStream struct {
	history.Stream
	next int64
	now  time.Time
}

func newKeptStream(packets int) *keptStream {
	s := &keptStream{next: 1, now: at(0)}
	for range packets {
		s.receive()
	}
	return s
}

func (s *keptStream) packet() *packet.Packet {
	p := packet.New()
	p.SetLen(1000)
	p.Sequence, p.Source, p.Arrived, p.Captured = s.next, 7, s.now, s.now
	p.Info = codec.Info{Keyframe: s.next%100 == 1, StartOfFrame: true}
	s.next++
	s.now = s.now.Add(5 * time.Millisecond)
	return p
}

func (s *keptStream) receive() { s.Put(s.packet()) }

// TestReplayKeepsAPaceAndCatchesUp: what is kept goes out twice as fast as the stream, a little of it at once, and what
// comes meanwhile follows in its turn.
func TestReplayKeepsAPaceAndCatchesUp(t *testing.T) {
	s := newKeptStream(290) // the last keyframe was 450 ms ago
	var r egress.Replay
	began := s.now
	if n, ok := r.Begin(began, &s.Stream, 10, false); !ok || n != 90 {
		t.Fatalf("began with %d packets, %v", n, ok)
	}
	last, sent := int64(200), 0
	now := began
	for ; r.Active(); now = now.Add(time.Millisecond) {
		for p, newest, ok := r.Poll(now, &s.Stream, 1); ok; p, newest, ok = r.Poll(now, &s.Stream, 1) {
			if p.Sequence != last+1 || newest.Sequence != s.next-1 {
				t.Fatalf("packet %d of %d, want %d of %d", p.Sequence, newest.Sequence, last+1, s.next-1)
			}
			last, sent = p.Sequence, sent+1000
		}
		passed := now.Sub(began)
		if most := 41_000 + int(passed.Seconds()*2.1*200_000); sent > most {
			t.Fatalf("%d bytes within %v, want at most %d", sent, passed, most)
		}
		if !r.Active() {
			break
		}
		if due := r.Deadline(); !due.After(now) || due.After(now.Add(5*time.Millisecond)) {
			t.Fatalf("due in %v", due.Sub(now))
		}
		if !s.now.After(now) {
			p := s.packet()
			if !r.Holds(p) {
				t.Fatal("a packet overtakes the replay")
			}
			s.Put(p)
		}
	}
	if last != s.next-1 || !r.Deadline().IsZero() || r.Holds(s.packet()) {
		t.Errorf("it ended with packet %d, the newest is %d", last, s.next-1)
	}
	if took := now.Sub(began); took > 280*time.Millisecond {
		t.Errorf("it took %v to catch up, want 450 ms - 200 ms", took)
	}
}

func TestReplayOfAKeyframeOnce(t *testing.T) {
	s := newKeptStream(250)
	var r egress.Replay
	begin := func() bool { _, ok := r.Begin(s.now, &s.Stream, 10, false); return ok }
	if !begin() {
		t.Fatal("not begun")
	}
	if r.End(); begin() {
		t.Error("begun again though it did not help")
	}
	if r.Forget(); !begin() {
		t.Error("not begun for another occupant's return")
	}
	r.End()
	for s.next < 302 {
		s.receive()
	}
	if !begin() {
		t.Error("not begun with the next keyframe")
	}
}

// TestReplayLeavesRoomForWhatWasLost: packets that are missing between the newest ones come late, by themselves.
func TestReplayLeavesRoomForWhatWasLost(t *testing.T) {
	s := newKeptStream(250)
	var r egress.Replay
	if _, ok := r.Begin(s.now, &s.Stream, 10, false); !ok {
		t.Fatal("not begun")
	}
	lost := s.packet()
	s.receive()
	if !r.Holds(lost) {
		t.Error("what was lost overtakes the replay")
	}
	var sent []int64
	for end := s.now.Add(time.Second); s.now.Before(end); s.now = s.now.Add(time.Millisecond) {
		for p, _, ok := r.Poll(s.now, &s.Stream, 1); ok; p, _, ok = r.Poll(s.now, &s.Stream, 1) {
			sent = append(sent, p.Sequence)
		}
	}
	if r.Active() || len(sent) != 51 || sent[50] != 252 {
		t.Errorf("sent %v, still active %v", sent, r.Active())
	}
	if r.Holds(lost) {
		t.Error("what was lost is held for ever")
	}
}

// TestReplaysOfASubscriberShareItsLink: those of small pictures may be faster than twice, all together.
func TestReplaysOfASubscriberShareItsLink(t *testing.T) {
	const replays = 9
	s := newKeptStream(201)
	for range 85 { // now it is slow
		s.receive()
		s.now = s.now.Add(45 * time.Millisecond)
	}
	var all [replays]egress.Replay
	for i := range all {
		if _, ok := all[i].Begin(s.now, &s.Stream, 10, true); !ok {
			t.Fatal("not begun")
		}
	}
	sent := 0
	for range 200 { // ms
		for i := range all {
			for p, _, ok := all[i].Poll(s.now, &s.Stream, replays); ok; p, _, ok = all[i].Poll(s.now, &s.Stream, replays) {
				sent += len(p.Bytes())
			}
		}
		s.now = s.now.Add(time.Millisecond)
	}
	// 9 x 20 kB/s x 2 is more than 2 Mbit/s; 300 ms of it, and a packet of each.
	if most := replays*20_000*2*30/100 + replays*1000; sent > most || sent < most/2 {
		t.Errorf("%d bytes in 200 ms, want at most %d", sent, most)
	}
}

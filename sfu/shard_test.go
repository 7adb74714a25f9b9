package sfu

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hiroba/sfu/media"
	"hiroba/sfu/pacer"
	"hiroba/sfu/stats"
)

func TestShardAllocatesNothing(t *testing.T) {
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		r := newRig(t, kind, 20)
		now := time.Now()
		turn := func() {
			now = now.Add(time.Millisecond)
			r.turn(now, 2, false)
		}
		for range 1024 { // the histories are full, and give back as much as they take
			turn()
		}
		now = now.Add(time.Second)
		turn() // the next sender reports, which are not for free, are due in half a second
		if n := testing.AllocsPerRun(100, turn); n > 0 {
			t.Errorf("%v: %v allocations for %d packets", kind, n, 2*len(r.seats))
		}
	}
}

// TestBurstsAreSpread has far more come at once than may leave at once.
func TestBurstsAreSpread(t *testing.T) {
	r := newRig(t, media.Video, 3)
	now := time.Now()
	before := r.left()
	const n = 100
	r.turn(now, n, false)
	if got := (r.left() - before) / len(r.seats); got < 5 || got > 12 {
		t.Fatalf("%d packets of 1,112 bytes left at once", got)
	}
	if wait := r.shard.untilDue(); wait > 2*time.Millisecond {
		t.Errorf("the shard sleeps for %v while packets wait", wait)
	}
	r.turn(now.Add(time.Microsecond), 1, false) // it waits behind the others
	for turns := 0; r.left() != before+(n+1)*len(r.seats); turns++ {
		if turns > 100 {
			t.Fatalf("%d of %d packets left", r.left()-before, (n+1)*len(r.seats))
		}
		now = now.Add(time.Millisecond)
		former := r.left()
		r.handle(now, nil)
		if got := (r.left() - former) / len(r.seats); got > 12 {
			t.Fatalf("%d packets left at once", got)
		}
	}
	if len(r.shard.parked) != 0 {
		t.Error("subscribers wait for nothing")
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	r := newRig(t, media.Video, 1)
	now := time.Now()
	r.turn(now, 1000, false)
	waiting := r.seats[0].peer.down.queue.bytes
	if waiting > maxParked || waiting < maxParked*9/10 {
		t.Errorf("%d bytes wait, want at most %d", waiting, maxParked)
	}
	if n := r.shard.counters.Drops(stats.Down, stats.QueueFull); n == 0 {
		t.Error("nothing is counted as dropped")
	}
}

// TestSoundWaitsLessThanPictures fills a shard and looks at how long things are gathered.
func TestSoundWaitsLessThanPictures(t *testing.T) {
	for kind, longest := range map[media.Kind]time.Duration{media.Audio: 2 * time.Millisecond, media.Video: pacer.MaxSlot} {
		r := newRig(t, kind, 2)
		now := time.Now()
		busy := func() { r.shard.slots.HandleWork(now.Add(-time.Second), now) }
		busy()
		before := r.left()
		r.handle(now, r.packets(now, 1, false))
		if r.left() != before || !r.shard.gathering() {
			t.Errorf("%v left at once though the shard is busy", kind)
		}
		began := now
		for r.left() == before && now.Sub(began) < time.Second {
			if wait := r.shard.untilDue(); wait > audioSlot {
				t.Fatalf("%v: the shard does not look for %v", kind, wait)
			}
			now = now.Add(audioSlot)
			busy()
			r.handle(now, nil)
		}
		if waited := now.Sub(began); waited > longest {
			t.Errorf("%v waited for %v", kind, waited)
		}
	}
}

func TestShardThatIsFarBehindDropsPictures(t *testing.T) {
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		r := newRig(t, kind, 2)
		before := r.left()
		now := time.Now()
		items := r.packets(now, 1, false)
		r.handle(now.Add(2*maxLag), items)
		if left := r.left() - before; (left == 0) != (kind == media.Video) {
			t.Errorf("%v: %d packets left", kind, left)
		}
		if n := r.shard.counters.Drops(stats.Down, stats.Overloaded); (n == 2) != (kind == media.Video) {
			t.Errorf("%v: %d counted as dropped", kind, n)
		}
	}
}

// TestNothingLeavesAfterTheSubscriber: when leave returns, all that was encrypted has left, and nothing follows.
func TestNothingLeavesAfterTheSubscriber(t *testing.T) {
	r := newRig(t, media.Video, 1)
	r.turn(time.Now(), 100, false) // most of it waits
	go r.shard.run()
	t.Cleanup(r.shard.stop)
	down := r.seats[0].peer.down
	r.shard.forward(r.packets(time.Now(), 3, false))
	down.leave()
	if out := &down.outlet; out.sealer != nil || out.destination != nil || !down.queue.empty() {
		t.Error("something is left of the subscriber")
	}
	mux := r.seats[0].peer.engine.mux
	before := mux.Counters().DatagramsOut
	r.shard.forward(r.packets(time.Now(), 3, false))
	turned := make(chan struct{})
	r.shard.post(func(time.Time) { close(turned) })
	<-turned
	time.Sleep(5 * time.Millisecond) // what waited would leave now
	if after := mux.Counters().DatagramsOut; after != before {
		t.Errorf("%d packets left after the subscriber", after-before)
	}
}

// TestPionEncryptsOnlyOnItsOwnPath asks the guard before pion's encryption.
func TestPionEncryptsOnlyOnItsOwnPath(t *testing.T) {
	p := &Peer{}
	written := 0
	guard := (&pathGuard{peer: p}).BindLocalStream(nil, interceptor.RTPWriterFunc(
		func(*rtp.Header, []byte, interceptor.Attributes) (int, error) { written++; return 0, nil },
	))
	for path, allowed := range map[Path]bool{PathUndecided: false, PathOwn: false, PathPion: true} {
		p.path.Store(path)
		written = 0
		_, err := guard.Write(&rtp.Header{}, nil, nil)
		if (written == 1) != allowed || errors.Is(err, errOtherPath) == allowed {
			t.Errorf("path %q: %d packets came through, %v", path, written, err)
		}
	}
}

// TestPathFollowsTheSelectedPair: pion tells of a new address before it writes to it.
func TestPathFollowsTheSelectedPair(t *testing.T) {
	r := newRig(t, media.Video, 1)
	p := r.seats[0].peer
	p.path.Store(PathOwn)
	p.uplink = new(uplink)
	now := time.Now()
	turn := func() netip.AddrPort {
		r.handle(now, r.shard.inbox.Take(nil))
		return p.down.outlet.destination.Remote()
	}
	former := turn()
	moved := netip.AddrPortFrom(former.Addr(), former.Port()^1)
	p.handlePair(now, &webrtc.ICECandidatePair{
		Local:  &webrtc.ICECandidate{Protocol: webrtc.ICEProtocolUDP},
		Remote: &webrtc.ICECandidate{Protocol: webrtc.ICEProtocolUDP, Address: moved.Addr().String(), Port: moved.Port()},
	})
	if next := p.followPair(now); next != now.Add(pairInterval) {
		t.Errorf("asks again at %v", next)
	}
	if got := turn(); got != former {
		t.Errorf("packets go to %v before anything is known of it", got)
	}
	writeAsPion(t, p, moved)
	if next := p.followPair(now); !next.IsZero() {
		t.Errorf("asks again at %v though it is known", next)
	}
	if got := turn(); got != moved {
		t.Errorf("packets go to %v, want %v", got, moved)
	}
	if d := p.uplink.destination.Load(); d == nil || d.Remote() != moved || d == p.down.outlet.destination {
		t.Errorf("feedback goes to %v, want a destination of its own at %v", d, moved)
	}
	p.handlePair(now, &webrtc.ICECandidatePair{
		Local:  &webrtc.ICECandidate{Protocol: webrtc.ICEProtocolUDP},
		Remote: &webrtc.ICECandidate{Protocol: webrtc.ICEProtocolUDP, Address: "192.0.2.1", Port: 1},
	})
	if next := p.followPair(now.Add(pairPatience)); !next.IsZero() || p.pair != nil {
		t.Error("an address that is never known is asked for again and again")
	}
}

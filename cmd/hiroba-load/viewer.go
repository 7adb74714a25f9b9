package main

import "time"

const (
	// window is how many packets a viewer waits for; a power of two.
	window = 1 << 11
	// giveUp is how long a viewer waits for a lost packet before it looks for a keyframe.
	giveUp = time.Second
	// minLate is what an interval between pictures must exceed the mean by to be a freeze (W3C webrtc-stats, freezeCount).
	minLate = 150 * time.Millisecond
	// learnFrames is how many pictures are needed for a mean.
	learnFrames = 5
)

// viewer puts the packets of one video stream in order and shows the pictures that are whole and have all they are built
// on, as a player does. It is a machine: no lock, no clock.
type viewer struct {
	frames, freezes, skipped uint64
	frozen                   time.Duration

	started bool
	next    uint16 // the packet that is waited for
	highest uint16
	here    [window]slot
	waiting time.Time // since next has been missing; zero when it is not

	csrc     uint32
	broken   bool // until a keyframe
	shown    time.Time
	interval time.Duration // mean
	learnt   int
}

// slot is one packet that has come.
type slot struct {
	seq         uint16
	csrc        uint32
	there       bool
	marker, key bool
}

// handle takes a packet.
func (v *viewer) handle(now time.Time, seq uint16, csrc uint32, marker, key bool) {
	if !v.started {
		v.started, v.next, v.highest, v.broken = true, seq, seq, true
	}
	if int16(seq-v.next) < 0 { //nolint:gosec // wraps as it must
		return // too late, or twice
	}
	if int16(seq-v.highest) > 0 { //nolint:gosec // wraps as it must
		v.highest = seq
	}
	if v.highest-v.next >= window {
		v.skip(seq)
	}
	v.here[seq%window] = slot{seq: seq, csrc: csrc, there: true, marker: marker, key: key}
	v.advance(now)
	if v.waiting.IsZero() || now.Sub(v.waiting) < giveUp {
		return
	}
	for v.next != v.highest+1 && !v.ready() {
		v.next++
	}
	v.broken, v.waiting = true, time.Time{}
	v.skipped++
	v.advance(now)
}

// skip gives up everything before seq.
func (v *viewer) skip(seq uint16) {
	v.next, v.highest, v.broken, v.waiting = seq, seq, true, time.Time{}
	v.skipped++
}

// ready reports whether the packet that is waited for has come.
func (v *viewer) ready() bool { s := &v.here[v.next%window]; return s.there && s.seq == v.next }

// advance takes all packets that are in order.
func (v *viewer) advance(now time.Time) {
	for v.ready() {
		s := &v.here[v.next%window]
		s.there = false
		v.next++
		v.take(now, s)
	}
	switch {
	case v.next == v.highest+1:
		v.waiting = time.Time{}
	case v.waiting.IsZero():
		v.waiting = now
	}
}

// take takes the next packet in order.
func (v *viewer) take(now time.Time, s *slot) {
	if s.csrc != v.csrc {
		v.csrc, v.broken, v.shown, v.learnt = s.csrc, true, time.Time{}, 0
	}
	if s.key {
		v.broken = false
	}
	if s.marker && !v.broken {
		v.show(now)
	}
}

// show shows a picture.
func (v *viewer) show(now time.Time) {
	v.frames++
	last := v.shown
	v.shown = now
	if last.IsZero() {
		return
	}
	interval := now.Sub(last)
	if v.learnt >= learnFrames && interval > max(3*v.interval, v.interval+minLate) {
		v.freezes++
		v.frozen += interval
		return
	}
	v.learnt++
	if v.learnt == 1 {
		v.interval = interval
	}
	v.interval += (interval - v.interval) / 16
}

// settle says that pictures may now stop for a good reason.
func (v *viewer) settle() { v.shown, v.learnt = time.Time{}, 0 }

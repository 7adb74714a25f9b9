package main

import (
	"testing"
	"time"
)

// screening is a viewer that gets three packets for each picture, 33 ms apart.
type screening struct {
	viewer
	now time.Time
	seq uint16
}

// picture sends one picture without the packets that drop names.
func (s *screening) picture(key bool, drop ...int) {
	s.now = s.now.Add(33 * time.Millisecond)
	for i := range 3 {
		lost := false
		for _, d := range drop {
			lost = lost || d == i
		}
		if !lost {
			s.handle(s.now, s.seq, 7, i == 2, key && i == 0)
		}
		s.seq++
	}
}

func TestViewerShowsWholePicturesInOrder(t *testing.T) {
	s := &screening{now: time.Unix(1_800_000_000, 0), seq: 65_500}
	s.picture(false) // nothing to build on
	for i := range 30 {
		s.picture(i == 0)
	}
	if s.frames != 30 || s.freezes != 0 || s.skipped != 0 {
		t.Fatalf("%d frames, %d freezes, %d skipped", s.frames, s.freezes, s.skipped)
	}
	s.picture(false, 1)
	missing := s.seq - 2
	s.picture(false)
	if s.frames != 30 {
		t.Errorf("%d frames with one packet missing", s.frames)
	}
	s.handle(s.now, missing, 7, false, false) // it comes again
	if s.frames != 32 || s.freezes != 0 {
		t.Errorf("%d frames, %d freezes after it came", s.frames, s.freezes)
	}
}

func TestViewerFreezesUntilAKeyframe(t *testing.T) {
	s := &screening{now: time.Unix(1_800_000_000, 0)}
	for i := range 30 {
		s.picture(i == 0)
	}
	s.picture(false, 0)
	for range 60 { // two seconds: the packet is given up, and all is built on what is missing
		s.picture(false)
	}
	if s.frames != 30 || s.skipped != 1 {
		t.Errorf("%d frames, %d skipped", s.frames, s.skipped)
	}
	s.picture(true)
	s.picture(false)
	if s.frames != 32 || s.freezes != 1 || s.frozen < 2*time.Second {
		t.Errorf("%d frames, %d freezes, %v", s.frames, s.freezes, s.frozen)
	}
}

func TestViewerBearsALongGap(t *testing.T) {
	s := &screening{now: time.Unix(1_800_000_000, 0)}
	for i := range 10 {
		s.picture(i == 0)
	}
	s.seq += 5000
	s.picture(true)
	s.picture(false)
	if s.frames != 12 || s.skipped != 1 {
		t.Errorf("%d frames, %d skipped", s.frames, s.skipped)
	}
}

package sfu_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"hiroba/sfu"
	"hiroba/sfu/flight"
	"hiroba/sfu/trace"
)

// TestFlightRecordTellsOfASwitch: what is asked of a live engine is there afterwards.
func TestFlightRecordTellsOfASwitch(t *testing.T) {
	e := newEngine(t)
	a, b := publisher(t, e, "a", red), publisher(t, e, "b", blue)
	c := newClient(t, e, "c", 1)
	c.offer()
	c.peer.Seat(0, a.occupant())
	until(t, "first picture", func() bool { return c.saw(0, red) })
	c.peer.Seat(0, b.occupant())
	until(t, "second picture", func() bool { return c.saw(0, blue) })

	d, err := e.PeersOf("c")[0].Flight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []*client{a, b} {
		video := want.occupant().Video.CSRC()
		var asked, switched, keyframe bool
		for _, r := range d.Records {
			asked = asked || (r.Kind == flight.Asked && r.Track == video)
			switched = switched || (asked && r.Kind == flight.Switched && r.Track == video)
			keyframe = keyframe || (switched && r.Kind == flight.KeyframeSent && r.Track == video)
		}
		if !asked || !switched || !keyframe {
			t.Errorf("track %d: asked %v, switched %v, keyframe %v in %+v", video, asked, switched, keyframe, d.Records)
		}
	}
	if len(d.Seconds) == 0 || d.Seconds[0].Bytes == 0 {
		t.Errorf("seconds are %+v", d.Seconds)
	}
	if d, err := e.PeersOf("a")[0].Flight(t.Context()); err != nil || len(d.Records) != 0 {
		t.Errorf("who only publishes has %d records (%v)", len(d.Records), err)
	}
}

// TestTraceOfALiveCallReplays records in the midst of a call, with occupants that change, and plays it to other machines.
func TestTraceOfALiveCallReplays(t *testing.T) {
	e := newEngine(t)
	a, b := publisher(t, e, "a", red), publisher(t, e, "b", blue)
	c := newClient(t, e, "c", 2)
	c.offer()
	c.peer.Seat(0, a.occupant())
	c.peer.Seat(1, b.occupant())
	until(t, "both pictures", func() bool { return c.saw(0, red) && c.saw(1, blue) })

	ctx, stop := context.WithCancel(t.Context())
	changes := make(chan struct{})
	go func() {
		defer close(changes)
		for round := 0; ctx.Err() == nil; round++ {
			first, second := a, b
			if round%2 == 0 {
				first, second = b, a
			}
			c.peer.Seat(0, first.occupant())
			c.peer.Seat(1, second.occupant())
			time.Sleep(100 * time.Millisecond)
		}
	}()
	recorder, err := c.peer.Trace(t.Context(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	<-changes
	var out bytes.Buffer
	if err := recorder.WriteJSON(&out, "c"); err != nil {
		t.Fatal(err)
	}
	done, err := trace.Replay(&out)
	if err != nil {
		t.Error(err)
	}
	if done.Lines != 4 || done.Sent < 50 || done.Switched < 2 {
		t.Errorf("replayed %+v", done)
	}
}

func TestTraceEndsWithItsContextAndIsOneAtATime(t *testing.T) {
	e := newEngine(t)
	c := newClient(t, e, "c", 1)
	c.offer()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		err := sfu.ErrTracing
		for errors.Is(err, sfu.ErrTracing) { // the attempts below may be first
			_, err = c.peer.Trace(ctx, time.Hour)
		}
		ended <- err
	}()
	until(t, "a second trace is refused", func() bool {
		_, err := c.peer.Trace(t.Context(), time.Millisecond)
		return errors.Is(err, sfu.ErrTracing)
	})
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if _, err := c.peer.Trace(t.Context(), time.Millisecond); err != nil {
		t.Errorf("after the first: %v", err)
	}
	c.leave()
	if _, err := c.peer.Flight(t.Context()); err == nil {
		t.Error("a peer that left has a flight record")
	}
}

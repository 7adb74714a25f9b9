package signaling

import (
	"bytes"
	"sync"
	"testing"
)

func TestOutboxTakesOneLargeMessage(t *testing.T) {
	o := newOutbox(10, 100, farewell{})
	if got := o.post(make([]byte, 1000)); got != posted {
		t.Errorf("a large first message: %v", got)
	}
	if got := o.post([]byte("x")); got != overflowed {
		t.Errorf("one more: %v", got)
	}
}

func TestOutboxBoundsBytesAndMessages(t *testing.T) {
	for name, tt := range map[string]struct{ count, size int }{
		"messages": {10, 1},
		"bytes":    {4, 25},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOutbox(10, 100, farewell{bye: []byte("too slow")})
			for i := range tt.count {
				if got := o.post(make([]byte, tt.size)); got != posted {
					t.Fatalf("message %d: %v", i, got)
				}
			}
			if got := o.post([]byte("x")); got != overflowed {
				t.Fatalf("one too many: %v", got)
			}
			if got := o.post([]byte("x")); got != dropped {
				t.Errorf("after the end: %v", got)
			}
			if b, ok := o.next(); !ok || string(b) != "too slow" {
				t.Errorf("next is %q, %t", b, ok)
			}
			if b, ok := o.next(); ok {
				t.Errorf("%q after the goodbye", b)
			}
		})
	}
}

func TestOutboxMakesRoomAgain(t *testing.T) {
	o := newOutbox(2, 10, farewell{})
	for i := range 100 {
		if got := o.post(bytes.Repeat([]byte("x"), 10)); got != posted {
			t.Fatalf("message %d: %v", i, got)
		}
		if _, ok := o.next(); !ok {
			t.Fatal("nothing came out")
		}
	}
}

func TestOutboxKeepsTheOrderOfEachSender(t *testing.T) {
	const senders, each = 8, 200
	o := newOutbox(senders*each, senders*each*2, farewell{})
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				o.post([]byte{byte(s), byte(i)})
			}
		})
	}
	next := [senders]byte{}
	for range senders * each {
		b, ok := o.next()
		if !ok || b[1] != next[b[0]] {
			t.Fatalf("got %v, %t; want number %d", b, ok, next[b[0]])
		}
		next[b[0]]++
	}
	wg.Wait()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, ok := o.next(); ok {
			t.Error("a message out of nowhere")
		}
	}()
	o.drop()
	<-done
}

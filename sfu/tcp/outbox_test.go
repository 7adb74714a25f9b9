package tcp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// pipe is a TCP connection to ourselves.
func pipe(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return server, client
}

func TestOutboxKeepsOrder(t *testing.T) {
	server, client := pipe(t)
	o := NewOutbox(server, 0)
	defer o.Close()
	var want bytes.Buffer
	for i := range 1000 {
		head, body := []byte{byte(i >> 8), byte(i)}, bytes.Repeat([]byte{byte(i)}, i%200)
		want.Write(head)
		want.Write(body)
		if err := o.SendWhenRoom(head, body, 10_000); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, want.Len())
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("the client read something else, %v", err)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if n, age := o.Waiting(time.Now()); n == 0 && age == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("something waits although all was read")
		}
	}
}

func TestOutboxIsBounded(t *testing.T) {
	server, _ := pipe(t) // the client reads nothing
	const limit = 100_000
	o := NewOutbox(server, limit)
	packet := make([]byte, 1200)
	full := 0
	for range 20_000 { // 24 MB
		begun := time.Now()
		if err := o.Send(nil, packet); errors.Is(err, ErrFull) {
			full++
		} else if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Fatalf("Send waited for %v", took)
		}
	}
	n, age := o.Waiting(time.Now().Add(time.Second))
	if n > limit || n < limit-2*len(packet)-writeBytes || age < time.Second {
		t.Errorf("%d bytes wait, for %v", n, age)
	}
	if full < 10_000 { // the kernel's buffers are not endless
		t.Errorf("only %d packets found no room", full)
	}
	if got := o.Dropped(); got != uint64(full) { //nolint:gosec // not negative
		t.Errorf("Dropped is %d, want %d", got, full)
	}
	waits := make(chan error)
	go func() { waits <- o.SendWhenRoom(nil, packet, limit/2) }()
	o.Close()
	if err := <-waits; !errors.Is(err, net.ErrClosed) {
		t.Errorf("SendWhenRoom after Close: %v", err)
	}
	if err := o.Send(nil, packet); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
}

func TestOutboxEndsWithItsConnection(t *testing.T) {
	server, client := pipe(t)
	o := NewOutbox(server, 0)
	_ = client.Close()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if err := o.Send(nil, make([]byte, 1200)); errors.Is(err, net.ErrClosed) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a closed connection still takes something")
		}
	}
	o.Close()
}

func TestFrames(t *testing.T) {
	var stream bytes.Buffer
	for n := range 300 {
		stream.Write(framed(bytes.Repeat([]byte{byte(n)}, n)))
	}
	f := NewFrames(iotest{&stream}, 1000)
	b := make([]byte, 300)
	for n := range 300 {
		got, err := f.Next(b)
		if err != nil || got != n || !bytes.Equal(b[:got], bytes.Repeat([]byte{byte(n)}, n)) {
			t.Fatalf("frame %d: %d bytes, %v", n, got, err)
		}
	}
	if _, err := f.Next(b); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	f = NewFrames(bytes.NewReader(framed(make([]byte, 301))), 1000)
	if _, err := f.Next(b); !errors.Is(err, ErrFrameTooLong) {
		t.Errorf("a long frame: %v", err)
	}
}

// iotest gives a few bytes at a time.
type iotest struct{ r io.Reader }

func (r iotest) Read(b []byte) (int, error) { return r.r.Read(b[:min(len(b), 7)]) }

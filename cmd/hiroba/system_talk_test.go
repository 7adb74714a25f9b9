package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hiroba/signaling/client"
	"hiroba/signaling/protocol"
)

func TestSystemChatReachesAllInOneOrder(t *testing.T) {
	s := startServer(t, testConfig())
	people := []*person{
		enter(t, s, "square", 0),
		enter(t, s, "square", 1, func(c *client.Config) { c.NoDataChannels = true }),
		enter(t, s, "square", 2, func(c *client.Config) { c.NoMedia = true }),
	}
	await(t, people[0].Client, "the data channels open", people[0].ChannelsOpen)
	const each = 3
	for i := range each {
		for _, p := range people {
			if err := p.SendChat(fmt.Sprint(i), fmt.Sprintf("%s says %d 👍", p.name, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	people = append(people, enter(t, s, "square", 3)) // gets the history, and maybe the end live
	var want []protocol.Chat
	for _, p := range people {
		await(t, p.Client, p.name+" waits for the chat", func() bool { return len(p.Room().Chat) == each*3 })
		chat := p.Room().Chat
		for i := range chat {
			if chat[i].Seq != int64(i+1) {
				t.Errorf("%s: message %d has number %d", p.name, i, chat[i].Seq)
			}
			chat[i].ID = "" // the sender's alone
		}
		if want == nil {
			want = chat
		} else if !slices.Equal(chat, want) {
			t.Errorf("%s has other chat:\n%v\n%v", p.name, chat, want)
		}
	}
}

func TestSystemFileArrivesAsItIs(t *testing.T) {
	s := startServer(t, testConfig())
	sender, one, two := enter(t, s, "square", 0), enter(t, s, "square", 1), enter(t, s, "square", 2)
	content := make([]byte, 2<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content)
	for _, size := range []int{len(content), 1, 0} {
		content := content[:size]
		ctx := bounded(t)
		file, err := sender.OfferFile(ctx, "notes.bin", "application/octet-stream", bytes.NewReader(content), int64(size))
		if err != nil {
			t.Fatalf("offer %d bytes: %v", size, err)
		}
		done := make(chan error, 2)
		for _, p := range []*person{one, two} {
			go func() { done <- receiveFile(ctx, p, file, content) }()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Errorf("file of %d bytes: %v", size, err)
			}
		}
	}
	sender.sees(t, one)
	one.sees(t, sender) // it may have lost packets: a window of the file is more than a socket's buffer
}

// receiveFile accepts a file and compares it.
func receiveFile(ctx context.Context, p *person, file uint32, want []byte) error {
	if err := p.Await(ctx, func() bool { return offers(p, file) }); err != nil {
		return err
	}
	var got bytes.Buffer
	n, err := p.AcceptFile(ctx, file, &got)
	if err != nil {
		return err
	}
	if n != int64(len(want)) || !bytes.Equal(got.Bytes(), want) {
		return fmt.Errorf("%s got %d other bytes than the %d that were sent", p.name, n, len(want))
	}
	return nil
}

func offers(p *person, file uint32) bool {
	return slices.ContainsFunc(p.Room().Files, func(f protocol.FileOffer) bool { return f.File == file })
}

// slowWriter takes a little at a time and tells when it has begun.
type slowWriter struct {
	began chan struct{}
	n     int
}

func (w *slowWriter) Write(b []byte) (int, error) {
	if w.n == 0 {
		close(w.began)
	}
	w.n += len(b)
	time.Sleep(5 * time.Millisecond)
	return len(b), nil
}

func TestSystemFileIsCancelledByEitherSide(t *testing.T) {
	s := startServer(t, testConfig())
	sender, receiver := enter(t, s, "square", 0), enter(t, s, "square", 1)
	content := bytes.NewReader(make([]byte, 8<<20))
	file, err := sender.OfferFile(bounded(t), "big", "", content, content.Size())
	if err != nil {
		t.Fatal(err)
	}
	await(t, receiver.Client, "the offer comes", func() bool { return offers(receiver, file) })

	ctx, cancel := context.WithCancel(bounded(t))
	w := &slowWriter{began: make(chan struct{})}
	go func() { <-w.began; cancel() }()
	if n, err := receiver.AcceptFile(ctx, file, w); !errors.Is(err, context.Canceled) || n == content.Size() {
		t.Errorf("receiver's own cancel: %d bytes, %v", n, err)
	}

	w = &slowWriter{began: make(chan struct{})}
	go func() { <-w.began; _ = sender.WithdrawFile(file) }()
	var cancelled *client.CancelledError
	if _, err := receiver.AcceptFile(bounded(t), file, w); !errors.As(err, &cancelled) {
		t.Errorf("withdrawn by the sender: %v", err)
	}
	await(t, receiver.Client, "the offer is gone", func() bool { return !offers(receiver, file) })

	// The sender's end is the end of its transfers.
	if file, err = sender.OfferFile(bounded(t), "big", "", content, content.Size()); err != nil {
		t.Fatal(err)
	}
	await(t, receiver.Client, "the second offer comes", func() bool { return offers(receiver, file) })
	w = &slowWriter{began: make(chan struct{})}
	left := make(chan error, 1)
	go func() { <-w.began; left <- sender.Leave(bounded(t)) }()
	if _, err := receiver.AcceptFile(bounded(t), file, w); !errors.As(err, &cancelled) {
		t.Errorf("the sender left: %v", err)
	}
	if err := <-left; err != nil {
		t.Error(err)
	}
}

func TestSystemMediaRunsOnWhileTheWebSocketIsLost(t *testing.T) {
	s := startServer(t, testConfig())
	a, b := enter(t, s, "square", 0), enter(t, s, "square", 1)
	a.sees(t, b)
	b.sees(t, a)
	session := b.Session()
	before := b.Received(a.ID(), protocol.Camera)
	beforeA := a.Received(b.ID(), protocol.Camera)
	const away = 500 * time.Millisecond
	if err := b.DropSocket(away); err != nil {
		t.Fatal(err)
	}
	await(t, b.Client, "the session is resumed", func() bool { return b.Counters().Resumes == 1 })
	// 30 frames a second, so 15 in that time; half of them shows that nothing stopped.
	if n := b.Received(a.ID(), protocol.Camera).Frames - before.Frames; n < 7 {
		t.Errorf("%d frames came meanwhile", n)
	}
	if n := a.Received(b.ID(), protocol.Camera).Frames - beforeA.Frames; n < 7 {
		t.Errorf("%d frames went out meanwhile", n)
	}
	if b.Session() != session || !b.Room().Welcome.Resumed {
		t.Errorf("session %q, want %q resumed", b.Session(), session)
	}
	if err := b.SendChat("", "back"); err != nil {
		t.Fatal(err)
	}
	await(t, a.Client, "the chat of the resumed one comes", func() bool { return len(a.Room().Chat) == 1 })
	a.sees(t, b)
	b.sees(t, a)
	for _, p := range []*person{a, b} {
		p.checkFaultless(t)
		if n := p.Counters().Offers; n != 1 {
			t.Errorf("%s sent %d offers, want 1", p.name, n)
		}
	}
}

func TestSystemSpeakersAreTold(t *testing.T) {
	s := startServer(t, testConfig())
	a := enter(t, s, "square", 0)
	b := enter(t, s, "square", 1, listener)
	await(t, b.Client, "the speaker is named", func() bool {
		speakers := b.Room().Speakers
		return len(speakers) == 1 && speakers[0].Participant == a.ID() && speakers[0].Level > 0
	})
	if err := a.SetMuted(protocol.Microphone, true); err != nil {
		t.Fatal(err)
	}
	await(t, b.Client, "the speaker falls silent", func() bool { return len(b.Room().Speakers) == 0 })
}

func TestSystemShutdownSaysGoodbye(t *testing.T) {
	s := startServer(t, testConfig())
	a := enter(t, s, "square", 0, func(c *client.Config) { c.NoResume = true })
	if err := a.Connected(bounded(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-a.Done():
	case <-bounded(t).Done():
		t.Fatal("no goodbye")
	}
	var bye *client.ByeError
	if !errors.As(a.Err(), &bye) || bye.Reason != protocol.ByeShutdown || !bye.Reconnect {
		t.Errorf("ended with %v", a.Err())
	}
}

package sfu_test

import (
	"bytes"
	"testing"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu"
)

// TestDataMessagesOfAllSizes: messages come whole and in order, the short ones and those that need borrowed memory.
func TestDataMessagesOfAllSizes(t *testing.T) {
	const longest = 64 << 10
	c := newClient(t, newEngine(t), "ann", 1)
	channel, err := c.pc.CreateDataChannel("files", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.offer()
	waitForAny(c, func(e sfu.Event) bool { return e == sfu.DataOpened{Label: "files"} })
	message := func(size int) []byte { return bytes.Repeat([]byte{byte(size), byte(size >> 8)}, size/2+1)[:size] }
	sizes := []int{1, 511, 512, 513, longest - 1, longest, 7, 0, 2000}
	for i, size := range sizes {
		if i%2 == 0 {
			err = channel.SendText(string(message(size)))
		} else {
			err = channel.Send(message(size))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, size := range sizes {
		got := waitFor[sfu.DataReceived](c)
		if got.Label != "files" || got.Text != (i%2 == 0) || !bytes.Equal(got.Data, message(size)) {
			t.Errorf("message %d: %d bytes, text %v, of %q; want %d bytes", i, len(got.Data), got.Text, got.Label, size)
		}
	}
	if err := channel.Close(); err != nil {
		t.Fatal(err)
	}
	waitForAny(c, func(e sfu.Event) bool { return e == sfu.DataClosed{Label: "files"} })
}

// TestNewestDataChannelOfALabelReplacesTheFormer: a client has not any number of them by giving all the same label.
func TestNewestDataChannelOfALabelReplacesTheFormer(t *testing.T) {
	c := newClient(t, newEngine(t), "ann", 1)
	former, err := c.pc.CreateDataChannel("chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	former.OnClose(func() { close(closed) })
	c.offer()
	waitFor[sfu.DataOpened](c)
	newest, err := c.pc.CreateDataChannel("chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	newest.OnOpen(func() { close(opened) })
	answered := make(chan string, 1)
	newest.OnMessage(func(m webrtc.DataChannelMessage) { answered <- string(m.Data) })
	waitFor[sfu.DataOpened](c)
	<-opened
	if err := newest.SendText("hello"); err != nil {
		t.Fatal(err)
	}
	if got := waitFor[sfu.DataReceived](c); string(got.Data) != "hello" {
		t.Errorf("received %q", got.Data)
	}
	c.peer.SendData("chat", true, []byte("hello yourself"))
	if got := <-answered; got != "hello yourself" {
		t.Errorf("client received %q", got)
	}
	until(t, "the former channel is closed", func() bool {
		select {
		case <-closed:
			return true
		default:
			return false
		}
	})
}

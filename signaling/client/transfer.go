package client

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/mailbox"
	"hiroba/signaling/protocol"
)

// CancelledError is a transfer that the other side or the server ended, with the reason of FileCancel.
type CancelledError struct{ Reason string }

// Error says why the transfer ended.
func (e *CancelledError) Error() string { return "file transfer cancelled: " + e.Reason }

// transfers is what the loop knows of files.
type transfers struct {
	marks    int
	offering map[string]*offering   // not yet known to the server, by our mark
	shared   map[uint32]*offering   // ours, by the server's number
	wanted   map[uint32][]*download // asked for, by file
	running  map[uint32]transfer    // by the server's number of the transfer
}

// transfer is one that runs, in either direction.
type transfer struct {
	file uint32
	// One of them is set.
	down *mailbox.Mailbox[downEvent]
	up   *mailbox.Mailbox[upEvent]
}

// offering is a file that we offer.
type offering struct {
	content io.ReaderAt
	size    int64
	answer  chan<- offered // gets one
}

type offered struct {
	file uint32
	err  error
}

func newTransfers() *transfers {
	return &transfers{
		offering: make(map[string]*offering), shared: make(map[uint32]*offering),
		wanted: make(map[uint32][]*download), running: make(map[uint32]transfer),
	}
}

// openChannels makes the data channels; they open with the PeerConnection.
func (l *loop) openChannels() (err error) {
	if l.chatData, err = l.pc.CreateDataChannel(protocol.LabelChat, nil); err != nil {
		return fmt.Errorf("create chat channel: %w", err)
	}
	if l.fileData, err = l.pc.CreateDataChannel(protocol.LabelFile, nil); err != nil {
		return fmt.Errorf("create file channel: %w", err)
	}
	l.chatData.OnMessage(func(m webrtc.DataChannelMessage) {
		if decoded, _, err := protocol.DecodeServer(m.Data); err == nil {
			_ = l.do(func(ctx context.Context, l *loop) { l.receive(ctx, decoded) })
		}
	})
	l.fileData.OnMessage(func(m webrtc.DataChannelMessage) {
		_ = l.do(func(ctx context.Context, l *loop) { l.fileMessage(ctx, m) })
	})
	l.fileData.SetBufferedAmountLowThreshold(bufferLow)
	l.fileData.OnBufferedAmountLow(func() {
		_ = l.do(func(_ context.Context, l *loop) {
			for _, t := range l.transfers.running {
				if t.up != nil {
					t.up.Post(upEvent{})
				}
			}
		})
	})
	for _, dc := range []*webrtc.DataChannel{l.chatData, l.fileData} {
		dc.OnOpen(l.notify)
	}
	l.mu.Lock()
	l.channels = []*webrtc.DataChannel{l.chatData, l.fileData}
	l.mu.Unlock()
	return nil
}

// ChannelsOpen reports whether the data channels for chat and files are open.
func (c *Client) ChannelsOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, dc := range c.channels {
		if dc.ReadyState() != webrtc.DataChannelStateOpen {
			return false
		}
	}
	return len(c.channels) > 0
}

// fileMessage acts on a message of the file channel.
func (l *loop) fileMessage(ctx context.Context, raw webrtc.DataChannelMessage) {
	if !raw.IsString {
		if chunk, err := protocol.ParseChunk(raw.Data); err == nil {
			if t := l.transfers.running[chunk.Transfer]; t.down != nil {
				t.down.Post(downEvent{chunk: chunk})
			}
		}
		return
	}
	m, _, err := protocol.DecodeFile(raw.Data)
	if err != nil {
		l.log.Debug("file message not understood", "err", err)
		return
	}
	l.handle(m)
	switch m := m.(type) {
	case protocol.FileOffer:
		if o := l.transfers.offering[m.ID]; m.ID != "" && o != nil {
			delete(l.transfers.offering, m.ID)
			l.transfers.shared[m.File] = o
			o.answer <- offered{file: m.File}
		}
	case protocol.FileStart:
		l.startTransfer(ctx, m)
	case protocol.FileAck:
		if t := l.transfers.running[m.Transfer]; t.up != nil {
			t.up.Post(upEvent{acked: m.Bytes})
		}
	case protocol.FileCancel:
		l.transfers.cancel(m)
	case protocol.FileDone:
		l.transfers.finish(m.Transfer, nil)
	case protocol.Error:
		l.transfers.refused(m)
	}
}

// startTransfer begins to send a file of ours, or to receive one that we asked for.
func (l *loop) startTransfer(ctx context.Context, m protocol.FileStart) {
	t := l.transfers
	room := l.Room()
	if m.To == room.Self.ID {
		if waiting := t.wanted[m.File]; len(waiting) > 0 {
			d := waiting[0]
			t.wanted[m.File] = waiting[1:]
			t.running[m.Transfer] = transfer{file: m.File, down: d.events}
			d.events.Post(downEvent{start: m.Transfer})
		}
		return
	}
	o := t.shared[m.File]
	if o == nil {
		return
	}
	up := &upload{
		transfer: m.Transfer, content: o.content, size: o.size, channel: l.fileData, events: mailbox.New[upEvent](),
		window: int64(room.Welcome.Limits.FileWindowBytes), chunk: room.Welcome.Limits.FileChunkBytes,
	}
	t.running[m.Transfer] = transfer{file: m.File, up: up.events}
	l.Client.track(func() {
		if err := up.run(ctx); err != nil {
			l.log.Debug("file not sent", "transfer", m.Transfer, "err", err)
			_ = l.sendFile(protocol.FileCancel{File: m.File, Transfer: m.Transfer, Reason: "cancelled"})
		}
	})
}

// finish ends a running transfer; err is nil when all of it has arrived.
func (t *transfers) finish(number uint32, err error) {
	running, ok := t.running[number]
	if !ok {
		return
	}
	delete(t.running, number)
	if running.down != nil {
		running.down.Post(downEvent{end: true, err: err})
	} else {
		running.up.Post(upEvent{end: true})
	}
}

// cancel ends what a FileCancel names: one transfer, or an offer with all of its transfers.
func (t *transfers) cancel(m protocol.FileCancel) {
	err := &CancelledError{Reason: m.Reason}
	if m.Transfer != 0 {
		t.finish(m.Transfer, err)
		return
	}
	delete(t.shared, m.File)
	for _, d := range t.wanted[m.File] {
		d.events.Post(downEvent{end: true, err: err})
	}
	delete(t.wanted, m.File)
	for number, running := range t.running {
		if running.file == m.File {
			t.finish(number, err)
		}
	}
}

// refused ends what an Error may be about. It names an offer by its mark, an accept not at all.
func (t *transfers) refused(e protocol.Error) {
	err := RefusedError(e)
	switch e.Re {
	case protocol.TypeFileOffer:
		for mark, o := range t.offering {
			if e.ID == "" || e.ID == mark {
				delete(t.offering, mark)
				o.answer <- offered{err: &err}
			}
		}
	case protocol.TypeFileAccept:
		for file, waiting := range t.wanted {
			for _, d := range waiting {
				d.events.Post(downEvent{end: true, err: &err})
			}
			delete(t.wanted, file)
		}
	}
}

// fail ends everything with the session.
func (t *transfers) fail(err error) {
	for _, o := range t.offering {
		o.answer <- offered{err: err}
	}
	for _, waiting := range t.wanted {
		for _, d := range waiting {
			d.events.Post(downEvent{end: true, err: err})
		}
	}
	for number := range t.running {
		t.finish(number, err)
	}
}

// sendFile sends a message over the file channel.
func (c *Client) sendFile(m protocol.Message) error {
	return c.do(func(_ context.Context, l *loop) { l.writeFile(m) })
}

func (l *loop) writeFile(m protocol.Message) {
	b, err := protocol.Encode(m)
	if err == nil {
		err = l.fileData.SendText(string(b))
	}
	if err != nil {
		l.log.Debug("file message not sent", "type", string(m.Type()), "err", err)
	}
}

// OfferFile offers a file to the room and returns the server's number of it. Whoever accepts it gets it while this
// client lives and until WithdrawFile; content may be read from several goroutines.
func (c *Client) OfferFile(ctx context.Context, name, mime string, content io.ReaderAt, size int64) (uint32, error) {
	if err := c.Await(ctx, c.ChannelsOpen); err != nil {
		return 0, fmt.Errorf("wait for file channel: %w", err)
	}
	answer := make(chan offered, 1)
	if err := c.do(func(_ context.Context, l *loop) {
		l.transfers.marks++
		mark := strconv.Itoa(l.transfers.marks)
		l.transfers.offering[mark] = &offering{content: content, size: size, answer: answer}
		l.writeFile(protocol.FileOffer{ID: mark, Name: name, Size: size, MIME: mime})
	}); err != nil {
		return 0, err
	}
	select {
	case o := <-answer:
		return o.file, o.err
	case <-c.done:
		return 0, c.endError()
	case <-ctx.Done():
		return 0, fmt.Errorf("offer file: %w", ctx.Err())
	}
}

// WithdrawFile takes an offer back and ends its transfers.
func (c *Client) WithdrawFile(file uint32) error {
	return c.do(func(_ context.Context, l *loop) {
		m := protocol.FileCancel{File: file, Reason: "cancelled"}
		l.transfers.cancel(m)
		l.writeFile(m)
	})
}

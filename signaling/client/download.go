package client

import (
	"context"
	"fmt"
	"io"

	"hiroba/sfu/mailbox"
	"hiroba/signaling/protocol"
)

// download is a file that we asked for.
type download struct {
	events *mailbox.Mailbox[downEvent]

	// Owned by AcceptFile.
	to                  io.Writer
	size, window        int64
	transfer            uint32
	received, confirmed int64
}

// downEvent is one of: the transfer's number, a chunk, the end.
type downEvent struct {
	start uint32
	chunk protocol.Chunk
	end   bool
	err   error
}

// AcceptFile asks for a file that somebody offers, writes it to w, and returns when all of it is there, with its size.
// A transfer that the other side ends is a *CancelledError; when ctx ends the transfer is cancelled.
func (c *Client) AcceptFile(ctx context.Context, file uint32, w io.Writer) (int64, error) {
	if err := c.Await(ctx, c.ChannelsOpen); err != nil {
		return 0, fmt.Errorf("wait for file channel: %w", err)
	}
	room := c.Room()
	d := &download{events: mailbox.New[downEvent](), to: w, size: -1, window: int64(room.Welcome.Limits.FileWindowBytes)}
	for _, f := range room.Files {
		if f.File == file {
			d.size = f.Size
		}
	}
	if err := c.do(func(_ context.Context, l *loop) {
		l.transfers.wanted[file] = append(l.transfers.wanted[file], d)
		l.writeFile(protocol.FileAccept{File: file})
	}); err != nil {
		return 0, err
	}
	var batch []downEvent
	for {
		select {
		case <-ctx.Done():
			_ = c.sendFile(protocol.FileCancel{File: file, Transfer: d.transfer, Reason: "cancelled"})
			return d.received, fmt.Errorf("receive file: %w", ctx.Err())
		case <-c.done:
			return d.received, c.endError()
		case <-d.events.Wait():
		}
		batch = d.events.Take(batch)
		for _, e := range batch {
			if e.end {
				return d.received, e.err
			}
			if err := d.handle(c, e); err != nil {
				_ = c.sendFile(protocol.FileCancel{File: file, Transfer: d.transfer, Reason: "cancelled"})
				return d.received, err
			}
		}
	}
}

// handle takes the start or a chunk, and acknowledges each quarter of the window and the last byte.
func (d *download) handle(c *Client, e downEvent) error {
	if e.start != 0 {
		d.transfer = e.start
		if d.size != 0 {
			return nil
		}
		return d.confirm(c)
	}
	if e.chunk.Offset != uint64(d.received) { //nolint:gosec // not negative
		return fmt.Errorf("receive file: chunk at %d, want %d", e.chunk.Offset, d.received)
	}
	if _, err := d.to.Write(e.chunk.Payload); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	d.received += int64(len(e.chunk.Payload))
	if d.received-d.confirmed >= d.window/4 || d.received == d.size {
		return d.confirm(c)
	}
	return nil
}

func (d *download) confirm(c *Client) error {
	d.confirmed = d.received
	return c.sendFile(protocol.FileAck{Transfer: d.transfer, Bytes: d.received})
}

package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/mailbox"
	"hiroba/signaling/protocol"
)

const (
	// bufferHigh is how much may wait in the data channel, in bytes, before the sender of a file pauses; it goes on at
	// bufferLow.
	bufferHigh = 256 << 10
	bufferLow  = 64 << 10
)

// upload is one transfer of a file of ours, run by a goroutine of its own.
type upload struct {
	transfer uint32
	content  io.ReaderAt
	size     int64
	channel  *webrtc.DataChannel
	events   *mailbox.Mailbox[upEvent]
	window   int64
	chunk    int
}

// upEvent is an acknowledgement, the end, or nothing but a reason to look at the channel again.
type upEvent struct {
	acked int64
	end   bool
}

// run sends until all is sent and the server has said that it is over.
func (u *upload) run(ctx context.Context) error {
	var sent, acked int64
	var batch []upEvent
	payload, message := make([]byte, u.chunk), make([]byte, 0, protocol.ChunkHeaderBytes+u.chunk)
	for {
		for sent < u.size && sent-acked < u.window && u.channel.BufferedAmount() < bufferHigh {
			n, err := u.content.ReadAt(payload[:min(int64(u.chunk), u.size-sent, u.window-(sent-acked))], sent)
			if n == 0 {
				if err == nil || errors.Is(err, io.EOF) {
					err = io.ErrUnexpectedEOF
				}
				return fmt.Errorf("read file: %w", err)
			}
			message = protocol.AppendChunk(message[:0],
				protocol.Chunk{Transfer: u.transfer, Offset: uint64(sent), Payload: payload[:n]})
			if err := u.channel.Send(message); err != nil {
				return fmt.Errorf("send chunk: %w", err)
			}
			sent += int64(n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-u.events.Wait():
		}
		batch = u.events.Take(batch)
		for _, e := range batch {
			if e.end {
				return nil
			}
			acked = max(acked, e.acked)
		}
	}
}

package client

import (
	"context"
	"errors"
	"time"

	"github.com/pion/webrtc/v4"
	"nhooyr.io/websocket"

	"hiroba/signaling/protocol"
)

// loop is what the client's own goroutine owns: the WebSocket, the negotiation, the transfers of files.
type loop struct {
	*Client
	address string
	conn    *websocket.Conn
	away    time.Duration // how long to stay away when the WebSocket is lost next
	over    bool

	pc        *webrtc.PeerConnection
	chatData  *webrtc.DataChannel
	fileData  *webrtc.DataChannel
	seats     []seat
	published []*published

	offerID int
	offer   *protocol.Offer        // in flight
	again   bool                   // offer once more after the answer
	restart protocol.RestartReason // of the next offer; empty for none
	early   []protocol.Candidate
	view    *protocol.View

	transfers *transfers
}

// seat is a pair of m-lines in which somebody is received.
type seat struct{ audio, video *line }

// published is one m-line that the client sends on.
type published struct {
	source      protocol.Source
	transceiver *webrtc.RTPTransceiver
	uplinks     []*uplink
	muted       bool
	release     func()
}

// run is the loop: it owns everything in l until the session ends.
func (l *loop) run(ctx context.Context) {
	l.readSocket(ctx)
	if !l.cfg.NoMedia {
		if err := l.startMedia(ctx); err != nil {
			l.end(err)
		}
	}
	var batch []command
	for !l.over {
		select {
		case <-ctx.Done():
			l.end(ErrClosed)
		case <-l.inbox.Wait():
			batch = l.inbox.Take(batch)
			for _, f := range batch {
				if !l.over {
					f(ctx, l)
				}
			}
		}
	}
	l.close()
}

// end stops the loop.
func (l *loop) end(err error) {
	if !l.over {
		l.over = true
		l.mu.Lock()
		l.err = err
		l.mu.Unlock()
	}
}

// close releases everything. Whoever waits for the end sees it when all is gone but the readers.
func (l *loop) close() {
	l.inbox.Close()
	l.cancel()
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	if bye := (*ByeError)(nil); errors.As(l.err, &bye) {
		_ = l.conn.Close(websocket.StatusNormalClosure, "")
	} else {
		_ = l.conn.CloseNow()
	}
	l.transfers.fail(l.err)
	if l.pc != nil {
		if err := l.pc.GracefulClose(); err != nil {
			l.log.Debug("peer connection not closed well", "err", err)
		}
	}
	l.release()
	close(l.done)
}

// release ends the readers that outlive the PeerConnection.
func (l *loop) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		line.release()
	}
	for _, p := range l.published {
		p.release()
	}
}

// receive acts on a message of the server.
func (l *loop) receive(ctx context.Context, m protocol.Message) {
	l.handle(m)
	switch m := m.(type) {
	case protocol.Answer:
		l.answered(ctx, m)
	case protocol.Candidate:
		l.remoteCandidate(m)
	case protocol.NeedSeats:
		l.grow(ctx, m.Seats)
	case protocol.Layers:
		l.rest(m)
	case protocol.Error:
		l.failed(m)
	case protocol.Bye:
		bye := ByeError(m)
		l.end(&bye)
	}
}

// failed acts on a refusal. A refused offer is the end: pion cannot roll back, and this client's offers are right.
func (l *loop) failed(e protocol.Error) {
	l.log.Debug("server refused", "re", string(e.Re), "code", string(e.Code), "message", e.Message)
	l.transfers.refused(e)
	if e.Re == protocol.TypeOffer && l.offer != nil {
		refused := RefusedError(e)
		l.end(&refused)
	}
}

// mute stops or starts a publication and tells the server.
func (l *loop) mute(ctx context.Context, source protocol.Source, muted bool) {
	for _, p := range l.published {
		if p.source == source {
			p.muted = muted
			for _, u := range p.uplinks {
				l.sender.mute(u, muted)
			}
		}
	}
	l.write(ctx, protocol.Mute{Source: source, Muted: muted})
}

// rest stops the encodings that nobody wants and starts those that somebody does, if the client is to obey.
func (l *loop) rest(m protocol.Layers) {
	if !l.cfg.ObeyLayers {
		return
	}
	for _, p := range l.published {
		if p.source != m.Source {
			continue
		}
		for i, u := range p.uplinks {
			l.sender.rest(u, i > m.Highest)
		}
	}
}

// chat sends over the data channel when it is open.
func (l *loop) chat(ctx context.Context, m protocol.ChatSend) {
	if l.chatData != nil && l.chatData.ReadyState() == webrtc.DataChannelStateOpen {
		if b, err := protocol.Encode(m); err == nil && l.chatData.SendText(string(b)) == nil {
			return
		}
	}
	l.write(ctx, m)
}

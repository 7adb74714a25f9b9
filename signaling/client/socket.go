package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"nhooyr.io/websocket"

	"hiroba/signaling/protocol"
)

const (
	// writeTimeout bounds one write; a server that reads so slowly is as good as gone.
	writeTimeout = 10 * time.Second
	// maxMessage bounds one message of the server, in bytes.
	maxMessage = 4 << 20
	// resumeWait is the first of the growing waits between attempts to resume.
	resumeWait = 50 * time.Millisecond
	// defaultGrace is how long to try when the server has not said.
	defaultGrace = 30 * time.Second
)

// software is what the client calls itself.
const software = "hiroba-go-client"

// errNotText is a message of the server that is no JSON text.
var errNotText = errors.New("binary message from the server")

// join dials, says hello, joins, and returns the welcome.
func (l *loop) join(ctx context.Context) (protocol.Welcome, error) {
	conn, err := l.dial(ctx, l.cfg.Replaces != "")
	if err != nil {
		return protocol.Welcome{}, err
	}
	welcome, err := greet(ctx, conn, protocol.Hello{Version: protocol.Version, Client: software, Traceparent: l.cfg.Traceparent},
		protocol.Join{Room: l.cfg.Room, Name: l.cfg.Name, Replaces: l.cfg.Replaces})
	if err != nil {
		_ = conn.CloseNow()
		return protocol.Welcome{}, err
	}
	l.conn = conn
	return welcome, nil
}

// dial opens the WebSocket. A refusal that the server explains is a *RefusedError.
func (l *loop) dial(ctx context.Context, returning bool) (*websocket.Conn, error) {
	options := websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover} // an SDP is 10 to 20 times smaller
	if l.cfg.LightSocket {
		options.CompressionMode = websocket.CompressionNoContextTakeover
	}
	address := l.address
	if returning {
		address += "?" + protocol.ReturningQuery + "=1"
	}
	conn, response, err := websocket.Dial(ctx, address, &options)
	if err != nil {
		if refused := refusedBy(response); refused != nil {
			return nil, refused
		}
		return nil, fmt.Errorf("dial WebSocket: %w", err)
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	conn.SetReadLimit(maxMessage)
	return conn, nil
}

// refusedBy is the Error in the body of an answer that is no WebSocket; nil when there is none.
func refusedBy(response *http.Response) *RefusedError {
	if response == nil || response.Body == nil {
		return nil
	}
	b, _ := io.ReadAll(io.LimitReader(response.Body, maxMessage)) // half an answer is none
	m, _, _ := protocol.DecodeServer(b)
	e, ok := m.(protocol.Error)
	if !ok {
		return nil
	}
	refused := RefusedError(e)
	return &refused
}

// greet sends the first messages and waits for the welcome.
func greet(ctx context.Context, conn *websocket.Conn, messages ...protocol.Message) (protocol.Welcome, error) {
	for _, m := range messages {
		b, err := protocol.Encode(m)
		if err != nil {
			return protocol.Welcome{}, err
		}
		if err := conn.Write(ctx, websocket.MessageText, b); err != nil {
			return protocol.Welcome{}, fmt.Errorf("send %s: %w", m.Type(), err)
		}
	}
	for {
		m, err := readMessage(ctx, conn)
		if err != nil {
			return protocol.Welcome{}, err
		}
		switch m := m.(type) {
		case protocol.Welcome:
			return m, nil
		case protocol.Error:
			refused := RefusedError(m)
			return protocol.Welcome{}, &refused
		case protocol.Bye:
			bye := ByeError(m)
			return protocol.Welcome{}, &bye
		}
	}
}

// readMessage reads the next message; those of types that this client does not know are passed over.
func readMessage(ctx context.Context, conn *websocket.Conn) (protocol.Message, error) {
	for {
		kind, b, err := conn.Read(ctx)
		if err != nil {
			return nil, fmt.Errorf("read WebSocket: %w", err)
		}
		if kind != websocket.MessageText {
			return nil, errNotText
		}
		m, _, err := protocol.DecodeServer(b)
		if errors.Is(err, protocol.ErrUnknownType) {
			continue
		}
		return m, err
	}
}

// readSocket starts the goroutine that reads the WebSocket until it is lost.
func (l *loop) readSocket(ctx context.Context) {
	conn := l.conn
	l.wg.Go(func() {
		for {
			m, err := readMessage(ctx, conn)
			if err != nil {
				_ = l.do(func(ctx context.Context, l *loop) { l.lost(ctx, conn, err) })
				return
			}
			_ = l.do(func(ctx context.Context, l *loop) { l.receive(ctx, m) })
		}
	})
}

// write sends a message. A failure is left to the reader, which sees the lost connection.
func (l *loop) write(ctx context.Context, m protocol.Message) {
	b, err := protocol.Encode(m)
	if err != nil {
		l.end(err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := l.conn.Write(ctx, websocket.MessageText, b); err != nil {
		_ = l.conn.CloseNow()
	}
}

// drop loses the WebSocket on purpose.
func (l *loop) drop(away time.Duration) {
	l.away = away
	_ = l.conn.CloseNow()
}

// lost resumes the session on a new WebSocket. Until it is back the loop does nothing else: there is nobody to talk to.
func (l *loop) lost(ctx context.Context, conn *websocket.Conn, cause error) {
	if conn != l.conn {
		return
	}
	_ = conn.CloseNow()
	if l.cfg.NoResume {
		l.end(cause)
		return
	}
	welcome, err := l.resume(ctx)
	if err != nil {
		l.end(errors.Join(cause, err))
		return
	}
	l.counts.resumes.Add(1)
	l.readSocket(ctx)
	l.receive(ctx, welcome)
	l.sayAgain(ctx)
}

// resume tries until it works, the server refuses, or the grace time is over.
func (l *loop) resume(ctx context.Context) (protocol.Welcome, error) {
	known := l.Room().Welcome
	grace := time.Duration(known.GraceMs) * time.Millisecond
	if grace <= 0 {
		grace = defaultGrace
	}
	ctx, cancel := context.WithTimeout(ctx, grace+l.away)
	defer cancel()
	if err := sleep(ctx, l.away); err != nil {
		return protocol.Welcome{}, err
	}
	l.away = 0
	for wait := resumeWait; ; wait = min(2*wait, time.Second) {
		welcome, err := l.resumeOnce(ctx, known.Session)
		if err == nil {
			return welcome, nil
		}
		if refused := (*RefusedError)(nil); errors.As(err, &refused) {
			return protocol.Welcome{}, err
		}
		if err := sleep(ctx, wait); err != nil {
			return protocol.Welcome{}, err
		}
	}
}

func (l *loop) resumeOnce(ctx context.Context, secret string) (protocol.Welcome, error) {
	conn, err := l.dial(ctx, true)
	if err != nil {
		return protocol.Welcome{}, err
	}
	welcome, err := greet(ctx, conn, protocol.Hello{Version: protocol.Version, Client: software, Resume: secret})
	if err != nil {
		_ = conn.CloseNow()
		return protocol.Welcome{}, err
	}
	l.conn = conn
	return welcome, nil
}

// sayAgain repeats what may have been lost with the old WebSocket; the server takes each as it is.
func (l *loop) sayAgain(ctx context.Context) {
	if l.offer != nil {
		l.write(ctx, *l.offer)
	}
	if l.view != nil {
		l.write(ctx, *l.view)
	}
	for _, p := range l.published {
		l.write(ctx, protocol.Mute{Source: p.source, Muted: p.muted})
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to resume: %w", ctx.Err())
	}
}

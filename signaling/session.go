package signaling

import (
	"log/slog"
	"time"

	"hiroba/room"
	"hiroba/signaling/protocol"
)

// The bounds of a Config that leaves them out.
const (
	DefaultHelloTimeout = 10 * time.Second
	// DefaultJoinTimeout is long because a person may be typing another name; it starts anew with each attempt.
	DefaultJoinTimeout    = 2 * time.Minute
	DefaultOutboxMessages = 1024
	DefaultOutboxBytes    = 1 << 20
)

// Config is what all sessions of a server share.
type Config struct {
	Rooms Rooms
	// Limits must be those of the rooms; left out, they are room.DefaultLimits.
	Limits protocol.Limits
	// HelloTimeout bounds the wait for hello, JoinTimeout the wait for join from there. 0 is the default.
	HelloTimeout, JoinTimeout time.Duration
	// OutboxMessages and OutboxBytes bound what waits for a client that reads slowly. 0 is the default.
	OutboxMessages, OutboxBytes int
	Counters                    *Counters
	// Log gets what happens at the door; what happens in rooms is logged there. It may be nil.
	Log *slog.Logger
}

// WithDefaults is c with what it leaves out filled in.
func (c Config) WithDefaults() Config {
	if c.Limits == (protocol.Limits{}) {
		c.Limits = room.DefaultLimits()
	}
	if c.HelloTimeout == 0 {
		c.HelloTimeout = DefaultHelloTimeout
	}
	if c.JoinTimeout == 0 {
		c.JoinTimeout = DefaultJoinTimeout
	}
	if c.OutboxMessages == 0 {
		c.OutboxMessages = DefaultOutboxMessages
	}
	if c.OutboxBytes == 0 {
		c.OutboxBytes = DefaultOutboxBytes
	}
	if c.Counters == nil {
		c.Counters = NewCounters()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Session is one client's connection, from its first message to Bye. A participant whose connection was lost and came
// back has had two of them. It implements room.Client.
type Session struct {
	cfg      Config
	loopback bool
	reached  room.Reached
	log      *slog.Logger
	out      *outbox
	trail    room.Trail

	// Owned by the reader.
	gate   *gate
	member Member
	// timer ends the session when hello or join do not come in time. It has fired when Stop reports false.
	timer *time.Timer
}

var _ room.Client = (*Session)(nil)

// NewSession starts a session. Loopback says that the client is on this machine, and reached how it got to the server. Its
// reader must call Close when the connection is gone.
func NewSession(cfg Config, loopback bool, reached room.Reached) *Session {
	cfg = cfg.WithDefaults()
	s := &Session{cfg: cfg, loopback: loopback, reached: reached, log: cfg.Log, gate: newGate(cfg.Limits), trail: room.NoTrail}
	s.out = newOutbox(cfg.OutboxMessages, cfg.OutboxBytes, s.farewellWith(protocol.Bye{
		Reason: protocol.ByeTooSlow, Message: "This client does not read what the server sends.",
		Reconnect: true, AfterMs: 1000,
	}, ClosePolicy))
	s.timer = time.AfterFunc(cfg.HelloTimeout, s.helloTimedOut)
	return s
}

// Follow has a trail told how the join goes on. The reader calls it before anything else.
func (s *Session) Follow(t room.Trail) { s.trail = t }

// Handle takes one text message in. The reader calls it, in order.
func (s *Session) Handle(now time.Time, b []byte) {
	if s.Ended() {
		return
	}
	m, refusal := s.gate.read(now, b)
	if refusal != nil {
		s.cfg.Counters.countReceived(typeOther, len(b))
		s.refuse(*refusal)
		return
	}
	s.cfg.Counters.countReceived(m.Type(), len(b))
	switch m := m.(type) {
	case protocol.Hello:
		s.hello(now, m)
	case protocol.Join:
		s.join(now, m)
	case protocol.Leave:
		s.leave()
	case protocol.Ping:
		s.Send(protocol.Pong(m))
	case protocol.Offer:
		s.trail.Passed(room.Offered, now)
		s.member.Handle(m)
	default:
		s.member.Handle(m) // the gate lets it through only when there is a member
	}
}

// HandleBinary refuses a binary message, which ends the session.
func (s *Session) HandleBinary() {
	s.refuse(refusal{code: protocol.CodeBinary, message: "Binary messages have no meaning here.", ends: true})
}

// HandleTooLarge refuses a message that was not read to its end because it is over every limit.
func (s *Session) HandleTooLarge() { s.refuse(*s.gate.tooLarge("", s.cfg.Limits.OfferBytes)) }

// Joined reports whether the session has a place in a room. Only the reader may call it.
func (s *Session) Joined() bool { return s.member != nil }

// Ended reports whether the last message is queued or written, or the connection is gone. Whatever the client sends
// from here on means nothing.
func (s *Session) Ended() bool {
	ended, _ := s.out.hasEnded()
	return ended
}

// Close says that the connection is gone. Next reports false from here on. The reader calls it, once.
func (s *Session) Close() {
	s.timer.Stop()
	_, slow := s.out.hasEnded()
	s.out.drop()
	switch {
	case s.member == nil:
		s.trail.Ended("closed")
	case slow:
		s.log.Info("client closed for not reading")
		s.member.Abuse(protocol.ByeTooSlow)
	default:
		s.member.Detach(s) // without effect when the session had ended
	}
}

// Send queues a message to the client. It never blocks; a client that does not read is closed.
func (s *Session) Send(m protocol.Message) {
	b, err := protocol.Encode(m)
	if err != nil {
		s.log.Error("message not encoded", "type", string(m.Type()), "err", err)
		return
	}
	switch s.out.post(b) {
	case posted:
		s.cfg.Counters.countSent(m, len(b))
	case overflowed:
		s.cfg.Counters.countSent(protocol.Bye{Reason: protocol.ByeTooSlow}, 0)
	case dropped: // after the last message
	}
}

// End queues the last message and lets the connection be closed after it. Later calls have no effect.
func (s *Session) End(bye protocol.Bye) { s.end(bye, closeCodeOf(bye.Reason)) }

func (s *Session) end(bye protocol.Bye, code CloseCode) {
	f := s.farewellWith(bye, code)
	if s.out.end(f) {
		s.cfg.Counters.countSent(bye, len(f.bye))
	}
}

func (s *Session) farewellWith(bye protocol.Bye, code CloseCode) farewell {
	b, err := protocol.Encode(bye)
	if err != nil {
		panic("bye not encoded: " + err.Error()) // it has only strings and numbers
	}
	return farewell{bye: b, code: code, reason: string(bye.Reason)}
}

// Next waits for the next message to write, and reports false after the last one. Only the writer calls it.
func (s *Session) Next() ([]byte, bool) { return s.out.next() }

// Farewell is how to close the connection after the last message: with a code and a short reason. It reports false
// when the connection is gone already.
func (s *Session) Farewell() (CloseCode, string, bool) {
	f := s.out.farewell()
	if f == nil {
		return 0, "", false
	}
	return f.code, f.reason, true
}

func (s *Session) hello(now time.Time, m protocol.Hello) {
	if !s.timer.Stop() {
		return // it came a moment too late
	}
	s.trail.Follows(m.Traceparent)
	s.trail.Passed(room.Greeted, now)
	s.log.Debug("client greeted", "client", m.Client, "resume", m.Resume != "")
	s.gate.greeted()
	if m.Resume == "" {
		s.timer = time.AfterFunc(s.cfg.JoinTimeout, s.joinTimedOut)
		return
	}
	s.enter(protocol.TypeHello, func() (Member, error) { return s.cfg.Rooms.Resume(m.Resume, s) })
	if s.member != nil {
		s.trail.Ended("resumed") // the trail of the join is the participant's
	}
}

func (s *Session) join(now time.Time, m protocol.Join) {
	if !s.timer.Stop() {
		return
	}
	s.trail.Passed(room.Asked, now)
	s.enter(protocol.TypeJoin, func() (Member, error) {
		return s.cfg.Rooms.Join(room.JoinRequest{
			Room: m.Room, Name: m.Name, Replaces: m.Replaces, Client: s, Loopback: s.loopback, Reached: s.reached,
			Trail: s.trail,
		})
	})
}

// enter moves on into a room, or says why not and waits for another attempt.
func (s *Session) enter(re protocol.Type, attempt func() (Member, error)) {
	member, err := attempt()
	if err != nil {
		e := ErrorOf(err, re)
		if e.Code == protocol.CodeInternal {
			s.log.Error("client not let in", "re", string(re), "err", err)
		}
		s.trail.Refused(e.Code)
		s.Send(e)
		s.timer = time.AfterFunc(s.cfg.JoinTimeout, s.joinTimedOut)
		return
	}
	s.member = member
	s.gate.entered()
}

func (s *Session) leave() {
	if s.member != nil {
		s.member.Leave()
		return
	}
	s.End(protocol.Bye{Reason: protocol.ByeLeft, Message: "Goodbye."})
}

// refuse tells the client why, and ends the session when that is due.
func (s *Session) refuse(r refusal) {
	s.Send(protocol.Error{
		Code: r.code, Message: r.message, Re: r.re, ID: r.id, RetryAfterMs: r.retryAfter.Milliseconds(),
	})
	if !r.ends {
		return
	}
	s.log.Info("client closed for breaking the protocol", "code", string(r.code), "re", string(r.re))
	s.end(protocol.Bye{
		Reason: protocol.ByeProtocol, Message: "The connection is closed: " + r.message,
	}, closeCodeAfter(r.code))
	if s.member != nil {
		s.member.Abuse(protocol.ByeProtocol)
	}
}

// helloTimedOut and joinTimedOut run in the timer's goroutine and touch nothing but the outbox.
func (s *Session) helloTimedOut() {
	s.Send(protocol.Error{Code: protocol.CodeHelloTimeout, Message: "No hello came in time."})
	s.End(protocol.Bye{Reason: protocol.ByeProtocol, Message: "No hello came in time."})
}

func (s *Session) joinTimedOut() {
	s.End(protocol.Bye{Reason: protocol.ByeTimeout, Message: "Nobody joined a room over this connection."})
}

package signaling

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"hiroba/signaling/protocol"
)

// What a client may cause. A page that behaves comes nowhere near: a join with trickled candidates is some 30 messages.
const (
	// messageRate and messageBurst bound all messages of a session, per second.
	messageRate, messageBurst = 50, 200
	// offerRate and offerBurst bound offers, per second: an offer costs the server milliseconds.
	offerRate, offerBurst = 2, 10
	// joinRate and joinBurst bound attempts to join, per second.
	joinRate, joinBurst = 1, 5
	// reportRate and reportBurst bound reports, per second: one in ten seconds is due.
	reportRate, reportBurst = 0.5, 5
	// floodRate and floodBurst bound refusals for speed, per second. A client that exceeds them is closed.
	floodRate, floodBurst = 10, 100
	// faultBurst bounds refusals for faults; one is forgiven each faultEvery. A client that exceeds them is closed.
	faultBurst = 20
	faultEvery = time.Minute
	// candidatesPerOffer bounds the candidates of one offer; only a new offer allows more.
	candidatesPerOffer = 64
)

// phase is how far a session has come.
type phase int

const (
	awaitingHello phase = iota
	awaitingJoin
	inRoom
)

// refusal says why a message is not let through.
type refusal struct {
	code    protocol.Code
	message string
	re      protocol.Type
	id      string
	// retryAfter is set when the message came too early.
	retryAfter time.Duration
	// ends is true when the session ends with it.
	ends bool
}

// gate decides which messages of a client get through: whether they are due in the order of the protocol, of the right
// form and size, and not too fast. It is a machine: pure, with time coming in.
type gate struct {
	limits protocol.Limits
	phase  phase

	messages, offers, joins, reports, floods, faults *rate.Limiter

	// offerID is the latest offer's ID, candidates how many came since it was new.
	offerID, candidates int
}

func newGate(limits protocol.Limits) *gate {
	return &gate{
		limits:   limits,
		messages: rate.NewLimiter(messageRate, messageBurst),
		offers:   rate.NewLimiter(offerRate, offerBurst),
		joins:    rate.NewLimiter(joinRate, joinBurst),
		reports:  rate.NewLimiter(reportRate, reportBurst),
		floods:   rate.NewLimiter(floodRate, floodBurst),
		faults:   rate.NewLimiter(rate.Every(faultEvery), faultBurst),
	}
}

// read decides about one text message: it is the decoded message, or why it is refused.
func (g *gate) read(now time.Time, b []byte) (protocol.Message, *refusal) {
	if wait, ok := take(g.messages, now); !ok {
		return nil, g.tooFast(now, refusal{message: "Too many messages; slow down.", retryAfter: wait})
	}
	if len(b) > g.limits.OfferBytes {
		return nil, g.tooLarge("", g.limits.OfferBytes)
	}
	if !utf8.Valid(b) {
		return nil, g.fault(now, refusal{code: protocol.CodeBadMessage, message: "The message is not valid UTF-8."})
	}
	m, t, err := protocol.DecodeClient(b)
	if len(b) > g.limits.MessageBytes && t != protocol.TypeOffer {
		return nil, g.tooLarge(t, g.limits.MessageBytes)
	}
	switch {
	case errors.Is(err, protocol.ErrUnknownType):
		// Newer clients may know more types than this server; they are told, and it is no fault.
		return nil, &refusal{code: protocol.CodeUnknownType, message: "This server does not know that type.", re: echo(t)}
	case err != nil:
		return nil, g.fault(now, refusal{
			code: protocol.CodeBadMessage, message: "The message is not JSON of the right form.", re: t,
		})
	}
	if r := g.order(now, t); r != nil {
		return nil, r
	}
	if g.phase != inRoom { // from there on the room checks, because it is also reached over data channels
		if code, err := protocol.Check(m, g.limits); err != nil {
			return nil, g.fault(now, refusal{code: code, message: sentence(err), re: t})
		}
	}
	if r := g.pace(now, m); r != nil {
		return nil, r
	}
	return m, nil
}

// order refuses what is not due now.
func (g *gate) order(now time.Time, t protocol.Type) *refusal {
	var due bool
	switch g.phase {
	case awaitingHello:
		due = t == protocol.TypeHello
	case awaitingJoin:
		due = t == protocol.TypeJoin || t == protocol.TypeLeave || t == protocol.TypePing
	case inRoom:
		due = t != protocol.TypeHello && t != protocol.TypeJoin
	}
	if due {
		return nil
	}
	what := map[phase]string{
		awaitingHello: "The first message is hello.",
		awaitingJoin:  "Join a room first.",
		inRoom:        "This session is in a room already.",
	}[g.phase]
	return g.fault(now, refusal{code: protocol.CodeWrongOrder, message: what, re: t})
}

// pace refuses what is in order but comes too often, or not at all in this version.
func (g *gate) pace(now time.Time, m protocol.Message) *refusal {
	switch m := m.(type) {
	case protocol.Hello:
		if m.Version != protocol.Version {
			return &refusal{
				code: protocol.CodeUnsupportedVersion, re: protocol.TypeHello, ends: true,
				message: fmt.Sprintf("This server speaks version %d.", protocol.Version),
			}
		}
	case protocol.Join:
		if wait, ok := take(g.joins, now); !ok {
			return g.tooFast(now, refusal{
				message: "Too many attempts to join; slow down.", re: protocol.TypeJoin, retryAfter: wait,
			})
		}
	case protocol.Offer:
		if wait, ok := take(g.offers, now); !ok {
			return g.tooFast(now, refusal{
				message: "Too many offers; slow down.", re: protocol.TypeOffer, id: strconv.Itoa(m.ID), retryAfter: wait,
			})
		}
		if m.ID != g.offerID {
			g.offerID, g.candidates = m.ID, 0
		}
	case protocol.Report:
		if wait, ok := take(g.reports, now); !ok {
			return g.tooFast(now, refusal{
				message: "Too many reports; slow down.", re: protocol.TypeReport, retryAfter: wait,
			})
		}
	case protocol.Candidate:
		g.candidates++
		if g.candidates > candidatesPerOffer {
			return g.flood(now, refusal{
				code: protocol.CodeBadCandidate, re: protocol.TypeCandidate,
				message: fmt.Sprintf("More than %d candidates for one offer.", candidatesPerOffer),
			})
		}
	}
	return nil
}

// greeted and entered move the gate on, after a hello and after a welcome.
func (g *gate) greeted() { g.phase = awaitingJoin }
func (g *gate) entered() { g.phase = inRoom }

func (g *gate) tooLarge(t protocol.Type, limit int) *refusal {
	return &refusal{
		code: protocol.CodeTooLarge, message: fmt.Sprintf("The message has more than %d bytes.", limit),
		re: echo(t), ends: true,
	}
}

func (g *gate) tooFast(now time.Time, r refusal) *refusal {
	r.code = protocol.CodeRateLimited
	return g.flood(now, r)
}

// flood counts a refusal for speed; too many of them end the session.
func (g *gate) flood(now time.Time, r refusal) *refusal {
	r.ends = !g.floods.AllowN(now, 1)
	return &r
}

// fault counts a refusal for a fault; too many of them end the session.
func (g *gate) fault(now time.Time, r refusal) *refusal {
	r.ends = !g.faults.AllowN(now, 1)
	return &r
}

// take reports whether one more is allowed now, or else how long until it is.
func take(l *rate.Limiter, now time.Time) (time.Duration, bool) {
	if l.AllowN(now, 1) {
		return 0, true
	}
	r := l.ReserveN(now, 1)
	defer r.CancelAt(now)
	return r.DelayFrom(now), false
}

// echo is a type as it may be sent back: what a client made up is not repeated at length.
func echo(t protocol.Type) protocol.Type {
	const limit = 32
	if len(t) > limit {
		return ""
	}
	return t
}

package room

import (
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"hiroba/signaling/protocol"
)

// codedError is an error that has a code of its own on the wire.
type codedError struct {
	code protocol.Code
	text string
}

func (e *codedError) Error() string { return e.text }

// The reasons for which a room refuses something. They come wrapped with what is wrong in particular; CodeOf tells the
// protocol's code of each.
var (
	ErrBadName      error = &codedError{protocol.CodeBadName, "name not allowed"}
	ErrBadRoom      error = &codedError{protocol.CodeBadRoom, "room name not allowed"}
	ErrNameTaken    error = &codedError{protocol.CodeNameTaken, "somebody in the room has this name"}
	ErrRoomFull     error = &codedError{protocol.CodeRoomFull, "the room is full"}
	ErrServerFull   error = &codedError{protocol.CodeServerFull, "the server has no room left"}
	ErrShuttingDown error = &codedError{protocol.CodeShuttingDown, "the server is shutting down"}
	ErrDraining     error = &codedError{protocol.CodeDraining, "the server is about to stop"}
	ErrOverloaded   error = &codedError{protocol.CodeOverloaded, "the server is at its limit"}
	ErrNoSession    error = &codedError{protocol.CodeResumeFailed, "no such session"}
	ErrBadMessage   error = &codedError{protocol.CodeBadMessage, "message not understood"}
	ErrUnknownType  error = &codedError{protocol.CodeUnknownType, "message type not known here"}
	ErrWrongOrder   error = &codedError{protocol.CodeWrongOrder, "not due now"}
	ErrBadOffer     error = &codedError{protocol.CodeBadOffer, "offer not usable"}
	ErrTooManyMedia error = &codedError{protocol.CodeTooManyMedia, "too many seats or tracks"}
	ErrBadCandidate error = &codedError{protocol.CodeBadCandidate, "candidate not usable"}
	ErrRateLimited  error = &codedError{protocol.CodeRateLimited, "too many messages"}
	ErrBadChat      error = &codedError{protocol.CodeBadChat, "chat message not allowed"}
	ErrBadView      error = &codedError{protocol.CodeBadView, "view not allowed"}
	ErrBadFile      error = &codedError{protocol.CodeBadFile, "file message not allowed"}
	ErrInternal     error = &codedError{protocol.CodeInternal, "fault of the server"}
)

// LaterError is a refusal that ends by itself: whoever was refused may come back After, or go To another server now.
type LaterError struct {
	// Err is one of the reasons above.
	Err   error
	After time.Duration
	// To is a WebSocket's URL, or empty.
	To string
}

func (e *LaterError) Error() string { return e.Err.Error() }

// Unwrap is the reason.
func (e *LaterError) Unwrap() error { return e.Err }

// CodeOf is the protocol's code for an error of this package, and CodeInternal for any other.
func CodeOf(err error) protocol.Code {
	var coded *codedError
	if errors.As(err, &coded) {
		return coded.code
	}
	return protocol.CodeInternal
}

// refuse wraps a refusal with what is wrong in particular.
func refuse(err error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", err, fmt.Sprintf(format, args...))
}

// maxSentence bounds the text of an error message in bytes: it may quote what a client sent.
const maxSentence = 300

// sentence is an error as protocol.Error shows it.
func sentence(err error) string {
	text := err.Error()
	if len(text) > maxSentence {
		cut := maxSentence
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "..."
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}

// bye is the farewell for a reason, with what the client should do about it.
func bye(reason protocol.ByeReason) protocol.Bye {
	b := protocol.Bye{Reason: reason}
	switch reason {
	case protocol.ByeLeft:
		b.Message = "You left the room."
	case protocol.ByeReplaced:
		b.Message = "You came back in another page."
	case protocol.ByeResumedElsewhere:
		b.Message = "Another connection took this session over."
	case protocol.ByeTimeout:
		b.Message, b.Reconnect = "The connection was lost for too long.", true
	case protocol.ByeMediaFailed:
		b.Message, b.Reconnect, b.AfterMs = "The media connection failed.", true, 1000
	case protocol.ByeShutdown:
		b.Message, b.Reconnect, b.AfterMs = "The server is restarting.", true, 2000
	case protocol.ByeProtocol:
		b.Message = "The client broke the protocol."
	case protocol.ByeTooSlow:
		b.Message, b.Reconnect, b.AfterMs = "The client did not read what the server sent.", true, 1000
	case protocol.ByeMediaAbuse:
		b.Message = "The client sent media beyond what is allowed."
	}
	return b
}

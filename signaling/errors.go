package signaling

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"hiroba/room"
	"hiroba/signaling/protocol"
)

// maxSentence bounds the text of an Error in bytes: it may quote what a client sent.
const maxSentence = 300

// ErrorOf is the message that tells a client why its message of type re was refused. Of a fault of the server it says
// nothing else: the text is for the log.
func ErrorOf(err error, re protocol.Type) protocol.Error {
	code := room.CodeOf(err)
	if code == protocol.CodeInternal {
		return protocol.Error{Code: code, Message: "The server made a mistake.", Re: re}
	}
	e := protocol.Error{Code: code, Message: sentence(err), Re: re}
	if later := (*room.LaterError)(nil); errors.As(err, &later) {
		e.RetryAfterMs, e.To = later.After.Milliseconds(), later.To
	}
	return e
}

// sentence is the text of an error for a person.
func sentence(err error) string {
	text := err.Error()
	for _, action := range []string{"join: ", "resume: "} { // which the client knows
		text = strings.TrimPrefix(text, action)
	}
	if len(text) > maxSentence {
		cut := maxSentence
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "..."
	}
	first, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[n:] + "."
}

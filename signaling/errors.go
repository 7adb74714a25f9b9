package signaling

import (
	"unicode"
	"unicode/utf8"

	"hiroba/room"
	"hiroba/signaling/protocol"
)

// maxSentence bounds the text of an Error in bytes: it may quote what a client sent.
const maxSentence = 300

// ErrorOf is the message that tells a client why it was not let in. A fault of the server says nothing else: its text
// is for the log.
func ErrorOf(err error) protocol.Error {
	code := room.CodeOf(err)
	if code == protocol.CodeInternal {
		return protocol.Error{Code: code, Message: "The server made a mistake."}
	}
	return protocol.Error{Code: code, Message: sentence(err)}
}

// sentence is the text of an error for a person.
func sentence(err error) string {
	text := err.Error()
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

// Package codec reads what the server needs of an RTP payload and rewrites the few numbers in it that must run on when
// the source of a seat changes. It parses the payload descriptors of VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184),
// H.265 (RFC 7798) and AV1, the dependency descriptor header extension (both of the AV1 RTP specification), the first
// byte of Opus (RFC 6716), RED (RFC 2198) and the audio level extension (RFC 6464).
//
// Payloads come from untrusted senders: no length in them is believed, and every parser is fuzzed. Nothing here
// allocates, and no result points into the bytes it was read from unless it says so.
package codec

import "errors"

// Errors of all parsers. Each is a packet to be dropped.
var (
	// ErrTruncated is a payload that ends before what it announces.
	ErrTruncated = errors.New("truncated payload")
	// ErrMalformed is a payload that no sender may make.
	ErrMalformed = errors.New("malformed payload")
	// ErrUnsupported is a payload in a form that browsers do not send, such as interleaved H.264.
	ErrUnsupported = errors.New("unsupported payload format")
)

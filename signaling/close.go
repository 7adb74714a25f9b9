package signaling

import "hiroba/signaling/protocol"

// CloseCode is a WebSocket close code (RFC 6455, section 7.4.1).
type CloseCode int

// The close codes that a session ends with.
const (
	// CloseNormal: the session ended as sessions do.
	CloseNormal CloseCode = 1000
	// CloseGoingAway: the server stops.
	CloseGoingAway CloseCode = 1001
	// CloseUnsupported: a binary message came.
	CloseUnsupported CloseCode = 1003
	// ClosePolicy: the client broke a rule or does not read.
	ClosePolicy CloseCode = 1008
	// CloseTooLarge: a message was over its limit.
	CloseTooLarge CloseCode = 1009
)

// closeCodeOf is the close code that follows a Bye.
func closeCodeOf(reason protocol.ByeReason) CloseCode {
	switch reason {
	case protocol.ByeShutdown:
		return CloseGoingAway
	case protocol.ByeProtocol, protocol.ByeTooSlow, protocol.ByeMediaAbuse:
		return ClosePolicy
	default:
		return CloseNormal
	}
}

// closeCodeAfter is the close code that follows an Error which ends the session.
func closeCodeAfter(code protocol.Code) CloseCode {
	switch code {
	case protocol.CodeBinary:
		return CloseUnsupported
	case protocol.CodeTooLarge:
		return CloseTooLarge
	default:
		return ClosePolicy
	}
}

package protocol

// Code is why something was refused. Clients branch on it; the set only grows within a protocol version.
type Code string

// The codes of Error messages.
const (
	// CodeBadMessage: not JSON, or a member of the wrong form.
	CodeBadMessage Code = "bad_message"
	// CodeUnknownType: a "type" that this server does not know. The message is ignored.
	CodeUnknownType Code = "unknown_type"
	// CodeTooLarge: over the limit for its type. The socket is closed.
	CodeTooLarge Code = "too_large"
	// CodeBinary: a binary WebSocket message. The socket is closed.
	CodeBinary Code = "binary_not_supported"
	// CodeWrongOrder: a message that is not due now, such as an offer before join.
	CodeWrongOrder Code = "wrong_order"
	// CodeHelloTimeout: no hello within ten seconds. The socket is closed.
	CodeHelloTimeout Code = "hello_timeout"
	// CodeUnsupportedVersion: a protocol version that this server does not speak. The socket is closed.
	CodeUnsupportedVersion Code = "unsupported_version"
	// CodeBadName and CodeBadRoom: empty, too long, or with control characters.
	CodeBadName Code = "bad_name"
	CodeBadRoom Code = "bad_room"
	// CodeNameTaken: somebody in the room has this name.
	CodeNameTaken Code = "name_taken"
	// CodeRoomFull and CodeServerFull: a limit of people or rooms is reached.
	CodeRoomFull   Code = "room_full"
	CodeServerFull Code = "server_full"
	// CodeShuttingDown: the server stops and takes nobody new.
	CodeShuttingDown Code = "shutting_down"
	// CodeDraining: the server is about to stop and takes nobody new; Error.To may say who does.
	CodeDraining Code = "draining"
	// CodeOverloaded: the server has no CPU, bandwidth or sockets left for one more.
	CodeOverloaded Code = "overloaded"
	// CodeResumeFailed: no such session, or its grace time is over. Join afresh.
	CodeResumeFailed Code = "resume_failed"
	// CodeBadOffer: an SDP that cannot be parsed or applied, or seats and tracks that do not fit it.
	CodeBadOffer Code = "bad_offer"
	// CodeTooManyMedia: more m-lines or seats than allowed.
	CodeTooManyMedia Code = "too_many_media"
	// CodeBadCandidate: an ICE candidate that cannot be parsed, or too many of them.
	CodeBadCandidate Code = "bad_candidate"
	// CodeRateLimited: messages come too fast. The message is dropped; a client that goes on is closed.
	CodeRateLimited Code = "rate_limited"
	// CodeBadChat: empty or too long.
	CodeBadChat Code = "bad_chat"
	// CodeBadView: too many tiles, or a tile of the wrong form.
	CodeBadView Code = "bad_view"
	// CodeBadReport: a number beyond its bounds, or a path that does not exist.
	CodeBadReport Code = "bad_report"
	// CodeBadFile: a file message that breaks a rule; it says which.
	CodeBadFile Code = "bad_file"
	// CodeInternal: a fault of the server.
	CodeInternal Code = "internal"
)

// Codes lists every code, in the order of their declaration.
func Codes() []Code {
	return []Code{
		CodeBadMessage, CodeUnknownType, CodeTooLarge, CodeBinary, CodeWrongOrder, CodeHelloTimeout,
		CodeUnsupportedVersion, CodeBadName, CodeBadRoom, CodeNameTaken, CodeRoomFull, CodeServerFull,
		CodeShuttingDown, CodeDraining, CodeOverloaded, CodeResumeFailed, CodeBadOffer, CodeTooManyMedia, CodeBadCandidate,
		CodeRateLimited, CodeBadChat, CodeBadView, CodeBadReport, CodeBadFile, CodeInternal,
	}
}

// ByeReason is why a session ended.
type ByeReason string

// The reasons of Bye and Left messages.
const (
	// ByeLeft: the participant left.
	ByeLeft ByeReason = "left"
	// ByeReplaced: the same person came back in another page.
	ByeReplaced ByeReason = "replaced"
	// ByeResumedElsewhere: another WebSocket took the session over. Do not reconnect.
	ByeResumedElsewhere ByeReason = "resumed_elsewhere"
	// ByeTimeout: the WebSocket was lost and did not come back in time.
	ByeTimeout ByeReason = "timeout"
	// ByeMediaFailed: the PeerConnection failed and did not come back in time.
	ByeMediaFailed ByeReason = "media_failed"
	// ByeShutdown: the server stops or restarts.
	ByeShutdown ByeReason = "shutdown"
	// ByeProtocol: the client broke the protocol in a way that ends the session; an Error came before.
	ByeProtocol ByeReason = "protocol"
	// ByeTooSlow: the client did not read what the server sent.
	ByeTooSlow ByeReason = "too_slow"
	// ByeMediaAbuse: what the client sent as media broke a bound, such as the number of SSRCs.
	ByeMediaAbuse ByeReason = "media_abuse"
)

// RestartReason is why a client restarts ICE.
type RestartReason string

// The reasons. The set grows: a server takes those that it does not know for RestartOther.
const (
	// RestartSilent: nothing arrived any more, not even what was asked for.
	RestartSilent RestartReason = "silent"
	// RestartHinted: the same, found after a hint that the network changed.
	RestartHinted RestartReason = "hinted"
	// RestartDisconnected: the PeerConnection was disconnected (RTCPeerConnectionState).
	RestartDisconnected RestartReason = "disconnected"
	// RestartFailed: the PeerConnection failed.
	RestartFailed RestartReason = "failed"
	// RestartOther is any other.
	RestartOther RestartReason = "other"
)

// RestartReasons lists every reason, in the order of their declaration.
func RestartReasons() []RestartReason {
	return []RestartReason{RestartSilent, RestartHinted, RestartDisconnected, RestartFailed, RestartOther}
}

// ByeReasons lists every reason, in the order of their declaration.
func ByeReasons() []ByeReason {
	return []ByeReason{
		ByeLeft, ByeReplaced, ByeResumedElsewhere, ByeTimeout, ByeMediaFailed, ByeShutdown, ByeProtocol, ByeTooSlow,
		ByeMediaAbuse,
	}
}

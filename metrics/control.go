package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"hiroba/sfu/stats"
	"hiroba/signaling/protocol"
)

// Rooms is what the control plane shows of itself at one moment.
type Rooms struct {
	Rooms, Participants int
	// Seats is how many seats all participants have; SeatsTaken how many of them have an occupant.
	Seats, SeatsTaken int
	// Joins counts participants who were let in, Refused the others by reason.
	Joins   uint64
	Refused map[protocol.Code]uint64
	// JoinDuration is from the join message to the first packet of media that was forwarded to the participant.
	JoinDuration stats.HistogramSnapshot
	// ChatMessages and FileTransfers count what people sent, FileBytes what the server passed on of files.
	ChatMessages, FileTransfers, FileBytes uint64
	// MailboxDepth is the longest mailbox of a room.
	MailboxDepth int
}

// Signaling is what the WebSockets show of themselves at one moment.
type Signaling struct {
	Connections int
	// Received and Sent count messages by type; those of an unknown type are under "unknown".
	Received, Sent map[protocol.Type]uint64
	// Errors counts the errors that clients were told, by code.
	Errors map[protocol.Code]uint64
	// OutboxDepth is the longest queue of messages to a client.
	OutboxDepth int
}

// TypeUnknown stands for all the types that the protocol does not have, so that clients cannot make up series.
const TypeUnknown protocol.Type = "unknown"

// The values of labels. A test compares them with the protocol.
var (
	refusalCodes = []protocol.Code{
		protocol.CodeBadName, protocol.CodeBadRoom, protocol.CodeNameTaken, protocol.CodeRoomFull,
		protocol.CodeServerFull, protocol.CodeShuttingDown, protocol.CodeInternal,
	}
	errorCodes = []protocol.Code{
		protocol.CodeBadMessage, protocol.CodeUnknownType, protocol.CodeTooLarge, protocol.CodeBinary,
		protocol.CodeWrongOrder, protocol.CodeHelloTimeout, protocol.CodeUnsupportedVersion, protocol.CodeBadName,
		protocol.CodeBadRoom, protocol.CodeNameTaken, protocol.CodeRoomFull, protocol.CodeServerFull,
		protocol.CodeShuttingDown, protocol.CodeResumeFailed, protocol.CodeBadOffer, protocol.CodeTooManyMedia,
		protocol.CodeBadCandidate, protocol.CodeRateLimited, protocol.CodeBadChat, protocol.CodeBadView,
		protocol.CodeBadFile, protocol.CodeInternal,
	}
	clientTypes = []protocol.Type{
		protocol.TypeHello, protocol.TypeJoin, protocol.TypeOffer, protocol.TypeCandidate, protocol.TypeView,
		protocol.TypeMute, protocol.TypeChatSend, protocol.TypeLeave, protocol.TypePing, TypeUnknown,
	}
	serverTypes = []protocol.Type{
		protocol.TypeWelcome, protocol.TypeJoined, protocol.TypeLeft, protocol.TypeUpdated, protocol.TypeAnswer,
		protocol.TypeCandidate, protocol.TypeSeats, protocol.TypeNeedSeats, protocol.TypeSpeakers, protocol.TypeChat,
		protocol.TypeError, protocol.TypeBye, protocol.TypePong,
	}
)

var (
	rooms        = gauge("rooms", "Rooms that exist now, with the empty ones that wait for somebody to come back.")
	participants = gauge("participants", "People in all rooms, with those whose connection was lost a moment ago.")
	seats        = gauge("seats", "Seats of all participants.")
	seatsTaken   = gauge("seats_taken", "Seats that have an occupant.")
	joins        = counter("joins_total", "Joins that were let in.")
	refused      = counter("joins_refused_total", "Joins that were refused, by reason.", "reason")
	joinDuration = desc("join_duration_seconds",
		"Time from the join message to the first packet of media forwarded to the participant.")
	chatMessages  = counter("chat_messages_total", "Chat messages that were passed on.")
	fileTransfers = counter("file_transfers_total", "File transfers that were started.")
	fileBytes     = counter("file_bytes_total", "Bytes of files that were passed on.")

	connections = gauge("signaling_connections", "WebSockets that are open now.")
	messages    = counter("signaling_messages_total",
		"Signaling messages from clients (up) and to clients (down), by type.", "direction", "type")
	errorsSent = counter("signaling_errors_total", "Errors that clients were told, by code.", "code")
)

// collectRooms sends the metrics of the control plane.
func collectRooms(ch chan<- prometheus.Metric, r Rooms) {
	send(ch, rooms, r.Rooms)
	send(ch, participants, r.Participants)
	send(ch, seats, r.Seats)
	send(ch, seatsTaken, r.SeatsTaken)
	send(ch, joins, r.Joins)
	sendAll(ch, refused, refusalCodes, r.Refused)
	sendHistogram(ch, joinDuration, r.JoinDuration)
	send(ch, chatMessages, r.ChatMessages)
	send(ch, fileTransfers, r.FileTransfers)
	send(ch, fileBytes, r.FileBytes)
}

// collectSignaling sends the metrics of the WebSockets.
func collectSignaling(ch chan<- prometheus.Metric, s Signaling) {
	send(ch, connections, s.Connections)
	sendAll(ch, messages, clientTypes, s.Received, stats.Up.String())
	sendAll(ch, messages, serverTypes, s.Sent, stats.Down.String())
	sendAll(ch, errorsSent, errorCodes, s.Errors)
}

// sendAll sends one value for each of the known label values, 0 where nothing was counted. The label is the last one.
func sendAll[L ~string](ch chan<- prometheus.Metric, f family, known []L, values map[L]uint64, labels ...string) {
	for _, label := range known {
		send(ch, f, values[label], append(labels[:len(labels):len(labels)], string(label))...)
	}
}

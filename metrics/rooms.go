package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"hiroba/room"
	"hiroba/signaling/protocol"
)

// labelOther stands for whatever the lists below do not have, so that nobody can make up series.
const labelOther = "other"

// The values of labels whose maps are empty at first.
var (
	refusals = []protocol.Code{
		protocol.CodeBadName, protocol.CodeBadRoom, protocol.CodeNameTaken, protocol.CodeRoomFull,
		protocol.CodeServerFull, protocol.CodeShuttingDown, protocol.CodeDraining, protocol.CodeOverloaded,
		protocol.CodeInternal, labelOther,
	}
	leavings  = append(protocol.ByeReasons(), labelOther)
	restarts  = protocol.RestartReasons()
	transfers = []string{"done", "cancelled", "left", "too_slow", "broken_rule", labelOther}
)

var (
	rooms        = gauge("rooms", "Rooms that exist now, with the empty ones that wait for somebody to come back.")
	participants = gauge("participants", "People in all rooms, with those whose connection was lost a moment ago.")
	seats        = gauge("seats", "Seats of all participants.")
	seatsTaken   = gauge("seats_taken", "Seats that have an occupant.")
	joins        = counter("joins_total", "Joins that were let in.")
	resumes      = counter("resumes_total", "Sessions that went on after their WebSocket was lost.")
	refused      = counter("joins_refused_total", "Joins that were refused, by reason.", "reason")
	left         = counter("sessions_ended_total", "Sessions that ended, by reason.", "reason")
	joinDuration = desc("join_duration_seconds",
		"Time from a join to the first packet of media that was forwarded to the participant.")
	iceRestarts = counter("ice_restarts_total", "ICE restarts by the reason that the client gave.", "reason")
	restartTime = desc("ice_restart_duration_seconds",
		"Time from an offer that restarts ICE to a transport that works.")
	chatMessages  = counter("chat_messages_total", "Chat messages that were passed on.")
	fileTransfers = counter("file_transfers_total", "File transfers that ended, by outcome.", "outcome")
	fileBytes     = counter("file_bytes_total", "Bytes of files that were passed on.")
)

// collectRooms sends the metrics of the control plane.
func collectRooms(ch chan<- prometheus.Metric, r room.Stats) {
	send(ch, rooms, r.Rooms)
	send(ch, participants, r.Participants)
	send(ch, seats, r.Seats)
	send(ch, seatsTaken, r.OccupiedSeats)
	send(ch, joins, r.Joins)
	send(ch, resumes, r.Resumes)
	sendAll(ch, refused, fill(refusals, r.Refused))
	sendAll(ch, left, fill(leavings, r.Left))
	sendHistogram(ch, joinDuration, r.JoinDuration)
	sendAll(ch, iceRestarts, fill(restarts, r.Restarts))
	sendHistogram(ch, restartTime, r.RestartTime)
	send(ch, chatMessages, r.ChatMessages)
	sendAll(ch, fileTransfers, fill(transfers, r.FileTransfers))
	send(ch, fileBytes, r.FileBytes)
}

// fill makes a map with exactly the known keys; what has others is counted as other.
func fill[K ~string](known []K, values map[K]uint64) map[K]uint64 {
	filled := make(map[K]uint64, len(known))
	for _, key := range known {
		filled[key] = values[key]
	}
	for key := range maps.Keys(values) {
		if !slices.Contains(known, key) {
			filled[K(labelOther)] += values[key]
		}
	}
	return filled
}

package room

import (
	"time"

	"hiroba/signaling/protocol"
)

// DefaultLimits are the bounds that a server enforces unless it is told otherwise.
func DefaultLimits() protocol.Limits {
	return protocol.Limits{
		NameChars:       64,
		RoomChars:       64,
		ChatChars:       4000,
		ChatHistory:     200,
		Seats:           64,
		ViewTiles:       64,
		MessageBytes:    64 << 10,
		OfferBytes:      256 << 10,
		FileBytes:       2 << 30,
		FileChunkBytes:  32 << 10,
		FileWindowBytes: 1 << 20,
		FileTransfers:   16,
	}
}

// The defaults of Config.
const (
	defaultMaxRooms        = 1000
	defaultMaxParticipants = 200
	defaultSeats           = 8
	defaultSessionGrace    = 30 * time.Second
	defaultRoomGrace       = 30 * time.Second
)

// Bounds that a client that behaves never meets, so that the protocol does not announce them.
const (
	// maxLocalCandidates bounds how many of the server's candidates are kept for a client that resumes.
	maxLocalCandidates = 64
	// historyBytes bounds the texts of a room's chat history together.
	historyBytes = 256 << 10
	// maxFileOffers bounds the open file offers of one participant.
	maxFileOffers = 32
	// maxFileNameBytes and maxMIMEBytes bound what describes a file.
	maxFileNameBytes = 255
	maxMIMEBytes     = 127
)

// Rates of one participant, as tokens for each second and the size of the bucket.
var (
	// chatRate lets a long text that was pasted line by line through.
	chatRate = rate{perSecond: 10, burst: 300}
	// refusalRate ends a client that goes on asking for what is refused.
	refusalRate = rate{perSecond: 10, burst: 500}
	// dataRate bounds messages on data channels, file chunks and their acks included: 32 KiB each would be 160 MB/s.
	dataRate = rate{perSecond: 5000, burst: 10000}
	// fileRate bounds file messages that are neither chunks nor acks.
	fileRate = rate{perSecond: 20, burst: 200}
	// historyRate bounds how often the chat history is sent again after a channel broke.
	historyRate = rate{perSecond: 0.1, burst: 2}
)

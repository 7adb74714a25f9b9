package protocol

import (
	"encoding/binary"
	"errors"
)

// The types of the messages on the file data channel, both ways.
const (
	TypeFileOffer  Type = "file_offer"
	TypeFileAccept Type = "file_accept"
	TypeFileStart  Type = "file_start"
	TypeFileAck    Type = "file_ack"
	TypeFileCancel Type = "file_cancel"
	TypeFileDone   Type = "file_done"
)

// FileOffer offers a file to everybody in the room. The client sends it with its own ID and without From; the server
// sends it on to the others with both set, File being the room's ID for it, and back to the sender with ID and File,
// so that the sender can match them. Late joiners get the offers that are still open.
type FileOffer struct {
	// ID is the sender's own mark, at most 64 bytes; only the sender sees it.
	ID string `json:"id,omitempty"`
	// File is the server's ID of the offer, unique in the room.
	File uint32        `json:"file,omitempty"`
	From ParticipantID `json:"from,omitempty"`
	// Name is the file's name without a path, at most 255 bytes; Size is in bytes; MIME may be empty.
	Name string `json:"name"`
	Size int64  `json:"size"`
	MIME string `json:"mime,omitempty"`
}

// FileAccept asks for an offered file. The server makes a transfer and sends FileStart to both sides.
type FileAccept struct {
	File uint32 `json:"file"`
}

// FileStart says that a transfer began. The sender of the file now sends its chunks, at most FileWindowBytes ahead of
// the last FileAck.
type FileStart struct {
	File uint32 `json:"file"`
	// Transfer identifies the transfer in chunks, acks, and cancels, unique in the room.
	Transfer uint32 `json:"transfer"`
	// To is the receiver.
	To ParticipantID `json:"to"`
}

// FileAck is sent by the receiver and passed on to the sender: Bytes of the transfer have arrived. A receiver sends one
// at least for each quarter of the window.
type FileAck struct {
	Transfer uint32 `json:"transfer"`
	Bytes    int64  `json:"bytes"`
}

// FileCancel ends a transfer (either side), or withdraws an offer with its transfers (its sender, with Transfer 0).
// The server passes it on, and sends it itself when a participant leaves or breaks a rule.
type FileCancel struct {
	File     uint32 `json:"file"`
	Transfer uint32 `json:"transfer,omitempty"`
	// Reason is one of "cancelled", "left", "too_slow", "broken_rule".
	Reason string `json:"reason,omitempty"`
}

// FileDone is sent by the server to both sides when the receiver has acknowledged the last byte.
type FileDone struct {
	File     uint32 `json:"file"`
	Transfer uint32 `json:"transfer"`
}

func (FileOffer) Type() Type  { return TypeFileOffer }  //nolint:revive // one line each says it all
func (FileAccept) Type() Type { return TypeFileAccept } //nolint:revive // likewise
func (FileStart) Type() Type  { return TypeFileStart }  //nolint:revive // likewise
func (FileAck) Type() Type    { return TypeFileAck }    //nolint:revive // likewise
func (FileCancel) Type() Type { return TypeFileCancel } //nolint:revive // likewise
func (FileDone) Type() Type   { return TypeFileDone }   //nolint:revive // likewise

// ChunkHeaderBytes is the size of what stands before the payload of a chunk.
const ChunkHeaderBytes = 12

// ErrShortChunk is returned for a binary message that is too short for a chunk's header or has no payload.
var ErrShortChunk = errors.New("chunk shorter than its header")

// Chunk is one binary message on the file channel: the transfer (uint32, big endian), the offset of the payload in the
// file (uint64, big endian), then the payload, which is never empty. Offsets grow without gaps. A file of 0 bytes has no chunk:
// its receiver sends FileAck with 0 bytes on FileStart.
type Chunk struct {
	Transfer uint32
	Offset   uint64
	Payload  []byte
}

// ParseChunk reads a chunk. The payload aliases b.
func ParseChunk(b []byte) (Chunk, error) {
	if len(b) <= ChunkHeaderBytes {
		return Chunk{}, ErrShortChunk
	}
	return Chunk{
		Transfer: binary.BigEndian.Uint32(b),
		Offset:   binary.BigEndian.Uint64(b[4:]),
		Payload:  b[ChunkHeaderBytes:],
	}, nil
}

// AppendChunk appends the wire form of c to dst.
func AppendChunk(dst []byte, c Chunk) []byte {
	dst = binary.BigEndian.AppendUint32(dst, c.Transfer)
	dst = binary.BigEndian.AppendUint64(dst, c.Offset)
	return append(dst, c.Payload...)
}

// Package protocol holds the messages that a client and the server exchange over the WebSocket and the data channels.
// PROTOCOL.md beside this file is the specification; testdata/golden.json holds one example of each message, which the
// tests of this package and of the TypeScript SDK both read.
package protocol

// Version is the protocol version that a client names in its hello message.
const Version = 1

// ReturningQuery is the parameter of the WebSocket's address by which a client says that it comes back to its session.
const ReturningQuery = "returning"

// The labels of the data channels that a client may open; any other label is closed at once.
const (
	// LabelChat carries ChatSend and Chat as JSON text.
	LabelChat = "chat"
	// LabelFile carries the File messages as JSON text and chunks as binary messages (see Chunk).
	LabelFile = "file"
)

// Type is the discriminator of a message, its "type" member.
type Type string

// Message is anything that can be sent: a struct with JSON members and a fixed type.
type Message interface {
	// Type is the value of the "type" member.
	Type() Type
}

// ParticipantID identifies a participant within its room, for the life of its session.
type ParticipantID string

// Source says what a track shows or lets hear.
type Source string

// The sources of tracks. Microphone and Camera share a seat, and so do ScreenAudio and Screen.
const (
	Microphone  Source = "microphone"
	Camera      Source = "camera"
	ScreenAudio Source = "screen_audio"
	Screen      Source = "screen"
)

// Valid reports whether s is one of the four sources.
func (s Source) Valid() bool {
	switch s {
	case Microphone, Camera, ScreenAudio, Screen:
		return true
	default:
		return false
	}
}

// Video is the source of the pictures that share a seat with s: Camera for Microphone, Screen for ScreenAudio.
func (s Source) Video() Source {
	switch s {
	case Microphone:
		return Camera
	case ScreenAudio:
		return Screen
	default:
		return s
	}
}

// Kind is "audio" or "video".
func (s Source) Kind() string {
	if s == Microphone || s == ScreenAudio {
		return "audio"
	}
	return "video"
}

// Track is something that a participant publishes, as others see it.
type Track struct {
	Source Source `json:"source"`
	// CSRC is what packets of this track carry in a seat as their contributing source.
	CSRC uint32 `json:"csrc"`
	// Muted is true while nothing is sent. A muted screen is one that is not shared: it gives up its seat.
	Muted bool `json:"muted"`
	// Codec is empty until the first packet has come.
	Codec string `json:"codec,omitempty"`
}

// Participant is somebody in the room.
type Participant struct {
	ID   ParticipantID `json:"id"`
	Name string        `json:"name"`
	// JoinedAt is in milliseconds since 1970-01-01 UTC.
	JoinedAt int64   `json:"joinedAt"`
	Tracks   []Track `json:"tracks"`
}

// ICEServer is a STUN or TURN server for RTCConfiguration.iceServers.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Limits are the bounds that the server enforces; a client that stays within them gets no error.
type Limits struct {
	// NameChars and RoomChars bound names, in Unicode code points.
	NameChars int `json:"nameChars"`
	RoomChars int `json:"roomChars"`
	// ChatChars bounds one chat text, in Unicode code points.
	ChatChars int `json:"chatChars"`
	// ChatHistory is how many chat messages a late joiner gets.
	ChatHistory int `json:"chatHistory"`
	// Seats is the highest number of seats of one participant.
	Seats int `json:"seats"`
	// ViewTiles is the highest number of tiles in one view message.
	ViewTiles int `json:"viewTiles"`
	// MessageBytes bounds each WebSocket message but offers, which OfferBytes bounds.
	MessageBytes int `json:"messageBytes"`
	OfferBytes   int `json:"offerBytes"`
	// FileBytes bounds one file; FileChunkBytes the payload of one chunk; FileWindowBytes how far a sender may run
	// ahead of what the receiver has acknowledged.
	FileBytes       int64 `json:"fileBytes"`
	FileChunkBytes  int   `json:"fileChunkBytes"`
	FileWindowBytes int   `json:"fileWindowBytes"`
	// FileTransfers bounds a participant's open transfers, in both directions together.
	FileTransfers int `json:"fileTransfers"`
}

// SeatMIDs names the two m-lines of one seat in an offer. Their transceivers are recvonly.
type SeatMIDs struct {
	Audio string `json:"audio"`
	Video string `json:"video"`
}

// TrackMID says what an m-line that the client sends on carries. Its transceiver is sendonly.
type TrackMID struct {
	MID    string `json:"mid"`
	Source Source `json:"source"`
	// Muted is the state at the time of the offer.
	Muted bool `json:"muted"`
}

// Tile is one participant's picture that the client shows.
type Tile struct {
	Participant ParticipantID `json:"participant"`
	// Source is Camera or Screen.
	Source Source `json:"source"`
	// Width and Height are in device pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// Pinned tiles come first when there is not enough for all.
	Pinned bool `json:"pinned,omitempty"`
}

// SeatState says who sits in a seat. An empty Participant is an empty seat.
type SeatState struct {
	SeatMIDs
	Participant ParticipantID `json:"participant,omitempty"`
	// Source is Camera (with Microphone) or Screen (with ScreenAudio).
	Source Source `json:"source,omitempty"`
	// AudioCSRC and VideoCSRC name the tracks that this seat forwards; 0 for none. A participant outside the view is
	// heard but not seen: VideoCSRC is 0.
	AudioCSRC uint32 `json:"audioCsrc,omitempty"`
	VideoCSRC uint32 `json:"videoCsrc,omitempty"`
	// Unsupported is the codec of the occupant's pictures when this client's offer has no such codec.
	Unsupported string `json:"unsupported,omitempty"`
}

// Speaker is a participant who is heard now.
type Speaker struct {
	Participant ParticipantID `json:"participant"`
	// Level is the loudness from 0 (silent) to 1.
	Level float64 `json:"level"`
}

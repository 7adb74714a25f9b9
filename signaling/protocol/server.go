package protocol

// The types of the messages that the server sends (besides candidate).
const (
	TypeWelcome   Type = "welcome"
	TypeJoined    Type = "joined"
	TypeLeft      Type = "left"
	TypeUpdated   Type = "updated"
	TypeAnswer    Type = "answer"
	TypeSeats     Type = "seats"
	TypeNeedSeats Type = "need_seats"
	TypeLayers    Type = "layers"
	TypeSpeakers  Type = "speakers"
	TypeChat      Type = "chat"
	TypeError     Type = "error"
	TypeDraining  Type = "draining"
	TypeBye       Type = "bye"
	TypePong      Type = "pong"
)

// Welcome answers Join, and Hello with Resume. It is a whole picture of the room: a client replaces what it knew.
type Welcome struct {
	// Version is the protocol version that the server speaks; Server names its software.
	Version int    `json:"version"`
	Server  string `json:"server"`
	// Resumed is true when an earlier session goes on: its PeerConnection, seats and tracks are kept.
	Resumed bool   `json:"resumed,omitempty"`
	Room    string `json:"room"`
	// Self is the client's own entry; Participants are the others, in order of joining.
	Self         Participant   `json:"self"`
	Participants []Participant `json:"participants"`
	// Session is the secret for Hello.Resume and Join.Replaces. Keep it out of logs and addresses.
	Session string `json:"session"`
	// GraceMs is how long the session waits for a lost WebSocket to come back, in milliseconds.
	GraceMs int64 `json:"graceMs"`
	// ICEServers go into RTCConfiguration as they are; often there are none, since the server is itself reachable.
	ICEServers []ICEServer `json:"iceServers"`
	Limits     Limits      `json:"limits"`
	// Seats is how many seats a first offer should have.
	Seats int `json:"seats"`
	// Chat is the latest history, oldest first.
	Chat     []Chat    `json:"chat"`
	Speakers []Speaker `json:"speakers"`
}

// Joined says that somebody came.
type Joined struct {
	Participant Participant `json:"participant"`
}

// Left says that somebody is gone.
type Left struct {
	Participant ParticipantID `json:"participant"`
	Reason      ByeReason     `json:"reason"`
}

// Updated replaces what was known of a participant: its tracks or their mute state changed.
type Updated struct {
	Participant Participant `json:"participant"`
}

// Answer carries the SDP answer to the offer of the same ID.
type Answer struct {
	ID  int    `json:"id"`
	SDP string `json:"sdp"`
}

// Seats replaces what was known of the client's seats.
type Seats struct {
	Seats []SeatState `json:"seats"`
}

// NeedSeats asks the client to offer more seats: Seats is the wanted total.
type NeedSeats struct {
	Seats int `json:"seats"`
}

// Layers tells a publisher up to which quality somebody wants the pictures of a source, so that it need not encode what is
// for nobody. More is told at once, less after a few seconds.
type Layers struct {
	// Source is Camera or Screen.
	Source Source `json:"source"`
	// Highest is the highest wanted encoding of a simulcast track, or spatial layer, counted from 0, the smallest
	// picture; it may be above what there is. -1 is nothing at all: nobody sees it.
	Highest int `json:"highest"`
}

// Speakers is the list of who is heard, the dominant speaker first. It replaces the former one.
type Speakers struct {
	Speakers []Speaker `json:"speakers"`
}

// Chat is something said to the room.
type Chat struct {
	// Seq counts the room's chat messages from 1, without gaps: sort by it and drop what came twice.
	Seq  int64         `json:"seq"`
	ID   string        `json:"id,omitempty"`
	From ParticipantID `json:"from"`
	Name string        `json:"name"`
	Text string        `json:"text"`
	// At is in milliseconds since 1970-01-01 UTC.
	At int64 `json:"at"`
}

// Error says that something the client asked for was refused. The session goes on unless a Bye follows.
type Error struct {
	Code Code `json:"code"`
	// Message is a sentence for a person, in English.
	Message string `json:"message"`
	// Re is the type of the message that caused it, when there is one.
	Re Type `json:"re,omitempty"`
	// ID is the offer's ID or the chat message's mark, when there is one.
	ID string `json:"id,omitempty"`
	// RetryAfterMs is set when trying again later makes sense.
	RetryAfterMs int64 `json:"retryAfterMs,omitempty"`
	// To is the WebSocket of another server that takes who is not taken here.
	To string `json:"to,omitempty"`
}

// Draining says that the server is about to stop, and that the call goes on elsewhere: a client joins there while it stays
// here, and leaves here when it receives there.
type Draining struct {
	// EndsInMs is when the server stops at the latest, in milliseconds from now.
	EndsInMs int64 `json:"endsInMs"`
	// To is the WebSocket to go to. Without one, it is the same address, where a successor may answer already.
	To string `json:"to,omitempty"`
}

// Bye is the server's last message before it closes the WebSocket.
type Bye struct {
	Reason ByeReason `json:"reason"`
	// Message is a sentence for a person, in English.
	Message string `json:"message"`
	// Reconnect tells the client to come back by itself, after AfterMs.
	Reconnect bool  `json:"reconnect"`
	AfterMs   int64 `json:"afterMs,omitempty"`
}

// Pong answers Ping.
type Pong struct {
	Time float64 `json:"time"`
}

func (Welcome) Type() Type   { return TypeWelcome }   //nolint:revive // one line each says it all
func (Joined) Type() Type    { return TypeJoined }    //nolint:revive // likewise
func (Left) Type() Type      { return TypeLeft }      //nolint:revive // likewise
func (Updated) Type() Type   { return TypeUpdated }   //nolint:revive // likewise
func (Answer) Type() Type    { return TypeAnswer }    //nolint:revive // likewise
func (Seats) Type() Type     { return TypeSeats }     //nolint:revive // likewise
func (NeedSeats) Type() Type { return TypeNeedSeats } //nolint:revive // likewise
func (Layers) Type() Type    { return TypeLayers }    //nolint:revive // likewise
func (Speakers) Type() Type  { return TypeSpeakers }  //nolint:revive // likewise
func (Chat) Type() Type      { return TypeChat }      //nolint:revive // likewise
func (Error) Type() Type     { return TypeError }     //nolint:revive // likewise
func (Draining) Type() Type  { return TypeDraining }  //nolint:revive // likewise
func (Bye) Type() Type       { return TypeBye }       //nolint:revive // likewise
func (Pong) Type() Type      { return TypePong }      //nolint:revive // likewise

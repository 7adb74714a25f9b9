package protocol

// The types of the messages that a client sends.
const (
	TypeHello     Type = "hello"
	TypeJoin      Type = "join"
	TypeOffer     Type = "offer"
	TypeCandidate Type = "candidate"
	TypeView      Type = "view"
	TypeMute      Type = "mute"
	TypeChatSend  Type = "chat_send"
	TypeLeave     Type = "leave"
	TypePing      Type = "ping"
)

// Hello is the first message of a client, due within ten seconds.
type Hello struct {
	// Version is the protocol version the client speaks.
	Version int `json:"version"`
	// Client names the software, for logs: at most 64 bytes.
	Client string `json:"client,omitempty"`
	// Resume is the secret of a session whose WebSocket was lost. The answer is a Welcome with Resumed set, or an
	// error with CodeResumeFailed, after which the client may join afresh on the same socket.
	Resume string `json:"resume,omitempty"`
	// Traceparent is the trace of which this join is a part (W3C Trace Context, section 3.2), for a server that writes
	// traces: at most 128 bytes. One of the wrong form is ignored.
	Traceparent string `json:"traceparent,omitempty"`
}

// Join enters a room; a room that does not exist is made. The answer is Welcome or an error.
type Join struct {
	Room string `json:"room"`
	Name string `json:"name"`
	// Replaces is the secret of an earlier session of the same person in this room (a reloaded page). That session
	// ends in the same step, so its name is free again.
	Replaces string `json:"replaces,omitempty"`
}

// Offer carries an SDP offer. The browser always offers; the server never does. One offer may be in flight.
type Offer struct {
	// ID counts the client's offers from 1. An offer with the ID of the last one gets the same answer again.
	ID  int    `json:"id"`
	SDP string `json:"sdp"`
	// Seats lists every seat of the client, in the order of their creation.
	Seats []SeatMIDs `json:"seats"`
	// Tracks lists every m-line that the client sends on.
	Tracks []TrackMID `json:"tracks"`
	// Restart says that the offer restarts ICE, and why. Only statistics see it.
	Restart RestartReason `json:"restart,omitempty"`
}

// Candidate carries one trickled ICE candidate, both ways.
type Candidate struct {
	// Candidate is the candidate attribute without "a=" (RFC 8839, section 5.1); empty for end-of-candidates.
	Candidate        string  `json:"candidate"`
	SDPMid           *string `json:"sdpMid,omitempty"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex,omitempty"`
	UsernameFragment *string `json:"usernameFragment,omitempty"`
}

// View replaces what the client shows. Before the first one everybody is taken as shown.
type View struct {
	Tiles []Tile `json:"tiles"`
}

// Mute tells others that a track sends nothing, or sends again.
type Mute struct {
	Source Source `json:"source"`
	Muted  bool   `json:"muted"`
}

// ChatSend says something to the room. It may come over the WebSocket or the chat data channel.
type ChatSend struct {
	// ID is the client's own mark, which comes back in Chat to the sender; at most 64 bytes.
	ID   string `json:"id,omitempty"`
	Text string `json:"text"`
}

// Leave ends the session. The answer is Bye.
type Leave struct{}

// Ping asks for a Pong.
type Ping struct {
	// Time is the client's own and comes back unchanged.
	Time float64 `json:"time"`
}

func (Hello) Type() Type     { return TypeHello }     //nolint:revive // one line each says it all
func (Join) Type() Type      { return TypeJoin }      //nolint:revive // likewise
func (Offer) Type() Type     { return TypeOffer }     //nolint:revive // likewise
func (Candidate) Type() Type { return TypeCandidate } //nolint:revive // likewise
func (View) Type() Type      { return TypeView }      //nolint:revive // likewise
func (Mute) Type() Type      { return TypeMute }      //nolint:revive // likewise
func (ChatSend) Type() Type  { return TypeChatSend }  //nolint:revive // likewise
func (Leave) Type() Type     { return TypeLeave }     //nolint:revive // likewise
func (Ping) Type() Type      { return TypePing }      //nolint:revive // likewise

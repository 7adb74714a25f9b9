package room

import (
	"time"

	"hiroba/signaling/protocol"
)

// Milestone is something that everybody who joins passes, in about this order.
type Milestone int

// The milestones of a join. A picture is somebody else's.
const (
	// Requested: the HTTP request for a WebSocket came.
	Requested Milestone = iota
	// Upgraded: there is a WebSocket.
	Upgraded
	// Greeted: hello came.
	Greeted
	// Asked: join came. When it comes again after a refusal, the last time counts.
	Asked
	// Admitted: the client has a place in the room, and a welcome is on its way.
	Admitted
	// Offered: the first offer came.
	Offered
	// Answered: its answer is on its way.
	Answered
	// Reachable: ICE found a way to the client.
	Reachable
	// Secured: DTLS is through, so media can flow.
	Secured
	// FirstIn: the first packet of media came from the client.
	FirstIn
	// FirstOut: the first packet of media was sent to it.
	FirstOut
	// FirstShown: the client showed the first picture, as it says itself.
	FirstShown
	// Milestones is how many there are.
	Milestones
)

// Trail follows one join for an operator's traces. All methods may be called from any goroutine, and must neither block nor
// call back.
type Trail interface {
	// Follows says of which trace the client takes the join for a part (W3C Trace Context). The text may be anything.
	Follows(traceparent string)
	// Passed says when a milestone was passed. What is said again does not count.
	Passed(m Milestone, at time.Time)
	// Belongs says who joins where. Alone is true where nobody else sends, so that no picture is to be expected.
	Belongs(room string, who protocol.ParticipantID, alone bool)
	// Goes says how the client is reached, by what RTCIceTransport and this server call that.
	Goes(transport string)
	// Refused says why an attempt was refused; others may follow.
	Refused(code protocol.Code)
	// Ended says that nothing will follow.
	Ended(reason string)
}

// noTrail is for joins that nobody follows.
type noTrail struct{}

func (noTrail) Follows(string)                               {}
func (noTrail) Passed(Milestone, time.Time)                  {}
func (noTrail) Belongs(string, protocol.ParticipantID, bool) {}
func (noTrail) Goes(string)                                  {}
func (noTrail) Refused(protocol.Code)                        {}
func (noTrail) Ended(string)                                 {}

// NoTrail is a Trail that leads nowhere.
var NoTrail Trail = noTrail{}

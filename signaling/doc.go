// Package signaling is one client's side of the control protocol, whatever carries it: a Session takes the client's
// messages in, refuses what is not due, too large or too fast, hands the rest to the room, and queues what the room
// answers. Package signaling/ws puts it on a WebSocket. PROTOCOL.md in signaling/protocol is the specification.
//
// Two goroutines meet in a Session. The reader owns the gate (which decides) and the member; it alone calls Handle,
// HandleBinary, HandleTooLarge and Close. The writer calls Next and Farewell. Everybody else, above all the room, may
// call Send and End at any time: these only put something into the bounded outbox between the two.
package signaling

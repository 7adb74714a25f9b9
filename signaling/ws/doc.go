// Package ws is the WebSocket door: it accepts connections, checks where they come from and how many there are, and
// moves messages between a socket and its signaling.Session.
//
// A socket has three goroutines: the reader, which is the one net/http calls ServeHTTP on and which owns the session's
// reading side; the writer, which empties the session's outbox and says goodbye; and the pinger, which finds out that
// a peer is gone. The reader waits for the other two, so a socket leaves nothing behind. (The WebSocket library adds
// one of its own per connection, which ends with it.)
package ws

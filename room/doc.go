// Package room is the control plane: who is in which room, what each publishes, who sits in whose seats, what was
// said, and which files go where.
//
// A Registry finds rooms by name. Each room is one goroutine, an actor with a mailbox, which owns a state: a pure
// machine that takes commands (somebody joined, a message came, something happened at a peer, time passed) and gives
// effects (send this, feed that seat, close that peer). The actor performs the effects on clients and on the media
// plane. Nothing here blocks and nothing is shared between rooms but the Registry's maps.
package room

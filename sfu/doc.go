// Package sfu is the rim of the media plane: it moves bytes between pion's PeerConnections and the machines below it,
// which decide. An Engine owns the media socket and the shards; a Peer is one participant's PeerConnection; an UpTrack
// is what a peer publishes; a seat is one audio and one video m-line in which a peer receives somebody.
package sfu

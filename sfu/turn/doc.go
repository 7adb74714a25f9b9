// Package turn is a TURN server (RFC 8656) on the port of the media, for clients whose network lets nothing else through: by
// UDP, by TCP, and by TLS.
//
// It relays to one peer only: the media port of this very server, at one of its own addresses or at that which a NAT gives it.
// So it opens no sockets, reaches nobody else, and stolen credentials are worth nothing. A relayed address is none of a network:
// it is the dummy address of RFC 7600 (IPv4) or one of the discard prefix of RFC 6666 (IPv6), with a port that stands for the
// client, and what it sends is handed to the media port in memory (udp.Inlet).
//
// The protocol is that of pion/turn. What carries it is made here, so that each bound is ours: clients of TCP and TLS are to it
// one socket, with a queue for each that takes no more than it can send; a relay is a queue; credentials are short-lived
// (Server.Issue), and what a participant may have of all this is limited and ends when they leave (Server.Forget).
package turn

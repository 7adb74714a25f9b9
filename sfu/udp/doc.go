// Package udp is the media sockets: one UDP port for all clients, read and written in batches.
//
// A [Mux] has, for each local address, a set of sockets that share the port (SO_REUSEPORT), each with a goroutine that reads
// many datagrams with one system call straight into pooled packets. What a datagram is says its first byte (RFC 7983):
//
//   - STUN goes to the PeerConnection whose username fragment it names, or, where it names none, to the owner of the
//     address it came from. pion answers it.
//   - DTLS goes to the owner of the address, and there to pion.
//   - SRTP and SRTCP go to the [Receiver] of the owner, on the reader's goroutine and without a copy.
//   - Anything else is counted and forgotten. It costs no memory.
//
// An address is owned by a PeerConnection because pion wrote to it, and pion writes only to who showed that they know the
// password of ICE. If two PeerConnections write to one address, it belongs to that which answered a STUN request last: a
// client may use a port again for its next PeerConnection while the server still has the former one.
//
// A [Sender] writes many datagrams to many clients with few system calls: runs of datagrams to one client are one message
// that the kernel, or the network card, cuts apart (UDP_SEGMENT), and up to 64 messages are one sendmmsg. Nothing here waits for
// a full socket: what does not fit is dropped and counted, as a network does.
//
// Systems other than Linux have one socket for each address, and a system call for each datagram. The build tag "portable" does
// the same on Linux, to test it.
package udp

// Package tap is the network side of a load tester: UDP sockets for thousands of simulated participants, read by a few
// goroutines, that count received media without decrypting it.
//
// The server tells participants apart by their addresses, so each has a socket of its own. A Hub looks at all of them
// every few milliseconds and takes what has come with as few system calls as the system allows: on Linux recvmmsg, with
// UDP_GRO, which leaves runs of packets together that the server sent with one call, and with the kernel's own time of
// arrival, so that looking late does not make packets seem late.
//
// RTP headers are in the clear under SRTP (RFC 3711, section 3.1): SSRC, sequence number, marker bit and CSRC are
// enough for loss, freezes, and who is seen. Media is counted and thrown away. What pion needs, STUN and DTLS
// (RFC 7983), is handed to it through the socket's ice.UDPMux.
//
// A publisher in the same process keeps a Journal of when each of its packets was sent. The server changes sequence
// numbers by an offset that stays the same while nobody else sits in the seat; a socket finds it out, looks up each
// packet in the journal, and so knows how long it was on its way.
//
// Hub and Socket may be used from any goroutine. Each Socket has a lock, held for one batch of packets; each reader of
// a Hub has one for its histograms.
package tap

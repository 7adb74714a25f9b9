// Package tcp is the TCP side of the one port: it tells apart what comes there by its first bytes, and carries datagrams over
// connections.
//
// [Split] takes a listener and makes three of it. A connection that begins with a method of HTTP goes to [Port.HTTP], one that
// begins with a STUN message in a frame of RFC 4571 to [Port.ICE], and one that begins with a bare STUN message to
// [Port.TURN] (RFC 8489, section 6.2.2). One that begins with TLS has it ended here, and is looked at again inside: so HTTPS,
// ICE and "turns" share the port too, and so do authorities that prove a domain (TLS-ALPN-01, RFC 8737). Anything else is
// closed and counted.
//
// Whoever says nothing costs a goroutine and some hundred bytes, for ten seconds at most, and only so many of one address are
// waited for: of more, the one that has been silent the longest is closed. Connections of HTTP are bounded in the same way until
// they are [Settled].
//
// An [Outbox] is what waits for a connection to take it. It has a bound and never makes the sender wait: media that is late
// is worth nothing, so it tells how late it is.
package tcp

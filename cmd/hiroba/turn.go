package main

import (
	"net"
	"strconv"
	"strings"
	"time"

	"hiroba/room"
	"hiroba/sfu/turn"
	"hiroba/signaling/protocol"
)

// The values of --turn.
const turnOff = "off"

// relays tells clients of the TURN server: by the address that they got here by, since that works for them.
type relays struct {
	server *turn.Server
	// port is that of --listen, for those who came through a proxy, which passes on nothing else.
	port      uint16
	encrypted bool
}

// iceServers implements room.Config.ICEServers.
//
// TURN over UDP is served too, but clients are not told of it: Chromium uses one socket for ICE and for TURN, and takes all that
// comes from the address of a TURN server for TURN. Since that is also the address of our media, nothing else would arrive.
func (r *relays) iceServers(now time.Time, who protocol.ParticipantID, by room.Reached) []protocol.ICEServer {
	if by.Host == "" || isLoopback(by.Host) { // nothing stands between
		return nil
	}
	port := r.port
	if by.Direct {
		port = by.Port
	}
	at := net.JoinHostPort(by.Host, strconv.Itoa(int(port)))
	scheme := "turn:"
	if r.encrypted {
		scheme = "turns:"
	}
	username, credential := r.server.Issue(now, string(who))
	return []protocol.ICEServer{{URLs: []string{scheme + at + "?transport=tcp"}, Username: username, Credential: credential}}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

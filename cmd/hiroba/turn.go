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
func (r *relays) iceServers(now time.Time, who protocol.ParticipantID, by room.Reached) []protocol.ICEServer {
	if by.Host == "" || isLoopback(by.Host) { // nothing stands between
		return nil
	}
	port := r.port
	if by.Direct {
		port = by.Port
	}
	at := net.JoinHostPort(by.Host, strconv.Itoa(int(port)))
	urls := []string{"turn:" + at + "?transport=udp"}
	if r.encrypted {
		urls = append(urls, "turns:"+at+"?transport=tcp")
	} else {
		urls = append(urls, "turn:"+at+"?transport=tcp")
	}
	username, credential := r.server.Issue(now, string(who))
	return []protocol.ICEServer{{URLs: urls, Username: username, Credential: credential}}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

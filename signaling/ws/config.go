package ws

import (
	"log/slog"
	"net/netip"
	"time"

	"hiroba/room"
	"hiroba/signaling"
	"hiroba/signaling/protocol"
)

// The defaults of a Config.
const (
	DefaultMaxSockets         = 10_000
	DefaultMaxWaitingPerIP    = 64
	DefaultPingInterval       = 15 * time.Second
	DefaultPingTimeout        = 10 * time.Second
	DefaultWriteTimeout       = 10 * time.Second
	DefaultCloseTimeout       = 3 * time.Second
	compressionThresholdBytes = 512
)

// Config is what a Handler needs. Only Rooms has no default.
type Config struct {
	// Rooms is usually signaling.FromRegistry of the server's registry.
	Rooms signaling.Rooms
	// Limits must be those of the rooms; left out, they are room.DefaultLimits.
	Limits protocol.Limits

	// AllowedOrigins are the origins besides the server's own whose pages may connect: "https://example.com", or only
	// the host. A "*" in a host stands for any characters but dots: "https://*.example.com". The port counts.
	AllowedOrigins []string
	// TrustedProxies are the networks whose X-Forwarded-For and X-Forwarded-Proto are believed. Loopback always is.
	TrustedProxies []netip.Prefix

	// Newcomers says why nobody new is taken now, or nil; usually that of the server's registry. Clients that say that they
	// come back are let through to the rooms, which know. Nil takes everybody.
	Newcomers func() error

	// MaxSockets bounds open sockets; MaxWaitingPerIP those of one address (an IPv6 /64 counts as one) that have not
	// joined a room yet. Clients on this machine are not counted by address.
	MaxSockets, MaxWaitingPerIP int

	// HelloTimeout and JoinTimeout are how long a socket may be silent before hello, and before join.
	HelloTimeout, JoinTimeout time.Duration
	// PingInterval is how often a peer must show that it is there, PingTimeout how long the answer may take.
	PingInterval, PingTimeout time.Duration
	// WriteTimeout is how long the socket may be stuck with one message before it counts as lost.
	WriteTimeout time.Duration
	// CloseTimeout bounds the way from Bye to the closed socket.
	CloseTimeout time.Duration
	// OutboxMessages and OutboxBytes bound what waits for a client that reads slowly.
	OutboxMessages, OutboxBytes int

	// Follow begins a trail for each socket, for traces; nil is room.NoTrail for all.
	Follow func() room.Trail

	// Log may be nil.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.PingInterval, DefaultPingInterval},
		{&c.PingTimeout, DefaultPingTimeout},
		{&c.WriteTimeout, DefaultWriteTimeout},
		{&c.CloseTimeout, DefaultCloseTimeout},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.MaxSockets == 0 {
		c.MaxSockets = DefaultMaxSockets
	}
	if c.MaxWaitingPerIP == 0 {
		c.MaxWaitingPerIP = DefaultMaxWaitingPerIP
	}
	if c.Follow == nil {
		c.Follow = func() room.Trail { return room.NoTrail }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

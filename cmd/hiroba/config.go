package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"hiroba/metrics/tracing"
	"hiroba/room"
	"hiroba/sfu/udp"
	"hiroba/signaling/protocol"
)

// envPrefix begins the environment variable of each setting: --log-level is HIROBA_LOG_LEVEL.
const envPrefix = "HIROBA"

// The values of --log-format.
const (
	logText = "text"
	logJSON = "json"
)

// The values of --media-path and --udp-gso that change something.
const (
	pathPion = "pion"
	gsoOff   = "off"
)

// Bounds of settings that are not settings themselves.
const (
	// maxSeats keeps an offer with two m-lines a seat well below protocol.Limits.OfferBytes.
	maxSeats         = 64
	minGrace         = time.Second
	maxGrace         = 24 * time.Hour
	maxPeopleInRoom  = 10_000
	maxRoomsInServer = 1_000_000
	maxConnections   = 1_000_000
)

// Config holds every setting of the server. The tags are the documentation that --help prints.
type Config struct {
	Listen         string   `group:"addresses" default:":8080" placeholder:"HOST:PORT" help:"Where clients connect: TCP for the web app, the WebSocket, and media where UDP is blocked; UDP of the same number for all other media. On a loopback host only this machine can join. Port 0 takes a free one."`
	AdminListen    string   `group:"addresses" default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Where /metrics, /healthz, /readyz and /debug are served. Keep it away from the internet."`
	PublicIP       []string `group:"addresses" name:"public-ip" placeholder:"IP" help:"Address that clients reach this server at, when it is not one of its own, as behind a 1:1 NAT. Repeat it, or separate with commas, for IPv4 and IPv6."`
	Interfaces     []string `group:"addresses" placeholder:"NAME" help:"Network interfaces whose addresses carry media when --listen names none, such as eth0 or eth*; !NAME leaves one out. Without it all, but bridges to containers and virtual machines."`
	STUN           string   `group:"addresses" name:"stun" placeholder:"HOST:PORT" help:"A STUN server that is asked at the start for the address that clients reach this server at, when --public-ip does not say it. Without it nobody is asked."`
	Cloud          string   `group:"addresses" name:"cloud" default:"off" enum:"off,aws,gcp,azure" placeholder:"NAME" help:"The cloud that this machine is in, which is asked at the start for its public IPv4 address: aws, gcp or azure; off asks nobody."`
	AllowedOrigins []string `group:"addresses" placeholder:"ORIGIN" help:"Other web origins whose pages may connect, such as https://example.com or https://*.example.com. The server's own pages always may."`
	TrustedProxies []string `group:"addresses" placeholder:"NETWORK" help:"Networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, such as 10.0.0.0/8. Those on this machine always are."`
	TURN           string   `group:"addresses" default:"auto" enum:"auto,off" placeholder:"HOW" help:"Relaying media for clients whose network lets nothing else through: auto does it on the same port, by TCP, TLS and UDP, to this server only; off never."`

	TLS           string   `group:"tls" name:"tls" default:"off" enum:"off,files,acme,lan" placeholder:"HOW" help:"Encrypting the web, without which browsers give camera and microphone only to localhost: off leaves it to a reverse proxy; files takes --tls-cert and --tls-key; acme gets a certificate for --domain by itself; lan makes its own for this machine's private names and addresses, which devices learn to trust at /trust."`
	TLSCert       string   `group:"tls" name:"tls-cert" placeholder:"FILE" help:"PEM file with the certificate and those of its issuers. It is read again when it changes."`
	TLSKey        string   `group:"tls" name:"tls-key" placeholder:"FILE" help:"PEM file with the private key of --tls-cert."`
	Domain        []string `group:"tls" name:"domain" placeholder:"NAME" help:"Names that people type to get here. With acme, TCP port 443 of each must lead to --listen; with files the certificate must be for them; with lan they are added to the machine's own."`
	ACMEEmail     string   `group:"tls" name:"acme-email" placeholder:"ADDRESS" help:"Where the certificate authority writes to when something is wrong."`
	ACMEDirectory string   `group:"tls" name:"acme-directory" default:"https://acme-v02.api.letsencrypt.org/directory" placeholder:"URL" help:"The certificate authority. Using it accepts its terms. To try things out: https://acme-staging-v02.api.letsencrypt.org/directory."`
	DataDir       string   `group:"tls" name:"data-dir" placeholder:"FOLDER" help:"Where certificates are kept, readable by the server's user only. Without it, the folder that the system has for such things, such as ~/.local/state/hiroba."`

	LogFormat string `group:"logs" default:"text" enum:"text,json" placeholder:"FORMAT" help:"text for people, json for machines."`
	LogLevel  string `group:"logs" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"The least serious kind of entry to write: debug, info, warn or error."`

	OTLPEndpoint string `group:"logs" name:"otlp-endpoint" placeholder:"URL" help:"A collector that is sent a trace of each join by OTLP over HTTP, such as http://127.0.0.1:4318. Without it, OTEL_EXPORTER_OTLP_ENDPOINT says where; without both there are no traces."`

	MaxRooms        int           `group:"rooms" default:"1000" placeholder:"N" help:"Rooms that may exist at once."`
	MaxParticipants int           `group:"rooms" default:"200" placeholder:"N" help:"People that may be in one room."`
	MaxConnections  int           `group:"rooms" default:"10000" placeholder:"N" help:"WebSockets that may be open at once."`
	Seats           int           `group:"rooms" default:"8" placeholder:"N" help:"Seats of a participant at first: how many others are received at once before the client asks for more."`
	MaxSeats        int           `group:"rooms" default:"64" placeholder:"N" help:"Seats that a participant may have at most, up to 64."`
	SessionGrace    time.Duration `group:"rooms" default:"30s" placeholder:"TIME" help:"How long somebody whose connection was lost stays in the room and may come back unnoticed."`
	RoomGrace       time.Duration `group:"rooms" default:"30s" placeholder:"TIME" help:"How long an empty room keeps its chat before it vanishes."`

	MaxChatLength    int      `group:"limits" default:"4000" placeholder:"N" help:"Characters of one chat message."`
	ChatHistory      int      `group:"limits" default:"200" placeholder:"N" help:"Chat messages that somebody who joins later gets to see."`
	MaxFileSize      byteSize `group:"limits" default:"2GB" placeholder:"SIZE" help:"Size of one file that is sent to a room, such as 500MB or 2GB."`
	MaxFileTransfers int      `group:"limits" default:"16" placeholder:"N" help:"File transfers of one participant at once, both ways together."`

	MediaPath string `group:"media" default:"auto" enum:"auto,pion" placeholder:"PATH" help:"How media is encrypted and sent: auto takes the server's own path, which costs a fraction of the CPU, wherever it can, pion that of the pion library for everybody."`
	UDPGSO    string `group:"media" name:"udp-gso" default:"auto" enum:"auto,off" placeholder:"HOW" help:"Handing several datagrams to the kernel as one (UDP segmentation offload): auto does it where the system can, off never."`

	DrainTimeout time.Duration `group:"stopping" default:"0s" placeholder:"TIME" help:"How long the server, when it is told to stop (SIGTERM), waits for people to leave or to move to another one, while calls go on and nobody new is let in. It stops sooner when nobody is left. With 0s it stops at once, and pages come back when it runs again."`
	DrainTo      string        `group:"stopping" placeholder:"URL" help:"Another server to which people move meanwhile without a gap, such as https://b.example.com. Without it they try the same address, where a reverse proxy may lead to a new server already."`
	MaxCPU       int           `group:"stopping" name:"max-cpu" default:"90" placeholder:"PERCENT" help:"Nobody new is let in while the server uses more of its cores than this, on average over five seconds; 0 is no limit."`
	MaxEgress    int           `group:"stopping" placeholder:"MBIT" help:"Nobody new is let in while more megabits of media than this are sent each second; 0 is no limit." default:"0"`

	// Log is where the server logs; set by run from LogFormat and LogLevel, or by tests.
	Log *slog.Logger `kong:"-"`
	// Level is that of Log, where it can be changed.
	Level *slog.LevelVar `kong:"-"`
}

// settingGroups are the headings of --help.
var settingGroups = kong.ExplicitGroups([]kong.Group{
	{Key: "addresses", Title: "Addresses:"},
	{Key: "tls", Title: "Encryption:"},
	{Key: "rooms", Title: "Rooms:"},
	{Key: "limits", Title: "Chat and files:"},
	{Key: "media", Title: "Media:"},
	{Key: "stopping", Title: "Load and stopping:"},
	{Key: "logs", Title: "Logs and traces:"},
})

// defaultConfig has the default of every setting, whatever the environment says.
func defaultConfig() Config {
	var c Config
	kong.Must(&c) // to find mistakes in the tags
	if err := kong.ApplyDefaults(&c); err != nil {
		panic(fmt.Sprintf("default settings: %v", err))
	}
	return c
}

// settingError is a setting that cannot be used. It names the setting and says what would be right.
type settingError struct {
	flag, why string
}

func (e *settingError) Error() string { return "--" + e.flag + ": " + e.why }

func badSetting(flag, format string, args ...any) error {
	return &settingError{flag: flag, why: fmt.Sprintf(format, args...)}
}

// check reports the first setting that cannot be used.
func (c *Config) check() error {
	if err := checkAddress("listen", c.Listen, ":8080"); err != nil {
		return err
	}
	if err := checkAddress("admin-listen", c.AdminListen, "127.0.0.1:8081"); err != nil {
		return err
	}
	if _, err := c.publicIPs(); err != nil {
		return err
	}
	if err := udp.Interfaces(c.Interfaces).Check(); err != nil {
		return badSetting("interfaces", "%v; use one like eth0, eth* or !wg0", err)
	}
	if c.STUN != "" {
		if err := checkAddress("stun", c.STUN, "stun.example.com:3478"); err != nil {
			return err
		}
	}
	if _, err := c.trustedProxies(); err != nil {
		return err
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	if err := c.checkDrain(); err != nil {
		return err
	}
	if err := tracing.CheckEndpoint(c.OTLPEndpoint); err != nil {
		return badSetting("otlp-endpoint", "%q is %v", c.OTLPEndpoint, err)
	}
	for _, origin := range c.AllowedOrigins {
		if err := checkOrigin(origin); err != nil {
			return err
		}
	}
	for _, s := range []struct {
		flag             string
		value, low, high int
	}{
		{"max-rooms", c.MaxRooms, 1, maxRoomsInServer},
		{"max-participants", c.MaxParticipants, 1, maxPeopleInRoom},
		{"max-connections", c.MaxConnections, 1, maxConnections},
		{"max-seats", c.MaxSeats, 1, maxSeats},
		{"seats", c.Seats, 1, c.MaxSeats},
		{"max-chat-length", c.MaxChatLength, 1, 10_000},
		{"chat-history", c.ChatHistory, 0, 10_000},
		{"max-file-transfers", c.MaxFileTransfers, 0, 1000},
	} {
		if s.value < s.low || s.value > s.high {
			return badSetting(s.flag, "%d is out of range; use a number from %d to %d", s.value, s.low, s.high)
		}
	}
	for _, s := range []struct {
		flag  string
		value time.Duration
	}{{"session-grace", c.SessionGrace}, {"room-grace", c.RoomGrace}} {
		if s.value < minGrace || s.value > maxGrace {
			return badSetting(s.flag, "%v is out of range; use a time from %v to %v, such as 30s", s.value, minGrace, maxGrace)
		}
	}
	return nil
}

func checkAddress(flag, address, example string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return badSetting(flag, "%q is not HOST:PORT with a port from 0 to 65535; use something like %s", address, example)
	}
	return nil
}

func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" || u.RawQuery != "" ||
		u.User != nil || u.Fragment != "" {
		return badSetting("allowed-origins", "%q is not an origin; use a scheme and a host such as https://example.com", origin)
	}
	return nil
}

// publicIPs are the addresses of --public-ip.
func (c *Config) publicIPs() ([]netip.Addr, error) {
	ips := make([]netip.Addr, 0, len(c.PublicIP))
	for _, text := range c.PublicIP {
		ip, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil || ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			return nil, badSetting("public-ip", "%q is not an address that clients can reach; use one like 203.0.113.7", text)
		}
		ips = append(ips, ip.Unmap())
	}
	return ips, nil
}

// trustedProxies are the networks of --trusted-proxies; a single address is a network of its own.
func (c *Config) trustedProxies() ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, 0, len(c.TrustedProxies))
	for _, text := range c.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			ip, ipErr := netip.ParseAddr(text)
			if ipErr != nil {
				return nil, badSetting("trusted-proxies", "%q is not a network; use one like 10.0.0.0/8 or 192.0.2.1", text)
			}
			network = netip.PrefixFrom(ip, ip.BitLen())
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// limits are what the server tells its clients to stay within.
func (c *Config) limits() protocol.Limits {
	l := room.DefaultLimits()
	l.Seats = c.MaxSeats
	l.ChatChars, l.ChatHistory = c.MaxChatLength, c.ChatHistory
	l.FileBytes, l.FileTransfers = int64(c.MaxFileSize), c.MaxFileTransfers
	return l
}

// helpWithDefault adds to a setting's help what --help cannot show in the placeholder: default and variable.
func helpWithDefault(v *kong.Value) string {
	var notes []string
	if v.HasDefault {
		notes = append(notes, "default "+v.Default)
	}
	for _, env := range v.Tag.Envs {
		notes = append(notes, "$"+env)
	}
	if len(notes) == 0 {
		return v.Help
	}
	return v.Help + " [" + strings.Join(notes, ", ") + "]"
}

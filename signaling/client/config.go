package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"

	"github.com/pion/rtp"

	"hiroba/sfu/media"
	"hiroba/signaling/client/synthetic"
	"hiroba/signaling/protocol"
)

// Config says how a client joins and what it does there.
type Config struct {
	// URL is the server's address: that of its page ("http://127.0.0.1:8080"), or of its WebSocket.
	URL string
	// Room and Name are what Join says.
	Room, Name string
	// Replaces is the secret of an earlier session of the same person, as a reloaded page sends it.
	Replaces string
	// Traceparent is the trace that the join is a part of (W3C Trace Context); empty for none.
	Traceparent string
	// Seats is how many seats the first offer has: as many as the server advises when 0, none when negative.
	Seats int
	// MaxSeats bounds what the client grows to when the server needs more: the server's own limit when 0.
	MaxSeats int
	// Publish is what the client sends from the start.
	Publish []Publication
	// Codecs are the video codecs that the client receives: all that rooms forward when nil.
	Codecs []media.Codec
	// RED makes the client receive sound with redundancy where there is some, as Chromium and Safari do, and Firefox does
	// not.
	RED bool
	// NoMedia makes a client without PeerConnection, which only talks over the WebSocket.
	NoMedia bool
	// NoDataChannels leaves out the channels for chat and files; chat then goes over the WebSocket.
	NoDataChannels bool
	// NoResume makes a lost WebSocket the end of the client.
	NoResume bool
	// CountOnly leaves out what costs memory for each received track: the last keyframe is not kept.
	CountOnly bool
	// Unread leaves received tracks without readers, because StackConfig.Mux keeps their packets to itself. Received and
	// Lines then say nothing.
	Unread bool
	// LightSocket compresses each message over the WebSocket by itself, which spares more than a megabyte of memory.
	LightSocket bool
	// Pace spreads the packets of a picture over time as browsers do: they leave at so many times the rate of the
	// media, which is 2.5 in libwebrtc. With 0 they leave at once.
	Pace float64
	// ObeyLayers makes the client stop encodings that the server says nobody wants, as the web app does.
	ObeyLayers bool
	// OnPacket sees every RTP packet that is received, with its payload decrypted, after it was counted. It is called by
	// the goroutine that reads the m-line and must not block or keep the payload.
	OnPacket func(Packet)
	// Stack is what PeerConnections share; one for all clients of the process when nil.
	Stack *Stack
	// OnMessage sees every message of the server before the client acts on it. It is called by the client's own
	// goroutine and must not block.
	OnMessage func(protocol.Message)
	// Log may be nil.
	Log *slog.Logger
}

// Publication is one m-line that the client sends on.
type Publication struct {
	Source protocol.Source
	// Encodings are what is sent there: one without a RID, or several with RIDs (simulcast).
	Encodings []Encoding
	// Muted publications send nothing until SetMuted.
	Muted bool
}

// Encoding is one stream of a publication. Its source belongs to the client from Dial on; its settings can be changed
// with Client.Do.
type Encoding struct {
	RID    media.RID
	Source synthetic.Source
	// OnSend, when it is there, sees each packet just before it is sent, and may change the last spare bytes of the
	// payload, which decoders do not read. It is called by the client's sender.
	OnSend func(h *rtp.Header, payload []byte, spare int)
}

// Packet is one received RTP packet.
type Packet struct {
	Header  *rtp.Header
	Payload []byte
	Kind    media.Kind
	// RTX is true for a packet that came as a retransmission; its header is that of the packet which was lost.
	RTX bool
	// Keyframe is true for the first packet of a picture that needs no other.
	Keyframe bool
	// Repeated is true for a packet that came twice, or when nobody waited for it any more.
	Repeated bool
}

// Camera publishes a picture as the participant's camera.
func Camera(s synthetic.Source) Publication { return publication(protocol.Camera, s) }

// Microphone publishes sound as the participant's microphone.
func Microphone(s synthetic.Source) Publication { return publication(protocol.Microphone, s) }

// Screen publishes a picture as the participant's screen.
func Screen(s synthetic.Source) Publication { return publication(protocol.Screen, s) }

// ScreenAudio publishes the sound that belongs to a screen.
func ScreenAudio(s synthetic.Source) Publication { return publication(protocol.ScreenAudio, s) }

func publication(what protocol.Source, s synthetic.Source) Publication {
	return Publication{Source: what, Encodings: []Encoding{{Source: s}}}
}

// Simulcast publishes several encodings of the same camera, by RID, the smallest first.
func Simulcast(encodings ...Encoding) Publication {
	return Publication{Source: protocol.Camera, Encodings: encodings}
}

// Errors of Dial and of methods.
var (
	// ErrClosed is returned when the client has been closed, or its session has ended.
	ErrClosed = errors.New("client is closed")
	// ErrNoMedia is returned by methods that need a PeerConnection when there is none.
	ErrNoMedia = errors.New("client has no media")
)

// RefusedError is an Error message of the server.
type RefusedError protocol.Error

// Error says what was refused and why.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("server refused %s: %s (%s)", e.Re, e.Message, e.Code)
}

// ByeError is the Bye that ended a session.
type ByeError protocol.Bye

// Error says why the session ended.
func (e *ByeError) Error() string { return fmt.Sprintf("session ended: %s (%s)", e.Message, e.Reason) }

// webSocketURL is where to dial, and whether that is on this machine.
func webSocketURL(s string) (address string, loopback bool, err error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", false, fmt.Errorf("parse server address: %w", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", false, fmt.Errorf("server address %q is none of http, https, ws, wss", s)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/ws"
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	loopback = host == "localhost" || err == nil && ip.IsLoopback()
	if _, _, err := net.SplitHostPort(u.Host); u.Host == "" || err != nil && u.Port() != "" {
		return "", false, fmt.Errorf("server address %q has no host", s)
	}
	return u.String(), loopback, nil
}

package doctor

import (
	"fmt"
	"net/netip"
)

// Phone is what the connection test of a page has found, on a phone that is outside. The names are those of the SDK.
type Phone struct {
	WebSocket bool `json:"webSocket"`
	Ways      struct {
		UDP   Way `json:"udp"`
		TCP   Way `json:"tcp"`
		Relay Way `json:"relay"`
	} `json:"ways"`
	// From is where it came from, as the server sees it.
	From netip.Addr `json:"from"`
}

// Way is what became of one way of media: "works", "blocked" or "skipped".
type Way struct {
	Kind string `json:"kind"`
	// RTTMs is the time there and back, in milliseconds; nil if there is no telling.
	RTTMs *float64 `json:"rttMs"`
}

// Worked is the kind of a Way that works.
const Worked = "works"

// AddPhone adds what a phone has found; nil is one that never came.
func (r *Report) AddPhone(found *Phone, link string, port uint16) {
	const id = "phone"
	open := func(network string) string {
		return fmt.Sprintf("open %s port %d to the world: in the provider's firewall, in this machine's (ufw allow "+
			"%d/%s), and in the router, "+
			"which must forward it; and look whether --public-ip is right", network, port, port, network)
	}
	switch {
	case found == nil:
		r.warn(id, "open "+link+" on a phone whose Wi-Fi is off; if the page does not open there, "+open("TCP"),
			"no phone has told anything")
	case !found.WebSocket:
		r.fault(id, upgradeFix, "a phone at %v opens the page, but no WebSocket", found.From)
	case found.Ways.UDP.Kind == Worked:
		r.ok(id, "media goes by UDP to a phone at %v", found.From)
	case found.Ways.TCP.Kind == Worked || found.Ways.Relay.Kind == Worked:
		r.fault(id, open("UDP"), "media goes to a phone at %v, but not by UDP", found.From)
	default:
		r.fault(id, open("UDP")+"; the same for TCP", "no media gets to a phone at %v", found.From)
	}
}

package sfu

import (
	"net/netip"
	"slices"
	"strings"
)

// announce puts the public addresses of a server behind a 1:1 NAT in the place of its own, in the candidates of an answer
// (RFC 8839, section 5.1). Each line appears once for each public address of the same family, however many of the own
// addresses it stands for.
//
// pion has rules that do the same while it gathers, but then it listens only at the first of several own addresses that
// become the same public one, and that is where no packet comes: on loopback, on a bridge of containers.
func announce(sdp string, public []netip.Addr) string {
	if len(public) == 0 {
		return sdp
	}
	var announced strings.Builder
	seen := map[string]bool{} // in this m-line
	for line := range strings.Lines(sdp) {
		if strings.HasPrefix(line, "m=") {
			clear(seen)
		}
		candidate, isCandidate := strings.CutPrefix(line, "a=candidate:")
		if !isCandidate {
			announced.WriteString(line)
			continue
		}
		for _, c := range announceCandidate(candidate, public) {
			// The foundation comes first and tells the own addresses apart.
			if _, rest, _ := strings.Cut(c, " "); !seen[rest] {
				seen[rest] = true
				announced.WriteString("a=candidate:" + c)
			}
		}
	}
	return announced.String()
}

// Announced are the addresses that clients are told to send media to: the own ones, or in their place the public ones of the same
// family. Those of loopback are told to clients on this machine only.
func (e *Engine) Announced() []netip.Addr {
	var told []netip.Addr
	for _, own := range e.Local() {
		stand := []netip.Addr{own}
		if same := slices.DeleteFunc(slices.Clone(e.cfg.PublicIPs),
			func(a netip.Addr) bool { return a.Is4() != own.Is4() }); len(same) > 0 &&
			!own.IsLoopback() {
			stand = same
		}
		for _, a := range stand {
			if !slices.Contains(told, a) {
				told = append(told, a)
			}
		}
	}
	return told
}

// Local are the addresses of the media sockets.
func (e *Engine) Local() []netip.Addr {
	var own []netip.Addr
	for _, at := range e.mux.LocalAddrs() {
		own = append(own, at.Addr())
	}
	return own
}

// announceCandidate is a candidate with each of the public addresses of its family. It stays as it is without any, and on
// loopback, which is only given to clients on the same machine.
func announceCandidate(candidate string, public []netip.Addr) []string {
	const addressField = 4 // foundation, component, transport, priority, address, port
	fields := strings.SplitN(candidate, " ", addressField+2)
	if len(fields) < addressField+2 {
		return []string{candidate}
	}
	own, err := netip.ParseAddr(fields[addressField])
	if err != nil || own.IsLoopback() {
		return []string{candidate}
	}
	var announced []string
	for _, ip := range public {
		if ip.Is4() == own.Is4() {
			with := slices.Clone(fields)
			with[addressField] = ip.String()
			announced = append(announced, strings.Join(with, " "))
		}
	}
	if announced == nil {
		return []string{candidate}
	}
	return announced
}

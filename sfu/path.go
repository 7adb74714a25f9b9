package sfu

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/webrtc/v4"

	"hiroba/sfu/srtp"
	"hiroba/sfu/udp"
)

// Path says which way the media of a peer takes below RTP, in both directions.
type Path string

// The paths. One is chosen when DTLS is connected, and kept.
const (
	// PathUndecided is before that.
	PathUndecided Path = "undecided"
	// PathOwn is the server's own: encrypted by the shards and sent in batches.
	PathOwn Path = "own"
	// PathPion is through pion's SRTP and ICE, packet by packet: where the keys or the address are not to be had.
	PathPion Path = "pion"
)

// Path is the way that the peer's media takes.
func (p *Peer) Path() Path {
	path, _ := p.path.Load().(Path)
	return path
}

// choosePath decides which way media takes, once, when the transport is connected: only then has the client proved who it is.
func (p *Peer) choosePath() {
	if p.Path() != PathUndecided {
		return
	}
	keys, destination, ok := p.ownPath()
	var c ciphers
	if ok {
		var err error
		if c, err = newCiphers(keys, p.uplink.ssrc); err != nil {
			p.log.Warn("refused keys of the transport", "err", err)
			ok = false
		}
	}
	path := PathPion
	if ok {
		path = PathOwn
	}
	p.exporter.Close()
	p.path.Store(path)
	p.log.Debug("path chosen", "path", path)
	if ok {
		p.uplink.start(c.opener, c.control, destination.Clone())
	} else {
		p.uplink.yield()
		p.readFeedback()
		for _, found := range p.found {
			p.handleTrack(found.remote, found.receiver)
		}
	}
	p.found = nil
	p.down.post(func(s *subscriber, _ time.Time) {
		s.setOutlet(outlet{path: path, sealer: c.sealer, destination: destination})
	})
}

// ciphers are what encrypts and decrypts the media of a peer.
type ciphers struct {
	sealer  *srtp.Sealer  // of the shard
	control *srtp.Control // of the uplink
	opener  *srtp.Opener  // of the uplink
}

// newCiphers makes them. The uplink sends its RTCP under an SSRC of its own.
func newCiphers(keys srtp.Keys, ssrc uint32) (c ciphers, err error) {
	if c.sealer, err = srtp.NewSealer(keys.Profile, keys.Local); err != nil {
		return ciphers{}, fmt.Errorf("use local key: %w", err)
	}
	if c.control, err = c.sealer.Control(ssrc); err != nil {
		return ciphers{}, fmt.Errorf("use local key for RTCP: %w", err)
	}
	if c.opener, err = srtp.NewOpener(keys.Profile, keys.Remote, maxNamed); err != nil {
		return ciphers{}, fmt.Errorf("use remote key: %w", err)
	}
	return c, nil
}

// ownPath is what the server's own path needs; false where something of it is not to be had.
func (p *Peer) ownPath() (srtp.Keys, *udp.Destination, bool) {
	transport := p.pc.SCTP().Transport() // the only one, which all m-lines share
	if p.engine.cfg.PionPath || transport.State() != webrtc.DTLSTransportStateConnected {
		return srtp.Keys{}, nil, false
	}
	pair, err := transport.ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return srtp.Keys{}, nil, false
	}
	destination := p.destination(pair)
	if destination == nil {
		return srtp.Keys{}, nil, false
	}
	keys, err := p.exporter.Keys()
	if err != nil {
		p.log.Debug("found no keys of the transport", "err", err)
		return srtp.Keys{}, nil, false
	}
	return keys, destination, true
}

// destination is where a pair of candidates leads to; nil when that is not one of our sockets.
func (p *Peer) destination(pair *webrtc.ICECandidatePair) *udp.Destination {
	if pair.Local == nil || pair.Remote == nil {
		return nil
	}
	ip, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil {
		return nil
	}
	find := p.mux.Destination
	if pair.Local.Protocol == webrtc.ICEProtocolTCP {
		find = p.mux.StreamDestination
	}
	destination, ok := find(netip.AddrPortFrom(ip.Unmap(), pair.Remote.Port))
	if !ok {
		return nil
	}
	return destination
}

// handlePair follows the client to another address: its NAT gave it a new one, or ICE was restarted. pion tells of it before it
// has written to that address, and only then the address is known to be the client's: so it may have to be asked for again.
func (p *Peer) handlePair(now time.Time, pair *webrtc.ICECandidatePair) {
	p.pair, p.pairSince = pair, now
	p.via.Store(transportOf(pair))
	p.emit(PairSelected{Transport: p.Transport(), At: now})
}

const (
	// pairInterval is how often the way to a new address is asked for, and pairPatience how long.
	pairInterval = 10 * time.Millisecond
	pairPatience = 5 * time.Second
)

// followPair tells the shard of the new address, when it is known. It says when to call it again; zero is never.
func (p *Peer) followPair(now time.Time) (next time.Time) {
	if p.pair == nil || p.Path() != PathOwn { // the path will be chosen with the newest pair, or pion follows
		return time.Time{}
	}
	destination := p.destination(p.pair)
	switch {
	case destination != nil:
		p.uplink.destination.Store(destination.Clone())
		p.down.post(func(s *subscriber, _ time.Time) { s.outlet.destination = destination })
	case now.Sub(p.pairSince) < pairPatience:
		return now.Add(pairInterval)
	default:
		p.log.Warn("no way to the client's new address was found")
	}
	p.pair = nil
	return time.Time{}
}

// setOutlet says which way packets leave, before the first one does.
func (s *subscriber) setOutlet(o outlet) {
	s.outlet = o
	for _, t := range s.all {
		t.out.sealing = o.streams(&t.out)
	}
}

package sfu

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
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
	var (
		sealer *srtp.Sealer
		opener *srtp.Opener
	)
	if ok {
		var err error
		if sealer, opener, err = newCipher(keys); err != nil {
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
		p.uplink.start(opener)
	} else {
		p.uplink.yield()
		p.readFeedback()
		for _, found := range p.found {
			p.handleTrack(time.Now(), found.remote, found.receiver)
		}
	}
	p.found = nil
	p.down.post(func(s *subscriber, _ time.Time) {
		s.setOutlet(outlet{path: path, sealer: sealer, destination: destination})
	})
}

// newCipher makes what encrypts and decrypts the media of a peer.
func newCipher(keys srtp.Keys) (*srtp.Sealer, *srtp.Opener, error) {
	sealer, err := srtp.NewSealer(keys.Profile, keys.Local)
	if err != nil {
		return nil, nil, fmt.Errorf("use local key: %w", err)
	}
	opener, err := srtp.NewOpener(keys.Profile, keys.Remote, maxNamed)
	if err != nil {
		return nil, nil, fmt.Errorf("use remote key: %w", err)
	}
	return sealer, opener, nil
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

// pathGuardFactory puts a pathGuard into the chain of one peer.
type pathGuardFactory struct{ peer *Peer }

// NewInterceptor implements interceptor.Factory.
func (f pathGuardFactory) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &pathGuard{peer: f.peer}, nil
}

// pathGuard stands in front of pion's encryption, and lets RTP through only where nobody else encrypts with the same keys:
// whatever mistake is made above, no nonce is used twice.
type pathGuard struct {
	interceptor.NoOp
	peer *Peer
}

var errOtherPath = errors.New("media of this peer does not take pion's path")

// BindLocalStream implements interceptor.Interceptor.
func (g *pathGuard) BindLocalStream(_ *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if g.peer.Path() != PathPion {
			return 0, errOtherPath
		}
		return next.Write(h, payload, a)
	})
}
